//! Why a turn failed, as typed classes with codes; nothing is decided by reading messages.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::status::words;

words! {
    /// What went wrong, as a class that retry rules and reports go by.
    FailureClass, "failure class" {
        /// No connection to the model could be made.
        ModelConnect = "model_connect",
        /// The model's server refused or broke (HTTP 5xx, reset).
        ModelServer = "model_server",
        /// The model's server asked us to slow down (HTTP 429).
        ModelRateLimited = "model_rate_limited",
        /// The request can never succeed as it is (HTTP 4xx, unknown model, bad key).
        ModelRefused = "model_refused",
        /// The reply broke off or was no valid stream.
        ModelBroken = "model_broken",
        /// A clock ran out; see the phase.
        Stalled = "stalled",
        /// The reply broke the turn's contract, after one reprompt.
        Contract = "contract",
        /// The tool gate refused a call, after one reprompt.
        Gate = "gate",
        /// A tool ran and reported failure.
        Tool = "tool",
        /// The verifier did not accept what was written.
        Verification = "verification",
        /// A person said no to a call, or the time to say yes ran out.
        Approval = "approval",
        /// The call could cost more than what is left to spend.
        Budget = "budget",
        /// An at-most-once effect may or may not have happened.
        UnknownOutcome = "unknown_outcome",
        /// An actor panicked.
        Panic = "panic",
        /// The process died in the middle of this turn too many times.
        CrashLoop = "crash_loop",
        /// The journal could not be written.
        Storage = "storage",
        /// Another attempt owns the card now.
        Fenced = "fenced",
        /// The run was halted.
        Halted = "halted",
    }
}

words! {
    /// What of a skill's contract was broken; the words are its codes.
    SkillFault, "skill fault" {
        /// The tool belongs to no entrypoint.
        Undeclared = "E_SKILL_UNDECLARED",
        /// The command does not run on the declared runtime.
        Runtime = "E_SKILL_RUNTIME",
        /// A permission was not granted.
        Permission = "E_SKILL_PERMISSION",
        /// A limit was reached.
        Limit = "E_SKILL_LIMIT",
    }
}

impl SkillFault {
    /// The one with this code.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.as_str() == code)
    }
}

impl FailureClass {
    /// The stable code shown to operators; each has a page under `docs/errors/`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ModelConnect => "E_MODEL_CONNECT",
            Self::ModelServer => "E_MODEL_SERVER",
            Self::ModelRateLimited => "E_MODEL_RATE_LIMITED",
            Self::ModelRefused => "E_MODEL_REFUSED",
            Self::ModelBroken => "E_MODEL_BROKEN",
            Self::Stalled => "E_TURN_STALLED",
            Self::Contract => "E_CONTRACT",
            Self::Gate => "E_TOOL_GATE",
            Self::Tool => "E_TOOL_FAILED",
            Self::Verification => "E_VERIFICATION",
            Self::Approval => "E_APPROVAL_REFUSED",
            Self::Budget => "E_BUDGET",
            Self::UnknownOutcome => "E_UNKNOWN_OUTCOME",
            Self::Panic => "E_ACTOR_PANIC",
            Self::CrashLoop => "E_CRASH_LOOP",
            Self::Storage => "E_STORAGE",
            Self::Fenced => "E_FENCED",
            Self::Halted => "E_HALTED",
        }
    }

    /// Whether a later attempt could end differently.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::ModelConnect
            | Self::ModelServer
            | Self::ModelRateLimited
            | Self::ModelBroken
            | Self::Stalled
            | Self::Contract
            | Self::Gate
            | Self::Tool
            | Self::Verification
            | Self::Approval
            | Self::Panic
            | Self::Storage => true,
            Self::ModelRefused
            | Self::Budget
            | Self::UnknownOutcome
            | Self::CrashLoop
            | Self::Fenced
            | Self::Halted => false,
        }
    }
}

/// One failure: its class and what a person needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The class.
    pub class: FailureClass,
    /// What happened, in a sentence.
    pub message: String,
    /// When the other side said to come back, in milliseconds from the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// No later attempt could end differently, whatever the class says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub for_good: bool,
    /// No server took the question up, so that it cost no token. Known where it happens, not in the
    /// journal.
    #[serde(skip)]
    pub unheard: bool,
    /// What of a skill's contract was broken, when that is the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breach: Option<SkillFault>,
}

impl Failure {
    /// A failure of `class` with a message.
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
            retry_after_ms: None,
            for_good: false,
            unheard: false,
            breach: None,
        }
    }

    /// The stable code shown to operators: the breach's, else the class's.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.breach {
            Some(breach) => breach.as_str(),
            None => self.class.code(),
        }
    }

    /// The same failure of a question that no server took up.
    #[must_use]
    pub const fn unheard(mut self) -> Self {
        self.unheard = true;
        self
    }

    /// The same failure with the time the other side asked us to wait.
    #[must_use]
    pub fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after_ms = wait.map(|w| u64::try_from(w.as_millis()).unwrap_or(u64::MAX));
        self
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code(), self.message)
    }
}
