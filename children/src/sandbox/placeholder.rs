//! Names that a child must not take: what is not there cannot be locked, so while children run an
//! empty file or folder stands there. Those that stand are on a list ([`super::leftover`]), from
//! which the next process removes what a killed one left.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, mkdirat, open, openat, statat, unlinkat};

use super::leftover::Lists;

/// Those of one owner, and for how many children each stands.
#[derive(Debug, Clone, Default)]
pub struct Placeholders {
    standing: Arc<Mutex<Standing>>,
}

#[derive(Debug, Default)]
struct Standing {
    claims: HashMap<PathBuf, usize>,
    lists: Option<Lists>,
    is_swept: bool,
}

/// One child's claim. Dropping the last one removes the placeholder, unless somebody filled it.
#[derive(Debug)]
pub struct Placeholder {
    path: PathBuf,
    all: Placeholders,
}

impl Placeholders {
    /// Those whose list is kept below this data folder.
    #[must_use]
    pub fn listed_below(data_folder: &Path) -> Self {
        let standing = Standing {
            lists: Some(Lists::below(data_folder)),
            ..Standing::default()
        };
        Self {
            standing: Arc::new(Mutex::new(standing)),
        }
    }

    /// Sees to it that something is at `path`; `None` when it has been there all along or cannot be
    /// made. Blocks.
    #[must_use]
    pub fn hold(&self, path: &Path, is_folder: bool) -> Option<Placeholder> {
        let mut standing = self.lock();
        if let Some(claims) = standing.claims.get_mut(path) {
            *claims += 1;
        } else {
            let place = Place::of(path)?;
            if place.is_taken() {
                return None;
            }
            // First the list: who is killed in between leaves a name on it and nothing there.
            standing.claims.insert(path.to_owned(), 1);
            standing.list();
            if place.fill(is_folder).is_err() {
                standing.claims.remove(path);
                standing.list();
                return None;
            }
        }
        Some(Placeholder {
            path: path.to_owned(),
            all: self.clone(),
        })
    }

    /// Removes what killed processes left, at the first call. Blocks.
    pub fn sweep(&self) {
        let mut standing = self.lock();
        if standing.is_swept {
            return;
        }
        standing.is_swept = true;
        let Some(lists) = &standing.lists else {
            return;
        };
        lists.take_over(|path| {
            if !standing.claims.contains_key(path) {
                clear(path);
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    /// Writes down what stands. Without that a placeholder outlasts a kill; that is no reason to
    /// leave its name to a child.
    fn list(&mut self) {
        let Some(lists) = &mut self.lists else {
            return;
        };
        if let Err(error) = lists.write(self.claims.keys().map(PathBuf::as_path)) {
            tracing::warn!(%error, "placeholders cannot be listed and would outlast a kill");
        }
    }
}

impl Drop for Placeholder {
    fn drop(&mut self) {
        let mut standing = self.all.lock();
        let Some(claims) = standing.claims.get_mut(&self.path) else {
            return;
        };
        *claims -= 1;
        if *claims > 0 {
            return;
        }
        standing.claims.remove(&self.path);
        clear(&self.path);
        standing.list();
    }
}

/// Removes what is at `path` if it is an empty file or folder.
fn clear(path: &Path) {
    if let Some(place) = Place::of(path) {
        place.clear();
    }
}

/// A name in a folder that is held: a child may put a link in the folder's place at any moment, and
/// nothing must be made or removed where that leads.
struct Place<'a> {
    folder: OwnedFd,
    name: &'a OsStr,
}

impl<'a> Place<'a> {
    /// `None` when the folder is not there or is a link.
    fn of(path: &'a Path) -> Option<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Some(Self {
            folder: open(path.parent()?, flags, Mode::empty()).ok()?,
            name: path.file_name()?,
        })
    }

    fn is_taken(&self) -> bool {
        statat(&self.folder, self.name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    fn fill(&self, is_folder: bool) -> rustix::io::Result<()> {
        if is_folder {
            return mkdirat(&self.folder, self.name, Mode::from_raw_mode(0o777));
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o666);
        openat(&self.folder, self.name, flags, mode).map(drop)
    }

    fn clear(&self) {
        let Ok(found) = statat(&self.folder, self.name, AtFlags::SYMLINK_NOFOLLOW) else {
            return;
        };
        let kind = FileType::from_raw_mode(found.st_mode);
        let flags = if kind == FileType::Directory {
            AtFlags::REMOVEDIR
        } else if kind == FileType::RegularFile && found.st_size == 0 {
            AtFlags::empty()
        } else {
            return;
        };
        let _filled_meanwhile = unlinkat(&self.folder, self.name, flags);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

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

    #[test]
    fn nothing_is_made_or_removed_behind_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(
            Placeholders::default()
                .hold(&link.join("x"), true)
                .is_none()
        );
        fs::create_dir(real.join("x")).unwrap();
        clear(&link.join("x"));
        assert!(real.join("x").exists());
    }

    #[test]
    fn what_a_dead_process_left_is_removed_and_what_a_living_one_needs_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let lists = path("data/run/placeholders");
        let listed = || fs::read_dir(&lists).unwrap().count();
        let living = Placeholders::listed_below(&path("data"));
        let needed = living.hold(&path("needed"), true);
        assert_eq!(listed(), 1);

        // A list that nobody has locked, and behind its end the rest of a longer one.
        let names = ["empty", "file", "filled", "gone"];
        let mut list: String = names
            .iter()
            .map(|name| format!("{}\0", path(name).display()))
            .collect();
        list.push_str(&format!("\0{}\0\0", path("of-old").display()));
        fs::write(lists.join("dead.list"), list).unwrap();
        for name in ["empty", "filled", "of-old"] {
            fs::create_dir(path(name)).unwrap();
        }
        fs::write(path("filled/mine"), "x").unwrap();
        fs::write(path("file"), "").unwrap();

        let next = Placeholders::listed_below(&path("data"));
        next.sweep();
        let is_there = |name: &str| path(name).exists();
        assert!(!is_there("empty") && !is_there("file"));
        assert!(is_there("filled/mine") && is_there("of-old") && is_there("needed"));
        assert_eq!(listed(), 1);
        drop((needed, living));
        assert!(!is_there("needed"));
        assert_eq!(listed(), 0);
    }
}
