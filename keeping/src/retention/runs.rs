//! The steps of old runs: what was asked and answered, the bulk of a journal. The run, its cards, their
//! audit and comments stay; a note says what went and when, so that nobody takes it for damage.
//!
//! Kept are the newest runs of each epic, pinned ones, and every run of a build that is not finished:
//! whoever goes on with it reads what was said before.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use serde_json::json;

use super::{Action, Policy};
use crate::error::KeepError;

#[derive(Debug, QueryableByName)]
struct Run {
    #[diesel(sql_type = Text)]
    run_id: String,
    #[diesel(sql_type = Text)]
    epic: String,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Text)]
    build_id: String,
    #[diesel(sql_type = BigInt)]
    ended_at: i64,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
    #[diesel(sql_type = Bool)]
    is_pinned: bool,
    #[diesel(sql_type = Nullable<Text>)]
    workspace: Option<String>,
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

/// What of each run may go, newest first; runs without steps are not among them.
///
/// # Errors
///
/// [`KeepError::Database`].
pub fn plan(
    connection: &mut SqliteConnection,
    path: &Path,
    policy: &Policy,
    now_ms: i64,
) -> Result<Vec<Action>, KeepError> {
    let failed = |error: diesel::result::Error| KeepError::database(path, &error);
    let all: Vec<Run> = diesel::sql_query(
        "SELECT r.run_id, r.epic, r.status, r.build_id, coalesce(r.ended_at, r.started_at) AS ended_at, \
         coalesce((SELECT sum(length(s.body_json)) FROM turns t JOIN turn_steps s ON s.turn = t.row \
                   WHERE t.run_id = r.run_id), 0) + \
         coalesce((SELECT sum(length(x.body)) FROM run_texts x WHERE x.run_id = r.run_id), 0) AS bytes, \
         EXISTS (SELECT 1 FROM pinned_runs p WHERE p.run_id = r.run_id) AS is_pinned, \
         (SELECT CASE WHEN json_valid(plan_json) THEN plan_json ->> '$.workspace' END \
          FROM run_plans p WHERE p.run_id = r.run_id) AS workspace \
         FROM runs r ORDER BY r.started_at DESC, r.run_id DESC",
    )
    .load(connection)
    .map_err(failed)?;
    let unfinished: Vec<Word> = diesel::sql_query(
        "SELECT DISTINCT build_id AS word FROM cards \
         WHERE status NOT IN ('done', 'canceled', 'archived') \
         UNION SELECT build_id FROM runs WHERE status IN ('queued', 'running', 'halted', 'interrupted')",
    )
    .load(connection)
    .map_err(failed)?;
    let unfinished: HashSet<String> = unfinished.into_iter().map(|it| it.word).collect();
    let before = policy.before(now_ms);
    let mut of_epic: HashMap<String, u32> = HashMap::new();
    let mut actions = Vec::new();
    for run in all {
        let newer = of_epic.entry(run.epic.clone()).or_default();
        let is_among_newest = *newer < policy.keep_last;
        *newer += 1;
        let folder = run
            .workspace
            .as_deref()
            .and_then(|workspace| files_of(workspace, &run.run_id));
        // Files without steps: of one that was killed between the two.
        if run.bytes == 0 && folder.is_none() {
            continue;
        }
        let (action, reason) = if run.is_pinned {
            ("keep", "pinned")
        } else if matches!(
            run.status.as_str(),
            "queued" | "running" | "halted" | "interrupted"
        ) {
            ("keep", "unfinished")
        } else if unfinished.contains(&run.build_id) {
            ("keep", "its build is unfinished")
        } else if is_among_newest {
            ("keep", "among the newest of its epic")
        } else if run.ended_at >= before {
            ("keep", "too young")
        } else {
            ("delete", "too old")
        };
        let bytes = u64::try_from(run.bytes).unwrap_or(0);
        let of_run = |namespace, path, size_bytes| Action {
            namespace,
            path,
            action,
            reason,
            pinned: run.is_pinned,
            size_bytes,
            updated_ms: run.ended_at,
        };
        if run.bytes > 0 {
            actions.push(of_run("steps", run.run_id.clone(), bytes));
        }
        if let Some(folder) = folder {
            let size = crate::disk::size(&folder);
            actions.push(of_run("files", folder.display().to_string(), size));
        }
    }
    Ok(actions)
}

/// The folder that a run's files were written to, if it is one and no link to somewhere else.
fn files_of(workspace: &str, run_id: &str) -> Option<PathBuf> {
    let workspace = Path::new(workspace);
    let is_name = !run_id.is_empty() && !run_id.starts_with('.') && !run_id.contains('/');
    if !workspace.is_absolute() || !is_name {
        return None;
    }
    let observability = workspace.join("observability");
    let folder = observability.join(run_id);
    let is_real = |path: &Path| std::fs::symlink_metadata(path).is_ok_and(|about| about.is_dir());
    (is_real(&observability) && is_real(&folder)).then_some(folder)
}

/// Removes the steps of one run and notes it, in one transaction. Gives how many there were.
///
/// # Errors
///
/// [`KeepError::Database`]; nothing of it was removed.
pub fn remove_steps(
    connection: &mut SqliteConnection,
    path: &Path,
    run_id: &str,
    now_ms: i64,
) -> Result<usize, KeepError> {
    connection
        .immediate_transaction(|connection| {
            let steps = diesel::sql_query(
                "DELETE FROM turn_steps WHERE turn IN (SELECT row FROM turns WHERE run_id = ?)",
            )
            .bind::<Text, _>(run_id)
            .execute(connection)?;
            // What only these steps named.
            diesel::sql_query("DELETE FROM run_texts WHERE run_id = ?")
                .bind::<Text, _>(run_id)
                .execute(connection)?;
            orket_actors::fault::point("gc.in_transaction");
            diesel::sql_query(
                "INSERT INTO removed_records (run_id, at, what_json) VALUES (?, ?, ?) \
                 ON CONFLICT (run_id) DO NOTHING",
            )
            .bind::<Text, _>(run_id)
            .bind::<BigInt, _>(now_ms)
            .bind::<Text, _>(json!({"by": "orket gc", "steps": steps}).to_string())
            .execute(connection)?;
            QueryResult::Ok(steps)
        })
        .map_err(|error| KeepError::database(path, &error))
}

/// Keeps a run whatever its age, or no longer. False when there is no such run.
///
/// # Errors
///
/// [`KeepError::Database`].
pub fn pin(
    connection: &mut SqliteConnection,
    path: &Path,
    run_id: &str,
    is_pinned: bool,
    now_ms: i64,
) -> Result<bool, KeepError> {
    let changed = if is_pinned {
        diesel::sql_query(
            "INSERT INTO pinned_runs (run_id, at) SELECT run_id, ? FROM runs WHERE run_id = ? \
             ON CONFLICT (run_id) DO UPDATE SET at = pinned_runs.at",
        )
        .bind::<BigInt, _>(now_ms)
        .bind::<Text, _>(run_id)
        .execute(connection)
    } else {
        diesel::sql_query("DELETE FROM pinned_runs WHERE run_id = ?")
            .bind::<Text, _>(run_id)
            .execute(connection)
    };
    changed
        .map(|changed| changed > 0)
        .map_err(|error| KeepError::database(path, &error))
}

/// Gives the space of what was removed back to the disk.
///
/// # Errors
///
/// [`KeepError::Database`].
pub fn give_space_back(connection: &mut SqliteConnection, path: &Path) -> Result<(), KeepError> {
    connection
        .batch_execute("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")
        .map_err(|error| KeepError::database(path, &error))
}
