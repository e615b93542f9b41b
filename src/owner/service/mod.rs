//! What can be asked of an owner. The routes and the owner's own command go through the same
//! functions; nothing here knows of HTTP or of a terminal.
//!
//! - [`refusal`]: why something was not done.
//! - `start`, `rock`, `control`, `fork`, `follow` with `catch_up`, `look`: the verbs.

pub mod archive;
mod catch_up;
mod control;
mod follow;
mod fork;
mod look;
pub mod refusal;
mod rock;
mod start;
mod turnstile;
pub mod unarchive;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use orket_actors::port::event::RuntimeEvent;
use orket_actors::port::store::RunStatus;
use orket_actors::runtime::{RunReport, Shutdown};
use orket_core::ids::RunId;
use tokio::sync::{Notify, broadcast, mpsc, watch};

use super::hub::Hub;
use super::ports::{Engine, GateView, Planner, Records, RunRow};
use super::surroundings::Surroundings;
use super::wire::{Health, Line};
use crate::events::EventLog;
pub use control::grants_of;
pub use follow::Begin;
pub use fork::{check_fork, place_of};
pub use refusal::Refusal;
use rock::RockJob;
pub use start::{check_request, new_run_id};
use turnstile::Turnstile;

/// The newest runs among which `last` is looked for.
const LOOKED_AT: u32 = 200;
/// Lines that a reader of a run may be behind before its own queue is full.
const LINES: usize = 256;

/// See the file's head; cheap to clone.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Arc<dyn Engine>,
    planner: Arc<dyn Planner>,
    records: Arc<dyn Records>,
    hub: Hub,
    events: EventLog,
    starting: Turnstile,
    rocks: Mutex<Vec<Arc<RockJob>>>,
    /// How many rocks were worked off.
    rocks_over: watch::Sender<u64>,
    closing: AtomicBool,
    stop: Notify,
    stop_at_once: AtomicBool,
    /// Somebody had it stopped at once.
    hurried: watch::Sender<bool>,
    /// The engine is down.
    down: watch::Sender<bool>,
    surroundings: Surroundings,
}

impl Service {
    /// A service over an engine. Must be called on a runtime.
    #[must_use]
    pub fn new(
        engine: Arc<dyn Engine>,
        planner: Arc<dyn Planner>,
        records: Arc<dyn Records>,
        events: EventLog,
        surroundings: Surroundings,
    ) -> Self {
        let hub = Hub::start(engine.subscribe());
        Self {
            inner: Arc::new(Inner {
                engine,
                planner,
                records,
                hub,
                events,
                starting: Turnstile::default(),
                rocks: Mutex::new(Vec::new()),
                rocks_over: watch::Sender::new(0),
                closing: AtomicBool::new(false),
                stop: Notify::new(),
                stop_at_once: AtomicBool::new(false),
                hurried: watch::Sender::new(false),
                down: watch::Sender::new(false),
                surroundings,
            }),
        }
    }

    /// How the owner is.
    pub async fn health(&self) -> Health {
        let closing = self.inner.closing.load(Ordering::Acquire);
        let mut active_runs: Vec<String> = self
            .inner
            .engine
            .active()
            .await
            .into_iter()
            .map(String::from)
            .collect();
        active_runs.extend(self.waiting_runs());
        Health {
            status: if closing { "stopping" } else { "ok" }.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            active_runs,
        }
    }

    /// Runs, newest first.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read.
    pub async fn runs(&self, limit: u32) -> Result<Vec<RunRow>, Refusal> {
        self.records(move |records| records.runs(limit)).await
    }

    /// What persons must decide, or have decided.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read.
    pub async fn gates(&self, status: Option<String>) -> Result<Vec<GateView>, Refusal> {
        self.records(move |records| records.gates(status.as_deref()))
            .await
    }

    /// The run that a text means: its id, the beginning of it, or `last`.
    ///
    /// # Errors
    ///
    /// When there is none, or more than one.
    pub async fn resolve(&self, reference: &str) -> Result<RunRow, Refusal> {
        let records = Arc::clone(&self.inner.records);
        let reference = reference.to_owned();
        blocking(move || resolve_run(records.as_ref(), &reference)).await?
    }

    /// How a run stands.
    ///
    /// # Errors
    ///
    /// When there is no such run or the journal cannot be read.
    pub async fn report(&self, run: &RunId) -> Result<RunReport, Refusal> {
        // Only the engine knows how a run under way stands at this moment; of all others the ledger
        // knows more.
        if self.inner.engine.active().await.contains(run)
            && let Ok(report) = self.inner.engine.report(run.clone()).await
            // One that is about to begin is known better by the ledger, too.
            && report.status != RunStatus::Queued.as_str()
        {
            return Ok(report);
        }
        let run_id = run.to_string();
        let found = self.records(move |records| records.report(&run_id)).await?;
        found.ok_or_else(|| Refusal::unknown_run(run.as_str()))
    }

    /// Follows a run; ends with [`Line::End`]. A [`Line::Beat`] comes when everything was told that has
    /// happened so far. A reader that does not keep up is told of events that are gone meanwhile; one
    /// that goes away ends the work, which lets go of `seat`.
    #[must_use]
    pub fn follow(
        &self,
        run: RunId,
        begin: Begin,
        seat: impl Send + 'static,
    ) -> mpsc::Receiver<Line> {
        let (to, lines) = mpsc::channel(LINES);
        let following = follow::follow(self.clone(), run, begin, to);
        tokio::spawn(async move {
            following.await;
            drop(seat);
        });
        lines
    }

    /// The number of the newest event, of whatever.
    #[must_use]
    pub fn newest_event(&self) -> u64 {
        let (_, told) = self.inner.events.feed().newest();
        told.max(self.inner.hub.newest())
    }

