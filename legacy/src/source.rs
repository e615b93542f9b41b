//! Opening a database that is not ours so that nothing of it is touched, and telling what it is.
//!
//! A database that lies there quietly is opened read-only. One with a WAL or a journal beside it needs
//! them to be read right, and SQLite would write to read them: it is copied, with what lies beside it,
//! and the copy is read. Whether somebody wrote meanwhile is seen by size and time of the files.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::error::LegacyError;
use crate::row::{self, Row};

/// What a database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The runtime database of the Python Orket 0.3: cards, sessions, ledgers.
    PythonRuntime,
    /// Its webhook database.
    PythonWebhook,
    /// Its project memory.
    PythonMemory,
    /// One of ours.
    Ours,
    /// It has no tables.
    Empty,
    /// Something else.
    Other,
}

impl Kind {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::PythonRuntime => "a database of the Python Orket 0.3",
            Self::PythonWebhook => "a webhook database of the Python Orket 0.3",
            Self::PythonMemory => "a project memory of the Python Orket 0.3",
            Self::Ours => "a database of this Orket",
            Self::Empty => "an empty database",
            Self::Other => "a database of another program",
        }
    }
}

/// A database that is only read.
pub struct Source {
    path: PathBuf,
    connection: SqliteConnection,
    tables: Vec<String>,
    before: Vec<Stamp>,
    /// Where the copy is, when there is one.
    _copy: Option<tempfile::TempDir>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("path", &self.path).finish()
    }
}

/// Size and time of a file; nothing when it is not there.
type Stamp = (PathBuf, Option<(u64, Option<SystemTime>)>);

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

impl Source {
    /// Opens it. `scratch`: where a copy may lie, if one is needed.
    ///
    /// # Errors
    ///
    /// [`LegacyError::Source`] or [`LegacyError::Busy`].
    pub fn open(path: &Path, scratch: &Path) -> Result<Self, LegacyError> {
        let wrong = |reason: String| LegacyError::Source {
            path: path.to_owned(),
            reason,
        };
        let path = fs::canonicalize(path).map_err(|error| {
            wrong(if error.kind() == io::ErrorKind::NotFound {
                "there is no such file".to_owned()
            } else {
                error.to_string()
            })
        })?;
        let before = stamps(&path);
        let mode = mode(&path).map_err(|error| wrong(error.to_string()))?;
        let is_alone = ["-wal", "-journal"].iter().all(|ending| {
            fs::metadata(beside(&path, ending)).map_or(true, |about| about.len() == 0)
        });
        let mut copy = None;
        let url = if is_alone {
            let how = match mode {
                Mode::Rollback => "mode=ro",
                // Nothing is in a WAL, and even to look for one SQLite would make it.
                Mode::Wal => "mode=ro&immutable=1",
            };
            url(&path, how)
        } else {
            let folder = tempfile::Builder::new()
                .prefix("orket-import-")
                .tempdir_in(scratch)
                .map_err(|error| wrong(format!("no copy could be made: {error}")))?;
            let place = folder.path().join("copy.db");
            for ending in ["", "-wal", "-journal"] {
                match fs::copy(beside(&path, ending), beside(&place, ending)) {
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(wrong(format!("no copy could be made: {error}"))),
                }
            }
            copy = Some(folder);
            url(&place, "mode=rw")
        };
        let failed = |error: String| classify(&path, &error);
        let mut connection =
            SqliteConnection::establish(&url).map_err(|error| failed(error.to_string()))?;
        // Held to the end: what is read is of one moment.
        connection
            .batch_execute("PRAGMA busy_timeout=5000; BEGIN")
            .map_err(|error| failed(error.to_string()))?;
        let encoding: Word = diesel::sql_query("SELECT encoding AS word FROM pragma_encoding")
            .get_result(&mut connection)
            .map_err(|error| failed(error.to_string()))?;
        let tables = row::tables(&mut connection).map_err(|error| failed(error.to_string()))?;
        if encoding.word != "UTF-8" {
            return Err(wrong(format!("its texts are {}, not UTF-8", encoding.word)));
        }
        let source = Self {
            path,
            connection,
            tables,
            before,
            _copy: copy,
        };
        source.unchanged()?;
        Ok(source)
    }

