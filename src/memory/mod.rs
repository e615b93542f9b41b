//! What projects remember: records with full-text search, and the commit buffers of their runs.
//!
//! # Layout
//!
//! - [`ProjectMemory`]: the database of one data folder. One connection, WAL, every change one
//!   immediate transaction; each project sees its own rows only.
//! - `search`: which records hold which words.
//!
//! The rules are in [`orket_core::memory`].

mod search;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use orket_core::memory::access::Hit;
use orket_core::memory::buffer::{BufferError, SharedMemory};
use serde_json::Value;
use unicode_normalization::UnicodeNormalization as _;

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
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

#[derive(QueryableByName)]
struct State {
    #[diesel(sql_type = Text)]
    state_json: String,
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

    /// Remembers a text for a project; gives the record's id.
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
        // Words are found in composed form, however they were typed.
        let content: String = content.nfc().collect();
        let statement =
            "INSERT INTO records (project, record_type, content, metadata_json, created_at)
                         VALUES (?, ?, ?, ?, ?) RETURNING id";
        let row: Id = self.lock().immediate_transaction(|connection| {
            diesel::sql_query(statement)
                .bind::<Text, _>(project)
                .bind::<Text, _>(record_type)
                .bind::<Text, _>(&content)
                .bind::<Text, _>(metadata.to_string())
                .bind::<BigInt, _>(at_ms)
                .get_result(connection)
        })?;
        Ok(row.id)
    }

    /// The records of a project that share words with `query`, the most shared words first, then
    /// the smaller id; all of them for a query without words.
    ///
    /// # Errors
    ///
    /// [`MemoryError`].
    pub fn search(
        &self,
        project: &str,
        query: &str,
        limit: usize,
    ) -> Result<Vec<Hit>, MemoryError> {
        search::search(&mut self.lock(), project, query, limit)
    }

    /// Takes one step of a project's commit buffers: read, changed and written back in one
    /// transaction. A step that is refused may have changed the state (a mismatched commit is
    /// aborted), so that is kept too.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Buffer`] when the step is refused.
    pub fn step<T>(
        &self,
        project: &str,
        step: impl FnOnce(&mut SharedMemory) -> Result<T, BufferError>,
    ) -> Result<T, MemoryError> {
        let mut connection = self.lock();
        let taken = connection.immediate_transaction(|connection| {
            let mut memory = load(connection, project)?;
            let taken = step(&mut memory);
            let state = serde_json::to_string(&memory)?;
            diesel::sql_query(
                "INSERT INTO shared_memory (project, state_json) VALUES (?, ?)
                 ON CONFLICT (project) DO UPDATE SET state_json = excluded.state_json",
            )
            .bind::<Text, _>(project)
            .bind::<Text, _>(state)
            .execute(connection)?;
            Ok::<_, MemoryError>(taken)
        })?;
        Ok(taken?)
    }

    /// A project's shared memory as it is now.
    ///
    /// # Errors
    ///
    /// [`MemoryError`].
    pub fn shared(&self, project: &str) -> Result<SharedMemory, MemoryError> {
        load(&mut self.lock(), project)
    }

    fn lock(&self) -> MutexGuard<'_, SqliteConnection> {
        // A panic in the middle rolled its transaction back.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn load(connection: &mut SqliteConnection, project: &str) -> Result<SharedMemory, MemoryError> {
    let row: Option<State> =
        diesel::sql_query("SELECT state_json FROM shared_memory WHERE project = ?")
            .bind::<Text, _>(project)
            .get_result(connection)
            .optional()?;
    match row {
        None => Ok(SharedMemory::default()),
        Some(row) => Ok(serde_json::from_str(&row.state_json)?),
    }
}
