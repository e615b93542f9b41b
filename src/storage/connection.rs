//! How every connection is made ready: pragmas in the order that works, migrations, the pool of
//! readers.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::migration::MigrationSource;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::options::{OpenError, SyncMode};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite/runtime");

/// The pool of readers.
pub(super) type Readers = Pool<ConnectionManager<SqliteConnection>>;

/// Bytes of WAL that are kept for reuse, and beyond which the writer asks for a truncating
/// checkpoint.
pub(super) const WAL_LIMIT_BYTES: u64 = 64 * 1024 * 1024;

/// Opens the connection that writes. `busy_timeout` comes first, so that the pragmas after it wait
/// for a lock instead of failing; WAL is a property of the file and set here only, before any
/// reader exists.
pub(super) fn open_writer(path: &Path, sync: SyncMode) -> Result<SqliteConnection, OpenError> {
    let text = path.to_str().ok_or_else(|| OpenError::Path {
        path: path.to_owned(),
        reason: "the path is not UTF-8".to_owned(),
    })?;
    let mut connection =
        SqliteConnection::establish(text).map_err(|error| unusable(path, &error.to_string()))?;
    prepare_writer(&mut connection, sync).map_err(|error| unusable(path, &error.to_string()))?;
    let mode = sql::<Text>("PRAGMA journal_mode=WAL")
        .get_result::<String>(&mut connection)
        .map_err(|error| unusable(path, &error.to_string()))?;
    if mode != "wal" {
        return Err(unusable(
            path,
            &format!(
                "SQLite stays in journal mode `{mode}` where WAL is needed; hint: keep the data folder on a local disk"
            ),
        ));
    }
    Ok(connection)
}

fn prepare_writer(connection: &mut SqliteConnection, sync: SyncMode) -> QueryResult<()> {
    connection.batch_execute("PRAGMA busy_timeout=5000")?;
    // Only a new file takes it. Each frame of the WAL is two system calls, whatever its size; a
    // batch of 1,024 steps of 500 bytes is half as many frames as with 4 KiB.
    connection.batch_execute("PRAGMA page_size=8192")?;
    connection.batch_execute(&format!("PRAGMA synchronous={}", sync.as_str()))?;
    connection.batch_execute(&format!(
        "PRAGMA foreign_keys=ON;
         PRAGMA cache_size=-16384;
         PRAGMA temp_store=MEMORY;
         PRAGMA wal_autocheckpoint=16000;
         PRAGMA journal_size_limit={WAL_LIMIT_BYTES};"
    ))
}

/// Brings the schema up to date; refuses one that is newer than this program.
pub(super) fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), OpenError> {
    let reason =
        |error: Box<dyn std::error::Error + Send + Sync>| unusable(path, &error.to_string());
    let known: HashSet<String> = MigrationSource::<Sqlite>::migrations(&MIGRATIONS)
        .map_err(reason)?
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    let mut applied: Vec<String> = connection
        .applied_migrations()
        .map_err(reason)?
        .iter()
        .map(ToString::to_string)
        .collect();
    let is_empty_of_ours = applied.is_empty();
    applied.sort();
    if let Some(found) = applied.into_iter().find(|version| !known.contains(version)) {
        return Err(OpenError::NewerSchema {
            path: path.to_owned(),
            found,
        });
    }
    if is_empty_of_ours && is_of_python_orket(connection).map_err(|error| reason(error.into()))? {
        return Err(unusable(
            path,
            &format!(
                "it is a database of the Python Orket 0.3; hint: orket import legacy --runtime-db {}",
                path.display()
            ),
        ));
    }
    orket_actors::fault::point("journal.before_migration");
    connection
        .run_pending_migrations(MIGRATIONS)
        .map_err(reason)?;
    orket_actors::fault::point("journal.after_migration");
    Ok(())
}

/// Whether somebody else's cards are in it.
fn is_of_python_orket(connection: &mut SqliteConnection) -> QueryResult<bool> {
    let tables = sql::<BigInt>(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('issues', 'run_ledger')",
    )
    .get_result::<i64>(connection)?;
    Ok(tables > 0)
}

/// Opens the readers; the file must be there, in WAL mode and migrated.
pub(super) fn open_readers(path: &Path, count: u32) -> Result<Readers, OpenError> {
    let text = path.to_str().unwrap_or_default();
    Pool::builder()
        .max_size(count.max(1))
        .min_idle(Some(1))
        .connection_timeout(Duration::from_secs(1))
        .test_on_check_out(false)
        .connection_customizer(Box::new(ReaderPragmas))
        .build(ConnectionManager::new(text))
        .map_err(|error| {
            // The pool puts its own impatience before the cause.
            let text = error.to_string();
            let cause = text.strip_prefix("timed out waiting for connection: ");
            unusable(path, cause.unwrap_or(&text))
        })
}

#[derive(Debug)]
struct ReaderPragmas;

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for ReaderPragmas {
    fn on_acquire(&self, connection: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        connection
            .batch_execute(
                "PRAGMA busy_timeout=1000;
                 PRAGMA foreign_keys=ON;
                 PRAGMA cache_size=-4096;
                 PRAGMA temp_store=MEMORY;
                 PRAGMA query_only=ON;",
            )
            .map_err(diesel::r2d2::Error::QueryError)
    }
}

/// What SQLite says about one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pragmas {
    /// `wal`.
    pub journal_mode: String,
    /// 1 is NORMAL, 2 is FULL.
    pub synchronous: i64,
    /// 1 is on.
    pub foreign_keys: i64,
    /// Milliseconds.
    pub busy_timeout: i64,
    /// 1 for readers, 0 for the writer.
    pub query_only: i64,
    /// Bytes of WAL that are kept.
    pub journal_size_limit: i64,
    /// Pages of WAL after which a commit moves them into the database.
    pub wal_autocheckpoint: i64,
}

/// Asks one connection.
pub(super) fn pragmas(connection: &mut SqliteConnection) -> QueryResult<Pragmas> {
    let mut number =
        |name: &str| sql::<BigInt>(&format!("PRAGMA {name}")).get_result::<i64>(connection);
    Ok(Pragmas {
        synchronous: number("synchronous")?,
        foreign_keys: number("foreign_keys")?,
        busy_timeout: number("busy_timeout")?,
        query_only: number("query_only")?,
        journal_size_limit: number("journal_size_limit")?,
        wal_autocheckpoint: number("wal_autocheckpoint")?,
        journal_mode: sql::<Text>("PRAGMA journal_mode").get_result(connection)?,
    })
}

/// Moves the WAL into the database and cuts it to nothing. False when a reader was in the way.
/// Waits at most `patience` for readers.
pub(super) fn truncate_wal(
    connection: &mut SqliteConnection,
    patience: Duration,
) -> QueryResult<bool> {
    orket_actors::fault::point("writer.checkpoint");
    connection.batch_execute(&format!("PRAGMA busy_timeout={}", patience.as_millis()))?;
    // The first of its three columns says whether somebody was in the way.
    let busy = sql::<BigInt>("PRAGMA wal_checkpoint(TRUNCATE)").get_result::<i64>(connection);
    connection.batch_execute("PRAGMA busy_timeout=5000")?;
    Ok(busy? == 0)
}

/// The WAL beside a database.
pub(super) fn wal_path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

fn unusable(path: &Path, reason: &str) -> OpenError {
    OpenError::Unusable {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}
