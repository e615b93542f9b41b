//! The tool host: file tools through a capability on the workspace, and child processes.
//!
//! # Layout
//!
//! - [`host`]: the port's implementation; sends each call where its work is done.
//! - [`workspace`]: workspace folders as capabilities; which texts are paths inside one.
//! - [`files`]: `read_file`, `write_file`, `list_directory`, and the threads they run on.
//! - [`child`]: child processes, from their start until nothing of them is left.
//! - [`command`]: tools that are commands. [`versions`]: of the interpreters they run on.
//! - [`verify`]: verify commands. [`fixture`]: fixtures.
//! - [`review`]: everything that is looked at before the guard is. [`seal`]: whether the fixtures
//!   are still those that were there.

pub mod child;
pub mod command;
pub mod files;
pub mod fixture;
pub mod host;
mod parsing;
pub mod review;
pub mod seal;
pub mod verify;
pub mod versions;
pub mod workspace;

pub use self::child::mark::data_folder_id;
pub use self::host::{Host, HostError, HostOptions};
