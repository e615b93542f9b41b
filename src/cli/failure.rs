//! Errors as people and scripts see them.

use std::process::ExitCode;

use orket_sandboxes::SandboxError;

use super::out;
use crate::config::lookup::ConfigError;
use crate::owner::client::ClientError;
use crate::owner::host::DoorError;
use crate::owner::ports::{PlanRefusal, RecordsError};
use crate::owner::service::Refusal;

/// The exit code of an interrupted command.
pub const INTERRUPTED: u8 = 130;

/// Why a command did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The code, `E_…`.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The exit code.
    pub exit: u8,
}

impl Failure {
    /// A failure with exit code 1.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            hint: None,
            exit: 1,
        }
    }

    /// Something was typed that makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: 2,
            ..Self::new("E_USAGE", message)
        }
        .hint("orket --help")
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Tells it on standard error, with `--json` on standard output too.
    #[must_use]
    pub fn tell(&self, json: bool) -> ExitCode {
        out::warn(&format!("error[{}]: {}", self.code, self.message));
        if let Some(hint) = &self.hint {
            out::warn(&format!("hint: {hint}"));
        }
        if json {
            out::json(&self.body());
        }
        ExitCode::from(self.exit)
    }

    /// What is told on standard output with `--json`.
    #[must_use]
    pub fn body(&self) -> serde_json::Value {
        serde_json::json!({
            "error": {"code": self.code, "detail": self.message, "hint": self.hint}
        })
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let exit = match error {
            ConfigError::Flag(..) | ConfigError::FlagValues(_) => 2,
            ConfigError::File { .. } | ConfigError::Unwritten { .. } | ConfigError::Values(_) => 1,
        };
        let failure = Self::new("E_CONFIG", error.to_string())
            .hint("correct it where it comes from; .env.example tells what each one may be");
        Self { exit, ..failure }
    }
}

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Self {
        let exit = if matches!(error, SandboxError::Invalid(_)) {
            2
        } else {
            1
        };
        let failure = Self {
            exit,
            ..Self::new(error.code(), error.to_string())
        };
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self {
            // What the owner's socket calls a bad request was typed by somebody.
            exit: if refusal.status == 400 { 2 } else { 1 },
            code: refusal.code,
            message: refusal.detail,
            hint: refusal.hint,
        }
    }
}

impl From<PlanRefusal> for Failure {
    fn from(refusal: PlanRefusal) -> Self {
        Refusal::from(refusal).into()
    }
}

impl From<RecordsError> for Failure {
    fn from(error: RecordsError) -> Self {
        Refusal::from(error).into()
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused(refusal) => refusal.into(),
            ClientError::Gone(_) => {
                Self::new("E_OWNER_GONE", error.to_string()).hint("run the same command again")
            }
        }
    }
}

impl From<DoorError> for Failure {
    fn from(error: DoorError) -> Self {
        let text = error.to_string();
        match error {
            DoorError::Owned(_) => Self::new("E_OWNED", text)
                .hint("leave --embedded away to attach to it, or set another ORKET_DURABLE_ROOT"),
            DoorError::Silent(note, _) => {
                let failure = Self::new("E_OWNER_SILENT", text);
                match note {
                    Some(note) => failure.hint(format!(
                        "look at process {0}; `kill {0}` stops it in good order and loses nothing",
                        note.pid
                    )),
                    None => failure.hint("try again in a moment"),
                }
            }
            DoorError::NoServer(..) => Self::new("E_NO_SERVER", text)
                .hint("orket serve --socket-only starts one; leave --server away to find it"),
            DoorError::Lock(..) => Self::new("E_DATA_FOLDER", text)
                .hint("the data folder must be writable; ORKET_DURABLE_ROOT names another one"),
        }
    }
}
