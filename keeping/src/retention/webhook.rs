//! What a receiver keeps of what is over: digests of deliveries, by which a repeat is known, and pull
//! requests that are merged or closed. (Deliveries themselves go by `ORKET_WEBHOOK_KEEP_DAYS`.)

use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::{Action, Policy};
use crate::error::KeepError;

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Cycle {
    #[diesel(sql_type = Text)]
    pr_key: String,
    #[diesel(sql_type = BigInt)]
    updated_ms: i64,
}

/// About what a digest takes with its index.
const DIGEST_BYTES: i64 = 120;

/// Pull requests that are over and that nothing speaks of any more.
const OVER: &str = "FROM pr_review_cycles c WHERE c.status IN ('merged', 'closed') \
    AND unixepoch(c.updated_at) * 1000 < ? \
    AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.pr_key = c.pr_key AND o.status IN ('pending', 'sending')) \
    AND NOT EXISTS (SELECT 1 FROM webhook_events e WHERE e.pr_key = c.pr_key)";

/// What may go.
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
    let mut actions = Vec::new();
    let all: Number = diesel::sql_query("SELECT count(*) AS number FROM past_deliveries")
        .get_result(connection)
        .map_err(failed)?;
    let over = all.number - i64::from(policy.keep_digests);
    if over > 0 {
        actions.push(Action {
            namespace: "digests",
            path: format!("{over} of {} past deliveries", all.number),
            action: "delete",
            reason: "more than are kept",
            pinned: false,
            size_bytes: u64::try_from(over * DIGEST_BYTES).unwrap_or(0),
            updated_ms: 0,
        });
    }
    let cycles: Vec<Cycle> = diesel::sql_query(format!(
        "SELECT c.pr_key, coalesce(unixepoch(c.updated_at), 0) * 1000 AS updated_ms {OVER} \
         ORDER BY c.updated_at"
    ))
    .bind::<BigInt, _>(policy.before(now_ms))
    .load(connection)
    .map_err(failed)?;
    actions.extend(cycles.into_iter().map(|cycle| Action {
        namespace: "pull_request",
        path: cycle.pr_key,
        action: "delete",
        reason: "over, and too old",
        pinned: false,
        size_bytes: 0,
        updated_ms: cycle.updated_ms,
    }));
    Ok(actions)
}

/// Removes what [`plan`] names, in one transaction.
///
/// # Errors
///
/// [`KeepError::Database`]; nothing of it was removed.
pub fn remove(
    connection: &mut SqliteConnection,
    path: &Path,
    policy: &Policy,
    now_ms: i64,
) -> Result<(), KeepError> {
    let before = policy.before(now_ms);
    connection
        .immediate_transaction(|connection| {
            diesel::sql_query(
                "DELETE FROM past_deliveries WHERE body_digest NOT IN \
                 (SELECT body_digest FROM past_deliveries ORDER BY event_row DESC LIMIT ?)",
            )
            .bind::<BigInt, _>(i64::from(policy.keep_digests))
            .execute(connection)?;
            for table in ["review_failures", "review_approvals"] {
                diesel::sql_query(format!(
                    "DELETE FROM {table} WHERE pr_key IN (SELECT c.pr_key {OVER})"
                ))
                .bind::<BigInt, _>(before)
                .execute(connection)?;
            }
            diesel::sql_query(format!(
                "DELETE FROM pr_review_cycles WHERE pr_key IN (SELECT c.pr_key {OVER})"
            ))
            .bind::<BigInt, _>(before)
            .execute(connection)?;
            QueryResult::Ok(())
        })
        .map_err(|error| KeepError::database(path, &error))
}
