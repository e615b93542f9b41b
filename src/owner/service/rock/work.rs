//! Working a rock off, taking one up that a dead owner left, and what may be asked of its runs
//! meanwhile.

use std::sync::Arc;

use orket_actors::port::store::RunStatus;
use orket_actors::runtime::{RunReport, RuntimeError};
use orket_core::ids::RunId;

use super::{Item, Place, RockJob};
use crate::owner::ports::RecordsError;
use crate::owner::service::{Refusal, Service};

/// Rocks that are remembered after they ended, for those who look late.
const REMEMBERED: usize = 32;

impl Service {
    /// Takes up the rocks that a dead owner left in the middle. Blocking; for the start of an owner,
    /// before anything is asked of it. Must be called on a runtime.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read.
    pub fn take_up_rocks(&self) -> Result<(), RecordsError> {
        let records = Arc::clone(&self.inner.records);
        for build in records.unfinished_rocks()? {
            if let Some(job) = job_of(&build, records.rock_runs(&build)?) {
                self.register(job);
            }
        }
        Ok(())
    }

    /// Goes on with the rest of the rock of a run that goes on. In words what that is, if anything.
    pub(in crate::owner::service) async fn go_on_with_rock_of(
        &self,
        run: &RunId,
    ) -> Result<Option<String>, Refusal> {
        let id = run.to_string();
        let Some(build) = self
            .records(move |records| records.rock_build_of(&id))
            .await?
        else {
            return Ok(None);
        };
        if self
            .rocks()
            .iter()
            .any(|job| job.build == build && job.is_live())
        {
            return Ok(None);
        }
        let name = build.clone();
        let runs = self
            .records(move |records| records.rock_runs(&name))
            .await?;
        let Some(job) = job_of(&build, runs) else {
            return Ok(None);
        };
        let rest: Vec<String> = job
            .items
            .iter()
            .filter(|item| item.was == RunStatus::Queued && &item.run_id != run)
            .map(|item| format!("{} (run {})", item.epic, item.run_id))
            .collect();
        let words = format!("rock {} goes on after it: {}", job.rock, rest.join(", "));
        self.register(job);
        Ok((!rest.is_empty()).then_some(words))
    }

    /// Remembers a rock and has it worked off.
    pub(super) fn register(&self, job: RockJob) {
        let job = Arc::new(job);
        {
            let mut rocks = self.rocks();
            rocks.push(Arc::clone(&job));
            while rocks.len() > REMEMBERED {
                let Some(ended) = rocks.iter().position(|job| !job.is_live()) else {
                    break;
                };
                rocks.remove(ended);
            }
        }
        tokio::spawn(work_off(self.clone(), job));
    }

    pub(in crate::owner::service) fn has_live_rocks(&self) -> bool {
        self.rocks().iter().any(|job| job.is_live())
    }

    /// Runs whose turn in their rock has not come.
    pub(in crate::owner::service) fn waiting_runs(&self) -> Vec<String> {
        let waits = |job: &Arc<RockJob>| {
            let places = job.places.borrow();
            let waiting = job.items.iter().zip(places.iter());
            let waiting = waiting.filter(|(_, place)| **place == Place::Queued);
            waiting
                .map(|(item, _)| item.run_id.to_string())
                .collect::<Vec<_>>()
        };
        self.rocks().iter().flat_map(waits).collect()
    }

    /// Whether a run waits for its turn in a rock that is worked off.
    pub(in crate::owner::service) fn waits(&self, run: &RunId) -> bool {
        self.place_of(run)
            .is_some_and(|(_, _, place)| place == Place::Queued)
    }

    /// Halts a run whose turn has not come; `false` when it has.
    pub(in crate::owner::service) async fn halt_queued(
        &self,
        run: &RunId,
    ) -> Result<bool, Refusal> {
        let why = || "halted while it waited for its turn".to_owned();
        let engine = &self.inner.engine;
        if let Some((job, index, Place::Queued)) = self.place_of(run) {
            let _turn = job.turn.lock().await;
            if job.place(index) != Some(Place::Queued) {
                return Ok(false);
            }
            engine
                .settle_queued(run.clone(), RunStatus::Halted, why())
                .await?;
            job.set(index, Place::NotBegun);
            return Ok(true);
        }
        // One that a stopped rock left behind; nobody begins it meanwhile.
        let _no_start_meanwhile = self.inner.starting.enter_anyway().await;
        if self
            .place_of(run)
            .is_some_and(|(_, _, place)| matches!(place, Place::Queued | Place::Running))
        {
            return Ok(false);
        }
        let id = run.to_string();
        let report = self.records(move |records| records.report(&id)).await?;
        if report.is_none_or(|report| report.status != RunStatus::Queued.as_str()) {
            return Ok(false);
        }
        engine
            .settle_queued(run.clone(), RunStatus::Halted, why())
            .await?;
        Ok(true)
    }

    /// Resolves when a run is not queued behind other epics of its rock (any more). Whether it has
    /// begun.
    pub(in crate::owner::service) async fn until_its_turn(&self, run: &RunId) -> bool {
        let Some((job, index, _)) = self.place_of(run) else {
            return true;
        };
        let mut places = job.places.subscribe();
        // The sender lives as long as `job`.
        let _ = places
            .wait_for(|places| places.get(index) != Some(&Place::Queued))
            .await;
        job.place(index) != Some(Place::NotBegun)
    }

    /// The newest rock with this run, and the run's place in it.
    fn place_of(&self, run: &RunId) -> Option<(Arc<RockJob>, usize, Place)> {
        let rocks = self.rocks();
        rocks.iter().rev().find_map(|job| {
            let index = job.index(run)?;
            Some((Arc::clone(job), index, job.place(index)?))
        })
    }

