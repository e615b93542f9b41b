//! What a transaction writes: renames, routes and blueprints, as functions from contents of files to
//! contents of files. Nothing here touches the disk, the clock or another process; who calls reads the
//! files, shows the plan, writes and verifies.
//!
//! # Layout
//!
//! - this file: what is given and what is handed back, [`SourceFile`], [`Edited`], [`Place`].
//! - [`language`]: the languages whose syntax is known, and what is a name in them.
//! - [`syntax`]: texts and their trees.
//! - [`rename`]: `orket refactor "rename A to B"`.
//! - [`route`]: `orket api add`.
//! - [`blueprint`]: `orket init`.
//!
//! Paths are relative, UTF-8, with `/` between the parts. Every error has a `code` and a `hint`.
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

pub mod blueprint;
pub mod language;
pub mod rename;
pub mod route;
pub mod syntax;

use serde::Serialize;

pub use language::Language;

/// A file as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceFile<'a> {
    /// From the root of the project.
    pub path: &'a str,
    /// All of it, as bytes.
    pub contents: &'a [u8],
}

/// A file as it was and as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// From the root of the project.
    pub path: String,
    /// What it held; `None` when it is new.
    pub before: Option<Vec<u8>>,
    /// What it is to hold.
    pub after: Vec<u8>,
}

/// A place in a file, as editors count: both from 1, the column in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// From the root of the project.
    pub path: String,
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.path, self.line, self.column)
    }
}
