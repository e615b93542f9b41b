//! A project memory of theirs into ours. Their index of words is made of the texts; ours too.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use serde_json::{Map, Value};

use crate::error::LegacyError;
use crate::row::{Cell, Row};
use crate::time;

/// The table.
pub const TABLE: &str = "project_memory";

/// A record, ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Ours, by which it is known again.
    pub key: String,
    /// The text.
    pub content: String,
    /// What goes with it, and under `legacy` what else the row holds.
    pub metadata: Value,
    /// When it was made, if that is known.
    pub at_ms: Option<i64>,
}

#[derive(Debug, PartialEq, QueryableByName)]
struct Stored {
    #[diesel(sql_type = Text)]
    content: String,
    #[diesel(sql_type = Text)]
    metadata_json: String,
    #[diesel(sql_type = BigInt)]
    created_at: i64,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// The record of a row.
#[must_use]
pub fn record(row: &Row) -> Record {
    let mut metadata = match row
        .text("metadata_json")
        .and_then(|text| serde_json::from_str::<Value>(text).ok())
    {
        Some(Value::Object(metadata)) => metadata,
        _ => Map::new(),
    };
    let rest: Map<String, Value> = row
        .cells
        .iter()
        .filter(|(name, _)| name != "content")
        .map(|(name, cell)| (name.clone(), cell.json()))
        .collect();
    metadata.insert("legacy".to_owned(), Value::Object(rest));
    Record {
        key: format!("legacy:{}", row.key),
        content: match row.cell("content") {
            Cell::Text(text) => text.clone(),
            Cell::Null => String::new(),
            other @ (Cell::Integer(_) | Cell::Real(_) | Cell::Damaged(_) | Cell::Blob(_)) => {
                other.shown()
            }
        },
        metadata: Value::Object(metadata),
        at_ms: row.text("created_at").and_then(time::parse),
    }
}

/// Brings records into a memory of ours, for one project; those that are there stay as they are. Gives
/// how many were new. One transaction, compared before it is committed.
///
/// # Errors
///
/// [`LegacyError`].
pub fn import(
    connection: &mut SqliteConnection,
    project: &str,
    records: &[Record],
) -> Result<u64, LegacyError> {
    connection.immediate_transaction(|connection| {
        let mut new = Vec::new();
        for record in records {
            let there: Number = diesel::sql_query(
                "SELECT count(*) AS number FROM records WHERE project = ? AND record_key = ?",
            )
            .bind::<Text, _>(project)
            .bind::<Text, _>(&record.key)
            .get_result(connection)?;
            if there.number == 0 {
                new.push(record);
            }
        }
        if new.is_empty() {
            return Ok(0);
        }
        let since: Number = diesel::sql_query(
            "SELECT coalesce((SELECT snapshot FROM projects WHERE project = ?), 0) + 1 AS number",
        )
        .bind::<Text, _>(project)
        .get_result(connection)?;
        diesel::sql_query(
            "INSERT INTO projects (project, snapshot) VALUES (?, ?) \
             ON CONFLICT (project) DO UPDATE SET snapshot = excluded.snapshot",
        )
        .bind::<Text, _>(project)
        .bind::<BigInt, _>(since.number)
        .execute(connection)?;
        for record in &new {
            diesel::sql_query(
                "INSERT INTO records (project, record_type, content, metadata_json, created_at, \
                 record_key, since) VALUES (?, ?, ?, ?, ?, ?, ?)",
            )
            .bind::<Text, _>(project)
            .bind::<Text, _>(kind(record))
            .bind::<Text, _>(&record.content)
            .bind::<Text, _>(record.metadata.to_string())
            .bind::<BigInt, _>(record.at_ms.unwrap_or(0))
            .bind::<Text, _>(&record.key)
            .bind::<BigInt, _>(since.number)
            .execute(connection)?;
        }
        orket_actors::fault::point("import.memory_written");
        for record in &new {
            let due = Stored {
                content: record.content.clone(),
                metadata_json: record.metadata.to_string(),
                created_at: record.at_ms.unwrap_or(0),
            };
            let found: Option<Stored> = diesel::sql_query(
                "SELECT content, metadata_json, created_at FROM records \
                 WHERE project = ? AND record_key = ?",
            )
            .bind::<Text, _>(project)
            .bind::<Text, _>(&record.key)
            .get_result(connection)
            .optional()?;
            if found.as_ref() != Some(&due) {
                return Err(LegacyError::Mismatch {
                    what: format!("the memory `{}` is not what was written", record.key),
                });
            }
        }
        Ok(u64::try_from(new.len()).unwrap_or(u64::MAX))
    })
}

/// What sort of record it was.
fn kind(record: &Record) -> &str {
    record
        .metadata
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or("note")
}

/// How many of these are there, for a preview.
///
/// # Errors
///
/// When the memory cannot be read.
pub fn known(
    connection: &mut SqliteConnection,
    project: &str,
    records: &[Record],
) -> Result<u64, LegacyError> {
    let mut known = 0;
    for record in records {
        let there: Number = diesel::sql_query(
            "SELECT count(*) AS number FROM records WHERE project = ? AND record_key = ?",
        )
        .bind::<Text, _>(project)
        .bind::<Text, _>(&record.key)
        .get_result(connection)?;
        known += u64::from(there.number > 0);
    }
    Ok(known)
}
