//! Why something was not done with a prompt.

use crate::status::Status;

/// See the file's head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// A text that could name no prompt.
    #[error("`{id}` names no prompt: {reason}")]
    Id {
        /// The text.
        id: String,
        /// Why.
        reason: String,
    },
    /// There is no such prompt.
    #[error("there is no prompt `{id}`; {hint}")]
    NotFound {
        /// Its id.
        id: String,
        /// The nearest ones.
        hint: String,
    },
    /// Its file is not what it must be.
    #[error("{path}: {reason}")]
    Broken {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// It may not become that.
    #[error("{id} is {from} and cannot become {to}; {}", allowed(.next))]
    Transition {
        /// Its id.
        id: String,
        /// What it is, as written.
        from: String,
        /// What it was to become.
        to: Status,
        /// What it may become.
        next: Vec<Status>,
    },
    /// A version that does not follow.
    #[error("{id}: {reason}")]
    Version {
        /// Its id.
        id: String,
        /// Why.
        reason: String,
    },
    /// A promotion report that cannot be used.
    #[error("{path}: {reason}")]
    Report {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// A promotion report that says no.
    #[error("{id} is not promoted: the report does not pass{}", listed(.blockers))]
    Blocked {
        /// Its id.
        id: String,
        /// The codes of what stands in the way.
        blockers: Vec<String>,
    },
    /// A file could not be written.
    #[error("{path} cannot be written: {reason}")]
    Write {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
}

impl PromptError {
    /// Every code.
    pub const CODES: [&'static str; 8] = [
        "E_PROMPT_ID",
        "E_PROMPT_NOT_FOUND",
        "E_PROMPT_BROKEN",
        "E_PROMPT_TRANSITION",
        "E_PROMPT_VERSION",
        "E_PROMPT_REPORT",
        "E_PROMPT_BLOCKED",
        "E_PROMPT_WRITE",
    ];

    /// `E_PROMPT_…`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Id { .. } => "E_PROMPT_ID",
            Self::NotFound { .. } => "E_PROMPT_NOT_FOUND",
            Self::Broken { .. } => "E_PROMPT_BROKEN",
            Self::Transition { .. } => "E_PROMPT_TRANSITION",
            Self::Version { .. } => "E_PROMPT_VERSION",
            Self::Report { .. } => "E_PROMPT_REPORT",
            Self::Blocked { .. } => "E_PROMPT_BLOCKED",
            Self::Write { .. } => "E_PROMPT_WRITE",
        }
    }

    /// What goes on.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Id { .. } | Self::NotFound { .. } => "orket prompts list".to_owned(),
            Self::Broken { .. } => "orket prompts validate".to_owned(),
            Self::Transition { id, next, .. } => match next.first() {
                Some(next) => format!("orket prompts promote --id {id} --status {next}"),
                None => format!("orket prompts new --id {id} --version VERSION"),
            },
            Self::Version { id, .. } => format!("orket prompts show --id {id}"),
            Self::Report { .. } => {
                "a report is a JSON object with `pass`, and `blockers` where it is false".to_owned()
            }
            Self::Blocked { .. } => "put right what the report names, and make it again".to_owned(),
            Self::Write { .. } => "the folder must be writable and hold no link there".to_owned(),
        }
    }

    /// Whether it was typed wrongly.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Id { .. })
    }
}

fn allowed(next: &[Status]) -> String {
    match next {
        [] => "nothing follows it but a new version".to_owned(),
        some => {
            let words: Vec<&str> = some.iter().map(|it| it.as_str()).collect();
            format!("it may become {}", words.join(" or "))
        }
    }
}

fn listed(blockers: &[String]) -> String {
    match blockers {
        [] => String::new(),
        some => format!(" ({})", some.join(", ")),
    }
}
