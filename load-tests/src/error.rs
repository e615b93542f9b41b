//! Why a scenario could not be carried out. What a scenario finds out about a server is no error: that
//! is in its [`Outcome`](crate::outcome::Outcome).

use std::io;
use std::path::PathBuf;

/// See the file's head.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// What was asked for cannot be meant.
    #[error("{message}")]
    Usage {
        /// What is wrong, a sentence without its full stop.
        message: String,
        /// What to do instead.
        hint: Option<String>,
    },
    /// There is no binary to start.
    #[error("{} is not there: {source}", path.display())]
    Binary {
        /// Where it was looked for.
        path: PathBuf,
        /// Why it cannot be used.
        source: io::Error,
    },
    /// A process did not come to where it serves.
    #[error("{what} did not start: {why}")]
    Start {
        /// Which process.
        what: String,
        /// What it said, or what the system said.
        why: String,
    },
    /// A file could not be read or written.
    #[error("{} cannot be {doing}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// `read`, `written`, `made`.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The server does not do what the scenario needs before it can measure anything.
    #[error("{message}")]
    Scenario {
        /// What it does instead.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl LoadError {
    /// Something that cannot be meant.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            hint: None,
        }
    }

    /// Something that keeps a scenario from beginning or from going on.
    pub fn scenario(message: impl Into<String>) -> Self {
        Self::Scenario {
            message: message.into(),
            hint: None,
        }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn hinting(mut self, words: impl Into<String>) -> Self {
        if let Self::Usage { hint, .. } | Self::Scenario { hint, .. } = &mut self {
            *hint = Some(words.into());
        }
        self
    }

    /// For `map_err` on what is done to a file.
    pub fn file(path: impl Into<PathBuf>, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            path,
            doing,
            source,
        }
    }

    /// What to do about it, where something can be said.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } | Self::Scenario { hint, .. } => hint.clone(),
            Self::Binary { .. } => Some(
                "build it with `cargo build --release -p orket`, or name one with `--orket PATH`"
                    .to_owned(),
            ),
            Self::Start { .. } | Self::File { .. } => None,
        }
    }

    /// The exit code: 2 for what cannot be meant, 1 for what went wrong.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } => 2,
            Self::Binary { .. }
            | Self::Start { .. }
            | Self::File { .. }
            | Self::Scenario { .. } => 1,
        }
    }
}
