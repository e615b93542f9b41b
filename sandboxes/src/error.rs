//! Why something was not done with a sandbox. All of it may be shown: no words hold secrets or
//! control characters of docker.

/// See the file's head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SandboxError {
    /// There is no such sandbox.
    #[error("sandbox `{0}` not found")]
    Unknown(String),
    /// It has no such service.
    #[error("sandbox `{id}` has no service `{service}`")]
    UnknownService {
        /// The sandbox.
        id: String,
        /// The service.
        service: String,
    },
    /// It cannot be reached, or does not do it. Without secrets, in words.
    #[error("sandbox `{id}`: {reason}")]
    Failed {
        /// The sandbox.
        id: String,
        /// Why.
        reason: String,
    },
    /// Its record cannot be read; all others can be used. In words, without what is in it.
    #[error("sandbox `{id}` is left alone, for its record cannot be read: {reason}")]
    Damaged {
        /// The sandbox.
        id: String,
        /// Why.
        reason: String,
    },
    /// Nothing on this machine runs sandboxes; what to install.
    #[error("sandboxes cannot be run here: {0}")]
    Unavailable(String),
    /// Sandboxes are switched off.
    #[error("sandboxes are switched off (ORKET_DISABLE_SANDBOX)")]
    Disabled,
    /// As many are there as may be.
    #[error("{0} sandboxes are there, which is the limit (ORKET_SANDBOX_MAX)")]
    TooMany(usize),
    /// What is wanted makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The registry on disk cannot be read or written.
    #[error("the records of sandboxes cannot be kept: {0}")]
    Records(String),
}

impl SandboxError {
    /// Its code, `E_…`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) | Self::UnknownService { .. } => "E_NOT_FOUND",
            Self::Failed { .. } => "E_SANDBOX_FAILED",
            Self::Unavailable(_) => "E_SANDBOX_UNAVAILABLE",
            Self::Disabled => "E_SANDBOX_DISABLED",
            Self::TooMany(_) => "E_SANDBOX_LIMIT",
            Self::Invalid(_) => "E_BAD_REQUEST",
            Self::Damaged { .. } | Self::Records(_) => "E_STORAGE",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unknown(_) => Some("orket sandbox list"),
            Self::UnknownService { .. } | Self::Invalid(_) => None,
            Self::Failed { .. } => Some("orket sandbox list tells how it stands"),
            Self::Unavailable(_) => Some(
                "install docker with its compose plug-in (version 2), start its daemon, and let this user use it: `docker compose ls` must work",
            ),
            Self::Disabled => Some("unset ORKET_DISABLE_SANDBOX and process_rules.disable_sandbox"),
            Self::TooMany(_) => Some("orket sandbox stop ID, or raise ORKET_SANDBOX_MAX"),
            Self::Damaged { .. } => Some(
                "use the Orket that wrote it, or put its files back; else end it by `docker compose -p orket-ID down -v` and remove its folder",
            ),
            Self::Records(_) => Some(
                "look at permissions and free space of the folder `sandboxes` below the data folder",
            ),
        }
    }
}
