//! A runtime database of theirs into our journal.

mod check;
mod columns;
mod write;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use serde_json::json;

use crate::error::LegacyError;
use crate::kept::{self, Before, Table, TableCount};
use crate::plan::Plan;

/// What an import brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// Each table of theirs.
    pub tables: Vec<TableCount>,
}

impl Brought {
    /// Whether anything was, or would be, written.
    #[must_use]
    pub fn is_something(&self) -> bool {
        self.tables.iter().any(|table| table.new > 0)
    }
}

/// Where an import comes from and when.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// The database of theirs.
    pub source: &'a str,
    /// Milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
}

/// What an import would bring. `connection`: our journal, with the schema of this program; nothing
/// when there is none yet.
///
/// # Errors
///
/// [`LegacyError::Conflict`], or the journal cannot be read.
pub fn preview(
    plan: &Plan,
    connection: Option<&mut SqliteConnection>,
) -> Result<Brought, LegacyError> {
    let Some(connection) = connection else {
        let tables = Before::nothing().count(&plan.tables)?;
        return Ok(Brought { tables });
    };
    let before = Before::read(connection)?;
    let tables = before.count(&plan.tables)?;
    write::nothing_in_the_way(connection, plan, &before)?;
    Ok(Brought { tables })
}

/// Brings everything of `plan` that is not there yet into our journal, reads it again, and compares it
/// with `again`, which reads the source once more. One transaction: whatever fails, nothing of it stays.
///
/// # Errors
///
/// [`LegacyError`].
pub fn import(
    plan: &Plan,
    connection: &mut SqliteConnection,
    occasion: Occasion<'_>,
    again: impl FnOnce() -> Result<Vec<Table>, LegacyError>,
) -> Result<Brought, LegacyError> {
    connection.immediate_transaction(|connection| {
        let before = Before::read(connection)?;
        let tables = before.count(&plan.tables)?;
        let brought = Brought { tables };
        if !brought.is_something() {
            return Ok(brought);
        }
        write::nothing_in_the_way(connection, plan, &before)?;
        orket_actors::fault::point("import.in_transaction");
        let written = write::all(connection, plan, &before, occasion.at_ms)?;
        diesel::sql_query("INSERT INTO legacy_imports (source, at, report_json) VALUES (?, ?, ?)")
            .bind::<Text, _>(occasion.source)
            .bind::<BigInt, _>(occasion.at_ms)
            .bind::<Text, _>(
                json!({"tables": brought.tables, "findings": plan.findings}).to_string(),
            )
            .execute(connection)?;
        orket_actors::fault::point("import.written");
        check::all(connection, &written)?;
        kept::check(connection, &again()?)?;
        orket_actors::fault::point("import.before_commit");
        Ok(brought)
    })
}
