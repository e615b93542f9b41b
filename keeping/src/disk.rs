//! Files that are there whole or not at all, and on the disk when it is said so.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::error::KeepError;

/// Makes a folder, and those above it, for its user only.
///
/// # Errors
///
/// [`KeepError::File`].
pub fn private_folder(path: &Path) -> Result<(), KeepError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| KeepError::file(path, &error))
}

/// Has what a folder lists on the disk.
///
/// # Errors
///
/// [`KeepError::File`].
pub fn sync_folder(path: &Path) -> Result<(), KeepError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| KeepError::file(path, &error))
}

/// The same for the folder that a path is in.
///
/// # Errors
///
/// [`KeepError::File`].
pub fn sync_parent(path: &Path) -> Result<(), KeepError> {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => sync_folder(Path::new(".")),
        Some(folder) => sync_folder(folder),
        None => Ok(()),
    }
}

/// Writes a file, readable by its user only, and has it on the disk. Only for places that nobody reads
/// yet; [`replace`] is for the others.
///
/// # Errors
///
/// [`KeepError::File`].
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), KeepError> {
    let written = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|error| KeepError::file(path, &error))
}

/// Puts a file in the place of another: a reader sees the old one or the new one.
///
/// # Errors
///
/// [`KeepError::File`].
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), KeepError> {
    let beside = part(path);
    write(&beside, bytes)?;
    fs::rename(&beside, path).map_err(|error| KeepError::file(path, &error))?;
    sync_parent(path)
}

/// Copies a file beside its place, has it on the disk, and puts it there.
///
/// # Errors
///
/// [`KeepError::File`].
pub fn copy(from: &Path, to: &Path) -> Result<(), KeepError> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(|error| KeepError::file(folder, &error))?;
    }
    let beside = part(to);
    fs::copy(from, &beside)
        .and_then(|_| File::open(&beside)?.sync_all())
        .and_then(|()| fs::rename(&beside, to))
        .map_err(|error| KeepError::file(to, &error))?;
    sync_parent(to)
}

/// The name of a file that is not whole yet.
#[must_use]
pub fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// Length and SHA-256 of a file.
///
/// # Errors
///
/// [`KeepError::File`].
pub fn digest(path: &Path) -> Result<(u64, String), KeepError> {
    let read = |path: &Path| -> io::Result<(u64, String)> {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0_u8; 128 * 1024];
        let mut length = 0_u64;
        loop {
            let count = file.read(&mut buffer)?;
            let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
                break;
            };
            hasher.update(bytes);
            length += u64::try_from(count).unwrap_or(0);
        }
        let hex = hasher
            .finalize()
            .iter()
            .map(|it| format!("{it:02x}"))
            .collect();
        Ok((length, hex))
    };
    read(path).map_err(|error| KeepError::file(path, &error))
}

/// Bytes of a file, or of all files below a folder.
#[must_use]
pub fn size(path: &Path) -> u64 {
    let Ok(about) = fs::symlink_metadata(path) else {
        return 0;
    };
    if !about.is_dir() {
        return about.len();
    }
    let Ok(entries) = fs::read_dir(path) else {
        return 0;
    };
    entries.flatten().map(|entry| size(&entry.path())).sum()
}

/// A moment as the name of a file: `20260211T093000123Z`.
#[must_use]
pub fn stamp(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    at.strftime("%Y%m%dT%H%M%S%3fZ").to_string()
}