    /// The number of the newest event that a follower is told of out of memory: whoever follows a run
    /// from now on is told of everything up to it before a [`Line::Beat`] says that this is so.
    #[must_use]
    pub fn remembered_event(&self) -> u64 {
        self.inner.hub.newest()
    }

    /// All events from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<RuntimeEvent>> {
        self.inner.engine.subscribe()
    }

    /// How many attempts are under way.
    #[must_use]
    pub fn turns_under_way(&self) -> usize {
        self.inner.engine.turns_under_way()
    }

    /// How many runs are under way.
    #[must_use]
    pub fn active_count(&self) -> usize {
        self.inner.engine.active_count()
    }

    /// Changes whenever the work on a rock ends, however it ends.
    #[must_use]
    pub fn rocks_over(&self) -> watch::Receiver<u64> {
        self.inner.rocks_over.subscribe()
    }

    /// Whether a rock was worked on, or is.
    #[must_use]
    pub fn has_had_rocks(&self) -> bool {
        !self.rocks().is_empty()
    }

    /// Resolves when no run is under way and none is queued; from then on nothing new is begun.
    pub async fn idle(&self) {
        loop {
            let active = {
                let _no_start_meanwhile = self.inner.starting.enter_anyway().await;
                let active = self.inner.engine.active().await;
                if active.is_empty() && !self.has_live_rocks() {
                    self.inner.closing.store(true, Ordering::Release);
                    return;
                }
                active
            };
            let mut waited = false;
            for run in active {
                waited |= self.inner.engine.wait(run).await.is_ok();
            }
            if !waited {
                // A rock between two epics, or an engine that is going down.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// Asks the owner to stop; [`Service::stop_wished`] passes it on.
    pub fn wish_stop(&self, immediate: bool) {
        if immediate {
            self.inner.stop_at_once.store(true, Ordering::Release);
        }
        self.inner.stop.notify_one();
    }

    /// Resolves when somebody asked the owner to stop.
    pub async fn stop_wished(&self) -> Shutdown {
        self.inner.stop.notified().await;
        if self.inner.stop_at_once.load(Ordering::Acquire) {
            Shutdown::Immediate
        } else {
            Shutdown::Graceful
        }
    }

    /// Resolves when the engine cannot go on, with the reason; the owner should leave.
    pub async fn broken(&self) -> String {
        self.inner.engine.broken().await
    }

    /// Says that something happened outside of all runs.
    pub fn emit(&self, event: &str, data: serde_json::Value) {
        self.inner.engine.emit(event, data);
    }

    /// Stops: nothing new begins, what is under way becomes `interrupted`.
    pub async fn shutdown(&self, how: Shutdown) {
        self.inner.closing.store(true, Ordering::Release);
        if how == Shutdown::Immediate {
            self.inner.hurried.send_replace(true);
        }
        self.inner.engine.shutdown(how).await;
        self.inner.down.send_replace(true);
    }

    /// Whether nothing new is begun any more.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.inner.closing.load(Ordering::Acquire)
    }

    /// Resolves when it is stopped at once, be it in the middle of a stop in good order.
    pub async fn hurried(&self) {
        let mut hurried = self.inner.hurried.subscribe();
        // An error means that the service is gone, and nobody waits for anything.
        let _ = hurried.wait_for(|hurried| *hurried).await;
    }

    /// Resolves when the engine is down; whoever follows a run has been told how it ended.
    pub async fn stopped(&self) {
        let mut down = self.inner.down.subscribe();
        // An error means that the service is gone, which is the same.
        let _ = down.wait_for(|down| *down).await;
    }

    async fn records<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Records) -> Result<T, super::ports::RecordsError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let records = Arc::clone(&self.inner.records);
        Ok(blocking(move || read(records.as_ref())).await??)
    }

    fn rocks(&self) -> std::sync::MutexGuard<'_, Vec<Arc<RockJob>>> {
        self.inner
            .rocks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse_when_closing(&self) -> Result<(), Refusal> {
        if self.inner.closing.load(Ordering::Acquire) {
            Err(Refusal::shutting_down())
        } else {
            Ok(())
        }
    }
}

/// Runs blocking work off the arbiter.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    crate::blocking::blocking(work)
        .await
        .map_err(|error| Refusal::internal(format!("a reader broke: {error}")))
}

/// The run that a text means: its id, the beginning of it, or `last`. Blocking.
///
/// # Errors
///
/// When there is none, or more than one.
pub fn resolve_run(records: &dyn Records, reference: &str) -> Result<RunRow, Refusal> {
    if reference == "last" {
        // What still waits for its turn is not what one looked at last.
        let newest = records.runs(LOOKED_AT)?;
        let waits = |run: &RunRow| run.status == RunStatus::Queued;
        let begun = newest.iter().position(|run| !waits(run)).unwrap_or(0);
        let newest = newest.into_iter().nth(begun);
        return newest.ok_or_else(|| {
            Refusal::not_found("there is no run yet").hint("orket run --epic golden_flow")
        });
    }
    if RunId::new(reference).is_err() {
        return Err(Refusal::unknown_run(reference));
    }
    let mut found = records.runs_like(reference)?;
    if let Some(exact) = found.iter().position(|run| run.run_id == reference) {
        return Ok(found.swap_remove(exact));
    }
    match found.len() {
        0 => Err(Refusal::unknown_run(reference)),
        1 => Ok(found.swap_remove(0)),
        _ => {
            let ids: Vec<&str> = found.iter().map(|run| run.run_id.as_str()).collect();
            Err(Refusal::bad_request(format!(
                "`{reference}` is the beginning of several runs: {}",
                ids.join(", ")
            )))
        }
    }
}
