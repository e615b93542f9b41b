//! The kinds of failure. Each request that fails has exactly one, so that the counts of all kinds and the
//! count of successes add up to the count of requests.

use std::fmt;

/// How a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorKind {
    /// No connection came about.
    Connect,
    /// No whole answer came in time.
    Timeout,
    /// The connection broke: reset, or a pipe without a reader.
    Reset,
    /// The connection was closed in good order before the answer was whole.
    Closed,
    /// What came is not the protocol that was expected.
    Protocol,
    /// An answer with a status that was not expected.
    Status(u16),
    /// The status is right, what it says is not.
    Body,
}

impl ErrorKind {
    /// Of what a socket that stands says.
    #[must_use]
    pub fn of(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::TimedOut => Self::Timeout,
            std::io::ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::Reset,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => f.write_str("connect"),
            Self::Timeout => f.write_str("timeout"),
            Self::Reset => f.write_str("reset"),
            Self::Closed => f.write_str("closed"),
            Self::Protocol => f.write_str("protocol"),
            Self::Status(status) => write!(f, "status_{status}"),
            Self::Body => f.write_str("body"),
        }
    }
}
