//! What a backup says of itself: `manifest.json`, the last file that is written.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::backup::{CONFIG, INDEXES};
use crate::database::Database;
use crate::disk;
use crate::error::KeepError;

/// The file.
pub const FILE: &str = "manifest.json";
/// The format that is written and read.
pub const FORMAT: &str = "orket.backup.v1";

/// See the file's head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// When, RFC 3339.
    pub created_at: String,
    /// The version of the program.
    pub orket: String,
    /// The files, in the order of their paths.
    pub files: Vec<Entry>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the data folder, with `/`.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// Of a database: the last migration that is applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
}

/// Reads the manifest of a backup and compares every file with it.
///
/// # Errors
///
/// [`KeepError::Backup`] with the first thing that is not as it should be.
pub fn verified(folder: &Path) -> Result<Manifest, KeepError> {
    let wrong = |reason: String| KeepError::Backup {
        path: folder.to_owned(),
        reason,
    };
    let text = std::fs::read_to_string(folder.join(FILE))
        .map_err(|error| wrong(format!("{FILE}: {error}")))?;
    let manifest: Manifest =
        serde_json::from_str(&text).map_err(|error| wrong(format!("{FILE}: {error}")))?;
    if manifest.format != FORMAT {
        return Err(wrong(format!(
            "its format is `{}`, and this orket reads `{FORMAT}`",
            manifest.format
        )));
    }
    if manifest.files.is_empty() {
        return Err(wrong("it lists no files".to_owned()));
    }
    for entry in &manifest.files {
        let path = folder.join(
            inside(&entry.path)
                .ok_or_else(|| wrong(format!("`{}` is no place in a data folder", entry.path)))?,
        );
        if !std::fs::symlink_metadata(&path).is_ok_and(|about| about.is_file()) {
            return Err(wrong(format!("`{}` is not there", entry.path)));
        }
        let found = disk::digest(&path)?;
        if found != (entry.bytes, entry.sha256.clone()) {
            return Err(wrong(format!("`{}` is not what was put away", entry.path)));
        }
    }
    Ok(manifest)
}

/// A path of a manifest, if it is a place of something that is backed up: nothing else is ever restored.
#[must_use]
pub fn inside(path: &str) -> Option<PathBuf> {
    let (folder, name) = path.split_once('/')?;
    let is_known = match folder {
        "db" => INDEXES.contains(&name) || Database::ALL.iter().any(|it| it.file_name() == name),
        "config" => CONFIG.contains(&name),
        _ => false,
    };
    is_known.then(|| PathBuf::from(path))
}
