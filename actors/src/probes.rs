//! What the watchdog looks at beside leases: probes that others gave it. They are kept outside of the
//! actor, so that a restarted one goes on with them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::port::clock::SharedClock;
use crate::port::probe::Probe;
use crate::world::lock;

/// A probe, how often it looks, and how long one look may take. It is forgotten when nobody else has
/// it any more.
pub struct WatchProbe {
    /// From the beginning of one look to that of the next; the first one comes after this time.
    pub every: Duration,
    /// A look that takes longer is dropped.
    pub limit: Duration,
    /// What looks.
    pub probe: Weak<dyn Probe>,
}

/// All probes.
pub struct Probes {
    clock: SharedClock,
    watched: Mutex<Vec<Arc<Watched>>>,
}

struct Watched {
    every_ms: u64,
    limit: Duration,
    probe: Weak<dyn Probe>,
    due_ms: AtomicU64,
    is_looking: AtomicBool,
}

/// Ends a look however it ends: done, dropped or by a panic.
struct Looking(Arc<Watched>);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.is_looking.store(false, Ordering::Release);
    }
}

impl Probes {
    /// None yet.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            watched: Mutex::new(Vec::new()),
        }
    }

    /// Has a probe look from now on.
    pub fn watch(&self, watch: WatchProbe) {
        let every_ms = milliseconds(watch.every).max(1);
        lock(&self.watched).push(Arc::new(Watched {
            every_ms,
            limit: watch.limit,
            probe: watch.probe,
            due_ms: AtomicU64::new(self.clock.now_ms().saturating_add(every_ms)),
            is_looking: AtomicBool::new(false),
        }));
    }

    /// The looks that are due now, to be carried out by the caller. A probe whose last look still goes
    /// on is left out until its next time.
    #[must_use]
    pub fn due(&self) -> Vec<BoxFuture<'static, ()>> {
        let now = self.clock.now_ms();
        let mut watched = lock(&self.watched);
        if watched.is_empty() {
            return Vec::new();
        }
        watched.retain(|it| it.probe.strong_count() > 0);
        let due = watched
            .iter()
            .filter(|it| it.due_ms.load(Ordering::Relaxed) <= now);
        due.filter_map(|it| {
            let next = now.saturating_add(it.every_ms);
            it.due_ms.store(next, Ordering::Relaxed);
            self.look(it)
        })
        .collect()
    }

    fn look(&self, watched: &Arc<Watched>) -> Option<BoxFuture<'static, ()>> {
        let probe = watched.probe.upgrade()?;
        if watched.is_looking.swap(true, Ordering::AcqRel) {
            tracing::debug!(probe = probe.name(), "its last look is not over yet");
            return None;
        }
        let looking = Looking(Arc::clone(watched));
        let clock = Arc::clone(&self.clock);
        let look = async move {
            let limit = looking.0.limit;
            tokio::select! {
                () = probe.look() => {}
                () = clock.sleep(limit) => tracing::warn!(
                    probe = probe.name(), limit_ms = milliseconds(limit), "a look took too long and was dropped"
                ),
            }
            drop(looking);
        };
        Some(look.boxed())
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures_util::future;

    use super::*;
    use crate::clock::VirtualClock;

    /// Counts its looks; each lasts until `go` is cancelled.
    #[derive(Default)]
    struct Slow {
        begun: AtomicUsize,
        go: tokio_util::sync::CancellationToken,
    }

    impl Probe for Slow {
        fn name(&self) -> &'static str {
            "slow"
        }

        fn look(&self) -> BoxFuture<'static, ()> {
            self.begun.fetch_add(1, Ordering::SeqCst);
            let go = self.go.clone();
            async move { go.cancelled().await }.boxed()
        }
    }

    fn watched(clock: &Arc<VirtualClock>, slow: &Arc<Slow>) -> Probes {
        let probes = Probes::new(Arc::clone(clock) as SharedClock);
        let probe: Weak<dyn Probe> = Arc::downgrade(&(Arc::clone(slow) as Arc<dyn Probe>));
        probes.watch(WatchProbe {
            every: Duration::from_secs(30),
            limit: Duration::from_secs(100),
            probe,
        });
        probes
    }

    #[tokio::test]
    async fn a_look_is_due_each_time_and_never_twice_at_once() {
        let (clock, slow) = (Arc::new(VirtualClock::default()), Arc::new(Slow::default()));
        let probes = watched(&clock, &slow);
        assert!(probes.due().is_empty(), "the first one comes later");
        clock.advance(Duration::from_secs(29));
        assert!(probes.due().is_empty());
        clock.advance(Duration::from_secs(1));
        let first = tokio::spawn(future::join_all(probes.due()));
        tokio::task::yield_now().await;
        assert_eq!(slow.begun.load(Ordering::SeqCst), 1);
        clock.advance(Duration::from_secs(30));
        assert!(probes.due().is_empty(), "it still looks");
        slow.go.cancel();
        first.await.expect("looked");
        assert!(probes.due().is_empty(), "its time has been passed over");
        clock.advance(Duration::from_secs(30));
        future::join_all(probes.due()).await;
        assert_eq!(slow.begun.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_look_that_takes_too_long_is_dropped_and_the_next_one_comes() {
        let (clock, slow) = (Arc::new(VirtualClock::default()), Arc::new(Slow::default()));
        let probes = watched(&clock, &slow);
        clock.advance(Duration::from_secs(30));
        let first = tokio::spawn(future::join_all(probes.due()));
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(100));
        first.await.expect("dropped");
        assert_eq!(probes.due().len(), 1);
    }

    #[tokio::test]
    async fn a_probe_that_nobody_has_any_more_is_forgotten() {
        let (clock, slow) = (Arc::new(VirtualClock::default()), Arc::new(Slow::default()));
        let probes = watched(&clock, &slow);
        drop(slow);
        clock.advance(Duration::from_secs(30));
        assert!(probes.due().is_empty());
        assert!(lock(&probes.watched).is_empty());
    }
}
