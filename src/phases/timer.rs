//! An owner's timer: phases are looked after once a minute, and started when a rock's work ends.

use std::time::Duration;

use orket_actors::port::clock::SharedClock;
use orket_actors::runtime::Shutdown;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::Phases;

/// How often phases are looked after.
pub const EVERY: Duration = Duration::from_secs(60);

/// How long a look under way may take when an owner stops in good order.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same when it stops at once.
const HASTE: Duration = Duration::from_secs(1);

/// A running timer.
#[derive(Debug)]
pub struct Timer {
    stop: oneshot::Sender<bool>,
    task: JoinHandle<()>,
}

impl Timer {
    /// Runs it until [`Timer::stop`]. `rocks_over` changes whenever the work on a rock ends. Must be called
    /// on a runtime.
    #[must_use]
    pub fn start(phases: Phases, clock: SharedClock, rocks_over: watch::Receiver<u64>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(run(phases, clock, rocks_over, stopped));
        Self { stop, task }
    }

    /// Ends it. In good order, the phases of rocks that were built meanwhile are started first when
    /// `rocks_were_run`; otherwise the next owner does it.
    ///
    /// A look that takes long (a sandbox that does not go) is left behind after a while: each step of it
    /// is whole, and the next owner goes on.
    pub async fn stop(self, how: Shutdown, rocks_were_run: bool) {
        let (looks_once_more, patience) = match how {
            Shutdown::Graceful => (rocks_were_run, PATIENCE),
            Shutdown::Immediate => (false, HASTE),
        };
        // It may have ended by itself: then there is nothing to stop.
        let _ = self.stop.send(looks_once_more);
        let task = self.task.abort_handle();
        match tokio::time::timeout(patience, self.task).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "the timer of bug-fix phases broke; the next owner goes on");
            }
            Err(_) => {
                task.abort();
                tracing::warn!("a look at bug-fix phases is left behind; the next owner goes on");
            }
        }
    }
}

async fn run(
    phases: Phases,
    clock: SharedClock,
    mut rocks_over: watch::Receiver<u64>,
    mut stopped: oneshot::Receiver<bool>,
) {
    // What a dead owner left.
    let mut may_be_built = true;
    let looks_once_more = loop {
        let is_done = once(&phases, clock.wall_ms(), may_be_built).await;
        may_be_built = may_be_built && !is_done;
        tokio::select! {
            () = clock.sleep(EVERY) => {}
            changed = rocks_over.changed() => {
                if changed.is_err() {
                    break false;
                }
                may_be_built = true;
            }
            how = &mut stopped => break how.unwrap_or(false),
        }
    };
    if looks_once_more {
        once(&phases, clock.wall_ms(), true).await;
    }
    phases.close().await;
}

/// As a task of its own: a panic in it is the end of this look only. Whether built rocks were found.
async fn once(phases: &Phases, now_ms: i64, may_be_built: bool) -> bool {
    let phases = phases.clone();
    let looking = tokio::spawn(async move {
        let mut is_done = true;
        if may_be_built && let Err(error) = phases.start_for_built_rocks(now_ms).await {
            tracing::warn!(%error, "bug-fix phases of rocks that were built could not be started");
            is_done = false;
        }
        if let Err(error) = phases.look_after_all(now_ms).await {
            tracing::warn!(%error, "bug-fix phases could not be looked after");
        }
        is_done
    });
    looking.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a look at bug-fix phases broke off");
        false
    })
}
