//! Runs as SQL.

use diesel::prelude::*;
use orket_actors::port::store::{RequestKey, RunStatus};
use orket_core::ids::RunId;
use orket_core::plan::RunPlan;
use serde_json::{Map, Value};

use super::{About, Failure, Transaction, conflict};
use crate::storage::schema::{request_keys, run_plans, runs};

const WEEK_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

impl Transaction<'_> {
    pub(super) fn insert_run(&mut self, plan: &RunPlan, at_ms: i64) -> Result<(), Failure> {
        let known = runs::table
            .find(plan.run_id.as_str())
            .select(runs::started_at)
            .first::<i64>(self.connection)
            .optional()?;
        if known.is_some() {
            return Err(conflict(format!(
                "there is a run `{}` already; start again with a new run id",
                plan.run_id
            )));
        }
        let plan_json = self.json(plan)?;
        let what = || format!("run `{}`", plan.run_id);
        diesel::insert_into(runs::table)
            .values((
                runs::run_id.eq(plan.run_id.as_str()),
                runs::build_id.eq(plan.build_id.as_str()),
                runs::epic.eq(&plan.epic),
                runs::status.eq(RunStatus::Running.as_str()),
                runs::started_at.eq(at_ms),
                runs::summary_json.eq("{}"),
                runs::target.eq(plan.target.as_ref().map(|card| card.as_str())),
            ))
            .execute(self.connection)
            .about(what)?;
        diesel::insert_into(run_plans::table)
            .values((
                run_plans::run_id.eq(plan.run_id.as_str()),
                run_plans::plan_json.eq(&plan_json),
            ))
            .execute(self.connection)
            .about(what)?;
        Ok(())
    }

    /// Keeps what a client calls a request for a week.
    pub(super) fn keep_request(
        &mut self,
        request: &RequestKey,
        run_id: &RunId,
        at_ms: i64,
    ) -> Result<(), Failure> {
        diesel::delete(request_keys::table.filter(request_keys::at.lt(at_ms - WEEK_MS)))
            .execute(self.connection)?;
        diesel::insert_or_ignore_into(request_keys::table)
            .values((
                request_keys::key.eq(&request.key),
                request_keys::digest.eq(&request.digest),
                request_keys::run_id.eq(run_id.as_str()),
                request_keys::at.eq(at_ms),
            ))
            .execute(self.connection)
            .about(|| format!("request `{}`", request.key))?;
        Ok(())
    }

    pub(super) fn set_run(
        &mut self,
        run_id: &RunId,
        status: RunStatus,
        summary: &Value,
        at_ms: i64,
    ) -> Result<(), Failure> {
        self.known.forget_texts();
        let stored = runs::table
            .find(run_id.as_str())
            .select(runs::summary_json)
            .first::<String>(self.connection)
            .optional()?
            .ok_or_else(|| conflict(format!("there is no run `{run_id}`")))?;
        let summary_json = match summary {
            Value::Object(new) if !new.is_empty() => {
                let mut merged: Map<String, Value> = serde_json::from_str(&stored)
                    .map_err(|error| conflict(format!("summary of run `{run_id}`: {error}")))?;
                merged.extend(new.iter().map(|(key, value)| (key.clone(), value.clone())));
                self.json(&merged)?
            }
            Value::Object(_) | Value::Null => stored,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return Err(conflict(format!(
                    "the summary of run `{run_id}` must be a JSON object"
                )));
            }
        };
        let ended_at = status.is_over().then_some(at_ms);
        diesel::update(runs::table.find(run_id.as_str()))
            .set((
                runs::status.eq(status.as_str()),
                runs::ended_at.eq(ended_at),
                runs::summary_json.eq(&summary_json),
            ))
            .execute(self.connection)
            .about(|| format!("run `{run_id}`"))?;
        Ok(())
    }
}
