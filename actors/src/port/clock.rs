//! Time as a port, so that tests can move it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

/// Two clocks: a monotonic one for waiting, a wall clock for the record.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds of a monotonic clock; its zero means nothing.
    fn now_ms(&self) -> u64;

    /// Milliseconds since 1970-01-01 UTC.
    fn wall_ms(&self) -> i64;

    /// Resolves when `wait` has passed.
    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()>;
}

/// A shared clock.
pub type SharedClock = Arc<dyn Clock>;
