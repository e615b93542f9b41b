//! Who owns a data folder: an exclusive `flock` on `run/owner.lock`, taken before the database is
//! opened. The kernel frees it when the process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;

use serde::{Deserialize, Serialize};

use super::folder::DataFolder;

/// What an owner says of itself in the lock file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerNote {
    /// Its process.
    pub pid: u32,
    /// When it took the lock, milliseconds since 1970-01-01 UTC.
    pub started_ms: i64,
}

/// The right to own the folder; given up when dropped.
#[derive(Debug)]
pub struct OwnerLock {
    file: File,
}

/// How an attempt to own a folder ended.
#[derive(Debug)]
pub enum Attempt {
    /// It is ours.
    Got(OwnerLock),
    /// Somebody has it; what they wrote, when it can be read.
    Held(Option<OwnerNote>),
}

impl OwnerLock {
    /// Tries to own the folder, without waiting. Makes the folders.
    ///
    /// # Errors
    ///
    /// When the lock file cannot be made or locked.
    pub fn attempt(folder: &DataFolder, now_ms: i64) -> io::Result<Attempt> {
        folder.create()?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(folder.lock())?;
        match file.try_lock() {
            Ok(()) => {
                let note = OwnerNote {
                    pid: std::process::id(),
                    started_ms: now_ms,
                };
                // The lock is what counts; on a full disk nobody learns who has it.
                if let Err(error) = write_note(&mut file, note) {
                    tracing::debug!(%error, "the lock file says nothing of its owner");
                }
                let lock = Self { file };
                // A restore that was killed in the middle goes on before anything is opened.
                if orket_keeping::restore::finish(folder.root()).map_err(io::Error::other)? {
                    tracing::warn!("a restore that had been interrupted was finished");
                }
                Ok(Attempt::Got(lock))
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The owner may be writing it just now; then nobody knows its pid yet.
                let _ = file.read_to_string(&mut text);
                Ok(Attempt::Held(serde_json::from_str(&text).ok()))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

fn write_note(file: &mut File, note: OwnerNote) -> io::Result<()> {
    let text = serde_json::to_string(&note).map_err(io::Error::other)? + "\n";
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

impl Drop for OwnerLock {
    fn drop(&mut self) {
        // Closing the file frees the lock in any case; the note would only mislead.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_owner_at_a_time() {
        let place = tempfile::tempdir().expect("folder");
        let folder = DataFolder::new(place.path());
        let Attempt::Got(first) = OwnerLock::attempt(&folder, 5).expect("lock") else {
            panic!("nobody owns a new folder");
        };
        let note = OwnerNote {
            pid: std::process::id(),
            started_ms: 5,
        };
        match OwnerLock::attempt(&folder, 6).expect("lock") {
            Attempt::Held(seen) => assert_eq!(seen, Some(note)),
            Attempt::Got(_) => panic!("two owners"),
        }
        drop(first);
        assert!(matches!(
            OwnerLock::attempt(&folder, 7).expect("lock"),
            Attempt::Got(_)
        ));
    }
}
