//! Rows of `bug_fix_phases`.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use orket_core::phase::{DAY_MS, Phase};

use super::{KEPT_DAYS, PhaseError, Phases};

/// When a phase is let go of; `None` while somebody has to look after it.
fn forget_ms(phase: &Phase) -> Option<i64> {
    if phase.is_open() {
        return None;
    }
    if !phase.orket.handed_over.is_empty() {
        return Some(i64::MAX);
    }
    let end = phase.actual_end.unwrap_or(phase.scheduled_end);
    Some(end.0.saturating_add(i64::from(KEPT_DAYS) * DAY_MS))
}

pub(super) fn understood(rows: Vec<Row>) -> Phases {
    let mut all = Phases::default();
    for row in rows {
        match row.read() {
            Ok(phase) => all.phases.push(phase),
            Err(damaged) => all.damaged.push(damaged),
        }
    }
    all
}

/// The rock of a row.
#[derive(QueryableByName)]
pub(super) struct Name {
    #[diesel(sql_type = Text)]
    pub(super) rock_id: String,
}

/// A row as it is stored.
#[derive(QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = Text)]
    rock_id: String,
    #[diesel(sql_type = Text)]
    data_json: String,
}

impl Row {
    pub(super) fn read(self) -> Result<Phase, PhaseError> {
        serde_json::from_str(&self.data_json).map_err(|error| PhaseError::Damaged {
            rock: self.rock_id,
            reason: error.to_string(),
        })
    }
}

pub(super) fn read(connection: &mut SqliteConnection, rock: &str) -> QueryResult<Option<Row>> {
    diesel::sql_query("SELECT rock_id, data_json FROM bug_fix_phases WHERE rock_id = ?")
        .bind::<Text, _>(rock)
        .get_result::<Row>(connection)
        .optional()
}

pub(super) fn put(connection: &mut SqliteConnection, phase: &Phase) -> QueryResult<()> {
    let data = serde_json::to_string(phase)
        .map_err(|error| diesel::result::Error::SerializationError(Box::new(error)))?;
    diesel::sql_query(
        "INSERT INTO bug_fix_phases (rock_id, data_json, status, forget_ms) VALUES (?, ?, ?, ?)
         ON CONFLICT (rock_id) DO UPDATE SET data_json = excluded.data_json,
             status = excluded.status, updated_at = CURRENT_TIMESTAMP,
             forget_ms = excluded.forget_ms",
    )
    .bind::<Text, _>(&phase.rock_id)
    .bind::<Text, _>(data)
    .bind::<Text, _>(phase.status.as_str())
    .bind::<Nullable<BigInt>, _>(forget_ms(phase))
    .execute(connection)?;
    Ok(())
}
