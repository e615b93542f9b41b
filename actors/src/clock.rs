//! Two clocks: the machine's, and one that tests move.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::port::clock::Clock;

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    zero: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            zero: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.zero.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn wall_ms(&self) -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| {
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            })
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(wait).boxed()
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub struct VirtualClock {
    now: AtomicU64,
    sleepers: Mutex<BTreeMap<(u64, u64), oneshot::Sender<()>>>,
    next: AtomicU64,
}

impl VirtualClock {
    /// Moves time on, waking every sleeper whose time has come, in order.
    pub fn advance(&self, by: Duration) {
        let to = self
            .now
            .load(Ordering::SeqCst)
            .saturating_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX));
        self.now.store(to, Ordering::SeqCst);
        let mut sleepers = self.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(entry) = sleepers.first_entry() {
            if entry.key().0 > to {
                break;
            }
            // A sleeper that was dropped meanwhile needs no waking.
            let _ = entry.remove().send(());
        }
    }

    /// When the next sleeper wakes, in milliseconds of this clock.
    #[must_use]
    pub fn next_wake_ms(&self) -> Option<u64> {
        let sleepers = self.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
        sleepers
            .iter()
            .find(|(_, sleeper)| !sleeper.is_closed())
            .map(|((at, _), _)| *at)
    }
}

impl Clock for VirtualClock {
    fn now_ms(&self) -> u64 {
        self.now.load(Ordering::SeqCst)
    }

    fn wall_ms(&self) -> i64 {
        // A fixed day, so that records of tests are the same every time: 2026-01-01T00:00:00Z.
        1_767_225_600_000 + i64::try_from(self.now_ms()).unwrap_or(i64::MAX / 2)
    }

    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        let at = self
            .now_ms()
            .saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        if wait.is_zero() {
            return futures_util::future::ready(()).boxed();
        }
        let (wake, woken) = oneshot::channel();
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        self.sleepers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((at, number), wake);
        woken.map(|_| ()).boxed()
    }
}
