//! What a transaction says when it does not do what was asked: a code, a sentence and the way on.

use std::fmt;
use std::io;

/// Why nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The code.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// The codes of transactions: their own, and those of what is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// Not in a git work tree.
    GitRequired,
    /// The work tree is not clean.
    WorktreeDirty,
    /// No scope, or one that is not there.
    ScopeRequired,
    /// `orket.config.json`, or what stands for it, cannot be used.
    ConfigInvalid,
    /// A file to be written lies outside.
    WriteOutOfScope,
    /// The same, for what a refactoring would write.
    ModelOutputOutOfScope,
    /// A lesson of an earlier failure applies.
    PreflightFailed,
    /// Something broke.
    Internal,
    /// Nobody said yes.
    ConfirmationRequired,
    /// Another transaction is under way.
    TransactionBusy,
    /// A file changed between plan and swap.
    WorktreeChanged,
    /// Interrupted from the keyboard.
    Interrupted,
    /// Verification of an added route failed.
    DraftFailure,
    /// Verification of a refactoring failed.
    VerifyFailedReverted,
    /// The folder is there.
    OutputDirExists,
    /// Verification of a new project failed.
    InitVerifyFailed,
    /// Names or variables that cannot be used, or a folder that cannot be made.
    InitConfigInvalid,
    /// Not a network mode.
    NetworkModeInvalid,
    /// A command that the matrix does not know.
    OfflineCommandUnknown,
    /// A command that needs a network.
    OfflineUnsupportedCommand,
    /// The default mode needs a network.
    OfflineDefaultNetworkRequired,
    /// One of `orket-edits`.
    Edit(&'static str),
}

impl Code {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GitRequired => "E_GIT_REQUIRED",
            Self::WorktreeDirty => "E_WORKTREE_DIRTY",
            Self::ScopeRequired => "E_SCOPE_REQUIRED",
            Self::ConfigInvalid => "E_CONFIG_INVALID",
            Self::WriteOutOfScope => "E_WRITE_OUT_OF_SCOPE",
            Self::ModelOutputOutOfScope => "E_MODEL_OUTPUT_OUT_OF_SCOPE",
            Self::PreflightFailed => "E_PREFLIGHT_FAILED",
            Self::Internal => "E_INTERNAL",
            Self::ConfirmationRequired => "E_CONFIRMATION_REQUIRED",
            Self::TransactionBusy => "E_TRANSACTION_BUSY",
            Self::WorktreeChanged => "E_WORKTREE_CHANGED",
            Self::Interrupted => "E_INTERRUPTED",
            Self::DraftFailure => "E_DRAFT_FAILURE",
            Self::VerifyFailedReverted => "E_VERIFY_FAILED_REVERTED",
            Self::OutputDirExists => "E_OUTPUT_DIR_EXISTS",
            Self::InitVerifyFailed => "E_INIT_VERIFY_FAILED",
            Self::InitConfigInvalid => "E_INIT_CONFIG_INVALID",
            Self::NetworkModeInvalid => "E_NETWORK_MODE_INVALID",
            Self::OfflineCommandUnknown => "E_OFFLINE_COMMAND_UNKNOWN",
            Self::OfflineUnsupportedCommand => "E_OFFLINE_UNSUPPORTED_COMMAND",
            Self::OfflineDefaultNetworkRequired => "E_OFFLINE_DEFAULT_NETWORK_REQUIRED",
            Self::Edit(code) => code,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Refusal {
    /// A refusal without a hint.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
        }
    }

    /// With the way on.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What the file system said about `what`.
    #[must_use]
    pub fn of_io(what: impl fmt::Display, error: &io::Error) -> Self {
        let refusal = Self::new(Code::Internal, format!("{what}: {error}"));
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => refusal
                .hint("nothing was changed; make room on the disk, then give the command again"),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => refusal
                .hint("nothing was changed; see who owns the file and what its mode is: ls -l"),
            _ => refusal.hint("nothing was changed; put that right, then give the command again"),
        }
    }
}
