//! Why something did not take place.

use std::io;
use std::path::{Path, PathBuf};

/// See the file's head.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// A file or folder could not be read or written.
    #[error("{path}: {reason}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// SQLite could not use a database.
    #[error("{path} cannot be used: {reason}")]
    Database {
        /// Which.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// A newer program wrote it.
    #[error("{path} has the schema {found}, which this orket does not know")]
    Newer {
        /// Which.
        path: PathBuf,
        /// The first migration that is unknown here.
        found: String,
    },
    /// It is a database of something else.
    #[error("{path} is {what}")]
    Foreign {
        /// Which.
        path: PathBuf,
        /// What it is.
        what: &'static str,
        /// Whether `orket import legacy` reads it.
        can_be_imported: bool,
    },
    /// What was copied is not sound.
    #[error("the copy of {path} is damaged: {reason}")]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// It is no backup, or not a whole one.
    #[error("{path} is no backup that can be restored: {reason}")]
    Backup {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file of settings that is no JSON object.
    #[error("{path} is no JSON object: {reason}")]
    Settings {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A folder that cannot change places with what comes back.
    #[error("{path} is a link or on another disk, and can change places with nothing")]
    Elsewhere {
        /// Which.
        path: PathBuf,
    },
    /// Something is where the result would go.
    #[error("{path} is there already")]
    Exists {
        /// Which.
        path: PathBuf,
    },
}

impl KeepError {
    /// The stable code shown to operators.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::File { .. } | Self::Elsewhere { .. } => "E_STORAGE",
            Self::Database { .. } | Self::Damaged { .. } => "E_JOURNAL_UNUSABLE",
            Self::Settings { .. } => "E_CONFIG",
            Self::Newer { .. } => "E_JOURNAL_NEWER_SCHEMA",
            Self::Foreign { .. } => "E_FOREIGN_DATABASE",
            Self::Backup { .. } => "E_BACKUP",
            Self::Exists { .. } => "E_BACKUP_EXISTS",
        }
    }

    /// About a file.
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            reason: error.to_string(),
        }
    }

    /// About a database.
    pub(crate) fn database(path: &Path, error: &impl ToString) -> Self {
        Self::Database {
            path: path.to_owned(),
            reason: error.to_string(),
        }
    }
}

impl From<orket_legacy::LegacyError> for KeepError {
    fn from(error: orket_legacy::LegacyError) -> Self {
        match error {
            orket_legacy::LegacyError::Source { path, reason }
            | orket_legacy::LegacyError::Busy { path, reason } => Self::Database { path, reason },
            other @ (orket_legacy::LegacyError::Conflict { .. }
            | orket_legacy::LegacyError::Mismatch { .. }
            | orket_legacy::LegacyError::Target(_)) => Self::Database {
                path: PathBuf::new(),
                reason: other.to_string(),
            },
        }
    }
}
