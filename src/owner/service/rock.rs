//! Rocks: their epics one after another, each a run of its own. Everything is planned, and so
//! checked, before the first one starts. An epic that fails holds back those that depend on it and
//! no others; one that is halted or interrupted ends the rock until it is started again.

use std::collections::BTreeMap;
use std::sync::Arc;

use orket_actors::port::store::RunStatus;
use orket_actors::runtime::{NewRun, RunReport, RuntimeError};
use orket_core::ids::RunId;
use tokio::sync::watch;

use super::start::{Checked, can_go_on};
use super::{Refusal, Service, blocking};
use crate::owner::builds::{choose_rock, epic_build, rock_order};
use crate::owner::ports::{PlanRefusal, RunRow};
use crate::owner::wire::{Outcome, Started, StartedRun};

/// Rocks that are remembered after they ended, for those who look late.
const REMEMBERED: usize = 32;

/// Where one epic of a rock stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    /// Its turn has not come.
    Queued,
    /// The engine has it.
    Running,
    /// It never reached the engine: held back, failed to start, or halted while queued.
    Apart(RunReport),
    /// It is over; the report is the engine's.
    Over,
}

/// One epic of a rock.
struct Item {
    epic: String,
    run_id: RunId,
    build_id: String,
    depends_on: Vec<String>,
    outcome: Outcome,
}

/// A rock under way.
pub(super) struct RockJob {
    build: String,
    rock: String,
    items: Vec<Item>,
    places: watch::Sender<Vec<Place>>,
}

impl RockJob {
    fn index(&self, run: &RunId) -> Option<usize> {
        self.items.iter().position(|item| &item.run_id == run)
    }

    fn place(&self, index: usize) -> Option<Place> {
        self.places.borrow().get(index).cloned()
    }

    fn set(&self, index: usize, place: Place) {
        self.places.send_modify(|places| {
            if let Some(slot) = places.get_mut(index) {
                *slot = place;
            }
        });
    }

    fn is_live(&self) -> bool {
        self.places
            .borrow()
            .iter()
            .any(|place| matches!(place, Place::Queued | Place::Running))
    }

    fn answer(&self, attached: bool, warnings: Vec<String>) -> Started {
        let runs: Vec<StartedRun> = self
            .items
            .iter()
            .map(|item| {
                let outcome = if attached {
                    Outcome::Attached
                } else {
                    item.outcome
                };
                let words = match outcome {
                    Outcome::Queued | Outcome::Started => {
                        format!(
                            "epic {}: run {} on build {}",
                            item.epic, item.run_id, item.build_id
                        )
                    }
                    Outcome::Attached => {
                        format!(
                            "epic {}: run {} belongs to a rock under way",
                            item.epic, item.run_id
                        )
                    }
                    Outcome::Resumed => {
                        format!("epic {}: going on with run {}", item.epic, item.run_id)
                    }
                    Outcome::AlreadyDone => {
                        format!("epic {}: done by run {}", item.epic, item.run_id)
                    }
                };
                StartedRun {
                    run_id: item.run_id.to_string(),
                    build_id: item.build_id.clone(),
                    epic: item.epic.clone(),
                    outcome,
                    words,
                }
            })
            .collect();
        let first = runs.first();
        Started {
            run_id: first.map(|run| run.run_id.clone()).unwrap_or_default(),
            run_ids: runs.iter().map(|run| run.run_id.clone()).collect(),
            outcome: first.map_or(Outcome::AlreadyDone, |run| run.outcome),
            rock: Some(self.rock.clone()),
            runs,
            warnings,
        }
    }
}

