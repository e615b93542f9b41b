//! What is to be done elsewhere because of an event. A row is written in the transaction of its event,
//! marked before it is sent and again when its outcome is known: one that was marked and has no outcome
//! may have been done.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use orket_core::webhook::pull_request::Call;
use serde_json::{Value, json};

use super::receive::Arrival;
use super::{Store, StoreError};

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutboxStatus {
    /// It is to be sent.
    Pending,
    /// It is being sent, or was when the process ended.
    Sending,
    /// It is done.
    Done,
    /// It cannot be done.
    Failed,
    /// It may be done or not, and must not be done twice.
    Unknown,
    /// It was left out, since one before it failed.
    Skipped,
}

impl OutboxStatus {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Skipped => "skipped",
        }
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
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
    /// `pending`, `sending`, `done`, `failed`, `unknown` or `skipped`.
    #[diesel(sql_type = Text)]
    pub status: String,
    /// How often it was tried.
    #[diesel(sql_type = Integer)]
    pub attempts: i32,
    /// When it is tried next, milliseconds since 1970-01-01 UTC.
    #[diesel(sql_type = BigInt)]
    pub next_try_ms: i64,
    /// What came of it, in words.
    #[diesel(sql_type = Nullable<Text>)]
    pub outcome: Option<String>,
}

/// What is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// It, marked as being sent.
    pub row: OutboxRow,
    /// An earlier process may have sent it already.
    pub was_sending: bool,
}

/// What became of sending a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// It ended so, in these words; what was to come after a failure is left out.
    Ended(OutboxStatus, String),
    /// It is tried again then, milliseconds since 1970-01-01 UTC; why, in words.
    Again(i64, String),
}

/// What a call asks for, and the key under which it is done once.
fn request_of(call: &Call, key: &str, row: i64) -> (&'static str, Value, String) {
    match call {
        Call::Merge {
            sha,
            style,
            message,
            delete_branch,
        } => (
            "merge",
            json!({"sha": sha, "style": style, "message": message, "delete_branch": delete_branch}),
            match sha {
                Some(sha) => format!("{key}:merge:{sha}"),
                None => format!("{key}:merge:event-{row}"),
            },
        ),
        Call::Comment { reason, body } => (
            "comment",
            json!({ "body": body }),
            format!("{key}:comment:{reason}"),
        ),
        Call::Close => ("close", json!({}), format!("{key}:close:event-{row}")),
        Call::OpenIssue {
            title,
            body,
            labels,
        } => (
            "open_issue",
            json!({"title": title, "body": body, "labels": labels}),
            format!("{key}:issue:{title}"),
        ),
        Call::RunCard { card } => (
            "run_card",
            json!({ "card": card }),
            format!("{key}:run:event-{row}"),
        ),
        Call::Deploy => ("deploy", json!({}), format!("{key}:deploy:event-{row}")),
    }
}

pub(super) fn add(
    connection: &mut SqliteConnection,
    arrival: &Arrival,
    key: &str,
    calls: &[Call],
    row: i64,
) -> QueryResult<()> {
    for call in calls {
        let (kind, request, once) = request_of(call, key, row);
        diesel::sql_query(
            "INSERT INTO outbox \
             (event_row, pr_key, kind, request, once, next_try_ms, created_ms, updated_ms) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (once) DO NOTHING",
        )
        .bind::<BigInt, _>(row)
        .bind::<Text, _>(key)
        .bind::<Text, _>(kind)
        .bind::<Text, _>(request.to_string())
        .bind::<Text, _>(once)
        .bind::<BigInt, _>(arrival.received_ms)
        .bind::<BigInt, _>(arrival.received_ms)
        .bind::<BigInt, _>(arrival.received_ms)
        .execute(connection)?;
    }
    Ok(())
}

const COLUMNS: &str =
    "id, event_row, pr_key, kind, request, status, attempts, next_try_ms, outcome";

impl Store {
    /// At most `most` rows that are due, marked as being sent: of each pull request the oldest one, so
    /// that what belongs together stays in order. `take_over` takes those too that an earlier process
    /// was sending when it ended.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn due(
        &self,
        now_ms: i64,
        most: usize,
        take_over: bool,
    ) -> Result<Vec<Due>, StoreError> {
        self.write(move |connection| {
            let rows: Vec<OutboxRow> = diesel::sql_query(format!(
                "SELECT {COLUMNS} FROM outbox AS mine \
                 WHERE (status = 'pending' OR (status = 'sending' AND ?)) AND next_try_ms <= ? \
                 AND NOT EXISTS (SELECT 1 FROM outbox AS before WHERE before.pr_key = mine.pr_key \
                     AND before.id < mine.id AND before.status IN ('pending', 'sending')) \
                 ORDER BY id LIMIT ?"
            ))
            .bind::<diesel::sql_types::Bool, _>(take_over)
            .bind::<BigInt, _>(now_ms)
            .bind::<BigInt, _>(i64::try_from(most).unwrap_or(i64::MAX))
            .load(connection)?;
            let mut due = Vec::with_capacity(rows.len());
            for mut row in rows {
                diesel::sql_query(
                    "UPDATE outbox SET status = 'sending', attempts = attempts + 1, updated_ms = ? \
                     WHERE id = ?",
                )
                .bind::<BigInt, _>(now_ms)
                .bind::<BigInt, _>(row.id)
                .execute(connection)?;
                let was_sending = row.status == OutboxStatus::Sending.as_str();
                row.attempts = row.attempts.saturating_add(1);
                OutboxStatus::Sending.as_str().clone_into(&mut row.status);
                due.push(Due { row, was_sending });
            }
            Ok(due)
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
            let (status, next_try_ms, words) = match &sent {
                Sent::Ended(status, words) => (*status, now_ms, words),
                Sent::Again(at_ms, words) => (OutboxStatus::Pending, *at_ms, words),
            };
            diesel::sql_query(
                "UPDATE outbox SET status = ?, next_try_ms = ?, outcome = ?, updated_ms = ? \
                 WHERE id = ? AND status = 'sending'",
            )
            .bind::<Text, _>(status.as_str())
            .bind::<BigInt, _>(next_try_ms)
            .bind::<Text, _>(words)
            .bind::<BigInt, _>(now_ms)
            .bind::<BigInt, _>(id)
            .execute(connection)?;
            if matches!(status, OutboxStatus::Failed | OutboxStatus::Unknown) {
                diesel::sql_query(
                    "UPDATE outbox SET status = 'skipped', updated_ms = ?, \
                     outcome = 'left out: what was to be done before it was not' \
                     WHERE status = 'pending' AND id > ? \
                     AND event_row = (SELECT event_row FROM outbox WHERE id = ?)",
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
                "SELECT {COLUMNS} FROM outbox WHERE event_row = ? ORDER BY id"
            ))
            .bind::<BigInt, _>(event_row)
            .load(connection)
        })
        .await
    }
}
