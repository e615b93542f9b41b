//! A delivery: stored once, decided on, and what follows from it put into the outbox, all or nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::web::Bytes;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use orket_actors::rate_limiter::Tat;
use orket_core::webhook::delivery::{Event, PullRequest};
use orket_core::webhook::pull_request::{
    Approval, Change, Decision, Known, PullRequestStatus, decide,
};
use orket_core::webhook::review_policy::ReviewPolicy;
use orket_core::webhook::wording::Failure;
use serde::{Deserialize, Serialize};

use super::outbox;
use super::prepared::{Bind, prepared};
use crate::signature::hexadecimal;

/// A delivery that was signed and understood.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Its id; where it has none, its body's digest.
    pub delivery_id: String,
    /// The digest of its body: SHA-256.
    pub body_digest: [u8; 32],
    /// The event's name, as the host calls it.
    pub event_type: String,
    /// Its body: UTF-8.
    pub payload: Bytes,
    /// What it tells.
    pub event: Event,
    /// The rules of that moment.
    pub policy: Arc<ReviewPolicy>,
    /// What the rate limiter wants stored with it.
    pub tats: Vec<Tat>,
    /// When it came, milliseconds since 1970-01-01 UTC.
    pub received_ms: i64,
}

impl Arrival {
    /// The beginning of its digest: enough to tell deliveries of a pull request apart.
    fn short(&self) -> String {
        hexadecimal(self.body_digest.get(..8).unwrap_or_default())
    }
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// A word: `ignored`, `approved`, `success`, `changes_requested`, `escalated`, `rejected`.
    pub status: String,
    /// The same in words.
    pub message: String,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its row.
    pub row: i64,
    /// What is answered; for a duplicate what was answered before.
    pub answer: Answer,
    /// It was stored before.
    pub is_duplicate: bool,
    /// How much is to be done elsewhere because of it.
    pub calls: usize,
}

#[derive(QueryableByName)]
struct Before {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    result: String,
}

/// What the writer knows without asking.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct State {
    /// The row that the next delivery gets.
    pub next_row: i64,
    /// Whether there are deliveries that are kept no more.
    pub has_past: bool,
}

impl State {
    /// Reads it.
    pub fn read(connection: &mut SqliteConnection) -> QueryResult<Self> {
        let row: Row =
            diesel::sql_query("SELECT 1 + coalesce(max(id), 0) AS id FROM webhook_events")
                .get_result(connection)?;
        let past: Row = diesel::sql_query(
            "SELECT CAST(EXISTS (SELECT 1 FROM past_deliveries) AS BIGINT) AS id",
        )
        .get_result(connection)?;
        Ok(Self {
            next_row: row.id,
            has_past: past.id != 0,
        })
    }
}

pub(super) fn receive(
    connection: &mut SqliteConnection,
    state: &mut State,
    arrival: &Arrival,
) -> QueryResult<Received> {
    if state.has_past && is_past(connection, arrival)? {
        return Ok(Received {
            row: 0,
            answer: Answer {
                status: "ignored".to_owned(),
                message: "It was told long ago; what followed from it is kept no more".to_owned(),
            },
            is_duplicate: true,
            calls: 0,
        });
    }
    let pull_request = arrival.event.pull_request();
    let key = pull_request.map(PullRequest::key);
    let known = match (&arrival.event, &key) {
        // Nothing follows from it, whatever is known.
        (Event::Ignored { .. }, _) | (_, None) => Known::default(),
        (_, Some(key)) => known(connection, key)?,
    };
    let day = day(arrival.received_ms);
    let decision = decide(&known, &arrival.event, &arrival.policy, &day);
    let answer = Answer {
        status: decision.status.to_owned(),
        message: decision.message.clone(),
    };
    let row = match insert(
        connection,
        state,
        arrival,
        &arrival.delivery_id,
        key.as_deref(),
        &answer,
    )? {
        Some(row) => row,
        None => match before(connection, arrival)? {
            Some(received) => return Ok(received),
            // Another body under an id that is known. Nobody signs ids: it is another delivery.
            None => {
                let id = format!("{}#{}", arrival.delivery_id, arrival.short());
                match insert(connection, state, arrival, &id, key.as_deref(), &answer)? {
                    Some(row) => row,
                    None => return Err(diesel::result::Error::NotFound),
                }
            }
        },
    };
    let mut calls = 0;
    if let (Some(pull_request), Some(key)) = (pull_request, &key) {
        keep(
            connection,
            pull_request,
            key,
            (&known, &decision),
            (row, arrival.received_ms),
        )?;
        let place = (row, arrival.short());
        let place = (place.0, place.1.as_str());
        outbox::add(connection, place, key, &decision.calls, arrival.received_ms)?;
        calls = decision.calls.len();
    }
    Ok(Received {
        row,
        answer,
        is_duplicate: false,
        calls,
    })
}

