//! Databases as the Python Orket 0.3 left them, and ours beside them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

const RUNTIME: EmbeddedMigrations = embed_migrations!("../migrations/sqlite/runtime");
const WEBHOOK: EmbeddedMigrations = embed_migrations!("../migrations/sqlite/webhook");
const MEMORY: EmbeddedMigrations = embed_migrations!("../migrations/sqlite/memory");

/// As many as the issue asks for.
pub const CARDS: i64 = 10_000;

/// Every status that a card can have.
pub const KNOWN_STATUSES: &str = "'ready','in_progress','blocked','waiting_for_developer',\
    'ready_for_testing','code_review','awaiting_guard_review','guard_approved','guard_rejected',\
    'guard_requested_changes','done','canceled','archived'";

/// The tables as the Python Orket makes them, and what is in them: `?1` cards.
const SCHEMA: &str = include_str!("runtime.sql");
const WEBHOOK_ROWS: &str = include_str!("webhook.sql");
const MEMORY_ROWS: &str = include_str!("memory.sql");

/// A folder with the three databases of theirs.
pub struct House(tempfile::TempDir);

pub fn house(cards: i64) -> House {
    let house = House(tempfile::tempdir().unwrap());
    let schema = SCHEMA.replace("@CARDS@", &cards.to_string());
    open(&house.runtime()).batch_execute(&schema).unwrap();
    open(&house.webhook()).batch_execute(WEBHOOK_ROWS).unwrap();
    open(&house.memory()).batch_execute(MEMORY_ROWS).unwrap();
    house
}

fn open(path: &Path) -> SqliteConnection {
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    // As Python opens them.
    connection.batch_execute("PRAGMA foreign_keys=OFF").unwrap();
    connection
}

impl House {
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn runtime(&self) -> PathBuf {
        self.path().join("orket_persistence.db")
    }

    pub fn webhook(&self) -> PathBuf {
        self.path().join("webhook.db")
    }

    pub fn memory(&self) -> PathBuf {
        self.path().join("project_memory.db")
    }

    pub fn open(&self) -> SqliteConnection {
        open(&self.runtime())
    }

    pub fn run(&self, sql: &str) {
        self.open().batch_execute(sql).unwrap();
    }

    pub fn forget(&self, name: &str) {
        for ending in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(self.path().join(format!("{name}{ending}")));
        }
    }

    /// How many rows each of their tables has.
    pub fn counts(&self) -> BTreeMap<String, i64> {
        let mut connection = self.open();
        names(&mut connection)
            .into_iter()
            .map(|name| {
                let count = number(
                    &mut connection,
                    &format!("SELECT count(*) AS number FROM {name}"),
                );
                (name, count)
            })
            .filter(|(name, count)| *count > 0 && name != "_schema_migrations")
            .collect()
    }
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn number(connection: &mut SqliteConnection, sql: &str) -> i64 {
    let found: Number = diesel::sql_query(sql).get_result(connection).unwrap();
    found.number
}

fn names(connection: &mut SqliteConnection) -> Vec<String> {
    let found: Vec<Word> = diesel::sql_query(
        "SELECT name AS word FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1",
    )
    .load(connection)
    .unwrap();
    found.into_iter().map(|it| it.word).collect()
}

fn migrated(path: &Path, migrations: EmbeddedMigrations) -> SqliteConnection {
    let mut connection = open(path);
    connection.batch_execute("PRAGMA foreign_keys=ON").unwrap();
    connection.run_pending_migrations(migrations).unwrap();
    connection
}

/// An empty journal of ours.
pub fn journal(path: &Path) -> SqliteConnection {
    migrated(path, RUNTIME)
}

/// An empty webhook database of ours.
pub fn webhook(path: &Path) -> SqliteConnection {
    migrated(path, WEBHOOK)
}

/// An empty project memory of ours.
pub fn memory(path: &Path) -> SqliteConnection {
    migrated(path, MEMORY)
}

/// Every row of every table, as text.
pub fn dump(connection: &mut SqliteConnection) -> Vec<String> {
    let mut all = Vec::new();
    for name in names(connection) {
        let columns: Vec<Word> = diesel::sql_query(format!(
            "SELECT name AS word FROM pragma_table_info('{name}')"
        ))
        .load(connection)
        .unwrap();
        let each: Vec<String> = columns
            .iter()
            .map(|column| format!("quote(\"{}\")", column.word))
            .collect();
        let rows: Vec<Word> = diesel::sql_query(format!(
            "SELECT '{name}: ' || {} AS word FROM \"{name}\" ORDER BY 1",
            each.join(" || ',' || ")
        ))
        .load(connection)
        .unwrap();
        all.extend(rows.into_iter().map(|it| it.word));
    }
    all
}

/// Rows of one column, a line each.
pub fn table(connection: &mut SqliteConnection, sql: &str) -> String {
    let found: Vec<Word> = diesel::sql_query(sql).load(connection).unwrap();
    let lines: Vec<String> = found.into_iter().map(|it| it.word).collect();
    lines.join("\n")
}

/// Names, bytes and times of all files of a folder.
pub fn digest_of_files(folder: &Path) -> Vec<(PathBuf, u64, String, std::time::SystemTime)> {
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let about = std::fs::metadata(&path).unwrap();
            let digest = blake3::hash(&bytes).to_hex().to_string();
            (path, about.len(), digest, about.modified().unwrap())
        })
        .collect();
    all.sort();
    all
}
