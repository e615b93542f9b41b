//! The file and its schema.

use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

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
    // Bodies of private repositories are in it; the files beside it get its mode.
    std::fs::File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .and_then(|file| file.set_permissions(std::fs::Permissions::from_mode(0o600)))
        .map_err(|error| unusable(error.to_string()))?;
    let mut connection = connect(path, options)?;
    // What is too much for the thread that moves it, or is written where there is none.
    connection
        .batch_execute(
            "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; \
             PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 32768;",
        )
        .map_err(|error| unusable(error.to_string()))?;
    let ours: Vec<Box<dyn Migration<Sqlite>>> = MIGRATIONS
        .migrations()
        .map_err(|error| unusable(error.to_string()))?;
    // Nearly always the schema is there, and nobody has to wait for a lock.
    let seen = connection.applied_migrations().unwrap_or_default();
    if seen.len() == ours.len()
        && ours
            .iter()
            .all(|migration| seen.contains(&migration.name().version()))
    {
        return Ok(connection);
    }
    // Looked at and made in one write: another part of the program, or another process, may open the same
    // new file at this moment.
    let found = connection.immediate_transaction(|connection| {
        let applied = connection
            .applied_migrations()
            .map_err(diesel::result::Error::QueryBuilderError)?;
        let is_ours = |version: &diesel::migration::MigrationVersion<'_>| {
            ours.iter()
                .any(|migration| migration.name().version() == *version)
        };
        if !applied.iter().all(is_ours) {
            return Ok(Found::Newer);
        }
        if applied.is_empty() && is_of_python_orket(connection)? {
            return Ok(Found::Python);
        }
        connection
            .run_pending_migrations(MIGRATIONS)
            .map_err(diesel::result::Error::QueryBuilderError)?;
        QueryResult::Ok(Found::Ours)
    });
    match found.map_err(|error| unusable(error.to_string()))? {
        Found::Ours => {}
        Found::Newer => return Err(StoreError::Newer(path.to_owned())),
        Found::Python => take_over(&mut connection, path).map_err(unusable)?,
    }
    Ok(connection)
}

/// Whose database there was.
enum Found {
    /// Ours, new ones included; it has our schema now.
    Ours,
    /// Of an Orket that is newer than this one.
    Newer,
    /// Of the Python Orket 0.3, as it was.
    Python,
}

/// Another connection to a file that [`open`] has opened, for moving what is committed out of the WAL.
pub(super) fn beside(path: &Path, options: StoreOptions) -> Result<SqliteConnection, StoreError> {
    connect(path, options)
}

fn connect(path: &Path, options: StoreOptions) -> Result<SqliteConnection, StoreError> {
    let unusable = |error: String| StoreError::Unusable(path.to_owned(), error);
    let name = path
        .to_str()
        .ok_or_else(|| unusable("its path is not UTF-8".to_owned()))?;
    let mut connection =
        SqliteConnection::establish(name).map_err(|error| unusable(error.to_string()))?;
    let synchronous = if options.is_durable { "FULL" } else { "OFF" };
    connection
        .batch_execute("PRAGMA busy_timeout = 5000;")
        .and_then(|()| into_wal(&mut connection))
        .and_then(|()| connection.batch_execute(&format!("PRAGMA synchronous = {synchronous};")))
        .map_err(|error| unusable(error.to_string()))?;
    Ok(connection)
}

/// How often it is tried to begin a WAL, and how long is waited in between.
const TRIES: u32 = 250;
const NAP: Duration = Duration::from_millis(20);

/// SQLite asks no busy handler here: whoever opens a new file at the same moment is told that it is locked.
fn into_wal(connection: &mut SqliteConnection) -> QueryResult<()> {
    let mut tried = 1;
    loop {
        match connection.batch_execute("PRAGMA journal_mode = WAL;") {
            Err(error) if tried < TRIES && error.to_string().contains("locked") => {
                tried += 1;
                std::thread::sleep(NAP);
            }
            other => return other,
        }
    }
}

/// The tables of the Python Orket 0.3.
const THEIRS: [&str; 4] = [
    "review_failures",
    "pr_review_cycles",
    "webhook_events",
    "bug_fix_phases",
];

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

