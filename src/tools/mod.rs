//! The tool host: file tools through a capability on the workspace, and child processes.
//!
//! # Layout
//!
//! - [`host`]: the port's implementation; sends each call where its work is done.
//! - [`files`]: `read_file`, `write_file`, `list_directory`, and the threads they run on.
//! - [`child`], [`workspace`]: child processes and folders, which `orket-children` looks after.
//! - [`command`]: tools that are commands. [`versions`]: of the interpreters they run on.
//! - [`verify`]: verify commands. [`fixture`]: fixtures.
//! - [`review`]: everything that is looked at before the guard is. [`seal`]: whether the fixtures
//!   are still those that were there.

pub mod command;
pub mod files;
pub mod fixture;
pub mod host;
mod parsing;
pub mod review;
pub mod seal;
pub mod verify;
pub mod versions;

pub use self::host::{Host, HostError, HostOptions};
pub use orket_children::mark::data_folder_id;
pub use orket_children::{self as child, workspace};
