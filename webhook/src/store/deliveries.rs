//! Deliveries as operators look at them, what they may have done again, and how long they are kept.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use orket_core::webhook::delivery;
use orket_core::webhook::review_policy::ReviewPolicy;
use serde::Serialize;

use super::outbox::{COLUMNS, OutboxRow};
use super::receive::{self, Answer};
use super::{Store, StoreError};

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName, Serialize)]
pub struct Delivery {
    /// Its row.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// Its id, as the host gave it; its body's digest where it gave none.
    #[diesel(sql_type = Text)]
    pub delivery_id: String,
    /// The event's name.
    #[diesel(sql_type = Text)]
    pub event_type: String,
    /// `owner/name#number`, where it is about a pull request.
    #[diesel(sql_type = Nullable<Text>)]
    pub pr_key: Option<String>,
    /// What was decided, as JSON: `{"status", "message"}`.
    #[diesel(sql_type = Text)]
    pub result: String,
    /// When it came, milliseconds since 1970-01-01 UTC.
    #[diesel(sql_type = BigInt)]
    pub received_ms: i64,
}

/// A delivery with its body and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Its line.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// Its body; empty when it was kept long enough.
    pub payload: String,
    /// What follows from it, in order.
    pub calls: Vec<OutboxRow>,
}

/// Which deliveries are listed.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Of this pull request, `owner/name#number`.
    pub pr_key: Option<String>,
    /// Only those of whose calls one failed, waits or is not known.
    pub only_open: bool,
    /// Only those with smaller rows than this.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: i64,
}

/// How long deliveries are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Days.
    pub days: u32,
    /// Deliveries.
    pub most: u32,
}

/// What a pass of [`Store::tidy`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Deliveries that are gone.
    pub deliveries: usize,
}

const DELIVERY: &str = "id, delivery_id, event_type, pr_key, result, received_ms";
/// Deliveries that one transaction lets go of.
const AT_ONCE: i64 = 500;

#[derive(QueryableByName)]
struct Payload {
    #[diesel(sql_type = Text)]
    payload: String,
}

impl Store {
    /// Deliveries, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn deliveries(&self, wish: Wish) -> Result<Vec<Delivery>, StoreError> {
        self.write(move |connection| {
            diesel::sql_query(format!(
                "SELECT {DELIVERY} FROM webhook_events AS event \
                 WHERE (?1 IS NULL OR pr_key = ?1 COLLATE NOCASE) AND id < ?2 \
                 AND (NOT ?3 OR EXISTS (SELECT 1 FROM event_calls JOIN outbox ON outbox.id = outbox_id \
                     WHERE event_calls.event_row = event.id AND outbox.status IN ('pending', 'sending', 'failed', 'unknown', 'skipped'))) \
                 ORDER BY id DESC LIMIT ?4"
            ))
            .bind::<Nullable<Text>, _>(wish.pr_key)
            .bind::<BigInt, _>(wish.before.unwrap_or(i64::MAX))
            .bind::<diesel::sql_types::Bool, _>(wish.only_open)
            .bind::<BigInt, _>(wish.limit)
            .load(connection)
        })
        .await
    }

    /// One delivery, by its row or by its id.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn delivery(&self, which: String) -> Result<Option<Shown>, StoreError> {
        self.write(move |connection| {
            let row = which.parse::<i64>().unwrap_or(-1);
            let delivery: Option<Delivery> = diesel::sql_query(format!(
                "SELECT {DELIVERY} FROM webhook_events WHERE id = ? OR delivery_id = ? LIMIT 1"
            ))
            .bind::<BigInt, _>(row)
            .bind::<Text, _>(which)
            .get_result(connection)
            .optional()?;
            let Some(delivery) = delivery else {
                return Ok(None);
            };
            let payload: Payload =
                diesel::sql_query("SELECT payload FROM webhook_events WHERE id = ?")
                    .bind::<BigInt, _>(delivery.id)
                    .get_result(connection)?;
            let calls = diesel::sql_query(format!(
                "SELECT {COLUMNS} FROM outbox WHERE id IN \
                 (SELECT outbox_id FROM event_calls WHERE event_row = ?) ORDER BY id"
            ))
            .bind::<BigInt, _>(delivery.id)
            .load(connection)?;
            Ok(Some(Shown {
                delivery,
                payload: payload.payload,
                calls,
            }))
        })
        .await
    }

    /// Has what did not come about of a delivery tried again; how much that is. What is done, or under
    /// way, is left alone.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn try_again(&self, row: i64, now_ms: i64) -> Result<usize, StoreError> {
        self.write(move |connection| {
            diesel::sql_query(
                "UPDATE outbox SET unsure = unsure OR status = 'unknown', status = 'pending', \
                 attempts = 0, outcome = NULL, next_try_ms = ?, created_ms = ?, updated_ms = ? \
                 WHERE id IN (SELECT outbox_id FROM event_calls WHERE event_row = ?) \
                 AND status IN ('failed', 'unknown', 'skipped')",
            )
            .bind::<BigInt, _>(now_ms)
            .bind::<BigInt, _>(now_ms)
            .bind::<BigInt, _>(now_ms)
            .bind::<BigInt, _>(row)
            .execute(connection)
        })
        .await
    }

    /// Decides anew on a delivery that was ignored, by other rules: one of a repository that was not served
    /// may be by now. How many calls follow from it. One from which something followed, or that was counted,
    /// is left alone.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn decide_again(
        &self,
        row: i64,
        policy: ReviewPolicy,
        now_ms: i64,
    ) -> Result<usize, StoreError> {
        self.write(move |connection| decide_again(connection, row, &policy, now_ms))
            .await
    }

    /// Lets go of deliveries that are older, or more, than is kept, but for those of which something is
    /// still to be done. That they came is remembered: one that is sent again is still a repeat. A few at
    /// a time, so that others can write between.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; what was done before it stays done.
    pub async fn tidy(&self, keep: Retention, now_ms: i64) -> Result<Tidied, StoreError> {
        let oldest_ms = now_ms.saturating_sub(i64::from(keep.days).saturating_mul(86_400_000));
        let mut tidied = Tidied::default();
        let mut after = 0;
        // From the oldest on, until there is one that stays for its age and its number.
        while let Some(window) = self
            .write(move |connection| tidy(connection, after, oldest_ms, keep.most))
            .await?
        {
            tidied.deliveries += window.gone;
            after = window.last;
        }
        let now_ns = now_ms.saturating_mul(1_000_000);
        self.write(move |connection| {
            diesel::sql_query("DELETE FROM rate_limits WHERE at_ns < ?")
                .bind::<BigInt, _>(now_ns)
                .execute(connection)
        })
        .await?;
        Ok(tidied)
    }
}

