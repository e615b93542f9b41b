//! The kernel, version 1: turns that a host supplies are checked, staged and promoted into a local
//! index (LSI), one folder for each root below `<workspace>/.orket/kernel/`; what runs report of themselves
//! is compared.
//!
//! # Layout
//!
//! Without I/O:
//!
//! - [`canonical`]: canonical JSON and digests.
//! - [`words`]: stages, codes, outcomes. [`event`]: one line of text each. [`result`]: what a turn
//!   comes to, and its digest.
//! - [`name`]: roots, runs, turns, stems, and how they become file names.
//! - [`request`]: what a turn asks for, [`call`]: its tool call. [`capability`]: whether that may be
//!   made; [`decision`]: how that is put on record.
//! - [`record`]: what lies in the index. [`links`]: what a body refers to. [`index`]: all of it.
//! - [`ledger`]: which turns are promoted. [`promotion`]: what promoting one changes.
//! - [`compare`], [`replay`]: whether two runs report the same; whether a descriptor is complete.
//!   [`report`]: what is answered.
//!
//! With it:
//!
//! - [`store`]: a root on disk: lock, staging, promotion into what is committed.
//! - [`turn`], [`lifecycle`]: a turn, and a run from its start to its finish. They block.

pub mod call;
pub mod canonical;
pub mod capability;
pub mod compare;
pub mod decision;
pub mod event;
pub mod index;
pub mod ledger;
pub mod lifecycle;
pub mod links;
pub mod name;
pub mod promotion;
pub mod record;
pub mod replay;
pub mod report;
pub mod request;
pub mod result;
pub mod store;
pub mod turn;
pub mod words;

/// The version of the kernel's contract.
pub const CONTRACT_VERSION: &str = "kernel_api/v1";

/// The version of what lies in the index.
pub const LSI_VERSION: &str = "lsi/v1";

/// `token` below a JSON pointer (RFC 6901).
#[must_use]
pub fn below(pointer: &str, token: &str) -> String {
    format!("{pointer}/{}", token.replace('~', "~0").replace('/', "~1"))
}
