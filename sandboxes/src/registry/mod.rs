//! The registry on disk: one folder for each sandbox, `<folder>/<id>/`, with
//!
//! - `record.json`: the [`Record`], with a schema version;
//! - `secrets.json` and `docker-compose.sandbox.yml`: while containers of it may be there.
//!
//! All files are 0600 in folders of 0700, and each is replaced whole: written beside, flushed, renamed.
//! Everything here blocks.

mod damaged;
mod record;

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

pub(crate) use damaged::Damaged;
pub(crate) use record::{Goal, Record, SCHEMA};

use crate::error::SandboxError;
use crate::id;
use crate::sandbox::Sandbox;
use crate::secret::Secrets;

const RECORD: &str = "record.json";
const SECRETS: &str = "secrets.json";
const COMPOSE: &str = "docker-compose.sandbox.yml";

/// See the file's head.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    folder: PathBuf,
}

/// What is on disk.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) whole: Vec<Read>,
    /// One of these keeps nobody from using the others.
    pub(crate) damaged: Vec<Damaged>,
    /// Ids of folders without a record.
    pub(crate) bare: Vec<String>,
}

/// What was read of one sandbox.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) record: Record,
    pub(crate) secrets: Option<Secrets>,
}

impl Registry {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file for docker compose.
    pub(crate) fn compose_file(&self, id: &str) -> PathBuf {
        self.folder.join(id).join(COMPOSE)
    }

    /// All that is recorded; nothing is made when the folder is not there.
    ///
    /// # Errors
    ///
    /// When the folder itself cannot be read.
    pub(crate) fn read(&self) -> io::Result<Found> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::default()),
            Err(error) => return Err(error),
        };
        let mut found = Found::default();
        for entry in entries {
            let folder = entry?.path();
            let name = folder.file_name().and_then(|name| name.to_str());
            let Some(name) = name.filter(|name| id::is_id(name)) else {
                continue;
            };
            match read_one(&folder, name) {
                Ok(Some(read)) => found.whole.push(read),
                Ok(None) => found.bare.push(name.to_owned()),
                Err(error) => {
                    let reason = error.to_string();
                    found.damaged.push(Damaged::of(&folder, name, reason));
                }
            }
        }
        Ok(found)
    }

    /// Stores a record.
    pub(crate) fn write(&self, record: &Record) -> io::Result<()> {
        let folder = self.make(&record.id)?;
        replace(&folder, RECORD, &serde_json::to_vec_pretty(record)?)
    }

    /// Stores what containers are made from.
    pub(crate) fn write_plan(&self, id: &str, secrets: &Secrets, compose: &str) -> io::Result<()> {
        let folder = self.make(id)?;
        replace(&folder, SECRETS, &serde_json::to_vec(secrets)?)?;
        replace(&folder, COMPOSE, compose.as_bytes())
    }

    /// Forgets what containers are made from.
    pub(crate) fn remove_plan(&self, id: &str) -> io::Result<()> {
        for name in [COMPOSE, SECRETS] {
            let folder = self.folder.join(id);
            gone(fs::remove_file(folder.join(name)))?;
            // What a process wrote that died before it was in place.
            gone(fs::remove_file(folder.join(beside(name))))?;
        }
        Ok(())
    }

    /// Forgets a sandbox.
    pub(crate) fn remove(&self, id: &str) -> io::Result<()> {
        gone(fs::remove_dir_all(self.folder.join(id)))
    }

    fn make(&self, id: &str) -> io::Result<PathBuf> {
        let folder = self.folder.join(id);
        for folder in [&self.folder, &folder] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
            fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        }
        Ok(folder)
    }
}

/// What is recorded below a folder, oldest first, whoever owns it: as it stood when it was written last.
/// Blocks.
///
/// # Errors
///
/// When the folder cannot be read. Records that cannot be read are told by [`damaged`].
pub fn recorded(folder: &Path) -> io::Result<Vec<Sandbox>> {
    let read = Registry::new(folder.to_owned()).read()?.whole.into_iter();
    let mut records: Vec<Record> = read.map(|it| it.record).collect();
    records.sort_by(|a, b| (a.created_ms, &a.id).cmp(&(b.created_ms, &b.id)));
    Ok(records.iter().map(Record::shown).collect())
}

/// Sandboxes below a folder whose records this Orket cannot read, as errors that say why. Blocks.
///
/// # Errors
///
/// When the folder cannot be read.
pub fn damaged(folder: &Path) -> io::Result<Vec<SandboxError>> {
    let found = Registry::new(folder.to_owned()).read()?;
    Ok(found.damaged.iter().map(Damaged::refused).collect())
}

/// `None` without a record: a process died between making the folder and the record, and began nothing.
fn read_one(folder: &Path, name: &str) -> io::Result<Option<Read>> {
    let path = folder.join(RECORD);
    // By itself, first: what else a newer version has may be of another shape.
    #[derive(serde::Deserialize)]
    struct Version {
        schema: u32,
    }
    let invalid = |what: String| {
        let words = format!("{} is {what}", path.display());
        io::Error::new(io::ErrorKind::InvalidData, words)
    };
    let Some(Version { schema }) = read_json(&path)? else {
        return Ok(None);
    };
    if schema > SCHEMA {
        return Err(invalid(format!("version {schema} of a newer Orket")));
    }
    let Some(record) = read_json::<Record>(&path)? else {
        return Ok(None);
    };
    if record.id != name {
        return Err(invalid(format!("the record of `{}`", record.id)));
    }
    let has_secrets = record.status.is_live() || record.kept;
    let secrets = if has_secrets {
        read_json(&folder.join(SECRETS))?
    } else {
        None
    };
    Ok(Some(Read { record, secrets }))
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| {
        // Where, not what: the file may hold secrets, and the parser quotes it.
        let (line, column) = (error.line(), error.column());
        let words = format!("{} is broken at {line}:{column}", path.display());
        io::Error::new(io::ErrorKind::InvalidData, words)
    })
}

/// Where a file is written before it takes its place.
fn beside(name: &str) -> String {
    format!("{name}.new")
}

fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let (new, path) = (folder.join(beside(name)), folder.join(name));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, &path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