fn is_of_python_orket(connection: &mut SqliteConnection) -> QueryResult<bool> {
    let found: Vec<Name> = diesel::sql_query(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'pr_review_cycles'",
    )
    .load(connection)?;
    Ok(found.iter().any(|table| !table.name.is_empty()))
}

/// Makes a database of the Python Orket ours, all or nothing: pull requests, reviews and phases stay. A
/// copy of it as it was is kept beside it, `webhook.db.python`.
fn take_over(connection: &mut SqliteConnection, path: &Path) -> Result<(), String> {
    let kept = path.with_extension("db.python");
    if !kept.exists() {
        // Whole or not at all.
        let beside = path.with_extension("db.python.part");
        let failed = |error: std::io::Error| format!("{}: {error}", beside.display());
        if beside.exists() {
            std::fs::remove_file(&beside).map_err(failed)?;
        }
        diesel::sql_query("VACUUM INTO ?")
            .bind::<diesel::sql_types::Text, _>(beside.to_string_lossy().into_owned())
            .execute(connection)
            .map_err(|error| error.to_string())?;
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&beside, mode).map_err(failed)?;
        std::fs::rename(&beside, &kept).map_err(failed)?;
    }
    let moved = connection.immediate_transaction(|connection| {
        let applied = connection
            .applied_migrations()
            .map_err(diesel::result::Error::QueryBuilderError)?;
        if !applied.is_empty() {
            // Somebody else took it over in the meantime.
            return Ok(());
        }
        let indexes: Vec<Name> = diesel::sql_query(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
        )
        .load(connection)?;
        for index in indexes {
            let name = index.name.replace('"', "\"\"");
            connection.batch_execute(&format!("DROP INDEX \"{name}\""))?;
        }
        for table in THEIRS {
            let there: Vec<Name> = diesel::sql_query(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?",
            )
            .bind::<diesel::sql_types::Text, _>(table)
            .load(connection)?;
            let sql = if there.is_empty() {
                // What a copy below reads must be there.
                format!("CREATE TABLE python_{table} {}", shape(table))
            } else {
                format!("ALTER TABLE {table} RENAME TO python_{table}")
            };
            connection.batch_execute(&sql)?;
        }
        connection
            .run_pending_migrations(MIGRATIONS)
            .map_err(diesel::result::Error::QueryBuilderError)?;
        connection.batch_execute(
            "INSERT INTO pr_review_cycles \
             (pr_key, repo_full_name, pr_number, cycle_count, status, created_at, updated_at) \
             SELECT pr_key, repo_full_name, pr_number, cycle_count, \
             CASE WHEN status IN ('active', 'rejected', 'merged', 'closed') THEN status ELSE 'closed' END, \
             coalesce(created_at, CURRENT_TIMESTAMP), coalesce(updated_at, CURRENT_TIMESTAMP) \
             FROM python_pr_review_cycles; \
             INSERT INTO review_failures (pr_key, cycle_number, reviewer, reason, created_at) \
             SELECT pr_key, cycle_number, coalesce(reviewer, 'unknown'), reason, \
             coalesce(created_at, CURRENT_TIMESTAMP) FROM python_review_failures \
             WHERE pr_key IN (SELECT pr_key FROM pr_review_cycles) ORDER BY id; \
             INSERT INTO bug_fix_phases (rock_id, data_json, status, updated_at) \
             SELECT rock_id, data_json, status, coalesce(updated_at, CURRENT_TIMESTAMP) \
             FROM python_bug_fix_phases;",
        )?;
        for table in THEIRS {
            connection.batch_execute(&format!("DROP TABLE python_{table}"))?;
        }
        QueryResult::Ok(())
    });
    moved.map_err(|error| format!("what the Python Orket left cannot be taken over: {error}"))
}

/// The columns of a table of theirs that may be missing.
fn shape(table: &str) -> &'static str {
    match table {
        "review_failures" => "(id, pr_key, cycle_number, reviewer, reason, created_at)",
        "pr_review_cycles" => {
            "(pr_key, repo_full_name, pr_number, cycle_count, status, created_at, updated_at)"
        }
        "bug_fix_phases" => "(rock_id, data_json, status, updated_at)",
        _ => "(id)",
    }
}
