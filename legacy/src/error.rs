//! Why an import did not take place. Nothing of it was applied.

use std::path::PathBuf;

/// See the file's head.
#[derive(Debug, thiserror::Error)]
pub enum LegacyError {
    /// There is no such file, or it is no database of the Python Orket.
    #[error("{path} cannot be imported: {reason}")]
    Source {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Somebody writes to it.
    #[error("{path} is in use: {reason}")]
    Busy {
        /// Where.
        path: PathBuf,
        /// How that was seen.
        reason: String,
    },
    /// Something else is where a row would go.
    #[error("{what}")]
    Conflict {
        /// What stands in the way.
        what: String,
    },
    /// What was written is not what was read.
    #[error("after the import, {what}; nothing of it was kept")]
    Mismatch {
        /// What differs.
        what: String,
    },
    /// Our own database does not work.
    #[error("the import could not be written: {0}")]
    Target(String),
}

impl LegacyError {
    /// The stable code shown to operators.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Source { .. } => "E_IMPORT_SOURCE",
            Self::Busy { .. } => "E_IMPORT_BUSY",
            Self::Conflict { .. } => "E_IMPORT_CONFLICT",
            Self::Mismatch { .. } => "E_IMPORT_MISMATCH",
            Self::Target(_) => "E_STORAGE",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Source { .. } => {
                "name the database with --runtime-db, --webhook-db or --memory-db; it is only read"
            }
            Self::Busy { .. } => "stop the Python Orket, then run the same command again",
            Self::Conflict { .. } => {
                "import into a data folder of its own: ORKET_DURABLE_ROOT=FOLDER orket import legacy ..."
            }
            Self::Mismatch { .. } => "keep both databases and report it: docs/STORAGE.md",
            Self::Target(_) => {
                "the data folder must be writable and its disk must have room; nothing was changed"
            }
        }
    }
}

impl From<diesel::result::Error> for LegacyError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Target(error.to_string())
    }
}
