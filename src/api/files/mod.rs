//! The project's files as the API serves them: five folders and nothing else, reached through
//! handles. Blocking; nothing here knows of HTTP.
//!
//! # Layout
//!
//! - [`rules`]: which paths may be asked for. Pure.
//! - [`tree`]: finds what a path means, link by link, without ever leaving the folders.
//! - [`guarded`]: what is Orket's own wherever it lies: the data folder, the file of keys.
//! - [`listing`], [`read`], [`save`]: what can be done.
//! - [`draft`]: what is wrong with an asset that was saved.

pub mod draft;
pub mod guarded;
pub mod listing;
pub mod read;
pub mod rules;
pub mod save;
pub mod tree;

use std::io;

/// The most bytes of a file that is read or saved.
pub const LARGEST_FILE: usize = 5 * 1024 * 1024;

/// Why something was not done with a file.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    /// The path could be no file's.
    #[error("{0}")]
    Malformed(String),
    /// It is not for this route to touch.
    #[error("{0}")]
    Forbidden(String),
    /// There is no such file.
    #[error("File not found")]
    Missing,
    /// It is there and is no file.
    #[error("{path:?} is {what}, not a file")]
    NotAFile {
        /// The path.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// A part of the path is no folder.
    #[error("{0:?} is not a folder, or lies below something that is none")]
    NotAFolder(String),
    /// Larger than [`LARGEST_FILE`].
    #[error("the file has {bytes} bytes, and {most} are the most")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The most.
        most: usize,
    },
    /// Its bytes are no text.
    #[error("{0:?} is not UTF-8 text")]
    NotText(String),
    /// The disk is full.
    #[error("there is no space left for it")]
    NoSpace,
    /// The system refused.
    #[error(transparent)]
    System(io::Error),
}

impl FileProblem {
    /// Sorts an error of the file system about `path`.
    pub(crate) fn of(path: &str, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::NotADirectory => Self::NotAFolder(path.to_owned()),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Forbidden(format!("{path:?}: the system refuses: {error}"))
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace,
            io::ErrorKind::InvalidFilename | io::ErrorKind::InvalidInput => {
                Self::Malformed(format!("{path:?} is no name of a file here"))
            }
            _ => Self::System(error),
        }
    }
}
