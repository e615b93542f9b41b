//! Exports each run that ends, one after another, while an owner is there; at its start those that
//! earlier owners left.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use orket_actors::event_bus::About;
use orket_actors::port::event::{EventSink, RuntimeEvent};
use orket_actors::port::store::{RunStatus, StoreError};
use orket_actors::runtime::{Runtime, Shutdown};
use orket_gitea::Exporter;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::kept;
use super::pending::Pending;
use crate::owner::host::wall_ms;
use crate::storage::Reader;
use crate::storage::reader::{SessionFilter, SessionRow};

/// Ends that may wait to be heard of. More are found in the journal.
const WAITING: usize = 1_024;
/// All exports together, when an owner stops. The next one does the rest.
const AT_STOP: Duration = Duration::from_secs(10);
/// Until the journal is read again that could not be read.
const READ_AGAIN: Duration = Duration::from_secs(60);
/// Runs that ended longer ago are left to the operator.
const KEPT_UP_FOR_MS: i64 = 30 * DAY_MS;
/// How long a run that is looked for may have taken.
const LONGEST_RUN_MS: i64 = 7 * DAY_MS;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Rows of the journal that are read at once.
const PAGE: u32 = 500;
/// States in which a run's files are worth keeping; an interrupted one goes on by itself.
const EXPORTED: [RunStatus; 5] = [
    RunStatus::Done,
    RunStatus::TerminalFailure,
    RunStatus::Incomplete,
    RunStatus::Failed,
    RunStatus::Halted,
];

enum Order {
    Ended(String),
    Finish(oneshot::Sender<()>),
}

/// What the worker is asked through.
pub struct Orders {
    orders: mpsc::Receiver<Order>,
    missed: Arc<AtomicBool>,
}

/// Hears which runs have ended.
#[derive(Clone)]
pub struct Ended {
    orders: mpsc::Sender<Order>,
    /// There was no room for one; the journal is to be asked.
    missed: Arc<AtomicBool>,
}

/// What an export needs.
pub struct Work {
    /// Where to.
    pub exporter: Exporter,
    /// The log, which is to be whole before its lines are taken.
    pub written: Option<Arc<dyn EventSink>>,
    /// The data folder.
    pub durable_root: PathBuf,
}

/// The exports of an owner.
pub struct Exports {
    orders: mpsc::Sender<Order>,
    worker: JoinHandle<()>,
}

impl Ended {
    /// The sink, and what the worker listens to.
    #[must_use]
    pub fn new() -> (Self, Orders) {
        let (orders, ordered) = mpsc::channel(WAITING);
        let missed = Arc::new(AtomicBool::new(false));
        let ordered = Orders {
            orders: ordered,
            missed: Arc::clone(&missed),
        };
        (Self { orders, missed }, ordered)
    }
}

impl EventSink for Ended {
    fn take(&self, event: &Arc<RuntimeEvent>) {
        if event.event != "session_end" {
            return;
        }
        if let Some(run_id) = &event.run_id
            && self.orders.try_send(Order::Ended(run_id.clone())).is_err()
        {
            self.missed.store(true, Ordering::Release);
        }
    }

    fn flush(&self) -> BoxFuture<'static, ()> {
        ready(()).boxed()
    }
}

impl Exports {
    /// Starts the worker. Needs a tokio runtime, which actix brings.
    #[must_use]
    pub fn start(
        ended: Ended,
        orders: Orders,
        work: Work,
        runtime: Runtime,
        reader: Reader,
    ) -> Self {
        let worker = Worker {
            work,
            runtime,
            reader,
            missed: orders.missed,
            look_at: Some(Instant::now()),
            pending: Pending::default(),
        };
        Self {
            orders: ended.orders,
            worker: tokio::spawn(worker.run(orders.orders)),
        }
    }

    /// Exports what has ended and did not fail before, then ends. A shutdown in good order waits ten
    /// seconds for it, or until `hurry` resolves; one at once does not wait. What is not exported then,
    /// the next start finds.
    pub async fn finish(self, how: Shutdown, hurry: impl Future<Output = ()>) {
        self.finish_within(how, AT_STOP, hurry).await;
    }

