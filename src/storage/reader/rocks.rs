//! Rocks: the runs of their epics, and those that wait for their turn.

use diesel::prelude::*;
use orket_actors::port::queue::{QueuedRun, RockPlace, RockRun};
use orket_actors::port::store::{RunStatus, StoreError};
use orket_core::ids::RunId;
use orket_core::plan::{CardPlan, RunPlan};

use super::runs::run_status;
use super::{Reader, damaged, from_json, number};
use crate::storage::schema::{queued_cards, run_plans, runs};

type Stored = (
    String,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<String>,
);

impl Reader {
    /// The builds of rocks with a run that waits or is under way, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn unfinished_rocks(&self) -> Result<Vec<String>, StoreError> {
        let live = [RunStatus::Queued.as_str(), RunStatus::Running.as_str()];
        let stored = self.query(|connection| {
            runs::table
                .select(runs::rock_build.assume_not_null())
                .filter(
                    runs::status
                        .eq_any(live)
                        .and(runs::rock_build.is_not_null()),
                )
                .order((runs::started_at, runs::rock_order))
                .load::<String>(connection)
        })?;
        let mut builds: Vec<String> = Vec::new();
        for build in stored {
            if !builds.contains(&build) {
                builds.push(build);
            }
        }
        Ok(builds)
    }

    /// The newest run of each epic of a rock's build, in the order of the rock.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn rock_runs(&self, rock_build: &str) -> Result<Vec<RockRun>, StoreError> {
        let stored = self.query(|connection| {
            runs::table
                .select((
                    runs::run_id,
                    runs::build_id,
                    runs::epic,
                    runs::status,
                    runs::rock,
                    runs::rock_build,
                    runs::rock_order,
                    runs::rock_needs,
                ))
                .filter(runs::rock_build.eq(rock_build))
                .order((runs::started_at.desc(), runs::run_id.desc()))
                .load::<Stored>(connection)
        })?;
        let mut newest: Vec<RockRun> = Vec::new();
        for (run_id, build_id, epic, status, rock, build, order, needs) in stored {
            if newest.iter().any(|run| run.epic == epic) {
                continue;
            }
            newest.push(RockRun {
                run_id: RunId::new(&run_id).map_err(|error| damaged("a run's id", error))?,
                build_id,
                epic,
                status: run_status(&status)?,
                place: RockPlace {
                    rock: rock.unwrap_or_default(),
                    build: build.unwrap_or_default(),
                    order: number("a place in a rock", order.unwrap_or(0))?,
                    needs: needs.map_or_else(
                        || Ok(Vec::new()),
                        |needs| from_json("what an epic needs", &needs),
                    )?,
                },
            });
        }
        newest.sort_by_key(|run| run.place.order);
        Ok(newest)
    }

    /// The build of the rock that a run belongs to.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn rock_build_of(&self, run_id: &str) -> Result<Option<String>, StoreError> {
        let found = self.query(|connection| {
            runs::table
                .find(run_id)
                .select(runs::rock_build)
                .first::<Option<String>>(connection)
                .optional()
        })?;
        Ok(found.flatten())
    }

    /// Whether a run is stored and has not begun.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn has_not_begun(&self, run_id: &str) -> Result<bool, StoreError> {
        let found = self.query(|connection| {
            queued_cards::table
                .find(run_id)
                .select(queued_cards::run_id)
                .first::<String>(connection)
                .optional()
        })?;
        Ok(found.is_some())
    }

    /// A run that is stored and has not begun.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn queued_run(&self, run_id: &str) -> Result<Option<QueuedRun>, StoreError> {
        let stored = self.query(|connection| {
            run_plans::table
                .inner_join(queued_cards::table.on(queued_cards::run_id.eq(run_plans::run_id)))
                .filter(run_plans::run_id.eq(run_id))
                .select((run_plans::plan_json, queued_cards::cards_json))
                .get_result::<(String, String)>(connection)
                .optional()
        })?;
        let Some((plan, cards)) = stored else {
            return Ok(None);
        };
        Ok(Some(QueuedRun {
            plan: from_json::<RunPlan>("a run's plan", &plan)?,
            cards: from_json::<Vec<CardPlan>>("a queued run's cards", &cards)?,
        }))
    }
}
