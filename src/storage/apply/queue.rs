//! Runs that wait for their turn as SQL.

use diesel::prelude::*;
use orket_actors::port::queue::{QueueOp, RockPlace};
use orket_actors::port::store::RunStatus;
use orket_core::ids::RunId;
use orket_core::plan::{CardPlan, RunPlan};
use serde_json::json;

use super::{About, Failure, Transaction, conflict};
use crate::storage::schema::{queued_cards, run_plans, runs};

impl Transaction<'_> {
    pub(super) fn queue(&mut self, op: &QueueOp) -> Result<(), Failure> {
        match op {
            QueueOp::Put {
                plan,
                cards,
                place,
                at_ms,
            } => self.put(plan, cards, place, *at_ms),
            QueueOp::Again { run_id, place } => {
                diesel::update(runs::table.find(run_id.as_str()))
                    .set((
                        runs::status.eq(RunStatus::Queued.as_str()),
                        runs::ended_at.eq(None::<i64>),
                    ))
                    .execute(self.connection)?;
                self.place(run_id, place)
            }
            QueueOp::Place { run_id, place } => self.place(run_id, place),
            QueueOp::Settle {
                run_id,
                status,
                why,
                at_ms,
            } => self.settle_queued(run_id, *status, why, *at_ms),
            QueueOp::Begin { run_id, at_ms } => self.begin(run_id, *at_ms),
        }
    }

    fn put(
        &mut self,
        plan: &RunPlan,
        cards: &[CardPlan],
        place: &RockPlace,
        at_ms: i64,
    ) -> Result<(), Failure> {
        let run_id = &plan.run_id;
        let id = run_id.as_str();
        let waited = diesel::delete(queued_cards::table.find(id)).execute(self.connection)?;
        if waited > 0 {
            let plan_json = self.json(plan)?;
            diesel::update(run_plans::table.find(id))
                .set(run_plans::plan_json.eq(&plan_json))
                .execute(self.connection)?;
            diesel::update(runs::table.find(id))
                .set((
                    runs::started_at.eq(at_ms),
                    runs::ended_at.eq(None::<i64>),
                    runs::summary_json.eq("{}"),
                ))
                .execute(self.connection)?;
        } else {
            self.insert_run(plan, at_ms)?;
        }
        diesel::update(runs::table.find(id))
            .set(runs::status.eq(RunStatus::Queued.as_str()))
            .execute(self.connection)?;
        let cards_json = self.json(&cards)?;
        diesel::insert_into(queued_cards::table)
            .values((
                queued_cards::run_id.eq(id),
                queued_cards::cards_json.eq(&cards_json),
            ))
            .execute(self.connection)
            .about(|| format!("cards of run `{run_id}`"))?;
        self.place(run_id, place)
    }

    fn settle_queued(
        &mut self,
        run_id: &RunId,
        status: RunStatus,
        why: &str,
        at_ms: i64,
    ) -> Result<(), Failure> {
        let waits = runs::table
            .find(run_id.as_str())
            .filter(runs::status.eq(RunStatus::Queued.as_str()))
            .select(runs::run_id)
            .first::<String>(self.connection)
            .optional()?;
        match waits {
            Some(_) => self.set_run(run_id, status, &json!({"failure_reason": why}), at_ms),
            None => Ok(()),
        }
    }

    fn place(&mut self, run_id: &RunId, place: &RockPlace) -> Result<(), Failure> {
        let needs = self.json(&place.needs)?;
        let changed = diesel::update(runs::table.find(run_id.as_str()))
            .set((
                runs::rock.eq(Some(&place.rock)),
                runs::rock_build.eq(Some(&place.build)),
                runs::rock_order.eq(Some(i64::from(place.order))),
                runs::rock_needs.eq(Some(needs)),
            ))
            .execute(self.connection)
            .about(|| format!("run `{run_id}`"))?;
        if changed == 0 {
            return Err(conflict(format!("there is no run `{run_id}`")));
        }
        Ok(())
    }

    /// A run that begins is newer than those that still wait, even within one millisecond.
    fn begin(&mut self, run_id: &RunId, at_ms: i64) -> Result<(), Failure> {
        let id = run_id.as_str();
        let waited = diesel::delete(queued_cards::table.find(id)).execute(self.connection)?;
        if waited == 0 {
            return Err(conflict(format!("run `{run_id}` does not wait to begin")));
        }
        let queued_at = runs::table
            .find(id)
            .select(runs::started_at)
            .first::<i64>(self.connection)?;
        diesel::update(runs::table.find(id))
            .set((
                runs::status.eq(RunStatus::Running.as_str()),
                runs::started_at.eq(at_ms.max(queued_at.saturating_add(1))),
                runs::ended_at.eq(None::<i64>),
            ))
            .execute(self.connection)
            .about(|| format!("run `{run_id}`"))?;
        Ok(())
    }
}
