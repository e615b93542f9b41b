//! The registry on disk: one folder for each sandbox, `<folder>/<id>/`, with
//!
//! - `record.json`: the [`Record`], with a schema version;
//! - `secrets.json` and `docker-compose.sandbox.yml`: while containers of it may be there.
//!
//! All files are 0600 in folders of 0700, and each is replaced whole: written beside, flushed, renamed.
//! Everything here blocks.

mod record;

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

pub(crate) use record::{Goal, Record, SCHEMA};

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

/// What was read of one sandbox.
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
    /// When a record cannot be read, is none, or is of a newer version.
    pub(crate) fn read(&self) -> io::Result<Vec<Read>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut all = Vec::new();
        for entry in entries {
            let folder = entry?.path();
            let name = folder.file_name().and_then(|name| name.to_str());
            let Some(name) = name.filter(|name| id::is_id(name)) else {
                continue;
            };
            // A process died between making the folder and the record: nothing was begun.
            let Some(record) = read_json::<Record>(&folder.join(RECORD))? else {
                continue;
            };
            if record.schema > SCHEMA || record.id != name {
                let what = if record.schema > SCHEMA {
                    format!("version {} of a newer Orket", record.schema)
                } else {
                    format!("the record of `{}`", record.id)
                };
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("{} holds {what}", folder.display()),
                ));
            }
            let secrets = read_json(&folder.join(SECRETS))?;
            all.push(Read { record, secrets });
        }
        Ok(all)
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
            gone(fs::remove_file(self.folder.join(id).join(name)))?;
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
/// When a record cannot be read.
pub fn recorded(folder: &Path) -> io::Result<Vec<Sandbox>> {
    let mut records: Vec<Record> = Registry::new(folder.to_owned())
        .read()?
        .into_iter()
        .map(|it| it.record)
        .collect();
    records.sort_by(|a, b| (a.created_ms, &a.id).cmp(&(b.created_ms, &b.id)));
    Ok(records.iter().map(Record::shown).collect())
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

fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let (new, path) = (folder.join(format!("{name}.new")), folder.join(name));
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
