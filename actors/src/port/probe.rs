//! Something that is looked at again and again for as long as it lives.

use futures_util::future::BoxFuture;

/// What a [`crate::watchdog::Watchdog`] has looked at. Whoever implements it says what a look means and
/// keeps what it found.
pub trait Probe: Send + Sync + 'static {
    /// Its name, for diagnostics.
    fn name(&self) -> &'static str;

    /// Looks once. It runs on the watchdog's thread, so it never blocks; it is dropped when its time
    /// is over, so what must not be left half done belongs in a task of its own.
    fn look(&self) -> BoxFuture<'static, ()>;
}
