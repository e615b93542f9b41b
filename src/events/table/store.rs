//! The file, opened for writing: schema, numbers, and what to do with a file that is damaged.

use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::prune::set;
use super::read::Table;
use super::{FILE_NAME, TableError};
use crate::log::Zone;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite/events");

/// Connections that read.
const READERS: u32 = 4;
/// How long a reader may wait for one.
const WAIT: Duration = Duration::from_secs(2);

/// See the file's head.
pub struct Store {
    pub(super) path: PathBuf,
    pub(super) connection: SqliteConnection,
    pub(super) keep: u64,
    pub(super) numbers: Numbers,
}

/// What the table knows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    /// No event has a higher number.
    pub(super) last_seq: i64,
    /// Rows.
    pub(super) kept: i64,
    /// The latest time of an event.
    pub(super) newest_ms: i64,
    /// Behind the event of this number, times rise with numbers.
    pub(super) disordered_seq: i64,
}

/// What the table says under a name.
pub(super) fn number(connection: &mut SqliteConnection, name: &str) -> QueryResult<i64> {
    let row: Number = diesel::sql_query("SELECT value AS number FROM numbers WHERE name = ?")
        .bind::<Text, _>(name)
        .get_result(connection)?;
    Ok(row.number)
}

/// A number of a statement.
#[derive(QueryableByName)]
pub(super) struct Number {
    #[diesel(sql_type = BigInt)]
    pub(super) number: i64,
}

impl Store {
    /// Opens or makes the table in `folder`. One that is damaged, or written by a newer program, is put
    /// aside under another name.
    ///
    /// # Errors
    ///
    /// When there can be none.
    pub fn open(folder: &Path, keep: u64) -> Result<Self, TableError> {
        let path = folder.join(FILE_NAME);
        match Self::open_file(&path, keep) {
            Err(TableError::Unusable { reason, .. }) if is_beyond_repair(&reason) => {
                let aside = put_aside(&path).map_err(|error| TableError::Unusable {
                    path: path.clone(),
                    reason: format!("{reason}; it cannot be put aside: {error}"),
                })?;
                tracing::warn!(
                    "{} is of no use ({reason}); it was put aside as {}, events are stored anew",
                    path.display(),
                    aside.display()
                );
                let mut store = Self::open_file(&path, keep)?;
                // The numbers that were given before are not known.
                store.numbers.last_seq = i64::try_from(super::super::seconds()).unwrap_or(0);
                set(&mut store.connection, "pruned_seq", store.numbers.last_seq)?;
                Ok(store)
            }
            opened => opened,
        }
    }

    fn open_file(path: &Path, keep: u64) -> Result<Self, TableError> {
        let unusable = |reason: String| TableError::Unusable {
            path: path.to_owned(),
            reason,
        };
        let mut connection = connect(path)?;
        migrate(&mut connection).map_err(unusable)?;
        let mut number =
            |name: &str| number(&mut connection, name).map_err(|error| unusable(error.to_string()));
        let numbers = Numbers {
            last_seq: number("last_seq")?,
            kept: number("kept")?,
            newest_ms: number("newest_ms")?,
            disordered_seq: number("disordered_seq")?,
        };
        Ok(Self {
            path: path.to_owned(),
            connection,
            keep,
            numbers,
        })
    }

    /// The highest number that an event ever had.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        u64::try_from(self.numbers.last_seq).unwrap_or(0)
    }

    /// For reading; `None`, which is told, when no connection can be made.
    #[must_use]
    pub fn table(&self, zone: &Zone) -> Option<Table> {
        let pool = Pool::builder()
            .max_size(READERS)
            .min_idle(Some(0))
            .connection_timeout(WAIT)
            .test_on_check_out(false)
            .connection_customizer(Box::new(ReaderPragmas))
            .build(ConnectionManager::new(self.path.to_str()?));
        match pool {
            Ok(pool) => Some(Table::new(pool, zone.clone())),
            Err(error) => {
                tracing::warn!(%error, "stored events cannot be read");
                None
            }
        }
    }
}

/// The connection that writes.
pub(super) fn connect(path: &Path) -> Result<SqliteConnection, TableError> {
    let unusable = |reason: String| TableError::Unusable {
        path: path.to_owned(),
        reason,
    };
    let text = path
        .to_str()
        .ok_or_else(|| unusable("the path is not UTF-8".to_owned()))?;
    let mut connection =
        SqliteConnection::establish(text).map_err(|error| unusable(error.to_string()))?;
    // A power cut may take the last events: this is no journal.
    connection
        .batch_execute(
            "PRAGMA busy_timeout=5000;
             PRAGMA page_size=8192;
             PRAGMA journal_mode=WAL;
             PRAGMA synchronous=NORMAL;
             PRAGMA cache_size=-4096;
             PRAGMA temp_store=MEMORY;
             PRAGMA wal_autocheckpoint=2000;
             PRAGMA journal_size_limit=33554432;",
        )
        .map_err(|error| unusable(error.to_string()))?;
    Ok(connection)
}

const NEWER: &str = "a newer orket wrote it";

fn migrate(connection: &mut SqliteConnection) -> Result<(), String> {
    let known: Vec<String> = MigrationSource::<Sqlite>::migrations(&MIGRATIONS)
        .map_err(|error| error.to_string())?
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    let applied = connection
        .applied_migrations()
        .map_err(|error| error.to_string())?;
    if applied.iter().any(|it| !known.contains(&it.to_string())) {
        return Err(NEWER.to_owned());
    }
    connection
        .run_pending_migrations(MIGRATIONS)
        .map_err(|error| error.to_string())?;
    Ok(())
}

fn is_beyond_repair(reason: &str) -> bool {
    [
        "malformed",
        "not a database",
        "no such table",
        "already exists",
        NEWER,
    ]
    .iter()
    .any(|words| reason.contains(words))
}

/// Gives the file and what belongs to it another name.
fn put_aside(path: &Path) -> std::io::Result<PathBuf> {
    let named = |end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let stamp = super::super::seconds() >> super::super::APART;
    let aside = named(&format!(".unusable-{stamp}"));
    std::fs::rename(path, &aside)?;
    for end in ["-wal", "-shm"] {
        match std::fs::remove_file(named(end)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

#[derive(Debug)]
struct ReaderPragmas;

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for ReaderPragmas {
    fn on_acquire(&self, connection: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        connection
            .batch_execute(
                "PRAGMA busy_timeout=1000;
                 PRAGMA cache_size=-4096;
                 PRAGMA temp_store=MEMORY;
                 PRAGMA query_only=ON;",
            )
            .map_err(diesel::r2d2::Error::QueryError)
    }
}
