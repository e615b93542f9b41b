//! Brings a backup back into a data folder.
//!
//! What comes back is laid out whole beside its place; then a note says that it is to take its place,
//! and from there on it will, however often the process is killed: each folder changes places with the
//! old one in one step, and whoever owns the data folder next finishes what the note says. What was
//! there is kept in `backups/before-restore-…`, or beside `backups` when that is on another disk.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::database::Database;
use crate::disk;
use crate::error::KeepError;
use crate::manifest::{self, Manifest};
use crate::schema;

/// The note, in the data folder.
const NOTE: &str = "restore.json";
/// A file in each folder that came back, until all have.
const MARK: &str = ".restored";
/// How the name begins of what was there before a restore.
pub const KEPT: &str = "before-restore-";
/// The folders that change places.
const FOLDERS: [&str; 2] = ["db", "config"];

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// The moment that names it.
    stamp: String,
    /// The folders that take their places.
    folders: Vec<String>,
}

/// Looks at a backup: it is whole, and this program can use its databases.
///
/// # Errors
///
/// [`KeepError::Backup`], [`KeepError::Newer`].
pub fn look(backup: &Path, scratch: &Path) -> Result<Manifest, KeepError> {
    let manifest = manifest::verified(backup)?;
    for database in Database::ALL {
        let path = backup.join("db").join(database.file_name());
        if path.exists() {
            schema::state(database, &path, scratch)?.usable(&path)?;
        }
    }
    Ok(manifest)
}

/// Lays a backup out beside its place and has it take it. Gives where what was there is kept.
///
/// # Errors
///
/// [`KeepError`]. Until the note is written nothing has changed; afterwards [`finish`] goes on.
pub fn bring_back(root: &Path, backup: &Path, at_ms: i64) -> Result<PathBuf, KeepError> {
    let manifest = look(backup, &std::env::temp_dir())?;
    let stamp = disk::stamp(at_ms);
    let stage = stage(root, &stamp);
    let note = match lay_out(root, backup, &manifest, &stage, stamp) {
        Ok(note) => note,
        Err(error) => {
            // The disk may be full of it, and nothing was begun.
            let _ = fs::remove_dir_all(&stage);
            return Err(error);
        }
    };
    orket_actors::fault::point("restore.laid_out");
    let text = serde_json::to_string(&note).map_err(|error| KeepError::database(root, &error))?;
    disk::replace(&root.join(NOTE), text.as_bytes())?;
    orket_actors::fault::point("restore.noted");
    finish(root)?;
    let kept = kept(root, &note.stamp);
    Ok(if kept.exists() {
        kept
    } else {
        kept_here(root, &note.stamp)
    })
}

/// Puts everything of a backup beside its place. What would keep it from taking that place is found here.
fn lay_out(
    root: &Path,
    backup: &Path,
    manifest: &Manifest,
    stage: &Path,
    stamp: String,
) -> Result<Note, KeepError> {
    disk::private_folder(stage)?;
    let mut folders = Vec::new();
    for folder in FOLDERS {
        let prefix = format!("{folder}/");
        let entries: Vec<_> = manifest
            .files
            .iter()
            .filter(|entry| entry.path.starts_with(&prefix))
            .collect();
        if entries.is_empty() {
            continue;
        }
        can_change_places(stage, &root.join(folder))?;
        let place = stage.join(folder);
        disk::private_folder(&place)?;
        for entry in entries {
            let Some(inside) = manifest::inside(&entry.path) else {
                continue;
            };
            let to = stage.join(inside);
            disk::copy(&backup.join(&entry.path), &to)?;
            if disk::digest(&to)? != (entry.bytes, entry.sha256.clone()) {
                return Err(KeepError::Backup {
                    path: backup.to_owned(),
                    reason: format!("`{}` changed while it was read", entry.path),
                });
            }
        }
        disk::write(&place.join(MARK), stamp.as_bytes())?;
        disk::sync_folder(&place)?;
        folders.push(folder.to_owned());
    }
    disk::sync_folder(stage)?;
    disk::sync_parent(stage)?;
    Ok(Note { stamp, folders })
}

