//! What can be chosen about the journal, and why opening it failed.

use std::path::PathBuf;

/// How far a commit goes before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SyncMode {
    /// Each commit is on disk (`synchronous=FULL`).
    #[default]
    Full,
    /// Each commit survives the death of the process; a power cut may take the last ones
    /// (`synchronous=NORMAL`).
    Normal,
}

impl SyncMode {
    /// The word of `ORKET_JOURNAL_SYNC`, and SQLite's.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Normal => "normal",
        }
    }
}

impl std::str::FromStr for SyncMode {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word.trim().to_ascii_lowercase().as_str() {
            "full" => Ok(Self::Full),
            "normal" => Ok(Self::Normal),
            _ => Err(format!(
                "ORKET_JOURNAL_SYNC: `{word}` is unknown; known: full, normal"
            )),
        }
    }
}

/// What can be chosen about the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalOptions {
    /// How far a commit goes.
    pub sync: SyncMode,
    /// Writes accepted and not yet answered; `submit` waits beyond.
    pub queue: usize,
    /// The most writes in one transaction.
    pub batch: usize,
    /// Reading connections.
    pub readers: u32,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            sync: SyncMode::Full,
            queue: 4_096,
            batch: 1_024,
            readers: 4,
        }
    }
}

/// Why the journal could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or file cannot be there.
    #[error("the journal cannot be kept at {path}: {reason}; check the path and free space")]
    Path {
        /// Where.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// It is there, but not for us.
    #[error("no permission to write the journal at {path}; hint: chown or chmod it to your user")]
    Permission {
        /// Where.
        path: PathBuf,
    },
    /// A newer Orket wrote it.
    #[error(
        "the journal at {path} has the schema {found}, which this orket does not know; use the newer orket that wrote it, or another data folder"
    )]
    NewerSchema {
        /// Where.
        path: PathBuf,
        /// The first migration that is unknown here.
        found: String,
    },
    /// This process has it open already.
    #[error("the journal at {path} is already open in this process")]
    AlreadyOpen {
        /// Where.
        path: PathBuf,
    },
    /// It is no SQLite database, or a damaged one, or SQLite cannot use it there.
    #[error("the journal at {path} cannot be used: {reason}")]
    Unusable {
        /// Where.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
}

impl OpenError {
    /// The stable code shown to operators.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Path { .. } => "E_JOURNAL_PATH",
            Self::Permission { .. } => "E_JOURNAL_PERMISSION",
            Self::NewerSchema { .. } => "E_JOURNAL_NEWER_SCHEMA",
            Self::AlreadyOpen { .. } => "E_JOURNAL_ALREADY_OPEN",
            Self::Unusable { .. } => "E_JOURNAL_UNUSABLE",
        }
    }
}
