//! Reading what was written, and comparing it with what was meant.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::columns::{CardColumns, CommentColumns, EventColumns, GateColumns, RunColumns, Written};
use crate::error::LegacyError;

/// That every row is there as it was meant.
pub(super) fn all(connection: &mut SqliteConnection, written: &Written) -> Result<(), LegacyError> {
    for due in &written.runs {
        let found: Option<RunColumns> = diesel::sql_query(
            "SELECT run_id, build_id, epic, status, started_at, ended_at, summary_json, rock \
             FROM runs WHERE run_id = ?",
        )
        .bind::<Text, _>(&due.run_id)
        .get_result(connection)
        .optional()?;
        same(found.as_ref(), due, || format!("run `{}`", due.run_id))?;
    }
    for due in &written.cards {
        let found: Option<CardColumns> = diesel::sql_query(
            "SELECT c.row AS card_row, c.run_id, c.build_id, c.card_id, c.position, c.status, c.wait_reason, \
             c.updated_at, c.life_json, d.created_at, d.kind, d.seat, d.summary, d.note, \
             d.priority, d.max_retries, d.depends_on_json, d.verification_json, d.plan_json \
             FROM cards c JOIN card_definitions d ON d.card = c.row WHERE c.row = ?",
        )
        .bind::<BigInt, _>(due.card_row)
        .get_result(connection)
        .optional()?;
        same(found.as_ref(), due, || format!("card `{}`", due.card_id))?;
    }
    for due in &written.comments {
        let found: Option<CommentColumns> =
            diesel::sql_query("SELECT card, key, author, content, at FROM comments WHERE key = ?")
                .bind::<Text, _>(&due.key)
                .get_result(connection)
                .optional()?;
        same(found.as_ref(), due, || format!("comment `{}`", due.key))?;
    }
    for due in &written.events {
        let found: Option<EventColumns> = diesel::sql_query(
            "SELECT seq, run_id, card, kind, data_json, at FROM card_events WHERE seq = ?",
        )
        .bind::<BigInt, _>(due.seq)
        .get_result(connection)
        .optional()?;
        same(found.as_ref(), due, || {
            format!("entry {} of the audit", due.seq)
        })?;
    }
    for due in &written.gates {
        let found: Option<GateColumns> = diesel::sql_query(
            "SELECT id, run_id, card, card_id, seat, request_type, reason, payload_json, status, \
             resolution_json, created_at, resolved_at FROM gates WHERE id = ?",
        )
        .bind::<BigInt, _>(due.id)
        .get_result(connection)
        .optional()?;
        same(found.as_ref(), due, || format!("gate {}", due.id))?;
    }
    Ok(())
}

fn same<T: PartialEq>(
    found: Option<&T>,
    due: &T,
    what: impl FnOnce() -> String,
) -> Result<(), LegacyError> {
    if found == Some(due) {
        Ok(())
    } else {
        Err(LegacyError::Mismatch {
            what: format!("{} is not what was written", what()),
        })
    }
}