    async fn finish_within(
        mut self,
        how: Shutdown,
        limit: Duration,
        hurry: impl Future<Output = ()>,
    ) {
        if how != Shutdown::Immediate {
            let (orders, worker) = (&self.orders, &self.worker);
            let finishing = async {
                let (done, finished) = oneshot::channel();
                if orders.send(Order::Finish(done)).await.is_ok() {
                    // An error means that the worker is gone, and there is nobody to wait for.
                    let _ = finished.await;
                }
            };
            let finished = tokio::select! {
                finished = timeout(limit, finishing) => finished.is_ok(),
                () = hurry => false,
            };
            if !finished && !worker.is_finished() {
                tracing::warn!(
                    "runs that have ended are not exported to Gitea yet; the next start does it, or `orket export --gitea RUN`"
                );
            }
        }
        self.worker.abort();
        // That it was stopped is what was wanted. A git that it ran is killed by then.
        let _ = (&mut self.worker).await;
    }
}

struct Worker {
    work: Work,
    runtime: Runtime,
    reader: Reader,
    missed: Arc<AtomicBool>,
    /// When the journal is looked at for runs that nobody told of.
    look_at: Option<Instant>,
    pending: Pending,
}

impl Worker {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            let now = Instant::now();
            let is_time = self.look_at.is_some_and(|at| at <= now);
            if self.missed.swap(false, Ordering::AcqRel) || is_time {
                self.look().await;
            }
            let order = match self.pending.next(now) {
                // Whoever stops does not wait for all that is due.
                Some(run_id) => match orders.try_recv() {
                    Ok(order) => order,
                    Err(mpsc::error::TryRecvError::Empty) => {
                        self.export(&run_id).await;
                        continue;
                    }
                    Err(mpsc::error::TryRecvError::Disconnected) => return,
                },
                None => {
                    let next = [self.look_at, self.pending.due()];
                    let next = next.into_iter().flatten().min();
                    let due = async {
                        match next {
                            Some(at) => sleep_until(at).await,
                            None => std::future::pending().await,
                        }
                    };
                    tokio::select! {
                        order = orders.recv() => match order {
                            Some(order) => order,
                            None => return,
                        },
                        () = due => continue,
                    }
                }
            };
            match order {
                Order::Ended(run_id) => self.heard(run_id).await,
                Order::Finish(done) => {
                    // The word of an end may still be on its way.
                    self.look().await;
                    while let Some(run_id) = self.pending.next_fresh() {
                        self.export(&run_id).await;
                    }
                    if self.pending.len() > 0 {
                        let runs = self.pending.len();
                        tracing::warn!(
                            runs,
                            "runs are not exported to Gitea; the next start tries again"
                        );
                    }
                    // Whoever asked may be gone.
                    let _ = done.send(());
                    return;
                }
            }
        }
    }

    /// Takes up a run whose end was told.
    async fn heard(&mut self, run_id: String) {
        match self.row(&run_id).await {
            Ok(Some(row)) => {
                if let Some(ended_ms) = ended(&row) {
                    self.pending.add(&run_id, ended_ms, Instant::now());
                }
            }
            Ok(None) => {}
            Err(error) => self.unreadable(&error),
        }
    }

    async fn row(&self, run_id: &str) -> Result<Option<SessionRow>, String> {
        let run_id = run_id.to_owned();
        let row = self.reader.run(move |reader| reader.session(&run_id)).await;
        row.map_err(|error| error.to_string())
    }

    /// Takes up every run that has ended since exports were switched on and was not exported.
    async fn look(&mut self) {
        self.look_at = None;
        let root = self.work.durable_root.clone();
        let now_ms = wall_ms();
        let since = crate::blocking::blocking(move || kept::switched_on_ms(&root, now_ms)).await;
        let since_ms = match since {
            Ok(Ok(since_ms)) => since_ms.max(now_ms.saturating_sub(KEPT_UP_FOR_MS)),
            Ok(Err(error)) => return self.unreadable(&error),
            Err(error) => return self.unreadable(&error),
        };
        let root = self.work.durable_root.clone();
        let left = self
            .reader
            .run(move |reader| left(reader, &root, since_ms))
            .await;
        match left {
            Ok(left) => {
                let now = Instant::now();
                for (run_id, ended_ms) in left {
                    self.pending.add(&run_id, ended_ms, now);
                }
            }
            Err(error) => self.unreadable(&error),
        }
    }

    fn unreadable(&mut self, error: &dyn std::fmt::Display) {
        tracing::warn!(%error, "runs that ended cannot be read; they are exported later");
        self.look_at = Some(Instant::now() + READ_AGAIN);
    }

    async fn export(&mut self, run_id: &str) {
        let row = match self.row(run_id).await {
            // Whoever asks for it by hand may have been quicker, and it may have been resumed.
            Ok(row) => row.filter(|row| {
                ended(row).is_some_and(|at| !kept::is_kept(&self.work.durable_root, run_id, at))
            }),
            Err(error) => {
                self.failed(run_id, "", error);
                return;
            }
        };
        let Some(row) = row else {
            self.pending.remove(run_id);
            return;
        };
        if let Some(log) = &self.work.written {
            log.flush().await;
        }
        let workspace = row.workspace.clone();
        let Work {
            exporter,
            durable_root,
            ..
        } = &self.work;
        match super::export(exporter, row, durable_root).await {
            Ok(exported) => {
                self.pending.remove(run_id);
                let told = json!({
                    "run_id": run_id, "provider": exported.provider, "owner": exported.owner,
                    "repo": exported.repo, "branch": exported.branch, "path": exported.path,
                    "url": exported.url, "commit": exported.commit,
                });
                self.tell("run_artifacts_exported", run_id, &workspace, told);
            }
            Err(error) => self.failed(run_id, &workspace, error),
        }
    }

    /// Tells of the first failure alone: a Gitea that is away for a day is one event of a run.
    fn failed(&mut self, run_id: &str, workspace: &str, error: String) {
        let failures = self.pending.failed(run_id, Instant::now());
        tracing::warn!(
            run_id, failures, %error,
            "a run was not exported; it is tried again, and `orket export --gitea {run_id}` does it at once"
        );
        if failures == 1 {
            let told = json!({"run_id": run_id, "provider": "gitea", "error": error});
            self.tell("run_artifact_export_failed", run_id, workspace, told);
        }
    }

    fn tell(&self, event: &str, run_id: &str, workspace: &str, data: Value) {
        let about = About {
            run: Some(run_id),
            card: None,
            workspace: Some(workspace).filter(|workspace| !workspace.is_empty()),
            role: "orchestrator",
        };
        self.runtime.emit(event, about, data);
    }
}

