//! Whether files below folders changed, told by how many there are and when the newest was written.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How many files there are, and when the newest was written.
pub type Stamp = (usize, Option<SystemTime>);

/// Folders within folders that are looked into.
const DEPTH: u32 = 8;

/// Of all files below some folders. Links are not followed; what cannot be read is not there.
#[must_use]
pub fn newest(folders: &[PathBuf]) -> Stamp {
    newest_but(folders, &|_| false)
}

/// The same without folders that `is_left_out` means.
#[must_use]
pub fn newest_but(folders: &[PathBuf], is_left_out: &dyn Fn(&Path) -> bool) -> Stamp {
    let mut stamp = (0, None);
    for folder in folders {
        walk(folder, DEPTH, is_left_out, &mut stamp);
    }
    stamp
}

fn walk(folder: &Path, depth: u32, is_left_out: &dyn Fn(&Path) -> bool, stamp: &mut Stamp) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(about) = entry.metadata() else {
            continue;
        };
        let path = entry.path();
        if about.is_dir() {
            if depth > 0 && !is_left_out(&path) {
                walk(&path, depth - 1, is_left_out, stamp);
            }
        } else if about.is_file() {
            stamp.0 += 1;
            stamp.1 = stamp.1.max(about.modified().ok());
        }
    }
}