/// Nothing is renamed from one disk to another, and a link would change places instead of what it leads
/// to: both are refused while nothing has happened yet.
fn can_change_places(stage: &Path, place: &Path) -> Result<(), KeepError> {
    let about = match fs::symlink_metadata(place) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(KeepError::file(place, &error)),
    };
    let here = fs::metadata(stage).map_err(|error| KeepError::file(stage, &error))?;
    if about.is_dir() && about.dev() == here.dev() {
        return Ok(());
    }
    Err(KeepError::Elsewhere {
        path: place.to_owned(),
    })
}

/// Goes on with a restore that was begun, if there is one; gives whether there was. Whoever owns the
/// data folder calls it before anything in it is opened.
///
/// # Errors
///
/// [`KeepError`]; it can be called again.
pub fn finish(root: &Path) -> Result<bool, KeepError> {
    let path = root.join(NOTE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(KeepError::file(&path, &error)),
    };
    let note: Note = serde_json::from_str(&text).map_err(|error| KeepError::Backup {
        path: path.clone(),
        reason: error.to_string(),
    })?;
    let stage = stage(root, &note.stamp);
    for folder in note
        .folders
        .iter()
        .filter(|it| FOLDERS.contains(&it.as_str()))
    {
        let place = root.join(folder);
        if is_marked(&place, &note.stamp) {
            continue;
        }
        let new = stage.join(folder);
        if is_marked(&new, &note.stamp) {
            change_places(&new, &place)?;
            disk::sync_folder(&stage)?;
            disk::sync_folder(root)?;
        }
        orket_actors::fault::point("restore.in_the_middle");
    }
    if stage.exists() {
        put_aside(root, &stage, &note.stamp)?;
    }
    orket_actors::fault::point("restore.before_forgetting");
    fs::remove_file(&path).map_err(|error| KeepError::file(&path, &error))?;
    disk::sync_folder(root)?;
    for folder in &note.folders {
        // Only marks it as new; one that stays does no harm.
        let _ = fs::remove_file(root.join(folder).join(MARK));
    }
    Ok(true)
}

/// Keeps what was there among the backups; where those are on another disk, beside them.
fn put_aside(root: &Path, stage: &Path, stamp: &str) -> Result<(), KeepError> {
    let failed = |path: &Path, error: &io::Error| Err(KeepError::file(path, error));
    let among = kept(root, stamp);
    if let Some(folder) = among.parent()
        && !folder.exists()
    {
        disk::private_folder(folder)?;
    }
    match fs::rename(stage, &among) {
        Ok(()) => disk::sync_parent(&among),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let here = kept_here(root, stamp);
            match fs::rename(stage, &here) {
                Ok(()) => disk::sync_parent(&here),
                Err(error) => failed(&here, &error),
            }
        }
        Err(error) => failed(&among, &error),
    }
}

/// Lays away what is left of restores that were killed before they were noted.
///
/// # Errors
///
/// [`KeepError::File`].
pub fn forget_unfinished(root: &Path) -> Result<(), KeepError> {
    let Ok(entries) = fs::read_dir(root) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(KEPT) && name.ends_with(".part") {
            let path = entry.path();
            fs::remove_dir_all(&path).map_err(|error| KeepError::file(&path, &error))?;
        }
    }
    Ok(())
}

fn is_marked(folder: &Path, stamp: &str) -> bool {
    fs::read_to_string(folder.join(MARK)).is_ok_and(|found| found == stamp)
}

/// In one step where the file system can; else the old one steps aside first.
fn change_places(new: &Path, place: &Path) -> Result<(), KeepError> {
    let failed = |errno: Errno| KeepError::file(place, &errno.into());
    if fs::symlink_metadata(place).is_err() {
        return fs::rename(new, place).map_err(|error| KeepError::file(place, &error));
    }
    match renameat_with(CWD, new, CWD, place, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        Err(Errno::INVAL | Errno::NOSYS) => {
            let mut aside = new.as_os_str().to_owned();
            aside.push(".old");
            fs::rename(place, &aside).map_err(|error| KeepError::file(place, &error))?;
            fs::rename(new, place).map_err(|error| KeepError::file(place, &error))
        }
        Err(errno) => Err(failed(errno)),
    }
}

/// On the disk of what it changes places with.
fn stage(root: &Path, stamp: &str) -> PathBuf {
    disk::part(&kept_here(root, stamp))
}

fn kept(root: &Path, stamp: &str) -> PathBuf {
    root.join("backups").join(format!("{KEPT}{stamp}"))
}

fn kept_here(root: &Path, stamp: &str) -> PathBuf {
    root.join(format!("{KEPT}{stamp}"))
}
