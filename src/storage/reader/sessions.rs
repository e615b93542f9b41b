//! Runs as sessions: their rows, and what their plans say of them without being read whole.

use diesel::expression::ValidGrouping;
use diesel::expression::is_aggregate;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Nullable, Text};
use diesel::sqlite::Sqlite;
use orket_actors::port::store::{RunStatus, StoreError};
use orket_core::plan::ForkOrigin;
use serde_json::Value;

use super::runs::run_status;
use super::{Reader, from_json};
use crate::storage::schema::{run_plans, runs};

/// What a plan says of its run, as one small JSON text. A plan that cannot be read says nothing. Diesel's
/// own `sql` would have the whole statement prepared each time.
#[derive(Debug, Clone, Copy, QueryId)]
struct PlanSays;

impl Expression for PlanSays {
    type SqlType = Nullable<Text>;
}

impl<From> AppearsOnTable<From> for PlanSays {}

impl<From> SelectableExpression<From> for PlanSays {}

impl<GroupBy> ValidGrouping<GroupBy> for PlanSays {
    type IsAggregate = is_aggregate::No;
}

impl QueryFragment<Sqlite> for PlanSays {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(
            "CASE WHEN json_valid(run_plans.plan_json) THEN json_extract(run_plans.plan_json, \
             '$.department', '$.title', '$.workspace', '$.forked_from') END",
        );
        Ok(())
    }
}

type Columns = (
    runs::run_id,
    runs::build_id,
    runs::epic,
    runs::status,
    runs::started_at,
    runs::ended_at,
    runs::summary_json,
    runs::target,
    runs::rock,
    PlanSays,
);
type Stored = (
    String,
    String,
    String,
    String,
    i64,
    Option<i64>,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
);

/// Department, title, workspace, origin.
type OfPlan = (
    Option<String>,
    Option<String>,
    Option<String>,
    Option<ForkOrigin>,
);

/// A run as a session.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionRow {
    /// The run.
    pub run_id: String,
    /// Its build.
    pub build_id: String,
    /// Its epic.
    pub epic: String,
    /// How it stands.
    pub status: RunStatus,
    /// When it started, milliseconds since 1970-01-01 UTC.
    pub started_ms: i64,
    /// When it ended.
    pub ended_ms: Option<i64>,
    /// As the runtime left it.
    pub summary: Value,
    /// The card it is for, when it is for one alone.
    pub target: Option<String>,
    /// The rock that it is part of.
    pub rock: Option<String>,
    /// The department of its epic; nothing when its plan cannot be read.
    pub department: String,
    /// The epic's title.
    pub title: String,
    /// The workspace folder, absolute.
    pub workspace: String,
    /// The point of another run that it began from.
    pub forked_from: Option<ForkOrigin>,
}

/// Which runs are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// In one of these states; in any when there is none.
    pub status: Vec<RunStatus>,
    /// Of this epic.
    pub epic: Option<String>,
    /// Of this build.
    pub build_id: Option<String>,
    /// Only those that come after the run with this start and id.
    pub after: Option<(i64, String)>,
    /// Without the first so many of them.
    pub offset: u32,
    /// At most so many.
    pub limit: u32,
}

impl Reader {
    /// Runs, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn sessions(&self, filter: &SessionFilter) -> Result<Vec<SessionRow>, StoreError> {
        let stored = self.query(|connection| {
            let mut query = runs::table
                .left_join(run_plans::table)
                .order((runs::started_at.desc(), runs::run_id.desc()))
                .limit(i64::from(filter.limit))
                .offset(i64::from(filter.offset))
                .select(columns())
                .into_boxed();
            if !filter.status.is_empty() {
                let words: Vec<&str> = filter.status.iter().map(|it| it.as_str()).collect();
                query = query.filter(runs::status.eq_any(words));
            }
            if let Some(epic) = &filter.epic {
                query = query.filter(runs::epic.eq(epic));
            }
            if let Some(build_id) = &filter.build_id {
                query = query.filter(runs::build_id.eq(build_id));
            }
            if let Some((started_at, run_id)) = &filter.after {
                // In this form the index on the start is sought.
                query = query
                    .filter(runs::started_at.le(started_at))
                    .filter(runs::started_at.lt(started_at).or(runs::run_id.lt(run_id)));
            }
            query.load::<Stored>(connection)
        })?;
        stored.into_iter().map(session).collect()
    }

    /// The run with exactly this id.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn session(&self, run_id: &str) -> Result<Option<SessionRow>, StoreError> {
        let stored = self.query(|connection| {
            runs::table
                .left_join(run_plans::table)
                .filter(runs::run_id.eq(run_id))
                .select(columns())
                // Not `first`: its bound LIMIT has the statement prepared anew each time.
                .get_result::<Stored>(connection)
                .optional()
        })?;
        stored.map(session).transpose()
    }
}

fn columns() -> Columns {
    (
        runs::run_id,
        runs::build_id,
        runs::epic,
        runs::status,
        runs::started_at,
        runs::ended_at,
        runs::summary_json,
        runs::target,
        runs::rock,
        PlanSays,
    )
}

fn session(stored: Stored) -> Result<SessionRow, StoreError> {
    let (run_id, build_id, epic, status, started_ms, ended_ms, summary, target, rock, of_plan) =
        stored;
    let (department, title, workspace, forked_from) = match of_plan {
        Some(of_plan) => from_json::<OfPlan>("a run's plan", &of_plan)?,
        None => OfPlan::default(),
    };
    Ok(SessionRow {
        run_id,
        build_id,
        epic,
        status: run_status(&status)?,
        started_ms,
        ended_ms,
        summary: from_json("a run's summary", &summary)?,
        target,
        rock,
        department: department.unwrap_or_default(),
        title: title.unwrap_or_default(),
        workspace: workspace.unwrap_or_default(),
        forked_from,
    })
}
