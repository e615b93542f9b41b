//! Whether `verification/` is as it was before the commands of a review ran. Where the machine can,
//! no child may write there anyway; where it cannot, this is what notices.

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cap_std::fs::{Dir, Metadata, MetadataExt};
use orket_core::verify::FIXTURES;
use sha2::{Digest, Sha256};

/// Files up to this size are read, in bytes; larger ones are known by what the system keeps of them,
/// which changes with every write.
const READ: u64 = 16 * 1024 * 1024;
/// The most bytes that are read for one digest.
const READ_IN_ALL: u64 = 64 * 1024 * 1024;
/// The most files and folders that are looked at, and how deep.
const ENTRIES: usize = 20_000;
const DEPTH: usize = 32;
/// How often something may go in the middle of a look.
const LOOKS: usize = 16;
/// More versions than anybody spoils; past it the memory starts afresh.
const REMEMBERED: usize = 1_024;

/// Versions of `verification/` that a command made, by workspace: they are not trusted later either.
#[derive(Debug, Default)]
pub struct Spoiled {
    known: Mutex<HashSet<(PathBuf, String)>>,
}

impl Spoiled {
    /// Remembers one.
    pub fn note(&self, workspace: &Path, digest: &str) {
        let mut known = self.lock();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert((workspace.to_owned(), digest.to_owned()));
    }

    /// Whether a command made this one.
    #[must_use]
    pub fn holds(&self, workspace: &Path, digest: &str) -> bool {
        let version = (workspace.to_owned(), digest.to_owned());
        self.lock().contains(&version)
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<(PathBuf, String)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The digest of everything below `verification/` of a workspace: names, kinds, modes and contents.
/// A folder that is not there is one with nothing in it. Blocks on the file system.
///
/// # Errors
///
/// When something there cannot be read.
pub fn digest(workspace: &Dir) -> io::Result<String> {
    // What goes while it is looked at is looked at again: the empty folder that stands while another
    // card's child runs goes at any moment.
    for _ in 1..LOOKS {
        match look(workspace) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            looked => return looked,
        }
    }
    look(workspace)
}

fn look(workspace: &Dir) -> io::Result<String> {
    let mut look = Look {
        hasher: Sha256::new(),
        to_read: READ_IN_ALL,
        entries: ENTRIES,
    };
    match workspace.symlink_metadata(FIXTURES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
        Ok(found) if found.is_dir() => look.folder(&workspace.open_dir(FIXTURES)?, "", DEPTH)?,
        Ok(found) => look.entry(workspace, FIXTURES, FIXTURES, &found, 0)?,
    }
    Ok(hex(&look.hasher.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Look {
    hasher: Sha256,
    to_read: u64,
    entries: usize,
}

impl Look {
    fn folder(&mut self, folder: &Dir, at: &str, deeper: usize) -> io::Result<()> {
        let mut names = Vec::new();
        for entry in folder.entries()? {
            names.push(entry?.file_name());
        }
        names.sort();
        for name in names {
            if self.entries == 0 {
                break;
            }
            self.entries -= 1;
            let path = format!("{at}/{}", name.to_string_lossy());
            let found = folder.symlink_metadata(&name)?;
            self.entry(folder, Path::new(&name), &path, &found, deeper)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        folder: &Dir,
        name: impl AsRef<Path>,
        path: &str,
        found: &Metadata,
        deeper: usize,
    ) -> io::Result<()> {
        let name = name.as_ref();
        self.text(path.as_bytes());
        self.text(&found.mode().to_le_bytes());
        if found.is_symlink() {
            let target = folder.read_link_contents(name)?;
            self.text(target.as_os_str().as_encoded_bytes());
        } else if found.is_dir() {
            if deeper > 0 {
                self.folder(&folder.open_dir(name)?, path, deeper - 1)?;
            }
        } else if found.is_file() && found.len() <= READ.min(self.to_read) {
            let mut bytes = Vec::new();
            let file = folder.open(name)?;
            file.take(READ + 1).read_to_end(&mut bytes)?;
            self.to_read = self.to_read.saturating_sub(found.len());
            self.text(&bytes);
        } else {
            for number in [found.size(), found.ino()] {
                self.text(&number.to_le_bytes());
            }
            for number in [found.ctime(), found.ctime_nsec()] {
                self.text(&number.to_le_bytes());
            }
        }
        Ok(())
    }

    /// With its length, so that no two lists of texts are alike.
    fn text(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes.len().to_le_bytes());
        self.hasher.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_comes_and_goes_is_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let authority = cap_std::ambient_authority();
        let dir = Dir::open_ambient_dir(folder.path(), authority).unwrap();
        let nothing = digest(&dir).unwrap();
        let place = folder.path().join("verification");
        std::thread::scope(|scope| {
            let (stop, stopped) = std::sync::mpsc::channel::<()>();
            scope.spawn(move || {
                while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                    std::fs::create_dir(&place).unwrap();
                    std::fs::remove_dir(&place).unwrap();
                }
            });
            for _ in 0..5_000 {
                assert_eq!(digest(&dir).unwrap(), nothing);
            }
            drop(stop);
        });
    }

    #[test]
    fn every_change_is_seen_and_a_look_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let authority = cap_std::ambient_authority();
        let dir = Dir::open_ambient_dir(folder.path(), authority).unwrap();
        let nothing = digest(&dir).unwrap();
        let place = folder.path().join("verification");
        std::fs::create_dir_all(place.join("deep")).unwrap();
        let mut seen = vec![nothing];
        let mut changed = || {
            let now = digest(&dir).unwrap();
            assert_eq!(now, digest(&dir).unwrap());
            assert!(!seen.contains(&now), "{seen:?} {now}");
            seen.push(now);
        };
        changed();
        std::fs::write(place.join("deep/a.sh"), "one").unwrap();
        changed();
        std::fs::write(place.join("deep/a.sh"), "two").unwrap();
        changed();
        std::os::unix::fs::symlink("deep/a.sh", place.join("link")).unwrap();
        changed();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(place.join("deep/a.sh"), mode).unwrap();
        changed();
        std::fs::rename(place.join("deep/a.sh"), place.join("deep/b.sh")).unwrap();
        changed();
    }
}
