//! The journal as files under `observability/`: written off the turn's path, by temporary file and
//! rename, never flushed to disk. Losing them loses nothing; [`export()`] writes them again.
//!
//! What the files hold is decided in [`orket_core::artifact`]; when a record is made, by the
//! actors. Here is only the backlog, the threads and the writing.

mod backlog;
mod export;
mod shown;
mod write;

use std::collections::HashSet;
use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use orket_actors::fault;
use orket_actors::port::record::{Projector, TurnRecord};
use orket_core::artifact::{Extent, TurnMeta, ending, extent};

use backlog::{Backlog, Ticket};
use write::Writer;

pub use export::{ExportReport, export};
pub use shown::Shown;
pub use write::ProjectionError;

/// How projections are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProjectionOptions {
    /// Threads that write.
    pub threads: NonZeroUsize,
    /// Records that may wait or be under way; `project` waits while there are so many.
    pub backlog: NonZeroUsize,
}

impl Default for ProjectionOptions {
    fn default() -> Self {
        Self {
            threads: NonZeroUsize::new(2).unwrap_or(NonZeroUsize::MIN),
            backlog: NonZeroUsize::new(1_024).unwrap_or(NonZeroUsize::MIN),
        }
    }
}

/// What has been written since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProjectionStats {
    /// Records written whole.
    pub written: u64,
    /// Records that met an error; the journal still has them.
    pub failed: u64,
    /// Records whose writing panicked; likewise.
    pub panicked: u64,
}

/// The projector of a running owner.
///
/// Dropping it writes what is queued and joins the threads; await [`Projector::drained`] first
/// where blocking would hurt.
pub struct Projections {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    backlog: Arc<Backlog>,
    /// Bounded by the permits of `backlog`, not by itself.
    queue: crossbeam_channel::Sender<Job>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    written: AtomicU64,
    failed: AtomicU64,
    panicked: AtomicU64,
    /// Kinds of error that were told already.
    told: Mutex<HashSet<String>>,
}

enum Job {
    Write(TurnRecord, Ticket),
    Stop,
}

impl Projections {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn start(options: ProjectionOptions) -> io::Result<Self> {
        let (queue, jobs) = crossbeam_channel::unbounded();
        let shared = Arc::new(Shared {
            backlog: Arc::new(Backlog::new(options.backlog)),
            queue,
            counts: Counts::default(),
        });
        let mut projections = Self {
            shared,
            threads: Vec::with_capacity(options.threads.get()),
        };
        for number in 0..options.threads.get() {
            let shared = Arc::clone(&projections.shared);
            let jobs = jobs.clone();
            let thread = std::thread::Builder::new()
                .name(format!("orket-projector-{number}"))
                .spawn(move || work(&shared.counts, &jobs))?;
            projections.threads.push(thread);
        }
        Ok(projections)
    }

    /// Records that wait to be written.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.backlog.waiting()
    }

    /// What has been written so far.
    #[must_use]
    pub fn stats(&self) -> ProjectionStats {
        let counts = &self.shared.counts;
        ProjectionStats {
            written: counts.written.load(Ordering::Relaxed),
            failed: counts.failed.load(Ordering::Relaxed),
            panicked: counts.panicked.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Projections {
    fn drop(&mut self) {
        // Behind everything queued, one for each thread.
        for _ in &self.threads {
            let _ = self.shared.queue.send(Job::Stop);
        }
        for thread in self.threads.drain(..) {
            // A worker catches panics; there is nothing left to report.
            let _ = thread.join();
        }
    }
}

impl Projector for Projections {
    fn project(&self, record: TurnRecord) -> BoxFuture<'static, ()> {
        if extent(record.mode, ending(&record.steps)) == Extent::Nothing {
            return ready(()).boxed();
        }
        let shared = Arc::clone(&self.shared);
        async move {
            let Some(ticket) = shared.backlog.admit().await else {
                return;
            };
            // Fails only when every worker is gone, that is after the drop.
            if shared.queue.send(Job::Write(record, ticket)).is_err() {
                shared.counts.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
        .boxed()
    }

    fn drained(&self) -> BoxFuture<'static, ()> {
        let backlog = Arc::clone(&self.shared.backlog);
        async move { backlog.drained().await }.boxed()
    }
}

/// One worker: writes until told to stop.
fn work(counts: &Counts, jobs: &crossbeam_channel::Receiver<Job>) {
    let mut writer = Writer::default();
    while let Ok(Job::Write(record, ticket)) = jobs.recv() {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            fault::point("projector.before_write");
            let written = writer.write(&record);
            fault::point("projector.after_write");
            written
        }));
        match outcome {
            Ok(Ok(_)) => {
                counts.written.fetch_add(1, Ordering::Relaxed);
            }
            Ok(Err(error)) => {
                counts.failed.fetch_add(1, Ordering::Relaxed);
                counts.tell_once(&error);
            }
            Err(_) => {
                counts.panicked.fetch_add(1, Ordering::Relaxed);
                // Half-changed handles are worth nothing.
                writer = Writer::default();
                tracing::error!(
                    run_id = record.run_id,
                    issue_id = record.issue_id,
                    "a projector thread panicked and goes on; `orket export {}` writes the files again",
                    record.run_id
                );
            }
        }
        drop(ticket);
    }
}

impl Counts {
    fn tell_once(&self, error: &ProjectionError) {
        let new = self
            .told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(error.kind());
        if new {
            tracing::warn!(
                "artifact files could not be written: {error}; the journal has everything, \
                 `orket export` writes them again; further errors of this kind are only counted"
            );
        }
    }
}

/// The identity of a record, as the file layout wants it.
fn meta(record: &TurnRecord) -> TurnMeta<'_> {
    TurnMeta {
        run_id: &record.run_id,
        issue_id: &record.issue_id,
        role: &record.role,
        turn: record.turn,
        attempt: record.attempt,
        ended_ms: record.ended_ms,
        plan: record.plan.as_deref(),
    }
}
