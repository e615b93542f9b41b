//! What is to be done elsewhere because of an event. A row is written in the transaction of its event,
//! marked before it is sent and again when its outcome is known: one that was marked and has no outcome
//! may have been done.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
use orket_core::webhook::outcome::{CallKind, CallState, CallStatus};
use orket_core::webhook::pull_request::Call;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Store, StoreError};

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName, Serialize)]
pub struct OutboxRow {
    /// Its number; lower ones of an event come first.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// The event that it follows from.
    #[diesel(sql_type = BigInt)]
    pub event_row: i64,
    /// `owner/name#number`.
    #[diesel(sql_type = Text)]
    pub pr_key: String,
    /// `merge`, `comment`, `close`, `open_issue`, `run_card` or `deploy`.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// What it asks for, as JSON.
    #[diesel(sql_type = Text)]
    pub request: String,
    /// The key under which it is done once.
    #[diesel(sql_type = Text)]
    pub once: String,
    /// `pending`, `sending`, `done`, `failed`, `unknown` or `skipped`.
    #[diesel(sql_type = Text)]
    pub status: String,
    /// Whether it may have been done by a try that got no answer.
    #[diesel(sql_type = Bool)]
    pub unsure: bool,
    /// How often it was tried.
    #[diesel(sql_type = Integer)]
    pub attempts: i32,
    /// When it is tried next, milliseconds since 1970-01-01 UTC.
    #[diesel(sql_type = BigInt)]
    pub next_try_ms: i64,
    /// What came of it, in words.
    #[diesel(sql_type = Nullable<Text>)]
    pub outcome: Option<String>,
    /// When it was decided on, milliseconds since 1970-01-01 UTC.
    #[diesel(sql_type = BigInt)]
    pub created_ms: i64,
}

impl OutboxRow {
    /// What it does and how it stands.
    #[must_use]
    pub fn state(&self) -> Option<CallState> {
        Some(CallState {
            kind: self.kind()?,
            status: self.status.parse().ok()?,
            outcome: self.outcome.clone(),
        })
    }

    /// What it does.
    #[must_use]
    pub fn kind(&self) -> Option<CallKind> {
        self.kind.parse().ok()
    }
}

/// What is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// It, marked as being sent.
    pub row: OutboxRow,
    /// It may have been done already, by an earlier process or by a try that got no answer.
    pub was_sending: bool,
}

/// How much more may be carried out at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Of what takes seconds.
    pub quick: usize,
    /// Of what takes minutes: bringing something up.
    pub slow: usize,
}

/// What became of sending a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// It ended so, in these words; what was to come after a failure is left out.
    Ended(CallStatus, String),
    /// It is done, in these words, and these follow from it.
    DoneThen(String, Vec<Call>),
    /// It is tried again.
    Again {
        /// When, milliseconds since 1970-01-01 UTC.
        at_ms: i64,
        /// Why, in words.
        words: String,
        /// Whether it may have been done all the same.
        may_have_happened: bool,
    },
}

/// What a call asks for, and the key under which it is done once. `event` names the delivery for good: the
/// beginning of its digest, since rows are those of one database.
fn request_of(call: &Call, key: &str, event: &str) -> (CallKind, Value, String) {
    match call {
        Call::Merge {
            sha,
            style,
            message,
            delete_branch,
            author,
        } => (
            CallKind::Merge,
            json!({"sha": sha, "style": style, "message": message, "delete_branch": delete_branch,
                "author": author}),
            match sha {
                Some(sha) => format!("{key}:merge:{sha}"),
                None => format!("{key}:merge:event-{event}"),
            },
        ),
        Call::Comment { reason, body } => (
            CallKind::Comment,
            json!({ "body": body }),
            format!("{key}:comment:{reason}"),
        ),
        Call::Close => (
            CallKind::Close,
            json!({}),
            format!("{key}:close:event-{event}"),
        ),
        Call::OpenIssue {
            title,
            body,
            labels,
        } => (
            CallKind::OpenIssue,
            json!({"title": title, "body": body, "labels": labels}),
            format!("{key}:issue:{title}"),
        ),
        Call::RunCard { card } => (
            CallKind::RunCard,
            json!({ "card": card }),
            format!("{key}:run:event-{event}"),
        ),
        Call::StartPhase => (
            CallKind::StartPhase,
            json!({}),
            format!("{key}:phase:event-{event}"),
        ),
        Call::Deploy => (
            CallKind::Deploy,
            json!({}),
            format!("{key}:deploy:event-{event}"),
        ),
    }
}

