//! What can go wrong, and what that means for trying again.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// A call that did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GiteaError {
    /// What went wrong.
    pub kind: GiteaErrorKind,
    /// Whether Gitea may have done what was asked all the same. False when it refused, when
    /// nothing was sent, and for calls that only read.
    pub may_have_happened: bool,
    doing: String,
    said: Option<String>,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiteaErrorKind {
    /// 401 or 403: the credentials are wrong or may not do this.
    Unauthorized,
    /// 404: not there, or not to be seen with these credentials.
    NotFound,
    /// 405: already merged, closed, or Gitea's own rules forbid the merge.
    NotMergeable,
    /// 409: the head moved, or the change conflicts.
    Conflict,
    /// 410: issues are switched off there.
    Gone,
    /// 423: the repository is archived.
    Locked,
    /// 429.
    TooMany {
        /// How long Gitea asks to wait.
        retry_after: Option<Duration>,
    },
    /// Any status from 500 on.
    Server(u16),
    /// No connection: nothing was sent.
    Connect,
    /// The answer took too long.
    Timeout,
    /// The connection broke, or the answer cannot be read.
    Broken,
    /// Any other status.
    Refused(u16),
    /// Not even asked: the circuit breaker is open.
    Open {
        /// When it will let somebody through.
        retry_after: Duration,
    },
}

impl GiteaErrorKind {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(self) -> bool {
        match self {
            Self::TooMany { .. }
            | Self::Server(_)
            | Self::Connect
            | Self::Timeout
            | Self::Broken
            | Self::Open { .. } => true,
            Self::Unauthorized
            | Self::NotFound
            | Self::NotMergeable
            | Self::Conflict
            | Self::Gone
            | Self::Locked
            | Self::Refused(_) => false,
        }
    }

    /// Whether it tells of a server in bad health.
    pub(super) fn is_failure_of_the_server(self) -> bool {
        match self {
            Self::Server(_) | Self::Connect | Self::Timeout | Self::Broken => true,
            Self::TooMany { .. }
            | Self::Open { .. }
            | Self::Unauthorized
            | Self::NotFound
            | Self::NotMergeable
            | Self::Conflict
            | Self::Gone
            | Self::Locked
            | Self::Refused(_) => false,
        }
    }

    /// What a status other than a success means.
    pub(super) fn of_status(status: u16, retry_after: Option<Duration>) -> Self {
        match status {
            401 | 403 => Self::Unauthorized,
            404 => Self::NotFound,
            405 => Self::NotMergeable,
            409 => Self::Conflict,
            410 => Self::Gone,
            423 => Self::Locked,
            429 => Self::TooMany { retry_after },
            500.. => Self::Server(status),
            _ => Self::Refused(status),
        }
    }

    /// Whether the effect of a call that changes something is unknown after this.
    pub(super) fn leaves_doubt(self) -> bool {
        matches!(self, Self::Server(_) | Self::Timeout | Self::Broken)
    }
}

impl GiteaError {
    /// `doing` is a gerund: "merging acme/shop#7".
    pub(super) fn new(kind: GiteaErrorKind, doing: &str, said: Option<String>) -> Self {
        Self {
            kind,
            may_have_happened: false,
            doing: doing.to_owned(),
            said: said.filter(|said| !said.is_empty()),
        }
    }

    /// The same failure of a call that changes nothing that matters.
    pub(super) fn without_effect(mut self) -> Self {
        self.may_have_happened = false;
        self
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.kind.is_transient()
    }

    /// What Gitea said about it, or what broke the connection; at most about 200 characters.
    #[must_use]
    pub fn said(&self) -> Option<&str> {
        self.said.as_deref()
    }
}

impl fmt::Display for GiteaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let doing = &self.doing;
        match self.kind {
            GiteaErrorKind::Unauthorized => {
                write!(f, "{doing}: Gitea does not allow it to these credentials")
            }
            GiteaErrorKind::NotFound => write!(f, "{doing}: Gitea does not find it (404)"),
            GiteaErrorKind::NotMergeable => write!(f, "{doing}: Gitea does not merge it (405)"),
            GiteaErrorKind::Conflict => write!(f, "{doing}: Gitea sees a conflict (409)"),
            GiteaErrorKind::Gone => write!(f, "{doing}: switched off in this repository (410)"),
            GiteaErrorKind::Locked => write!(f, "{doing}: the repository is read-only (423)"),
            GiteaErrorKind::TooMany { .. } => write!(f, "{doing}: too many requests (429)"),
            GiteaErrorKind::Server(status) => write!(f, "{doing}: Gitea failed ({status})"),
            GiteaErrorKind::Connect => write!(f, "{doing}: Gitea cannot be reached"),
            GiteaErrorKind::Timeout => write!(f, "{doing}: Gitea did not answer in time"),
            GiteaErrorKind::Broken => write!(f, "{doing}: the answer broke off or is not Gitea's"),
            GiteaErrorKind::Refused(status) => write!(f, "{doing}: Gitea answered {status}"),
            GiteaErrorKind::Open { retry_after } => write!(
                f,
                "{doing}: not asked, since Gitea failed several times; again in {} s",
                retry_after.as_secs() + 1
            ),
        }?;
        match &self.said {
            Some(said) => write!(f, ": {said}"),
            None => Ok(()),
        }
    }
}

impl Error for GiteaError {}
