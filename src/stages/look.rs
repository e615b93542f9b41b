//! What must hold once a stage's files are there.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use cap_std::fs::Dir;
use orket_core::stages::pins;

use super::StageError;
use super::lay::system;
use crate::tools::workspace::inside;

/// More entries below one folder than a project has before its first card.
const MOST_ENTRIES: usize = 200_000;
/// The most bytes of a manifest that are read.
const MANIFEST_MAX: u64 = 1024 * 1024;

/// No file below `roots` ends in one of `endings`. Links are not followed.
pub(super) fn no_file_of_type(
    dir: &Dir,
    roots: &[String],
    endings: &[String],
) -> Result<(), StageError> {
    let mut found = Vec::new();
    for root in roots {
        let mut folders = vec![inside(root)?];
        let mut seen = 0_usize;
        while let Some(folder) = folders.pop() {
            let shown = folder.display().to_string();
            let failed = |error| system(&shown, error);
            let entries = match read(dir, &folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            for entry in entries {
                let entry = entry.map_err(failed)?;
                seen += 1;
                if seen > MOST_ENTRIES {
                    return Err(StageError::TooMany {
                        root: root.clone(),
                        most: MOST_ENTRIES,
                    });
                }
                let path = folder.join(entry.file_name());
                let kind = entry.file_type().map_err(failed)?;
                let name = entry.file_name().to_string_lossy().to_lowercase();
                if kind.is_dir() {
                    folders.push(path);
                } else if endings.iter().any(|ending| name.ends_with(ending)) {
                    found.push(path.display().to_string());
                }
            }
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    found.sort();
    found.dedup();
    Err(StageError::Forbidden(found))
}

fn read(dir: &Dir, folder: &Path) -> io::Result<cap_std::fs::ReadDir> {
    if folder.as_os_str().is_empty() {
        dir.entries()
    } else {
        dir.read_dir(folder)
    }
}

/// Each of these manifests names exact versions.
pub(super) fn pinned(dir: &Dir, paths: &[String]) -> Result<(), StageError> {
    let mut loose = Vec::new();
    for path in paths {
        let plain: PathBuf = inside(path)?;
        let mut bytes = Vec::new();
        dir.open(&plain)
            .and_then(|file| file.take(MANIFEST_MAX).read_to_end(&mut bytes))
            .map_err(|error| system(path, error))?;
        let text = String::from_utf8_lossy(&bytes);
        let words = pins::loose(path, &text);
        loose.extend(words.iter().map(|words| format!("{path}: {words}")));
    }
    if loose.is_empty() {
        Ok(())
    } else {
        Err(StageError::Loose(loose))
    }
}