    /// Opens one that its owner writes to all the time: read beside him, as of one moment. Unlike
    /// [`Source::open`] it goes through his WAL.
    ///
    /// # Errors
    ///
    /// [`LegacyError::Source`] or [`LegacyError::Busy`].
    pub fn beside_owner(path: &Path) -> Result<Self, LegacyError> {
        let path = fs::canonicalize(path).map_err(|error| classify(path, &error.to_string()))?;
        let failed = |error: String| classify(&path, &error);
        let mut connection = SqliteConnection::establish(&url(&path, "mode=ro"))
            .map_err(|error| failed(error.to_string()))?;
        connection
            .batch_execute("PRAGMA busy_timeout=5000; BEGIN")
            .map_err(|error| failed(error.to_string()))?;
        let tables = row::tables(&mut connection).map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            before: stamps(&path),
            path,
            connection,
            tables,
            _copy: None,
        })
    }

    /// Where it is, in full.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its tables.
    #[must_use]
    pub fn tables(&self) -> &[String] {
        &self.tables
    }

    /// What it is, by its tables.
    #[must_use]
    pub fn kind(&self) -> Kind {
        let has = |name: &str| self.tables.iter().any(|table| table == name);
        // None of ours has such tables, even where ours was tried on it.
        if has("issues") || has("run_ledger") || has("card_transactions") {
            Kind::PythonRuntime
        } else if has("__diesel_schema_migrations") && !has("project_memory") {
            Kind::Ours
        } else if has("pr_review_cycles") || has("bug_fix_phases") {
            Kind::PythonWebhook
        } else if has("project_memory") {
            Kind::PythonMemory
        } else if self.tables.is_empty() {
            Kind::Empty
        } else {
            Kind::Other
        }
    }

    /// All rows of a table; none when it is not there.
    ///
    /// # Errors
    ///
    /// [`LegacyError`] when it cannot be read.
    pub fn rows(&mut self, table: &str) -> Result<Vec<Row>, LegacyError> {
        if !self.tables.iter().any(|it| it == table) {
            return Ok(Vec::new());
        }
        row::rows(&mut self.connection, table, key_of(table))
            .map_err(|error| classify(&self.path, &format!("table `{table}`: {error}")))
    }

    /// That nobody wrote to it since it was opened.
    ///
    /// # Errors
    ///
    /// [`LegacyError::Busy`].
    pub fn unchanged(&self) -> Result<(), LegacyError> {
        if stamps(&self.path) == self.before {
            Ok(())
        } else {
            Err(LegacyError::Busy {
                path: self.path.clone(),
                reason: "it was written to while it was read".to_owned(),
            })
        }
    }
}

/// What a database is; nothing of it is touched.
///
/// # Errors
///
/// As for [`Source::open`].
pub fn kind_of(path: &Path, scratch: &Path) -> Result<Kind, LegacyError> {
    if fs::metadata(path).is_ok_and(|about| about.len() == 0) {
        return Ok(Kind::Empty);
    }
    Source::open(path, scratch).map(|source| source.kind())
}

/// The column that tells rows of a table apart.
fn key_of(table: &str) -> &'static str {
    match table {
        "sessions_snapshots" | "session_snapshots" | "success_ledger" | "run_ledger" => {
            "session_id"
        }
        "pending_gate_requests" => "request_id",
        "bug_fix_phases" => "rock_id",
        _ => "id",
    }
}

/// How a database keeps what is not written yet, by its header.
enum Mode {
    Rollback,
    Wal,
}

fn mode(path: &Path) -> io::Result<Mode> {
    let mut header = [0_u8; 20];
    let mut file = File::open(path)?;
    match file.read_exact(&mut header) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Mode::Rollback),
        Err(error) => return Err(error),
    }
    let version = header.get(18..20);
    Ok(if version == Some(&[2, 2]) {
        Mode::Wal
    } else {
        Mode::Rollback
    })
}

fn classify(path: &Path, error: &str) -> LegacyError {
    let path = path.to_owned();
    if error.contains("locked") || error.contains("busy") {
        LegacyError::Busy {
            path,
            reason: "somebody has locked it".to_owned(),
        }
    } else {
        LegacyError::Source {
            path,
            reason: error.to_owned(),
        }
    }
}

fn stamps(path: &Path) -> Vec<Stamp> {
    ["", "-wal", "-journal"]
        .iter()
        .map(|ending| {
            let path = beside(path, ending);
            let about = fs::metadata(&path).ok();
            let stamp = about.map(|about| (about.len(), about.modified().ok()));
            (path, stamp)
        })
        .collect()
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// A file as SQLite's URI.
fn url(path: &Path, how: &str) -> String {
    let mut text = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text + "?" + how
}