/// Decides on a delivery that is there and was ignored, and keeps what comes of it now. How many calls
/// follow.
pub(super) fn decide_again(
    connection: &mut SqliteConnection,
    row: i64,
    event: &Event,
    policy: &ReviewPolicy,
    now_ms: i64,
) -> QueryResult<usize> {
    let Some(pull_request) = event.pull_request() else {
        return Ok(0);
    };
    let key = pull_request.key();
    let known = known(connection, &key)?;
    let decision = decide(&known, event, policy, &day(now_ms));
    let answer = Answer {
        status: decision.status.to_owned(),
        message: decision.message.clone(),
    };
    diesel::sql_query("UPDATE webhook_events SET result = ? WHERE id = ?")
        .bind::<Text, _>(serde_json::to_string(&answer).unwrap_or_default())
        .bind::<BigInt, _>(row)
        .execute(connection)?;
    let decided = (&known, &decision);
    keep(connection, pull_request, &key, decided, (row, now_ms))?;
    let event = row.to_string();
    outbox::add(connection, (row, &event), &key, &decision.calls, now_ms)?;
    Ok(decision.calls.len())
}

/// Adds a delivery; its row, or none when it is there already.
fn insert(
    connection: &mut SqliteConnection,
    state: &mut State,
    arrival: &Arrival,
    delivery_id: &str,
    key: Option<&str>,
    answer: &Answer,
) -> QueryResult<Option<i64>> {
    let result = serde_json::to_string(answer).unwrap_or_default();
    // It was read as JSON, which is UTF-8.
    let payload = std::str::from_utf8(&arrival.payload).unwrap_or_default();
    let row = state.next_row;
    let added = prepared(
        "INSERT INTO webhook_events \
         (id, delivery_id, body_digest, event_type, pr_key, payload, result, received_ms) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [
            Bind::Number(row),
            Bind::Text(delivery_id),
            Bind::Bytes(&arrival.body_digest),
            Bind::Text(&arrival.event_type),
            Bind::Maybe(key),
            Bind::Text(payload),
            Bind::Text(&result),
            Bind::Number(arrival.received_ms),
        ],
    )
    .execute(connection)?;
    if added == 0 {
        return Ok(None);
    }
    state.next_row += 1;
    Ok(Some(row))
}

/// What was answered to a body that is there already.
fn before(connection: &mut SqliteConnection, arrival: &Arrival) -> QueryResult<Option<Received>> {
    let before: Option<Before> = prepared(
        "SELECT id, result FROM webhook_events WHERE body_digest = ?",
        [Bind::Bytes(&arrival.body_digest)],
    )
    .get_result(connection)
    .optional()?;
    Ok(before.map(|before| Received {
        row: before.id,
        answer: serde_json::from_str(&before.result).unwrap_or_else(|_| Answer {
            status: "ignored".to_owned(),
            message: before.result,
        }),
        is_duplicate: true,
        calls: 0,
    }))
}

/// Whether it was stored, and is kept no more.
fn is_past(connection: &mut SqliteConnection, arrival: &Arrival) -> QueryResult<bool> {
    let past: Row = prepared(
        "SELECT count(*) AS id FROM past_deliveries WHERE body_digest = ?",
        [Bind::Bytes(&arrival.body_digest)],
    )
    .get_result(connection)?;
    Ok(past.id > 0)
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

#[derive(QueryableByName)]
struct Cycles {
    #[diesel(sql_type = Integer)]
    cycle_count: i32,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Nullable<Text>)]
    author: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    head_sha: Option<String>,
}