    /// Begins one epic, or goes on with it, and waits for its end. `None` when it was halted before
    /// its turn came.
    async fn perform(
        &self,
        job: &RockJob,
        index: usize,
        item: &Item,
    ) -> Result<Option<RunStatus>, RuntimeError> {
        let engine = &self.inner.engine;
        let run = {
            let _turn = job.turn.lock().await;
            if job.place(index) == Some(Place::NotBegun) {
                return Ok(None);
            }
            let run = match engine.resume(item.run_id.clone()).await {
                // Nothing of it is left to do: it has come to its end, or is about to.
                Ok(()) | Err(RuntimeError::Over(..)) => item.run_id.clone(),
                Err(RuntimeError::AlreadyRunning(other)) => {
                    RunId::new(other).unwrap_or_else(|_| item.run_id.clone())
                }
                Err(error) => return Err(error),
            };
            job.set(index, Place::Running);
            run
        };
        let report: RunReport = engine.wait(run.clone()).await?;
        let status = RunStatus::parse(&report.status);
        if run != item.run_id
            && let Some(status) = status
        {
            let why = format!("run {run} of the same build did its work");
            engine
                .settle_queued(item.run_id.clone(), status, why)
                .await?;
        }
        Ok(status)
    }

    /// Writes into the ledger why an epic is not begun.
    async fn settle(&self, job: &RockJob, index: usize, status: RunStatus, why: String) {
        let Some(item) = job.items.get(index) else {
            return;
        };
        let settled = self
            .inner
            .engine
            .settle_queued(item.run_id.clone(), status, why);
        if let Err(error) = settled.await {
            tracing::warn!(run = %item.run_id, %error, "the ledger still calls an epic queued that is not begun");
        }
        job.set(index, Place::NotBegun);
    }
}

/// The job of a rock as the ledger has it; `None` when nothing of it may go on by itself: it is over,
/// or was stopped before whatever still waits.
fn job_of(build: &str, runs: Vec<orket_actors::port::queue::RockRun>) -> Option<RockJob> {
    let goes_on = runs
        .iter()
        .take_while(|run| !is_stopped(run.status))
        .any(|run| matches!(run.status, RunStatus::Queued | RunStatus::Running));
    let rock = runs.first()?.place.rock.clone();
    let items = runs.into_iter().map(Item::taken_up).collect();
    goes_on.then(|| RockJob::new(build.to_owned(), rock, items))
}

/// Whether an operator or a shutdown wants the rock to rest.
const fn is_stopped(status: RunStatus) -> bool {
    match status {
        RunStatus::Halted | RunStatus::Interrupted => true,
        RunStatus::Queued
        | RunStatus::Running
        | RunStatus::Done
        | RunStatus::TerminalFailure
        | RunStatus::Incomplete
        | RunStatus::Failed
        | RunStatus::Skipped => false,
    }
}

/// However the work on a rock ends, nobody waits for it any more.
struct Ended<'a>(&'a RockJob, &'a Service);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.places.send_modify(|places| {
            for place in places {
                *place = match *place {
                    Place::Queued => Place::NotBegun,
                    Place::Running => Place::Over,
                    left => left,
                };
            }
        });
        self.1
            .inner
            .rocks_over
            .send_modify(|rocks| *rocks = rocks.saturating_add(1));
    }
}

async fn work_off(service: Service, job: Arc<RockJob>) {
    let _ended = Ended(&job, &service);
    let mut done: Vec<&str> = Vec::new();
    let mut stopped = false;
    for (index, item) in job.items.iter().enumerate() {
        let status = match job.place(index) {
            Some(Place::Over) | None => Some(item.was),
            Some(Place::NotBegun) => {
                stopped = true;
                continue;
            }
            // What a stopped rock leaves behind goes on waiting in the ledger.
            Some(Place::Queued) if stopped => continue,
            Some(Place::Queued | Place::Running) => {
                let needs = item.depends_on.iter().map(String::as_str);
                let missing: Vec<&str> = needs.filter(|need| !done.contains(need)).collect();
                if job.place(index) == Some(Place::Queued) && !missing.is_empty() {
                    let why = format!("it depends on {}, not done", missing.join(", "));
                    service.settle(&job, index, RunStatus::Skipped, why).await;
                    continue;
                }
                match service.perform(&job, index, item).await {
                    Ok(Some(status)) => Some(status),
                    Ok(None) => Some(RunStatus::Halted),
                    Err(RuntimeError::ShuttingDown) => {
                        if job.place(index) == Some(Place::Queued) {
                            let why = "orket was shut down before its turn came".to_owned();
                            let status = RunStatus::Interrupted;
                            service.settle(&job, index, status, why).await;
                        }
                        Some(RunStatus::Interrupted)
                    }
                    Err(error) => {
                        tracing::error!(run = %item.run_id, epic = %item.epic, %error, "an epic of a rock did not start");
                        let status = RunStatus::Failed;
                        service.settle(&job, index, status, error.to_string()).await;
                        Some(status)
                    }
                }
            }
        };
        if job.place(index) == Some(Place::Running) {
            job.set(index, Place::Over);
        }
        match status {
            Some(RunStatus::Done) => done.push(&item.epic),
            Some(
                RunStatus::Queued | RunStatus::Running | RunStatus::Halted | RunStatus::Interrupted,
            ) => stopped = true,
            Some(
                RunStatus::TerminalFailure
                | RunStatus::Incomplete
                | RunStatus::Failed
                | RunStatus::Skipped,
            )
            | None => {}
        }
    }
}
