//! `orket refactor "rename A to B"`: a name and all that is called by it, in the languages of
//! [`Language`](crate::Language).
//!
//! A rename is read globally: every identifier `A` of the files given becomes `B`, be it a variable, a
//! type, a property or a label. Strings and comments stay; what they say of `A` is counted, for the
//! operator to look at. What is known to belong to something outside (`fs.A`, `from os import A`)
//! keeps its name, and gets the new one beside it where a file imports it. `B` must be new to all the
//! files given: then the rename can be taken back by its opposite.
//!
//! # Layout
//!
//! - [`instruction`]: the words it is asked for with.
//! - [`plan`]: what becomes of the files.
//! - `names` and `format_string`: which identifiers a file has.
//! - `role`, with `script`, `python`, `rust` and `go`: which of them belong to something outside.
//! - `project` and `manifests`: which modules the files given are.
//! - `expected`: where the names have to stand afterwards.
//! - `left`: what keeps the old name.
//! - [`error`]: why nothing is planned.

pub mod error;
mod expected;
mod format_string;
mod go;
mod instruction;
mod left;
mod manifests;
mod names;
mod plan;
mod project;
mod python;
mod role;
mod rust;
mod script;

use serde::Serialize;

pub use error::{InstructionError, RenameError};
pub use instruction::instruction;
pub use left::{Left, Mentions};
pub use plan::plan;

use crate::Edited;

/// What is to be called how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rename {
    /// The name that is there.
    pub from: String,
    /// The name that is to be there.
    pub to: String,
}

/// What comes of a rename.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Files are to change.
    Planned(RenamePlan),
    /// It was done before: the old name is gone, and the new one is there.
    Already(Left),
}

/// The files that a rename changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenamePlan {
    /// Those files, by path; never empty.
    pub edited: Vec<Edited>,
    /// How many identifiers are written anew.
    pub replaced: usize,
    /// What keeps the old name.
    pub left: Left,
}