#[derive(QueryableByName)]
struct ApprovalRow {
    #[diesel(sql_type = Text)]
    reviewer: String,
    #[diesel(sql_type = Nullable<Text>)]
    sha: Option<String>,
}

#[derive(QueryableByName)]
struct FailureRow {
    #[diesel(sql_type = Integer)]
    cycle_number: i32,
    #[diesel(sql_type = Text)]
    reviewer: String,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Text)]
    day: String,
}

/// What is known of a pull request.
pub(super) fn known(connection: &mut SqliteConnection, key: &str) -> QueryResult<Known> {
    let cycles: Option<Cycles> = prepared(
        "SELECT cycle_count, status, author, head_sha FROM pr_review_cycles WHERE pr_key = ?",
        [Bind::Text(key)],
    )
    .get_result(connection)
    .optional()?;
    let Some(cycles) = cycles else {
        return Ok(Known::default());
    };
    let approvals: Vec<ApprovalRow> = prepared(
        "SELECT reviewer, sha FROM review_approvals WHERE pr_key = ? ORDER BY event_row",
        [Bind::Text(key)],
    )
    .load(connection)?;
    // Without cycles there are none.
    let failures: Vec<FailureRow> = if cycles.cycle_count == 0 {
        Vec::new()
    } else {
        prepared(
            "SELECT cycle_number, reviewer, reason, substr(created_at, 1, 10) AS day \
             FROM review_failures WHERE pr_key = ? ORDER BY cycle_number, id",
            [Bind::Text(key)],
        )
        .load(connection)?
    };
    let unreadable = |error: String| {
        diesel::result::Error::DeserializationError(
            format!("pr_review_cycles {key}: {error}").into(),
        )
    };
    Ok(Known {
        status: cycles
            .status
            .parse()
            .map_err(|_| unreadable(format!("unknown status `{}`", cycles.status)))?,
        cycles: u32::try_from(cycles.cycle_count).unwrap_or(0),
        author: cycles.author,
        head_sha: cycles.head_sha,
        approvals: approvals
            .into_iter()
            .map(|row| Approval {
                reviewer: row.reviewer,
                sha: row.sha,
            })
            .collect(),
        failures: failures
            .into_iter()
            .map(|row| Failure {
                cycle: u32::try_from(row.cycle_number).unwrap_or(0),
                reviewer: row.reviewer,
                reason: row.reason,
                day: row.day,
            })
            .collect(),
    })
}

/// Whether a change says nothing new.
fn is_known(known: &Known, change: &Change) -> bool {
    match change {
        Change::Seen { author, head_sha } => {
            // Of what was never told of before not even that is known.
            let is_old = |told: &Option<String>, known: &Option<String>| {
                known.is_some() && (told.is_none() || told == known)
            };
            is_old(author, &known.author) && is_old(head_sha, &known.head_sha)
        }
        Change::Status(_) | Change::Approved(_) | Change::Withdrawn(_) | Change::Failed(_) => false,
    }
}

