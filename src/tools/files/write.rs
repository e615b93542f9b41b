//! `write_file`: a reader sees the old content or the new and never a part. A new file has no name
//! until it is whole (`O_TMPFILE`), which changes its folder once instead of three times; one that is
//! there, or a file system that does not know this, gets a temporary file beside it and a rename.
//! Nothing is flushed here; the journal does that for a whole group of turns before it records the
//! outcome.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use cap_std::fs::{Dir, MetadataExt, OpenOptions, Permissions, PermissionsExt};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{FileError, UNFINISHED};
use crate::tools::workspace::Workspace;

/// The bytes that the argument `content` stands for: a text as it is, an object or array as
/// indented JSON, a number or truth value as JSON.
///
/// # Errors
///
/// [`FileError::Argument`] when it is absent or null, [`FileError::TooLarge`].
pub fn content(argument: Option<&Value>, most: u64) -> Result<Vec<u8>, FileError> {
    let missing = || FileError::Argument("content", "a text or a JSON object");
    let bytes = match argument.ok_or_else(missing)? {
        Value::Null => return Err(missing()),
        Value::String(text) => text.clone().into_bytes(),
        value @ (Value::Object(_) | Value::Array(_)) => {
            serde_json::to_vec_pretty(value).map_err(|_unprintable| missing())?
        }
        value @ (Value::Bool(_) | Value::Number(_)) => value.to_string().into_bytes(),
    };
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size > most {
        return Err(FileError::TooLarge { bytes: size, most });
    }
    Ok(bytes)
}

/// Puts `content` at `path`, with the folders it needs, and gives the absolute path. A link at
/// `path` is replaced, not followed; the permissions of a file at `path` are kept. Doing it again
/// gives the same file.
///
/// `given_up` is looked at last thing before the file gets its name: once it is set nothing changes.
///
/// # Errors
///
/// [`FileError`]; nothing is left at `path` or beside it.
pub fn write(
    workspace: &Workspace,
    path: &Path,
    content: &[u8],
    key: &str,
    given_up: &AtomicBool,
) -> Result<PathBuf, FileError> {
    let system = |error| FileError::from_system(path, error);
    let Some(name) = path.file_name() else {
        return Err(FileError::Kind {
            path: ".".to_owned(),
            what: "the workspace itself",
            hint: "name a file in it",
        });
    };
    if given_up.load(Ordering::Acquire) {
        return Err(FileError::GivenUp);
    }
    let folder = folder_of(workspace.dir(), path).map_err(system)?;
    let folder = folder.as_ref().unwrap_or_else(|| workspace.dir());
    let replaced = folder.symlink_metadata(name).ok();
    if replaced.as_ref().is_some_and(|old| old.is_dir()) {
        return Err(FileError::Kind {
            path: path.display().to_string(),
            what: "a folder",
            hint: "give the path of a file",
        });
    }
    if replaced.is_none()
        && let Some(done) = put_new(folder, name, content, given_up)
    {
        return done.map(|()| workspace.root().join(path));
    }
    let unfinished = unfinished_name(path, key);
    let kept_mode = replaced
        .filter(|old| old.is_file())
        .map(|old| old.mode() & 0o777);
    let done = fill(folder, &unfinished, content, kept_mode)
        .map_err(system)
        .and_then(|()| {
            if given_up.load(Ordering::Acquire) {
                return Err(FileError::GivenUp);
            }
            folder.rename(&unfinished, folder, name).map_err(system)
        });
    if done.is_err() {
        let _absent_already = folder.remove_file(&unfinished);
    }
    done.map(|()| workspace.root().join(path))
}

/// A new file that gets its name once it is whole. `None`: it could not be done this way, and nothing is
/// left of it.
#[cfg(target_os = "linux")]
fn put_new(
    folder: &Dir,
    name: &OsStr,
    content: &[u8],
    given_up: &AtomicBool,
) -> Option<Result<(), FileError>> {
    use std::os::fd::AsRawFd as _;

    use rustix::fs::{AtFlags, CWD, Mode, OFlags};

    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(folder, c".", flags, Mode::from_raw_mode(0o666)).ok()?;
    let mut file = std::fs::File::from(file);
    file.write_all(content).ok()?;
    if given_up.load(Ordering::Acquire) {
        return Some(Err(FileError::GivenUp));
    }
    let from = format!("/proc/self/fd/{}", file.as_raw_fd());
    // A file of that name that came meanwhile is an error here.
    rustix::fs::linkat(CWD, from, folder, name, AtFlags::SYMLINK_FOLLOW).ok()?;
    Some(Ok(()))
}

#[cfg(not(target_os = "linux"))]
fn put_new(
    _folder: &Dir,
    _name: &OsStr,
    _content: &[u8],
    _given_up: &AtomicBool,
) -> Option<Result<(), FileError>> {
    None
}

/// The folder that `path` lies in, made when absent; `None` for the workspace itself.
fn folder_of(dir: &Dir, path: &Path) -> io::Result<Option<Dir>> {
    let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    else {
        return Ok(None);
    };
    match dir.open_dir(parent) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            dir.create_dir_all(parent)?;
            dir.open_dir(parent).map(Some)
        }
        opened => opened.map(Some),
    }
}

/// The same for the same call, so that a file that is written over again after a crash takes over what was
/// left.
fn unfinished_name(path: &Path, key: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(path.as_os_str().as_encoded_bytes());
    hash.update([0]);
    hash.update(key.as_bytes());
    let hex = format!("{:x}", hash.finalize());
    format!("{UNFINISHED}{}", hex.get(..16).unwrap_or(&hex))
}

fn fill(folder: &Dir, name: &str, content: &[u8], mode: Option<u32>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let mut file = match folder.open_with(name, &options) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            folder.remove_file(name)?;
            folder.open_with(name, &options)?
        }
        opened => opened?,
    };
    file.write_all(content)?;
    if let Some(mode) = mode
        && file.metadata()?.mode() & 0o777 != mode
    {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    Ok(())
}
