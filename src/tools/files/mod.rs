//! File tools: `read_file`, `write_file`, `list_directory`. Each is a blocking function on an open
//! workspace; [`pool`] is where they run.

use std::io;
use std::path::Path;

use crate::tools::workspace::PathError;

pub mod hidden;
pub mod list;
pub mod pool;
pub mod read;
pub mod write;

/// The name every unfinished file begins with; listings leave such names out.
pub const UNFINISHED: &str = ".orket-unfinished-";

/// Why a file tool did not do what was asked. Shown to the model, so each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The path is not one inside the workspace.
    #[error(transparent)]
    Path(#[from] PathError),
    /// An argument is missing or of the wrong type.
    #[error("`{0}` is missing; give it as {1}")]
    Argument(&'static str, &'static str),
    /// Nothing there.
    #[error("there is no `{0}` in the workspace; list_directory shows what there is")]
    Missing(String),
    /// A link leads out of the workspace.
    #[error("`{0}` leads out of the workspace through a link; use a path that stays inside")]
    Escapes(String),
    /// The data folder, or a file that holds secrets.
    #[error("`{0}` is Orket's own: agents neither read nor write it")]
    Hidden(String),
    /// A file where a folder is meant, somewhere on the path.
    #[error(
        "`{0}` is not a folder, or lies below something that is none; list_directory shows what there is"
    )]
    NotAFolder(String),
    /// A folder where a file is meant, or something that is neither.
    #[error("`{path}` is {what}; {hint}")]
    Kind {
        /// The path.
        path: String,
        /// What it is.
        what: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// The file's bytes are no text.
    #[error("`{0}` is not UTF-8 text; only text files can be read")]
    NotText(String),
    /// Larger than allowed.
    #[error("the content has {bytes} bytes and a file may have {most}; split it")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The most.
        most: u64,
    },
    /// Nobody waits for it any more.
    #[error("the call was given up before it took effect")]
    GivenUp,
    /// The file system refused.
    #[error("`{path}`: {source}; check permissions and free space of the workspace")]
    System {
        /// The path.
        path: String,
        /// The cause.
        source: io::Error,
    },
}

impl FileError {
    /// Sorts an error of the file system.
    fn from_system(path: &Path, source: io::Error) -> Self {
        let path = path.display().to_string();
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing(path),
            // cap-std's own error, made without asking the system, carries no code.
            io::ErrorKind::PermissionDenied if source.raw_os_error().is_none() => {
                Self::Escapes(path)
            }
            io::ErrorKind::NotADirectory => Self::NotAFolder(path),
            _ => Self::System { path, source },
        }
    }
}