impl Service {
    pub(super) async fn start_rock(&self, wish: Checked) -> Result<Started, Refusal> {
        if wish.target.is_some() {
            return Err(Refusal::bad_request(
                "a rock has no single card to target; name its epic instead",
            ));
        }
        let planner = Arc::clone(&self.inner.planner);
        let (name, department) = (wish.name.clone(), wish.department.clone());
        let listed = blocking(move || planner.rock(&name, &department)).await??;
        if listed.is_empty() {
            return Err(
                PlanRefusal::Invalid(vec![format!("rock `{}` lists no epic", wish.name)]).into(),
            );
        }
        let graph: Vec<(String, Vec<String>)> = listed
            .iter()
            .map(|entry| (entry.epic.clone(), entry.depends_on.clone()))
            .collect();
        let order = rock_order(&graph).map_err(|problem| {
            PlanRefusal::Invalid(vec![format!("rock `{}`: {problem}", wish.name)])
        })?;
        let mut histories: Vec<(String, Vec<RunRow>)> = Vec::new();
        for (epic, _) in &graph {
            let name = epic.clone();
            let runs = self
                .records(move |records| records.builds_of(&name))
                .await?;
            histories.push((epic.clone(), runs));
        }
        let given = wish.build_id.as_ref().map(|build| build.as_str());
        let build = choose_rock(&wish.name, given, &histories);
        if let Some(job) = self
            .rocks()
            .iter()
            .find(|job| job.build == build && job.is_live())
        {
            return Ok(job.answer(true, Vec::new()));
        }
        let mut items = Vec::new();
        let mut plans = BTreeMap::new();
        let mut warnings = Vec::new();
        for index in order {
            let Some(entry) = listed.get(index) else {
                continue;
            };
            let build_id = epic_build(&build, &entry.epic);
            let latest = histories
                .get(index)
                .and_then(|(_, runs)| runs.iter().find(|run| run.build_id == build_id));
            let known = latest.filter(|run| run.status == RunStatus::Done || can_go_on(run.status));
            let (run_id, outcome) = if let Some(known) = known {
                let id = RunId::new(&known.run_id)
                    .map_err(|error| Refusal::internal(error.to_string()))?;
                let outcome = match known.status {
                    RunStatus::Done => Outcome::AlreadyDone,
                    RunStatus::Running
                    | RunStatus::Halted
                    | RunStatus::Interrupted
                    | RunStatus::TerminalFailure
                    | RunStatus::Incomplete
                    | RunStatus::Failed => Outcome::Resumed,
                };
                (id, outcome)
            } else {
                let rock = Some(wish.name.clone());
                let wish = Checked {
                    name: entry.epic.clone(),
                    department: entry.department.clone(),
                    workspace: wish.workspace.join(&entry.epic),
                    ..wish.clone()
                };
                let (new, told) = self.plan(wish, &build_id, rock).await?;
                warnings.extend(told);
                let id = new.plan.run_id.clone();
                plans.insert(id.to_string(), new);
                (id, Outcome::Queued)
            };
            items.push(Item {
                epic: entry.epic.clone(),
                run_id,
                build_id,
                depends_on: entry.depends_on.clone(),
                outcome,
            });
        }
        let places = items
            .iter()
            .map(|item| match item.outcome {
                Outcome::AlreadyDone => Place::Over,
                Outcome::Started | Outcome::Attached | Outcome::Resumed | Outcome::Queued => {
                    Place::Queued
                }
            })
            .collect();
        let job = Arc::new(RockJob {
            build,
            rock: wish.name,
            items,
            places: watch::Sender::new(places),
        });
        let answer = job.answer(false, warnings);
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
        tokio::spawn(work_off(self.clone(), job, plans));
        Ok(answer)
    }

    pub(super) fn has_live_rocks(&self) -> bool {
        self.rocks().iter().any(|job| job.is_live())
    }

    /// The report of a run of a rock that the engine does not know (yet).
    pub(super) fn rock_report(&self, run: &RunId) -> Option<RunReport> {
        let job = self.rock_of(run)?;
        let index = job.index(run)?;
        match job.place(index)? {
            Place::Queued => Some(apart(&job, index, "queued")),
            Place::Apart(report) => Some(report),
            Place::Running | Place::Over => None,
        }
    }