/// Adds what is to be done because of an event. What was to be done once already stays as it is, but for
/// what did not come about: that is tried anew.
pub(super) fn add(
    connection: &mut SqliteConnection,
    (row, event): (i64, &str),
    key: &str,
    calls: &[Call],
    now_ms: i64,
) -> QueryResult<()> {
    for call in calls {
        let (kind, request, once) = request_of(call, key, event);
        diesel::sql_query(
            "INSERT INTO outbox \
             (event_row, pr_key, kind, request, once, next_try_ms, created_ms, updated_ms) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (once) DO UPDATE SET \
             unsure = unsure OR status = 'unknown', status = 'pending', attempts = 0, outcome = NULL, \
             request = excluded.request, next_try_ms = excluded.next_try_ms, \
             created_ms = excluded.created_ms, updated_ms = excluded.updated_ms \
             WHERE status IN ('failed', 'unknown', 'skipped')",
        )
        .bind::<BigInt, _>(row)
        .bind::<Text, _>(key)
        .bind::<Text, _>(kind.as_str())
        .bind::<Text, _>(request.to_string())
        .bind::<Text, _>(&once)
        .bind::<BigInt, _>(now_ms)
        .bind::<BigInt, _>(now_ms)
        .bind::<BigInt, _>(now_ms)
        .execute(connection)?;
        diesel::sql_query(
            "INSERT OR IGNORE INTO event_calls (event_row, outbox_id) \
             SELECT ?, id FROM outbox WHERE once = ?",
        )
        .bind::<BigInt, _>(row)
        .bind::<Text, _>(&once)
        .execute(connection)?;
    }
    Ok(())
}

/// Leaves merges of a pull request out that were not made yet: what they rest on was taken back.
pub(super) fn take_merges_back(
    connection: &mut SqliteConnection,
    key: &str,
    why: &str,
    now_ms: i64,
) -> QueryResult<()> {
    diesel::sql_query(
        "UPDATE outbox SET status = 'skipped', outcome = ?, updated_ms = ? \
         WHERE pr_key = ? AND kind = 'merge' AND status = 'pending'",
    )
    .bind::<Text, _>(why)
    .bind::<BigInt, _>(now_ms)
    .bind::<Text, _>(key)
    .execute(connection)?;
    Ok(())
}

pub(super) const COLUMNS: &str = "id, event_row, pr_key, kind, request, once, status, unsure, attempts, next_try_ms, outcome, created_ms";

#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = BigInt)]
    event_row: i64,
    #[diesel(sql_type = Text)]
    pr_key: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// That nothing must come before a row: what is asked of the code host waits for all that is asked of it
/// about the same pull request before; cards, phases and sandboxes wait for nothing.
const NOTHING_BEFORE: &str = "NOT EXISTS (SELECT 1 FROM outbox AS before \
     WHERE before.pr_key = mine.pr_key AND before.id < mine.id \
     AND before.status IN ('pending', 'sending') \
     AND before.kind IN ('merge', 'comment', 'close', 'open_issue') \
     AND mine.kind IN ('merge', 'comment', 'close', 'open_issue'))";

/// What is due, and when the next row is, milliseconds since 1970-01-01 UTC.
pub type DueNow = (Vec<Due>, Option<i64>);

