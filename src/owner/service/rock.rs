//! Rocks: their epics one after another, each a run of its own. Everything is planned, and so
//! checked, before the first one starts, and all runs are in the ledger before they are announced.
//! An epic that fails holds back those that depend on it and no others; one that is halted or
//! interrupted ends the rock until it is gone on with.

mod work;

use std::sync::Arc;

use orket_actors::port::queue::{RockPlace, RockRun};
use orket_actors::port::store::RunStatus;
use orket_actors::runtime::ToQueue;
use orket_core::ids::RunId;
use tokio::sync::{Mutex as AsyncMutex, watch};

use super::start::Checked;
use super::{Refusal, Service, blocking};
use crate::owner::builds::{choose_rock, epic_build, rock_order};
use crate::owner::ports::{PlanRefusal, RockEpic, RunRow};
use crate::owner::wire::{Outcome, Started, StartedRun};

/// Where one epic of a rock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Its turn has not come.
    Queued,
    /// The engine has it.
    Running,
    /// Its turn will not come in this job: held back, failed to start, halted while queued, or left
    /// behind by a rock that was stopped. The ledger says which.
    NotBegun,
    /// It is over.
    Over,
}

/// One epic of a rock.
struct Item {
    epic: String,
    run_id: RunId,
    build_id: String,
    depends_on: Vec<String>,
    outcome: Outcome,
    /// How its run stood when the job was made.
    was: RunStatus,
}

impl Item {
    fn taken_up(run: RockRun) -> Self {
        Self {
            epic: run.epic,
            run_id: run.run_id,
            build_id: run.build_id,
            depends_on: run.place.needs,
            outcome: match run.status {
                RunStatus::Done => Outcome::AlreadyDone,
                RunStatus::Queued
                | RunStatus::Running
                | RunStatus::Halted
                | RunStatus::Interrupted
                | RunStatus::TerminalFailure
                | RunStatus::Incomplete
                | RunStatus::Failed
                | RunStatus::Skipped => Outcome::Resumed,
            },
            was: run.status,
        }
    }

    const fn place(&self) -> Place {
        match self.was {
            RunStatus::Queued => Place::Queued,
            RunStatus::Running => Place::Running,
            RunStatus::Halted
            | RunStatus::Interrupted
            | RunStatus::Done
            | RunStatus::TerminalFailure
            | RunStatus::Incomplete
            | RunStatus::Failed
            | RunStatus::Skipped => Place::Over,
        }
    }
}

/// A rock under way.
pub(super) struct RockJob {
    build: String,
    rock: String,
    items: Vec<Item>,
    places: watch::Sender<Vec<Place>>,
    /// Held while a queued run is begun or halted: never both.
    turn: AsyncMutex<()>,
}

impl RockJob {
    fn new(build: String, rock: String, items: Vec<Item>) -> Self {
        let places = items.iter().map(Item::place).collect();
        Self {
            build,
            rock,
            items,
            places: watch::Sender::new(places),
            turn: AsyncMutex::new(()),
        }
    }

    fn index(&self, run: &RunId) -> Option<usize> {
        self.items.iter().position(|item| &item.run_id == run)
    }

    fn place(&self, index: usize) -> Option<Place> {
        self.places.borrow().get(index).copied()
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
            finished_card: None,
            runs,
            warnings,
        }
    }
}

impl Service {
    pub(super) async fn start_rock(&self, mut wish: Checked) -> Result<Started, Refusal> {
        if wish.target.is_some() {
            return Err(Refusal::bad_request(
                "a rock has no single card to target; name its epic instead",
            ));
        }
        let planner = Arc::clone(&self.inner.planner);
        let (name, department) = (wish.name.clone(), wish.department.clone());
        let (name, listed) = blocking(move || {
            let listed = planner.rock(&name, &department);
            (planner.rock_name(&name, &department), listed)
        })
        .await?;
        let listed = listed?;
        wish.name = name;
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
        let mut queue = Vec::new();
        let mut warnings = Vec::new();
        for (index, order) in order.into_iter().zip(0_u32..) {
            let Some(entry) = listed.get(index) else {
                continue;
            };
            let build_id = epic_build(&build, &entry.epic);
            let place = RockPlace {
                rock: wish.name.clone(),
                build: build.clone(),
                order,
                needs: entry.depends_on.clone(),
            };
            let latest = histories
                .get(index)
                .and_then(|(_, runs)| runs.iter().find(|run| run.build_id == build_id));
            let (to_queue, was, told) = self
                .to_queue(&wish, entry, &build_id, latest, place)
                .await?;
            warnings.extend(told);
            let (run_id, outcome) = match &to_queue {
                ToQueue::New(new, _) => (new.plan.run_id.clone(), Outcome::Queued),
                ToQueue::Known(run, _) if was == RunStatus::Done => {
                    (run.clone(), Outcome::AlreadyDone)
                }
                ToQueue::Known(run, _) | ToQueue::Again(run, _) => (run.clone(), Outcome::Resumed),
            };
            queue.push(to_queue);
            items.push(Item {
                epic: entry.epic.clone(),
                run_id,
                build_id,
                depends_on: entry.depends_on.clone(),
                outcome,
                was,
            });
        }
        // Before anybody is told of them: what was announced is kept, whatever happens to the owner.
        self.inner.engine.queue_runs(queue).await?;
        let job = RockJob::new(build, wish.name, items);
        let answer = job.answer(false, warnings);
        self.register(job);
        Ok(answer)
    }

    /// What becomes of one epic of a rock that is started, and how its run stands from now on.
    async fn to_queue(
        &self,
        wish: &Checked,
        entry: &RockEpic,
        build_id: &str,
        latest: Option<&RunRow>,
        place: RockPlace,
    ) -> Result<(ToQueue, RunStatus, Vec<String>), Refusal> {
        let wish = Checked {
            name: entry.epic.clone(),
            department: entry.department.clone(),
            workspace: wish.workspace.join(&entry.epic),
            ..wish.clone()
        };
        let mut waiting = None;
        if let Some(latest) = latest {
            let run =
                RunId::new(&latest.run_id).map_err(|error| Refusal::internal(error.to_string()))?;
            let id = latest.run_id.clone();
            if self
                .records(move |records| records.has_not_begun(&id))
                .await?
            {
                waiting = Some(run);
            } else {
                match latest.status {
                    RunStatus::Running if latest.target.is_some() => {
                        return Err(Refusal::one_card_under_way(latest));
                    }
                    // It was about one card; the others of its epic may not be done.
                    _ if latest.target.is_some() => {}
                    RunStatus::Done | RunStatus::Running => {
                        return Ok((ToQueue::Known(run, place), latest.status, Vec::new()));
                    }
                    RunStatus::Queued | RunStatus::Halted | RunStatus::Interrupted
                        if !self.differs(&latest.run_id, &wish).await? =>
                    {
                        return Ok((ToQueue::Again(run, place), RunStatus::Queued, Vec::new()));
                    }
                    RunStatus::Queued
                    | RunStatus::Halted
                    | RunStatus::Interrupted
                    | RunStatus::TerminalFailure
                    | RunStatus::Incomplete
                    | RunStatus::Failed
                    | RunStatus::Skipped => {}
                }
            }
        }
        let rock = Some(place.rock.clone());
        self.refuse_when_full()?;
        let (mut new, told) = self.plan(wish, build_id, rock).await?;
        // One that never began keeps its id and gets the assets as they are now.
        if let Some(run) = waiting {
            new.plan.run_id = run;
        }
        Ok((ToQueue::New(Box::new(new), place), RunStatus::Queued, told))
    }
}
