//! A folder of its own for each test.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::SystemTime;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;
use serde_json::Value;

/// The Python Orket's runtime database, as its own tests have it.
const RUNTIME: &str = include_str!("../../legacy/tests/house/runtime.sql");
const WEBHOOK: &str = include_str!("../../legacy/tests/house/webhook.sql");
const MEMORY: &str = include_str!("../../legacy/tests/house/memory.sql");

pub struct House(tempfile::TempDir);

/// What a command left.
pub struct Done {
    pub out: String,
    pub err: String,
    pub code: Option<i32>,
    pub signal: Option<i32>,
}

impl Done {
    fn of(output: Output) -> Self {
        Self {
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code(),
            signal: output.status.signal(),
        }
    }

    #[track_caller]
    pub fn well(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.err);
        self
    }

    /// The code and the hint of a refusal, the same on both outputs.
    #[track_caller]
    pub fn refused(&self) -> (String, String) {
        assert_eq!(self.code, Some(1), "{}\n{}", self.out, self.err);
        let body: Value = serde_json::from_str(&self.out).unwrap();
        let code = body["error"]["code"].as_str().unwrap().to_owned();
        assert!(
            self.err.contains(&format!("error[{code}]: ")),
            "{}",
            self.err
        );
        let hint = body["error"]["hint"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        (code, hint)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

impl House {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn root(&self) -> PathBuf {
        self.path().join(".orket/durable")
    }

    pub fn journal(&self) -> PathBuf {
        self.root().join("db/orket_persistence.db")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orket"));
        command
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Done {
        Done::of(self.command(args).output().unwrap())
    }

    /// Runs a command that is killed at a point.
    #[track_caller]
    pub fn killed(&self, at: &str, args: &[&str]) {
        let done = Done::of(
            self.command(args)
                .env("ORKET_FAULT", format!("kill@{at}"))
                .output()
                .unwrap(),
        );
        assert_eq!(
            done.signal,
            Some(9),
            "not killed at {at}: {}\n{}",
            done.out,
            done.err
        );
    }

    pub fn sql(&self, path: &Path, sql: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        connection.batch_execute("PRAGMA foreign_keys=OFF").unwrap();
        connection.batch_execute(sql).unwrap();
    }

    /// One column of a database that may be in use.
    pub fn words(&self, path: &Path, sql: &str) -> Vec<String> {
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        let found: Vec<Word> = diesel::sql_query(sql).load(&mut connection).unwrap();
        found.into_iter().map(|it| it.word).collect()
    }

    /// Every row of every table.
    pub fn dump(&self, path: &Path) -> Vec<String> {
        let tables = self.words(
            path,
            "SELECT name AS word FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
             AND name <> '__diesel_schema_migrations' AND name NOT LIKE 'record_words%' ORDER BY 1",
        );
        let mut all = Vec::new();
        for table in tables {
            let columns = self.words(
                path,
                &format!(
                    // What is no text, and calls itself one, in hexadecimal digits.
                    "SELECT replace('CASE WHEN hex(CAST(@ AS BLOB)) = ''FFFE'' THEN ''FFFE'' \
                     ELSE quote(@) END', '@', '\"' || name || '\"') AS word \
                     FROM pragma_table_info('{table}')"
                ),
            );
            let sql = format!(
                "SELECT '{table}: ' || {} AS word FROM \"{table}\" ORDER BY 1",
                columns.join(" || ',' || ")
            );
            all.extend(self.words(path, &sql));
        }
        all
    }

    /// Databases of the Python Orket below `old`.
    pub fn python(&self, cards: u32) {
        let old = self.path().join("old");
        let runtime = RUNTIME.replace("@CARDS@", &cards.to_string());
        self.sql(&old.join("orket_persistence.db"), &runtime);
        self.sql(&old.join("webhook.db"), WEBHOOK);
        self.sql(&old.join("project_memory.db"), MEMORY);
    }

    /// Takes the newest migrations back, as if an older program had made the journal.
    pub fn make_older(&self) {
        self.sql(
            &self.journal(),
            "DROP TABLE legacy_rows; DROP TABLE legacy_imports; DROP TABLE removed_records; \
             DROP TABLE pinned_runs; DROP TABLE run_texts; DELETE FROM __diesel_schema_migrations WHERE version >= '0004'",
        );
    }

    /// Names, times and bytes of everything below the folder.
    pub fn files(&self) -> Vec<(PathBuf, SystemTime, Vec<u8>)> {
        let mut all = Vec::new();
        below(self.path(), &mut all);
        all.sort();
        all
    }

    /// Text with the folder and times taken out.
    pub fn plain(&self, text: &str) -> String {
        let text = text.replace(self.path().to_str().unwrap(), "HERE");
        let mut plain = String::new();
        for part in text.split_inclusive(['/', '\n', ' ']) {
            let digits = part.chars().take_while(char::is_ascii_digit).count();
            if digits == 8 && part.get(8..9) == Some("T") {
                plain.push_str("TIME");
                plain.push_str(part.get(19..).unwrap_or_default());
            } else {
                plain.push_str(part);
            }
        }
        plain
    }
}

fn below(folder: &Path, all: &mut Vec<(PathBuf, SystemTime, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let at = std::fs::symlink_metadata(&path)
            .unwrap()
            .modified()
            .unwrap();
        if path.is_dir() {
            below(&path, all);
            all.push((path, at, Vec::new()));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            all.push((path, at, bytes));
        }
    }
}