    /// Halts a run of a rock whose turn has not come.
    pub(super) fn halt_queued(&self, run: &RunId) -> Option<RunReport> {
        let job = self.rock_of(run)?;
        let index = job.index(run)?;
        if job.place(index)? != Place::Queued {
            return None;
        }
        let report = apart(&job, index, RunStatus::Halted.as_str());
        job.set(index, Place::Apart(report.clone()));
        Some(report)
    }

    /// Resolves when a run is not queued behind other epics of its rock (any more).
    pub(super) async fn until_its_turn(&self, run: &RunId) {
        let Some(job) = self.rock_of(run) else {
            return;
        };
        let Some(index) = job.index(run) else { return };
        let mut places = job.places.subscribe();
        // The sender lives as long as `job`.
        let _ = places
            .wait_for(|places| places.get(index) != Some(&Place::Queued))
            .await;
    }

    /// The newest rock with this run.
    fn rock_of(&self, run: &RunId) -> Option<Arc<RockJob>> {
        let rocks = self.rocks();
        let found = rocks.iter().rev().find(|job| job.index(run).is_some());
        found.map(Arc::clone)
    }
}

/// The report of an epic that the engine has not seen.
fn apart(job: &RockJob, index: usize, status: &str) -> RunReport {
    let item = job.items.get(index);
    RunReport {
        run_id: item.map(|item| item.run_id.to_string()).unwrap_or_default(),
        build_id: item.map(|item| item.build_id.clone()).unwrap_or_default(),
        epic: item.map(|item| item.epic.clone()).unwrap_or_default(),
        status: status.to_owned(),
        cards: Vec::new(),
        elapsed_ms: 0,
    }
}

async fn work_off(service: Service, job: Arc<RockJob>, mut plans: BTreeMap<String, NewRun>) {
    let mut done: Vec<&str> = Vec::new();
    let mut stopped = false;
    for (index, item) in job.items.iter().enumerate() {
        match job.place(index) {
            Some(Place::Over) => {
                done.push(&item.epic);
                continue;
            }
            Some(Place::Apart(_)) => {
                // Halted while it was queued: the operator wants the rock to stop.
                stopped = true;
                continue;
            }
            Some(Place::Queued | Place::Running) | None => {}
        }
        let held_back = item
            .depends_on
            .iter()
            .any(|need| !done.contains(&need.as_str()));
        if stopped || held_back {
            let status = if stopped { "not_started" } else { "skipped" };
            job.set(index, Place::Apart(apart(&job, index, status)));
            continue;
        }
        match run_one(&service, item, plans.remove(item.run_id.as_str()), || {
            job.set(index, Place::Running);
        })
        .await
        {
            Ok(report) => {
                job.set(index, Place::Over);
                match RunStatus::parse(&report.status) {
                    Some(RunStatus::Done) => done.push(&item.epic),
                    Some(RunStatus::Halted | RunStatus::Interrupted | RunStatus::Running) => {
                        stopped = true;
                    }
                    Some(
                        RunStatus::TerminalFailure | RunStatus::Incomplete | RunStatus::Failed,
                    )
                    | None => {}
                }
            }
            Err(RuntimeError::ShuttingDown) => {
                stopped = true;
                if job.place(index) == Some(Place::Queued) {
                    job.set(index, Place::Apart(apart(&job, index, "not_started")));
                } else {
                    job.set(index, Place::Over);
                }
            }
            Err(error) => {
                tracing::error!(run = %item.run_id, epic = %item.epic, %error, "an epic of a rock did not start");
                job.set(index, Place::Apart(apart(&job, index, "failed")));
            }
        }
    }
}

async fn run_one(
    service: &Service,
    item: &Item,
    plan: Option<NewRun>,
    started: impl FnOnce(),
) -> Result<RunReport, RuntimeError> {
    let engine = &service.inner.engine;
    let run = match plan {
        Some(new) => engine.start_run(new).await?,
        None => match engine.resume(item.run_id.clone()).await {
            Ok(()) | Err(RuntimeError::AlreadyRunning(_)) => item.run_id.clone(),
            Err(error) => return Err(error),
        },
    };
    started();
    engine.wait(run).await
}
