//! The verifier's look at files: whether they follow the grammar of their language. What it runs
//! (commands, fixtures) is in [`crate::tools`], for these are child processes.
//!
//! # Layout
//!
//! - [`syntax`]: one text against one grammar; no files.
//! - [`files`]: which files of a workspace are looked at, and what is found in them.
//! - [`apart`]: the same in a process of its own.
//! - [`profile`]: what kind of project the workspace's manifests speak of.

pub mod apart;
pub mod files;
pub mod profile;
pub mod syntax;
