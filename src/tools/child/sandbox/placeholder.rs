//! Names that a child must not take: what is not there cannot be locked, so while children run an
//! empty file or folder stands there.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Those of one owner, and for how many children each stands.
#[derive(Debug, Clone, Default)]
pub struct Placeholders {
    held: Arc<Mutex<HashMap<PathBuf, usize>>>,
}

/// One child's claim. Dropping the last one removes the placeholder, unless somebody filled it.
#[derive(Debug)]
pub struct Placeholder {
    path: PathBuf,
    all: Placeholders,
}

impl Placeholders {
    /// Sees to it that something is at `path`; `None` when it has been there all along or cannot be
    /// made. Blocks.
    #[must_use]
    pub fn hold(&self, path: &Path, is_folder: bool) -> Option<Placeholder> {
        let mut held = self.lock();
        if let Some(claims) = held.get_mut(path) {
            *claims += 1;
        } else {
            if path.symlink_metadata().is_ok() {
                return None;
            }
            if is_folder {
                fs::create_dir(path).ok()?;
            } else {
                let mut options = OpenOptions::new();
                options.write(true).create_new(true).open(path).ok()?;
            }
            held.insert(path.to_owned(), 1);
        }
        Some(Placeholder {
            path: path.to_owned(),
            all: self.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Placeholder {
    fn drop(&mut self) {
        let mut held = self.all.lock();
        let Some(claims) = held.get_mut(&self.path) else {
            return;
        };
        *claims -= 1;
        if *claims > 0 {
            return;
        }
        held.remove(&self.path);
        let is_empty_file = self
            .path
            .symlink_metadata()
            .is_ok_and(|it| it.is_file() && it.len() == 0);
        let _filled_meanwhile = if is_empty_file {
            fs::remove_file(&self.path)
        } else {
            fs::remove_dir(&self.path)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_as_long_as_somebody_needs_it_and_goes_when_nobody_filled_it() {
        let folder = tempfile::tempdir().unwrap();
        let all = Placeholders::default();
        let (name, file) = (folder.path().join("a"), folder.path().join("b"));
        let (one, other) = (all.hold(&name, true), all.hold(&name, true));
        let third = all.hold(&file, false);
        drop(one);
        assert!(name.is_dir() && file.is_file());
        drop((other, third));
        assert!(!name.exists() && !file.exists());
        let filled = all.hold(&name, true);
        fs::write(name.join("mine"), "x").unwrap();
        drop(filled);
        assert!(name.join("mine").exists());
        assert!(all.hold(&name, true).is_none());
    }
}
