//! What projects remember: records with full-text search, and the commit buffers of their runs.
//!
//! # Layout
//!
//! - [`ProjectMemory`]: the database of one data folder. One connection, WAL, every change one
//!   immediate transaction; each project sees its own rows only.
//! - `of_runs`: the memory as runs use it.
//! - `search`: which records hold which words.
//!
//! The rules are in [`orket_core::memory`].

mod of_runs;
mod search;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use orket_core::memory::buffer::{
    BufferError, BufferState, CommitBuffer, RecordWrite, SharedMemory,
};
use serde_json::Value;
use unicode_normalization::UnicodeNormalization as _;

pub use of_runs::RunMemory;
pub use search::Found;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite/memory");

/// The database's file within its folder.
pub const FILE_NAME: &str = "project_memory.db";

/// Why the memory could not be used.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The database cannot be opened.
    #[error("the project memory at {path} cannot be used: {reason}")]
    Unusable {
        /// Where.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A statement failed; nothing of it was applied.
    #[error("the project memory could not be read or written: {0}")]
    Storage(#[from] diesel::result::Error),
    /// A stored value cannot be read.
    #[error("the project memory holds a value that cannot be read: {0}")]
    Value(#[from] serde_json::Error),
    /// The commit buffer refused the step.
    #[error(transparent)]
    Buffer(#[from] BufferError),
}

/// See the file's head. Calls block; use it off the arbiters.
pub struct ProjectMemory {
    connection: Mutex<SqliteConnection>,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// A new version of a record.
struct Version<'a> {
    project: &'a str,
    record_type: &'a str,
    content: &'a str,
    metadata: String,
    key: Option<&'a str>,
    since: i64,
    removed: bool,
    at_ms: i64,
}

impl ProjectMemory {
    /// Opens the memory in `folder` (such as `.orket/durable/db`); folder, file and tables are made
    /// when they are missing.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Unusable`].
    pub fn open(folder: &Path) -> Result<Self, MemoryError> {
        let path = folder.join(FILE_NAME);
        let unusable = |reason: String| MemoryError::Unusable {
            path: path.clone(),
            reason,
        };
        std::fs::create_dir_all(folder).map_err(|error| unusable(error.to_string()))?;
        let text = path
            .to_str()
            .ok_or_else(|| unusable("the path is not UTF-8".to_owned()))?;
        let mut connection =
            SqliteConnection::establish(text).map_err(|error| unusable(error.to_string()))?;
        connection
            .batch_execute(
                "PRAGMA busy_timeout=5000;
                 PRAGMA journal_mode=WAL;
                 PRAGMA synchronous=FULL;
                 PRAGMA foreign_keys=ON;",
            )
            .map_err(|error| unusable(error.to_string()))?;
        connection
            .run_pending_migrations(MIGRATIONS)
            .map_err(|error| unusable(error.to_string()))?;
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    /// Remembers a text for a project, in a snapshot of its own; gives the record's id.
    ///
    /// # Errors
    ///
    /// [`MemoryError`].
    pub fn remember(
        &self,
        project: &str,
        record_type: &str,
        content: &str,
        metadata: &Value,
        at_ms: i64,
    ) -> Result<i64, MemoryError> {
        self.lock().immediate_transaction(|connection| {
            let since = snapshot(connection, project)? + 1;
            set_snapshot(connection, project, since)?;
            insert(
                connection,
                &Version {
                    project,
                    record_type,
                    content,
                    metadata: metadata.to_string(),
                    key: None,
                    since,
                    removed: false,
                    at_ms,
                },
            )
        })
    }

    /// The records of a project, as snapshot `at` (`None`: the current one) has them, that share
    /// words with `query`, the most shared words first, then the smaller id; all of them for a query
    /// without words. Of those that say the same there is one.
    ///
    /// # Errors
    ///
    /// [`MemoryError`].
    pub fn search(
        &self,
        project: &str,
        at: Option<u64>,
        query: &str,
        limit: usize,
    ) -> Result<Found, MemoryError> {
        let at = at.map_or(i64::MAX, |at| i64::try_from(at).unwrap_or(i64::MAX));
        search::search(&mut self.lock(), project, at, query, limit)
    }

    /// Forgets a record for good, in all snapshots, with those that say the same and all that these
    /// took the place of, which would be shown in its stead; says whether there was one.
    ///
    /// # Errors
    ///
    /// [`MemoryError`].
    pub fn forget(&self, project: &str, id: i64) -> Result<bool, MemoryError> {
        let forgotten = diesel::sql_query(
            "DELETE FROM records WHERE id IN (
                 SELECT gone.id FROM records AS named
                 JOIN records AS same ON same.project = named.project
                     AND same.content = named.content AND same.removed = 0
                 JOIN records AS gone ON gone.project = same.project
                     AND (gone.id = same.id
                         OR (gone.record_key = same.record_key AND gone.since < same.since))
                 WHERE named.project = ? AND named.id = ? AND named.removed = 0)",
        )
        .bind::<Text, _>(project)
        .bind::<BigInt, _>(id)
        .execute(&mut *self.lock())?;
        Ok(forgotten > 0)
    }

    /// The names of the projects that remember anything.
    ///
    /// # Errors
    ///
    /// [`MemoryError`].
    pub fn projects(&self) -> Result<Vec<String>, MemoryError> {
        let statement = "SELECT project AS line FROM projects ORDER BY project";
        let rows: Vec<Line> = diesel::sql_query(statement).load(&mut *self.lock())?;
        Ok(rows.into_iter().map(|row| row.line).collect())
    }

    /// Those of the writes that change something.
    ///
    /// # Errors
    ///
    /// [`MemoryError`].
    pub fn news(
        &self,
        project: &str,
        writes: Vec<RecordWrite>,
    ) -> Result<Vec<RecordWrite>, MemoryError> {
        let mut connection = self.lock();
        let mut news = Vec::new();
        for write in writes {
            let row: Option<Line> = diesel::sql_query(
                "SELECT content AS line FROM records
                 WHERE project = ? AND record_key = ? AND removed = 0
                   AND since = (SELECT MAX(since) FROM records WHERE project = ? AND record_key = ?)",
            )
            .bind::<Text, _>(project)
            .bind::<Text, _>(&write.key)
            .bind::<Text, _>(project)
            .bind::<Text, _>(&write.key)
            .get_result(&mut *connection)
            .optional()?;
            let wanted = write.value.as_ref().map(content_of);
            if row.map(|row| row.line) != wanted {
                news.push(write);
            }
        }
        Ok(news)
    }

    /// Writes records at once, in one new snapshot, past any buffer.
    ///
    /// # Errors
    ///
    /// [`MemoryError`].
    pub fn put(
        &self,
        project: &str,
        writes: &[RecordWrite],
        at_ms: i64,
    ) -> Result<(), MemoryError> {
        self.lock().immediate_transaction(|connection| {
            let since = snapshot(connection, project)? + 1;
            set_snapshot(connection, project, since)?;
            for write in writes {
                insert_value(
                    connection,
                    project,
                    &write.key,
                    since,
                    write.value.as_ref(),
                    at_ms,
                )?;
            }
            Ok(())
        })
    }

    /// Takes one step of a run's commit buffer: read, changed and written back in one transaction. A
    /// step that is refused may have changed the state (a mismatched commit is aborted), so that is
    /// kept too.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Buffer`] when the step is refused.
    pub fn step<T>(
        &self,
        project: &str,
        run_id: &str,
        at_ms: i64,
        step: impl FnOnce(&mut SharedMemory) -> Result<T, BufferError>,
    ) -> Result<T, MemoryError> {
        let taken = self.lock().immediate_transaction(|connection| {
            let mut memory = load(connection, project, run_id)?;
            let taken = step(&mut memory);
            save(connection, project, run_id, memory, at_ms)?;
            Ok::<_, MemoryError>(taken)
        })?;
        Ok(taken?)
    }

    /// The current snapshot of a project; 0 when it remembers nothing.
    ///
    /// # Errors
    ///
    /// [`MemoryError`].
    pub fn snapshot(&self, project: &str) -> Result<u64, MemoryError> {
        let number = snapshot(&mut self.lock(), project)?;
        Ok(u64::try_from(number).unwrap_or(0))
    }

    /// The commit buffer of a run.
    ///
    /// # Errors
    ///
    /// [`MemoryError`].
    pub fn buffer(&self, project: &str, run_id: &str) -> Result<Option<CommitBuffer>, MemoryError> {
        buffer(&mut self.lock(), project, run_id)
    }

    fn lock(&self) -> MutexGuard<'_, SqliteConnection> {
        // A panic in the middle rolled its transaction back.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn snapshot(connection: &mut SqliteConnection, project: &str) -> Result<i64, MemoryError> {
    let statement = "SELECT snapshot AS number FROM projects WHERE project = ?";
    let row: Option<Number> = diesel::sql_query(statement)
        .bind::<Text, _>(project)
        .get_result(connection)
        .optional()?;
    Ok(row.map_or(0, |row| row.number))
}

fn set_snapshot(
    connection: &mut SqliteConnection,
    project: &str,
    snapshot: i64,
) -> Result<(), MemoryError> {
    diesel::sql_query(
        "INSERT INTO projects (project, snapshot) VALUES (?, ?)
         ON CONFLICT (project) DO UPDATE SET snapshot = excluded.snapshot",
    )
    .bind::<Text, _>(project)
    .bind::<BigInt, _>(snapshot)
    .execute(connection)?;
    Ok(())
}

fn insert(connection: &mut SqliteConnection, version: &Version<'_>) -> Result<i64, MemoryError> {
    // Words are found in composed form, however they were typed.
    let content: String = version.content.nfc().collect();
    let row: Number = diesel::sql_query(
        "INSERT INTO records
             (project, record_type, content, metadata_json, created_at, record_key, since, removed)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id AS number",
    )
    .bind::<Text, _>(version.project)
    .bind::<Text, _>(version.record_type)
    .bind::<Text, _>(&content)
    .bind::<Text, _>(&version.metadata)
    .bind::<BigInt, _>(version.at_ms)
    .bind::<Nullable<Text>, _>(version.key)
    .bind::<BigInt, _>(version.since)
    .bind::<BigInt, _>(i64::from(version.removed))
    .get_result(connection)?;
    Ok(row.number)
}

fn buffer(
    connection: &mut SqliteConnection,
    project: &str,
    run_id: &str,
) -> Result<Option<CommitBuffer>, MemoryError> {
    let statement =
        "SELECT buffer_json AS line FROM commit_buffers WHERE project = ? AND run_id = ?";
    let row: Option<Line> = diesel::sql_query(statement)
        .bind::<Text, _>(project)
        .bind::<Text, _>(run_id)
        .get_result(connection)
        .optional()?;
    Ok(row.map(|row| serde_json::from_str(&row.line)).transpose()?)
}

/// What the steps of one run see.
fn load(
    connection: &mut SqliteConnection,
    project: &str,
    run_id: &str,
) -> Result<SharedMemory, MemoryError> {
    let snapshot = snapshot(connection, project)?;
    let buffer = buffer(connection, project, run_id)?;
    let mut applied = None;
    if let Some(commit) = buffer.as_ref().and_then(|it| it.commit_id.clone()) {
        let row: Option<Line> = diesel::sql_query(
            "SELECT fingerprint AS line FROM applied_commits WHERE project = ? AND commit_id = ?",
        )
        .bind::<Text, _>(project)
        .bind::<Text, _>(&commit)
        .get_result(connection)
        .optional()?;
        applied = row.map(|row| (commit, row.line));
    }
    let snapshot = u64::try_from(snapshot).unwrap_or(0);
    Ok(SharedMemory::part(snapshot, buffer, applied))
}

fn save(
    connection: &mut SqliteConnection,
    project: &str,
    run_id: &str,
    memory: SharedMemory,
    at_ms: i64,
) -> Result<(), MemoryError> {
    let changes = memory.into_changes();
    let number = |it: u64| i64::try_from(it).unwrap_or(i64::MAX);
    set_snapshot(connection, project, number(changes.snapshot))?;
    diesel::sql_query("DELETE FROM commit_buffers WHERE project = ? AND run_id = ?")
        .bind::<Text, _>(project)
        .bind::<Text, _>(run_id)
        .execute(connection)?;
    for mut buffer in changes.buffers {
        if buffer.state == BufferState::CommitApplied {
            // They are records now.
            buffer.writes.clear();
        }
        let statement =
            "INSERT INTO commit_buffers (project, run_id, buffer_json) VALUES (?, ?, ?)";
        diesel::sql_query(statement)
            .bind::<Text, _>(project)
            .bind::<Text, _>(&buffer.run_id)
            .bind::<Text, _>(serde_json::to_string(&buffer)?)
            .execute(connection)?;
    }
    for (commit, fingerprint) in changes.applied {
        let statement = "INSERT OR IGNORE INTO applied_commits (project, commit_id, fingerprint)
             VALUES (?, ?, ?)";
        diesel::sql_query(statement)
            .bind::<Text, _>(project)
            .bind::<Text, _>(commit)
            .bind::<Text, _>(fingerprint)
            .execute(connection)?;
    }
    for (key, since, value) in changes.records {
        insert_value(
            connection,
            project,
            &key,
            number(since),
            value.as_ref(),
            at_ms,
        )?;
    }
    Ok(())
}

/// What is searched of a value: its `content`, else all of it, in composed form.
fn content_of(value: &Value) -> String {
    let text = value.get("content").and_then(Value::as_str);
    text.map_or_else(|| value.to_string(), str::to_owned)
        .nfc()
        .collect()
}

fn insert_value(
    connection: &mut SqliteConnection,
    project: &str,
    key: &str,
    since: i64,
    value: Option<&Value>,
    at_ms: i64,
) -> Result<i64, MemoryError> {
    let record_type = value.and_then(|it| it.get("record_type")?.as_str());
    let metadata = value.and_then(|it| it.get("metadata"));
    insert(
        connection,
        &Version {
            project,
            record_type: record_type.unwrap_or("value"),
            content: &value.map(content_of).unwrap_or_default(),
            metadata: metadata.map_or_else(|| "{}".to_owned(), Value::to_string),
            key: Some(key),
            since,
            removed: value.is_none(),
            at_ms,
        },
    )
}
