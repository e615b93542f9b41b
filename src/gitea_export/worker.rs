//! Exports each run that ends, one after another, while an owner is there.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use orket_actors::event_bus::About;
use orket_actors::port::event::{EventSink, RuntimeEvent};
use orket_actors::port::store::RunStatus;
use orket_actors::runtime::{Runtime, Shutdown};
use orket_gitea::Exporter;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use crate::owner::host::wall_ms;
use crate::storage::Reader;
use crate::storage::reader::{SessionFilter, SessionRow};

/// Runs that may wait. More are found in the journal when the owner stops.
const WAITING: usize = 1_024;
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
pub struct Orders(mpsc::Receiver<Order>);

/// Hears which runs have ended.
#[derive(Clone)]
pub struct Ended(mpsc::Sender<Order>);

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
pub struct Exports(mpsc::Sender<Order>);

impl Ended {
    /// The sink, and what the worker listens to.
    #[must_use]
    pub fn new() -> (Self, Orders) {
        let (orders, ordered) = mpsc::channel(WAITING);
        (Self(orders), Orders(ordered))
    }
}

impl EventSink for Ended {
    fn take(&self, event: &Arc<RuntimeEvent>) {
        if event.event != "session_end" {
            return;
        }
        if let Some(run_id) = &event.run_id {
            // When there is no room, the journal is asked at the end.
            let _ = self.0.try_send(Order::Ended(run_id.clone()));
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
            since_ms: wall_ms(),
            seen: HashSet::new(),
        };
        tokio::spawn(worker.run(orders.0));
        Self(ended.0)
    }

    /// Exports every run that has ended since the start, then ends. A shutdown in good order waits for
    /// it, for the run of a command that ends with it was not exported before; one at once does not.
    pub async fn finish(self, how: Shutdown) {
        if how == Shutdown::Immediate {
            return;
        }
        let (done, finished) = oneshot::channel();
        if self.0.send(Order::Finish(done)).await.is_ok() {
            // An error means that the worker is gone, and there is nobody to wait for.
            let _ = finished.await;
        }
    }
}

struct Worker {
    work: Work,
    runtime: Runtime,
    reader: Reader,
    since_ms: i64,
    /// Runs and when they ended: one that was resumed ends again.
    seen: HashSet<(String, i64)>,
}

impl Worker {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        while let Some(order) = orders.recv().await {
            match order {
                Order::Ended(run_id) => {
                    match self.reader.run(move |reader| reader.session(&run_id)).await {
                        Ok(Some(row)) => self.export(row).await,
                        Ok(None) => {}
                        Err(error) => {
                            tracing::warn!(%error, "a run that ended cannot be read; `orket export --gitea` exports it")
                        }
                    }
                }
                Order::Finish(done) => {
                    self.catch_up().await;
                    // Whoever asked may be gone.
                    let _ = done.send(());
                    return;
                }
            }
        }
    }

    /// Exports what ended and was not heard of: the word of the end may still be on its way.
    async fn catch_up(&mut self) {
        let filter = SessionFilter {
            status: EXPORTED.to_vec(),
            limit: 1_000,
            ..SessionFilter::default()
        };
        let since = self.since_ms;
        let rows = self.reader.run(move |reader| reader.sessions(&filter));
        match rows.await {
            Ok(rows) => {
                for row in rows {
                    if row.ended_ms.is_some_and(|ended| ended >= since) {
                        self.export(row).await;
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "runs that ended cannot be read; `orket export --gitea` exports them")
            }
        }
    }

    async fn export(&mut self, row: SessionRow) {
        let Some(ended_ms) = row.ended_ms.filter(|_| EXPORTED.contains(&row.status)) else {
            return;
        };
        if !self.seen.insert((row.run_id.clone(), ended_ms)) {
            return;
        }
        if let Some(log) = &self.work.written {
            log.flush().await;
        }
        let (run_id, workspace) = (row.run_id.clone(), row.workspace.clone());
        let Work {
            exporter,
            durable_root,
            ..
        } = &self.work;
        match super::export(exporter, row, durable_root).await {
            Ok(exported) => {
                let told = json!({
                    "run_id": run_id, "provider": exported.provider, "owner": exported.owner,
                    "repo": exported.repo, "branch": exported.branch, "path": exported.path,
                    "url": exported.url, "commit": exported.commit,
                });
                self.tell("run_artifacts_exported", &run_id, &workspace, told);
            }
            Err(error) => {
                tracing::warn!(run_id, %error, "a run was not exported; `orket export --gitea {run_id}` tries again");
                let told = json!({"run_id": run_id, "provider": "gitea", "error": error});
                self.tell("run_artifact_export_failed", &run_id, &workspace, told);
            }
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