impl Store {
    /// Takes over what an earlier process, or an earlier sender, was sending when it ended: it may have been
    /// done. What is not told apart by the code host, such as a comment, is looked for only after `grace_ms`
    /// have passed since it was sent: a host that is slow may still be doing it.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn take_over(&self, grace_ms: i64) -> Result<usize, StoreError> {
        self.write(move |connection| {
            diesel::sql_query(
                "UPDATE outbox SET status = 'pending', unsure = 1, \
                 outcome = coalesce(outcome, 'it was being done when Orket ended'), \
                 next_try_ms = CASE WHEN kind IN ('comment', 'open_issue') \
                     THEN max(next_try_ms, updated_ms + ?) ELSE next_try_ms END \
                 WHERE status = 'sending'",
            )
            .bind::<BigInt, _>(grace_ms)
            .execute(connection)
        })
        .await
    }

    /// Rows that are due, marked as being sent: of what is asked of the code host about a pull request the
    /// oldest one, so that it stays in order; at most as many as there is room for.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; nothing is marked then.
    pub async fn due(&self, now_ms: i64, room: Room) -> Result<DueNow, StoreError> {
        self.write(move |connection| {
            let mut rows: Vec<OutboxRow> = Vec::new();
            for (is_slow, most) in [(false, room.quick), (true, room.slow)] {
                if most == 0 {
                    continue;
                }
                let found: Vec<OutboxRow> = diesel::sql_query(format!(
                    "SELECT {COLUMNS} FROM outbox AS mine \
                     WHERE status = 'pending' AND next_try_ms <= ? AND (kind = 'deploy') = ? \
                     AND {NOTHING_BEFORE} ORDER BY id LIMIT ?"
                ))
                .bind::<BigInt, _>(now_ms)
                .bind::<Bool, _>(is_slow)
                .bind::<BigInt, _>(i64::try_from(most).unwrap_or(i64::MAX))
                .load(connection)?;
                rows.extend(found);
            }
            let mut due = Vec::with_capacity(rows.len());
            for mut row in rows {
                diesel::sql_query(
                    "UPDATE outbox SET status = 'sending', attempts = attempts + 1, updated_ms = ? \
                     WHERE id = ?",
                )
                .bind::<BigInt, _>(now_ms)
                .bind::<BigInt, _>(row.id)
                .execute(connection)?;
                let was_sending = row.unsure;
                row.attempts = row.attempts.saturating_add(1);
                CallStatus::Sending.as_str().clone_into(&mut row.status);
                due.push(Due { row, was_sending });
            }
            let next: Next = diesel::sql_query(format!(
                "SELECT min(next_try_ms) AS at_ms FROM outbox AS mine WHERE status = 'pending' \
                 AND {NOTHING_BEFORE}"
            ))
            .get_result(connection)?;
            Ok((due, next.at_ms))
        })
        .await
    }

    /// The events that come to a call.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn events_of(&self, outbox_id: i64) -> Result<Vec<i64>, StoreError> {
        self.write(move |connection| {
            let rows: Vec<Number> = diesel::sql_query(
                "SELECT event_row AS number FROM event_calls WHERE outbox_id = ?",
            )
            .bind::<BigInt, _>(outbox_id)
            .load(connection)?;
            Ok(rows.into_iter().map(|row| row.number).collect())
        })
        .await
    }

    /// Notes what became of a row that was being sent.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn sent(&self, id: i64, sent: Sent, now_ms: i64) -> Result<(), StoreError> {
        self.write(move |connection| {
            let (status, next_try_ms, words, unsure) = match &sent {
                Sent::Ended(status, words) => (*status, now_ms, words, false),
                Sent::DoneThen(words, _) => (CallStatus::Done, now_ms, words, false),
                Sent::Again {
                    at_ms,
                    words,
                    may_have_happened,
                } => (CallStatus::Pending, *at_ms, words, *may_have_happened),
            };
            diesel::sql_query(
                "UPDATE outbox SET status = ?, next_try_ms = ?, outcome = ?, unsure = unsure OR ?, \
                 updated_ms = ? WHERE id = ? AND status = 'sending'",
            )
            .bind::<Text, _>(status.as_str())
            .bind::<BigInt, _>(next_try_ms)
            .bind::<Text, _>(words)
            .bind::<Bool, _>(unsure)
            .bind::<BigInt, _>(now_ms)
            .bind::<BigInt, _>(id)
            .execute(connection)?;
            if let Sent::DoneThen(_, calls) = &sent {
                let place: Place =
                    diesel::sql_query("SELECT event_row, pr_key FROM outbox WHERE id = ?")
                        .bind::<BigInt, _>(id)
                        .get_result(connection)?;
                let event = place.event_row.to_string();
                let place_of = (place.event_row, event.as_str());
                add(connection, place_of, &place.pr_key, calls, now_ms)?;
            }
            if matches!(status, CallStatus::Failed | CallStatus::Unknown) {
                diesel::sql_query(
                    "UPDATE outbox SET status = 'skipped', updated_ms = ?, \
                     outcome = 'left out: what was to be done before it was not' \
                     WHERE status = 'pending' AND id > ? \
                     AND kind IN ('merge', 'comment', 'close', 'open_issue') \
                     AND (event_row, 1) = (SELECT event_row, \
                         kind IN ('merge', 'comment', 'close', 'open_issue') FROM outbox WHERE id = ?)",
                )
                .bind::<BigInt, _>(now_ms)
                .bind::<BigInt, _>(id)
                .bind::<BigInt, _>(id)
                .execute(connection)?;
            }
            Ok(())
        })
        .await
    }

    /// What follows from an event, in order.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn calls_of(&self, event_row: i64) -> Result<Vec<OutboxRow>, StoreError> {
        self.write(move |connection| {
            diesel::sql_query(format!(
                "SELECT {COLUMNS} FROM outbox WHERE id IN \
                 (SELECT outbox_id FROM event_calls WHERE event_row = ?) ORDER BY id"
            ))
            .bind::<BigInt, _>(event_row)
            .load(connection)
        })
        .await
    }
}

#[derive(QueryableByName)]
struct Next {
    #[diesel(sql_type = Nullable<BigInt>)]
    at_ms: Option<i64>,
}
