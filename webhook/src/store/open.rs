//! The file and its schema.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::StoreError;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations/sqlite/webhook");

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreOptions {
    /// Whether each commit is flushed to the disk before it is answered.
    pub is_durable: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { is_durable: true }
    }
}

pub(super) fn open(path: &Path, options: StoreOptions) -> Result<SqliteConnection, StoreError> {
    let unusable = |error: String| StoreError::Unusable(path.to_owned(), error);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| unusable(error.to_string()))?;
    }
    let name = path
        .to_str()
        .ok_or_else(|| unusable("its path is not UTF-8".to_owned()))?;
    let mut connection =
        SqliteConnection::establish(name).map_err(|error| unusable(error.to_string()))?;
    let synchronous = if options.is_durable { "FULL" } else { "OFF" };
    connection
        .batch_execute(&format!(
            "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; \
             PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; \
             PRAGMA journal_size_limit = 67108864;"
        ))
        .map_err(|error| unusable(error.to_string()))?;
    let applied = connection.applied_migrations();
    let applied = applied.map_err(|error| unusable(error.to_string()))?;
    let ours: Vec<Box<dyn Migration<Sqlite>>> = MIGRATIONS
        .migrations()
        .map_err(|error| unusable(error.to_string()))?;
    let is_ours = |version: &diesel::migration::MigrationVersion<'_>| {
        ours.iter()
            .any(|migration| migration.name().version() == *version)
    };
    if !applied.iter().all(is_ours) {
        return Err(StoreError::Newer(path.to_owned()));
    }
    connection
        .run_pending_migrations(MIGRATIONS)
        .map_err(|error| unusable(error.to_string()))?;
    Ok(connection)
}
