//! Transactions on a repository: `orket init`, `orket api add`, `orket refactor`. What is written is
//! `orket-edits`' to say; here is how it comes into the repository whole, verified, or not at all.
//!
//! # Layout
//!
//! - [`transaction`]: the order of things, from what was typed to what came of it. [`init`]: the
//!   same for a new project.
//! - Before anything is written: [`git`] (what there is), [`scope`] and [`barrier`] (what may be
//!   written), [`profile`] (what verifies it), [`operation`] and [`change`] (what is written),
//!   [`plan`] (what is shown).
//! - [`carry`], [`scratch`], `dependencies`, [`verify`]: the copy in which it is tried, and the
//!   confined commands.
//! - [`journal`], [`recovery`], [`lock`], [`tree`]: all or nothing, whatever happens.
//! - [`outcome`], [`refusal`], [`printable`]: what is said. `aftermath`, [`replay`], [`lessons`], `own`:
//!   what is recorded.
//! - [`network`], [`offline`]: what offline means, and whether that is so.
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::dbg_macro,
        clippy::allow_attributes,
        missing_docs
    )
)]

mod aftermath;
pub mod barrier;
pub mod carry;
pub mod change;
mod dependencies;
pub mod git;
pub mod init;
pub mod journal;
pub mod lessons;
pub mod lock;
pub mod network;
pub mod offline;
pub mod operation;
pub mod outcome;
mod own;
pub mod plan;
pub mod printable;
pub mod profile;
pub mod recovery;
pub mod refusal;
pub mod replay;
pub mod scope;
pub mod scratch;
pub mod transaction;
pub mod tree;
pub mod verify;

pub use network::NetworkMode;
pub use outcome::Outcome;
pub use refusal::{Code, Refusal};
