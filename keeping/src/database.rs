//! The databases of a data folder.

use diesel::connection::SimpleConnection as _;
use diesel::migration::{Migration, MigrationSource as _};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::error::KeepError;

const RUNTIME: EmbeddedMigrations = embed_migrations!("../migrations/sqlite/runtime");
const WEBHOOK: EmbeddedMigrations = embed_migrations!("../migrations/sqlite/webhook");
const MEMORY: EmbeddedMigrations = embed_migrations!("../migrations/sqlite/memory");

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// The journal.
    Runtime,
    /// What a code host told, and what is to be done because of it.
    Webhook,
    /// What projects remember.
    Memory,
}

impl Database {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Runtime, Self::Webhook, Self::Memory];

    /// As it is called in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::Webhook => "webhook",
            Self::Memory => "memory",
        }
    }

    /// As a sentence says it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Runtime => "the journal of this Orket",
            Self::Webhook => "the webhook database of this Orket",
            Self::Memory => "the project memory of this Orket",
        }
    }

    /// A table that is there from the first migration on, and in no other of them.
    pub(crate) const fn mark(self) -> &'static str {
        match self {
            Self::Runtime => "card_events",
            Self::Webhook => "webhook_events",
            Self::Memory => "projects",
        }
    }

    /// Its file within the folder `db`.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Runtime => "orket_persistence.db",
            Self::Webhook => "webhook.db",
            Self::Memory => "project_memory.db",
        }
    }

    /// Its migrations, in order.
    ///
    /// # Errors
    ///
    /// Never in fact: they are part of the program.
    pub fn migrations(self) -> Result<Vec<Box<dyn Migration<Sqlite>>>, String> {
        let all = match self {
            Self::Runtime => RUNTIME,
            Self::Webhook => WEBHOOK,
            Self::Memory => MEMORY,
        };
        all.migrations().map_err(|error| error.to_string())
    }
}

/// Opens a database to write it; makes it when it is missing, for its user only.
///
/// # Errors
///
/// [`KeepError::File`] or [`KeepError::Database`].
pub fn open(path: &Path) -> Result<SqliteConnection, KeepError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| KeepError::file(folder, &error))?;
    }
    std::fs::File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| KeepError::file(path, &error))?;
    let text = place(path)?;
    let failed = |error: &dyn std::fmt::Display| KeepError::database(path, &error.to_string());
    let mut connection = SqliteConnection::establish(&text).map_err(|error| failed(&error))?;
    // The size of a page is only taken by a new file.
    connection
        .batch_execute(
            "PRAGMA busy_timeout=5000; PRAGMA page_size=8192; PRAGMA synchronous=FULL; \
             PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA journal_mode=WAL;",
        )
        .map_err(|error| failed(&error))?;
    Ok(connection)
}

/// A path as SQLite takes it for nothing but a path: `:memory:` and `file:x` are files too.
///
/// # Errors
///
/// [`KeepError::File`] or [`KeepError::Database`].
pub(crate) fn place(path: &Path) -> Result<String, KeepError> {
    let whole = std::path::absolute(path).map_err(|error| KeepError::file(path, &error))?;
    match whole.to_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(KeepError::database(path, &"its path is not UTF-8")),
    }
}

/// A file beside a database: `-wal` or `-shm`.
#[must_use]
pub fn beside(path: &Path, ending: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
