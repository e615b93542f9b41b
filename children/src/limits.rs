//! What a child process may use. All limits of a child are set here and enforced where it is
//! supervised.

use std::time::Duration;

/// The limits of one child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long it may run; `None` leaves it to the watchdog.
    pub wall: Option<Duration>,
    /// How many bytes of each output stream are kept; the rest is read and thrown away.
    pub output: usize,
    /// How many bytes of address space it may take (`RLIMIT_AS`); `None` for what Orket may.
    pub memory: Option<u64>,
}