/// When a run ended whose files are worth keeping.
fn ended(row: &SessionRow) -> Option<i64> {
    row.ended_ms.filter(|_| EXPORTED.contains(&row.status))
}

/// Runs that have ended since then and were not exported, with when they ended. Blocks.
fn left(
    reader: &Reader,
    durable_root: &Path,
    since_ms: i64,
) -> Result<Vec<(String, i64)>, StoreError> {
    let started_after = since_ms.saturating_sub(LONGEST_RUN_MS);
    let mut filter = SessionFilter {
        status: EXPORTED.to_vec(),
        limit: PAGE,
        ..SessionFilter::default()
    };
    let mut left = Vec::new();
    loop {
        // Newest start first.
        let rows = reader.sessions(&filter)?;
        for row in &rows {
            if row.started_ms < started_after {
                return Ok(left);
            }
            if let Some(ended_ms) = ended(row)
                && ended_ms >= since_ms
                && !kept::is_kept(durable_root, &row.run_id, ended_ms)
            {
                left.push((row.run_id.clone(), ended_ms));
            }
        }
        match rows.last() {
            Some(last) => filter.after = Some((last.started_ms, last.run_id.clone())),
            None => return Ok(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_worker_that_hangs_keeps_nobody_from_stopping() {
        let long = Duration::from_secs(3_600);
        for (how, limit, is_hurried) in [
            (Shutdown::Graceful, Duration::from_millis(1), false),
            (Shutdown::Graceful, long, true),
            (Shutdown::Immediate, long, false),
        ] {
            let (orders, mut ordered) = mpsc::channel(1);
            // Dropped with the worker.
            let (exporting, mut over) = mpsc::channel::<()>(1);
            let worker = tokio::spawn(async move {
                let _order = ordered.recv().await;
                std::future::pending::<()>().await;
                drop(exporting);
            });
            let exports = Exports { orders, worker };
            let hurry = async {
                if !is_hurried {
                    std::future::pending::<()>().await;
                }
            };
            let stopped = exports.finish_within(how, limit, hurry);
            timeout(Duration::from_secs(60), stopped)
                .await
                .expect("stopped");
            assert_eq!(over.recv().await, None);
        }
    }
}
