//! Bundles: a manifest, and the agents, prompts, guards and state machine that it names. They are
//! checked, packed into one file, and looked into. Nothing of a bundle is ever run or unpacked here.
//!
//! # Layout
//!
//! - [`validate()`], [`pack()`], [`inspect()`]: the three things that can be asked, each with its report.
//! - [`problem`]: what can be wrong, by code.
//! - [`manifest`]: the manifest; `document` reads YAML and JSON, `schema` walks through it.
//! - `references`: the files that a manifest names.
//! - `folder`: the manifest of a folder and whether its files are there.
//! - [`engine`]: which version of Orket a manifest asks for.
//! - [`selection`]: which model a bundle would be run with.
//! - `gather` and [`exclude`]: what is packed, and what never is.
//! - `archive`: bundles that were packed, by whoever.
//! - [`words`]: reports as people read them.
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

mod archive;
mod document;
pub mod engine;
pub mod exclude;
mod folder;
mod gather;
pub mod inspect;
pub mod manifest;
pub mod pack;
pub mod problem;
mod references;
mod schema;
pub mod selection;
pub mod validate;
pub mod words;

pub use inspect::{Inspection, inspect};
pub use pack::{Packed, Packing, pack};
pub use validate::{Options, Validation, validate};

/// The version of Orket whose bundles are understood here, and which `engineVersion` is held against:
/// manifests are written for that of the Python Orket, not for the number of this program.
pub const ENGINE_VERSION: &str = "0.3.9";

#[cfg(test)]
mod pack_tests;