#[derive(QueryableByName)]
struct Ignored {
    #[diesel(sql_type = Text)]
    event_type: String,
    #[diesel(sql_type = Text)]
    payload: String,
    #[diesel(sql_type = Text)]
    result: String,
}

fn decide_again(
    connection: &mut SqliteConnection,
    row: i64,
    policy: &ReviewPolicy,
    now_ms: i64,
) -> QueryResult<usize> {
    let ignored: Option<Ignored> = diesel::sql_query(
        "SELECT event_type, payload, result FROM webhook_events WHERE id = ? \
         AND NOT EXISTS (SELECT 1 FROM event_calls WHERE event_row = webhook_events.id)",
    )
    .bind::<BigInt, _>(row)
    .get_result(connection)
    .optional()?;
    let Some(ignored) = ignored else {
        return Ok(0);
    };
    let was: Option<Answer> = serde_json::from_str(&ignored.result).ok();
    if was.is_none_or(|answer| answer.status != "ignored") {
        return Ok(0);
    }
    let event = delivery::payload(ignored.payload.as_bytes())
        .and_then(|fields| delivery::event(Some(&ignored.event_type), &fields));
    // What is kept was understood when it came.
    let Ok(event) = event else { return Ok(0) };
    receive::decide_again(connection, row, &event, policy, now_ms)
}

struct Window {
    gone: usize,
    last: i64,
}

#[derive(QueryableByName)]
struct Bounds {
    #[diesel(sql_type = Nullable<BigInt>)]
    last: Option<i64>,
    #[diesel(sql_type = BigInt)]
    surplus_to: i64,
}

/// Lets go of the next few deliveries; none when there is nothing more to let go of.
fn tidy(
    connection: &mut SqliteConnection,
    after: i64,
    oldest_ms: i64,
    most: u32,
) -> QueryResult<Option<Window>> {
    // Rows are as old as their numbers: the first that stays ends it.
    let bounds: Bounds = diesel::sql_query(
        "WITH window AS (SELECT id, received_ms FROM webhook_events WHERE id > ? ORDER BY id LIMIT ?), \
         surplus AS (SELECT coalesce((SELECT id FROM webhook_events ORDER BY id DESC LIMIT 1 OFFSET ?), 0) \
             AS up_to) \
         SELECT (SELECT max(id) FROM window WHERE received_ms < ? OR id <= (SELECT up_to FROM surplus)) AS last, \
         (SELECT up_to FROM surplus) AS surplus_to",
    )
    .bind::<BigInt, _>(after)
    .bind::<BigInt, _>(AT_ONCE)
    .bind::<BigInt, _>(i64::from(most))
    .bind::<BigInt, _>(oldest_ms)
    .get_result(connection)?;
    let Some(last) = bounds.last else {
        return Ok(None);
    };
    diesel::sql_query("CREATE TEMP TABLE IF NOT EXISTS going (id INTEGER PRIMARY KEY)")
        .execute(connection)?;
    diesel::sql_query("DELETE FROM going").execute(connection)?;
    let gone = diesel::sql_query(
        "INSERT INTO going SELECT id FROM webhook_events AS event \
         WHERE id > ? AND id <= ? AND (received_ms < ? OR id <= ?) \
         AND NOT EXISTS (SELECT 1 FROM event_calls JOIN outbox ON outbox.id = outbox_id \
             WHERE event_calls.event_row = event.id AND outbox.status IN ('pending', 'sending'))",
    )
    .bind::<BigInt, _>(after)
    .bind::<BigInt, _>(last)
    .bind::<BigInt, _>(oldest_ms)
    .bind::<BigInt, _>(bounds.surplus_to)
    .execute(connection)?;
    for statement in [
        "INSERT OR IGNORE INTO past_deliveries (body_digest, delivery_id, event_row) \
         SELECT body_digest, delivery_id, id FROM webhook_events WHERE id IN going",
        "DELETE FROM event_calls WHERE event_row IN going",
        "DELETE FROM outbox WHERE event_row IN going \
         AND id NOT IN (SELECT outbox_id FROM event_calls)",
        "DELETE FROM webhook_events WHERE id IN going",
    ] {
        diesel::sql_query(statement).execute(connection)?;
    }
    Ok(Some(Window { gone, last }))
}
