//! Backups, and what restores put aside: the newest stay, and so do those that are young.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::{Action, Policy};
use crate::backup::PART;
use crate::disk;
use crate::error::KeepError;
use crate::manifest;
use crate::restore::KEPT;

/// What may go of the folder `backups` of a data folder. Folders that hold no backup are left alone.
///
/// # Errors
///
/// [`KeepError::File`].
pub fn plan(root: &Path, policy: &Policy, now_ms: i64) -> Result<Vec<Action>, KeepError> {
    let mut found = Vec::new();
    let mut torn = Vec::new();
    // What a restore put aside is beside them where backups are on another disk.
    for (folder, holds_backups) in [(root.join("backups"), true), (root.to_owned(), false)] {
        look(&folder, holds_backups, &mut found, &mut torn)?;
    }
    found.sort();
    let mut actions = Vec::new();
    for (place, (made_ms, path)) in found.into_iter().rev().enumerate() {
        let is_among_newest = u32::try_from(place).is_ok_and(|place| place < policy.keep_last);
        actions.push(action(
            path,
            made_ms,
            is_among_newest,
            policy.before(now_ms),
        ));
    }
    let torn = torn.into_iter();
    actions.extend(torn.map(|(made_ms, path)| action(path, made_ms, false, policy.before(now_ms))));
    Ok(actions)
}

/// When it was made, and where it is.
type Made = (i64, PathBuf);

/// `torn`: what a backup that was killed left.
fn look(
    folder: &Path,
    holds_backups: bool,
    found: &mut Vec<Made>,
    torn: &mut Vec<Made>,
) -> Result<(), KeepError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(KeepError::file(folder, &error)),
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_of = |prefix| name.starts_with(prefix) && !name.ends_with(".part");
        let is_torn = holds_backups && name.starts_with(PART);
        let is_ours = is_of(KEPT)
            || (holds_backups && (is_of("before-migrate-") || path.join(manifest::FILE).is_file()));
        if !is_torn && !is_ours {
            continue;
        }
        let made_ms = entry
            .metadata()
            .and_then(|about| about.modified())
            .ok()
            .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
            .and_then(|since| i64::try_from(since.as_millis()).ok())
            .unwrap_or(0);
        if is_torn {
            torn.push((made_ms, path));
        } else {
            found.push((made_ms, path));
        }
    }
    Ok(())
}

fn action(path: PathBuf, made_ms: i64, is_among_newest: bool, before_ms: i64) -> Action {
    let (action, reason) = if is_among_newest {
        ("keep", "among the newest")
    } else if made_ms >= before_ms {
        ("keep", "too young")
    } else {
        ("delete", "too old")
    };
    Action {
        namespace: "backup",
        size_bytes: disk::size(&path),
        path: path.display().to_string(),
        action,
        reason,
        pinned: false,
        updated_ms: made_ms,
    }
}
