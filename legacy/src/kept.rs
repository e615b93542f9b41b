//! Rows kept whole: what is new of them, what is there already, and whether it is still the same.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use serde::Serialize;

use crate::error::LegacyError;
use crate::row::Row;

/// How many of the rows of a table are new to us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableCount {
    /// The table of theirs.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// Those that were not here before.
    pub new: u64,
    /// Those that were.
    pub already: u64,
}

/// The rows of one table of theirs.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: Vec<Row>,
}

#[derive(QueryableByName)]
struct Stored {
    #[diesel(sql_type = Text)]
    source_table: String,
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = Text)]
    row_json: String,
}

/// How many changed rows are named.
const NAMED: usize = 5;

/// What is kept already, by table and key.
pub(crate) struct Before(HashMap<(String, String), String>);

impl Before {
    /// Reads all of it.
    pub(crate) fn read(connection: &mut SqliteConnection) -> Result<Self, LegacyError> {
        let stored: Vec<Stored> =
            diesel::sql_query("SELECT source_table, key, row_json FROM legacy_rows")
                .load(connection)?;
        let all = stored
            .into_iter()
            .map(|row| ((row.source_table, row.key), row.row_json));
        Ok(Self(all.collect()))
    }

    /// Nothing is kept.
    pub(crate) fn nothing() -> Self {
        Self(HashMap::new())
    }

    /// Whether a row is there.
    pub(crate) fn has(&self, table: &str, key: &str) -> bool {
        self.0.contains_key(&(table.to_owned(), key.to_owned()))
    }

    /// What is new of these tables.
    ///
    /// # Errors
    ///
    /// [`LegacyError::Conflict`] when rows that are there have changed at their source since.
    pub(crate) fn count(&self, tables: &[Table]) -> Result<Vec<TableCount>, LegacyError> {
        let mut counts = Vec::with_capacity(tables.len());
        let mut changed = Vec::new();
        for table in tables {
            let (mut new, mut already) = (0, 0);
            for row in &table.rows {
                match self.0.get(&(table.name.clone(), row.key.clone())) {
                    None => new += 1,
                    Some(stored) => {
                        already += 1;
                        if *stored != row.json() {
                            changed.push(format!("{} `{}`", table.name, row.key));
                        }
                    }
                }
            }
            counts.push(TableCount {
                table: table.name.clone(),
                rows: new + already,
                new,
                already,
            });
        }
        if changed.is_empty() {
            return Ok(counts);
        }
        let named: Vec<&str> = changed.iter().take(NAMED).map(String::as_str).collect();
        Err(LegacyError::Conflict {
            what: format!(
                "{} rows are not what was imported before, or are of another database: {}{}",
                changed.len(),
                named.join(", "),
                if changed.len() > NAMED { ", …" } else { "" }
            ),
        })
    }
}

/// Keeps one row.
pub(crate) fn keep(
    connection: &mut SqliteConnection,
    table: &str,
    row: &Row,
    target: Option<&str>,
) -> Result<(), LegacyError> {
    diesel::sql_query(
        "INSERT INTO legacy_rows (source_table, key, target, row_json) VALUES (?, ?, ?, ?)",
    )
    .bind::<Text, _>(table)
    .bind::<Text, _>(&row.key)
    .bind::<Nullable<Text>, _>(target)
    .bind::<Text, _>(row.json())
    .execute(connection)?;
    Ok(())
}

/// That what is kept is what the source holds: as many rows, and each the same.
pub(crate) fn check(connection: &mut SqliteConnection, again: &[Table]) -> Result<(), LegacyError> {
    let kept = Before::read(connection)?;
    for table in again {
        for row in &table.rows {
            let stored = kept.0.get(&(table.name.clone(), row.key.clone()));
            if stored.is_none_or(|stored| *stored != row.json()) {
                return Err(LegacyError::Mismatch {
                    what: format!("{} `{}` is not what its source holds", table.name, row.key),
                });
            }
        }
    }
    Ok(())
}
