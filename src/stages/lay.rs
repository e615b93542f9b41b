//! One folder, one file: made when absent, left alone when there.

use std::io::{self, Write as _};
use std::path::Path;

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use orket_actors::fault;
use orket_core::stages::PlannedFile;
use sha2::{Digest as _, Sha256};

use super::StageError;
use crate::tools::files::UNFINISHED;
use crate::tools::workspace::inside;

/// Makes a folder and those above it; `false` when it was there.
///
/// # Errors
///
/// [`StageError`].
pub(super) fn folder(dir: &Dir, path: &str) -> Result<bool, StageError> {
    let plain = inside(path)?;
    if plain.as_os_str().is_empty() {
        return Ok(false);
    }
    match dir.metadata(&plain) {
        Ok(found) if found.is_dir() => return Ok(false),
        Ok(_) => {
            return Err(StageError::InTheWay {
                path: path.to_owned(),
                found: "a file",
                wanted: "folder",
            });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(system(path, error)),
    }
    dir.create_dir_all(&plain)
        .map_err(|error| system(path, error))?;
    Ok(true)
}

/// Puts a file where there is none; `false` when one was there. It appears whole: it is written
/// under another name and then linked to its own, which fails where a name is taken.
///
/// # Errors
///
/// [`StageError`].
pub(super) fn file(dir: &Dir, wanted: &PlannedFile) -> Result<bool, StageError> {
    let path = wanted.path.as_str();
    let plain = inside(path)?;
    let failed = |error| system(path, error);
    let Some(name) = plain.file_name() else {
        return Err(StageError::InTheWay {
            path: path.to_owned(),
            found: "the workspace",
            wanted: "file",
        });
    };
    let parent = plain.parent().unwrap_or_else(|| Path::new(""));
    let opened;
    let at = if parent.as_os_str().is_empty() {
        dir
    } else {
        folder(dir, &parent.to_string_lossy())?;
        opened = dir.open_dir(parent).map_err(failed)?;
        &opened
    };
    let unfinished = unfinished_name(path);
    // Left by a process that died here; under its own name it is whole already, or not there.
    match at.remove_file(&unfinished) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    if is_there(dir, &plain, path)? {
        return Ok(false);
    }
    fault::point("stage.before_file");
    fill(at, &unfinished, wanted).map_err(failed)?;
    fault::point("stage.before_link");
    let linked = at.hard_link(&unfinished, at, name);
    fault::point("stage.after_link");
    at.remove_file(&unfinished).map_err(failed)?;
    match linked {
        Ok(()) => Ok(true),
        // Somebody put one there meanwhile; it is theirs.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            is_there(dir, &plain, path).map(|_there| false)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Whether a file is there; anything else under its name is in the way.
fn is_there(dir: &Dir, plain: &Path, path: &str) -> Result<bool, StageError> {
    let in_the_way = |found| StageError::InTheWay {
        path: path.to_owned(),
        found,
        wanted: "file",
    };
    match dir.symlink_metadata(plain) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(system(path, error)),
        Ok(_) => {}
    }
    match dir.metadata(plain) {
        Ok(found) if found.is_file() => Ok(true),
        Ok(found) if found.is_dir() => Err(in_the_way("a folder")),
        Ok(_) => Err(in_the_way("neither a file nor a folder")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(in_the_way("a link to nothing"))
        }
        Err(error) => Err(system(path, error)),
    }
}

fn fill(at: &Dir, name: &str, wanted: &PlannedFile) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options.mode(if wanted.executable { 0o777 } else { 0o666 });
    at.open_with(name, &options)?
        .write_all(wanted.text.as_bytes())
}

/// The same at every try, so that a later one clears away what an earlier one left.
fn unfinished_name(path: &str) -> String {
    let hex = format!("{:x}", Sha256::digest(format!("stage\0{path}")));
    format!("{UNFINISHED}{}", hex.get(..16).unwrap_or(&hex))
}

/// Sorts an error of the file system.
pub(super) fn system(path: &str, source: io::Error) -> StageError {
    let path = path.to_owned();
    match source.kind() {
        // cap-std's own error, made without asking the system, carries no code.
        io::ErrorKind::PermissionDenied if source.raw_os_error().is_none() => {
            StageError::Escapes(path)
        }
        io::ErrorKind::NotADirectory => StageError::InTheWay {
            path,
            found: "below a file",
            wanted: "folder",
        },
        _ => StageError::System { path, source },
    }
}
