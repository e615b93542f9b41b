//! Puts away what must be kept of a data folder: its databases and what was set in it. Works beside an
//! owner. `.env` is never part of it: it holds secrets and lies elsewhere.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::database::Database;
use crate::disk;
use crate::error::KeepError;
use crate::manifest::{self, Entry, FORMAT, Manifest};
use crate::schema;
use crate::snapshot;

/// Databases of `db` that are only an index of what happened, and are kept where they are there: the
/// numbers of events go on from them.
pub const INDEXES: [&str; 1] = ["events.db"];
/// Files of `config` that are kept.
pub const CONFIG: [&str; 2] = ["user_settings.json", "preferences.json"];

/// How the name of a backup begins that is not whole yet, or never became so.
pub const PART: &str = ".orket-backup-";

/// What to put away, and where.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The data folder.
    pub root: PathBuf,
    /// The folder that is made.
    pub out: PathBuf,
    /// The version of this program.
    pub version: String,
    /// Milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
}

/// Where backups are kept unless somebody says otherwise.
#[must_use]
pub fn default_place(root: &Path, at_ms: i64) -> PathBuf {
    root.join("backups").join(disk::stamp(at_ms))
}

/// Makes a backup: all of it, or there is none.
///
/// # Errors
///
/// [`KeepError`]; nothing is left then.
pub fn make(wish: &Wish) -> Result<Manifest, KeepError> {
    if fs::symlink_metadata(&wish.out).is_ok() {
        return Err(KeepError::Exists {
            path: wish.out.clone(),
        });
    }
    let parent = wish
        .out
        .parent()
        .filter(|it| !it.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    disk::private_folder(parent)?;
    // A name of its own: whatever lies there already is somebody's. Goes when something fails.
    let beside = tempfile::Builder::new()
        .prefix(PART)
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map_err(|error| KeepError::file(parent, &error))?;
    let manifest = fill(wish, beside.path())?;
    orket_actors::fault::point("backup.before_rename");
    fs::rename(beside.path(), &wish.out).map_err(|error| match error.kind() {
        // Somebody was faster.
        io::ErrorKind::DirectoryNotEmpty
        | io::ErrorKind::AlreadyExists
        | io::ErrorKind::NotADirectory => KeepError::Exists {
            path: wish.out.clone(),
        },
        _ => KeepError::file(&wish.out, &error),
    })?;
    let _ = beside.keep();
    disk::sync_parent(&wish.out)?;
    Ok(manifest)
}

fn fill(wish: &Wish, folder: &Path) -> Result<Manifest, KeepError> {
    let mut files = Vec::new();
    for database in Database::ALL {
        let from = wish.root.join("db").join(database.file_name());
        if !from.exists() {
            continue;
        }
        let path = format!("db/{}", database.file_name());
        let to = folder.join(&path);
        snapshot::take(&from, &to)?;
        let state = schema::state(database, &to, folder)?;
        files.push(entry(folder, path, state.applied().last().cloned())?);
        orket_actors::fault::point("backup.in_the_middle");
    }
    for name in INDEXES {
        let from = wish.root.join("db").join(name);
        if from.is_file() {
            let path = format!("db/{name}");
            snapshot::take(&from, &folder.join(&path))?;
            files.push(entry(folder, path, None)?);
        }
    }
    for name in CONFIG {
        let from = wish.root.join("config").join(name);
        if !from.is_file() {
            continue;
        }
        let path = format!("config/{name}");
        disk::private_folder(&folder.join("config"))?;
        disk::copy(&from, &folder.join(&path))?;
        files.push(entry(folder, path, None)?);
    }
    if files.is_empty() {
        return Err(KeepError::Backup {
            path: wish.root.clone(),
            reason: "there is nothing in it yet".to_owned(),
        });
    }
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        created_at: jiff::Timestamp::from_millisecond(wish.at_ms)
            .unwrap_or_default()
            .to_string(),
        orket: wish.version.clone(),
        files,
    };
    let text = serde_json::to_string_pretty(&manifest)
        .map_err(|error| KeepError::database(folder, &error))?;
    disk::write(&folder.join(manifest::FILE), (text + "\n").as_bytes())?;
    disk::sync_folder(folder)?;
    Ok(manifest)
}

fn entry(folder: &Path, path: String, schema: Option<String>) -> Result<Entry, KeepError> {
    let (bytes, sha256) = disk::digest(&folder.join(&path))?;
    Ok(Entry {
        path,
        bytes,
        sha256,
        schema,
    })
}