fn keep(
    connection: &mut SqliteConnection,
    pull_request: &PullRequest,
    key: &str,
    (known, decision): (&Known, &Decision),
    (row, now_ms): (i64, i64),
) -> QueryResult<()> {
    if decision
        .changes
        .iter()
        .all(|change| is_known(known, change))
    {
        return Ok(());
    }
    let is_taken_back = |change: &Change| match change {
        Change::Withdrawn(_) => true,
        Change::Status(status) => *status != PullRequestStatus::Active,
        Change::Seen { .. } | Change::Approved(_) | Change::Failed(_) => false,
    };
    if decision.changes.iter().any(is_taken_back) {
        let why = "what it rested on was taken back";
        outbox::take_merges_back(connection, key, why, now_ms)?;
    }
    let seen = decision.changes.iter().find_map(|change| match change {
        Change::Seen { author, head_sha } => Some((author.as_deref(), head_sha.as_deref())),
        _ => None,
    });
    let (author, head_sha) = seen.unwrap_or_default();
    prepared(
        "INSERT INTO pr_review_cycles (pr_key, repo_full_name, pr_number, author, head_sha) \
         VALUES (?, ?, ?, ?, ?) ON CONFLICT (pr_key) DO UPDATE SET updated_at = CURRENT_TIMESTAMP, \
         author = coalesce(excluded.author, author), head_sha = coalesce(excluded.head_sha, head_sha)",
        [
            Bind::Text(key),
            Bind::Text(&pull_request.repository.full_name()),
            Bind::Number(i64::try_from(pull_request.number).unwrap_or(i64::MAX)),
            Bind::Maybe(author),
            Bind::Maybe(head_sha),
        ],
    )
    .execute(connection)?;
    for change in &decision.changes {
        match change {
            Change::Status(status) => {
                diesel::sql_query("UPDATE pr_review_cycles SET status = ? WHERE pr_key = ?")
                    .bind::<Text, _>(status.to_string())
                    .bind::<Text, _>(key)
                    .execute(connection)?;
            }
            // Done already, with the row itself.
            Change::Seen { .. } => {}
            Change::Approved(approval) => {
                diesel::sql_query(
                    "INSERT OR REPLACE INTO review_approvals (pr_key, reviewer, sha, event_row) \
                     VALUES (?, ?, ?, ?)",
                )
                .bind::<Text, _>(key)
                .bind::<Text, _>(&approval.reviewer)
                .bind::<Nullable<Text>, _>(approval.sha.as_deref())
                .bind::<BigInt, _>(row)
                .execute(connection)?;
            }
            Change::Withdrawn(reviewer) => {
                diesel::sql_query("DELETE FROM review_approvals WHERE pr_key = ? AND reviewer = ?")
                    .bind::<Text, _>(key)
                    .bind::<Text, _>(reviewer)
                    .execute(connection)?;
            }
            Change::Failed(failure) => {
                let cycle = i32::try_from(failure.cycle).unwrap_or(i32::MAX);
                diesel::sql_query("UPDATE pr_review_cycles SET cycle_count = ? WHERE pr_key = ?")
                    .bind::<Integer, _>(cycle)
                    .bind::<Text, _>(key)
                    .execute(connection)?;
                diesel::sql_query(
                    "INSERT INTO review_failures (pr_key, cycle_number, reviewer, reason, created_at) \
                     VALUES (?, ?, ?, ?, ? || ' 00:00:00')",
                )
                .bind::<Text, _>(key)
                .bind::<Integer, _>(cycle)
                .bind::<Text, _>(&failure.reviewer)
                .bind::<Nullable<Text>, _>(failure.reason.as_deref())
                .bind::<Text, _>(&failure.day)
                .execute(connection)?;
            }
        }
    }
    Ok(())
}

/// Stores what the rate limiter wants kept.
pub(super) fn keep_tats(
    connection: &mut SqliteConnection,
    tats: &BTreeMap<String, i64>,
) -> QueryResult<()> {
    for (key, at_ns) in tats {
        prepared(
            "INSERT INTO rate_limits (key, at_ns) VALUES (?, ?) \
             ON CONFLICT (key) DO UPDATE SET at_ns = max(at_ns, excluded.at_ns)",
            [Bind::Text(key), Bind::Number(*at_ns)],
        )
        .execute(connection)?;
    }
    Ok(())
}

#[derive(QueryableByName)]
struct TatRow {
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = BigInt)]
    at_ns: i64,
}

pub(super) fn tats(connection: &mut SqliteConnection) -> QueryResult<Vec<Tat>> {
    let rows: Vec<TatRow> =
        diesel::sql_query("SELECT key, at_ns FROM rate_limits").load(connection)?;
    let tat = |row: TatRow| Tat {
        key: row.key,
        at_ns: row.at_ns,
    };
    Ok(rows.into_iter().map(tat).collect())
}

/// The day of a moment in UTC, as `2026-01-31`.
fn day(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms)
        .map(|at| at.strftime("%Y-%m-%d").to_string())
        .unwrap_or_default()
}
