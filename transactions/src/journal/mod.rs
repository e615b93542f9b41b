//! What makes a transaction whole or nothing, whatever happens: its folder
//! `.orket/transactions/<id>/`.
//!
//! The new contents are written there first, as files named by number, then `intent.json` says what
//! each file was and is to be. From then on every file is *exchanged* with its number in one step, so
//! the folder holds what was there before, the very inode. Undoing a change is the same exchange
//! again. What an exchange brings out is compared by hash: if it is not what the plan was made from,
//! somebody else wrote in the file, and it is exchanged back. Nothing is ever overwritten.
//!
//! A folder that a killed process left is read by [`super::recovery`].
//!
//! # Layout
//!
//! - this file: what lies in the folder, and how it is begun, finished and taken away.
//! - `swap`: the new contents beside the old ones, and the exchange. `undo`: the exchange back.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use orket_actors::fault;
use rustix::fs::{Mode, OFlags, RenameFlags, fsync, openat, renameat_with};
use serde::{Deserialize, Serialize};

use crate::git::OWN_FOLDER;
use crate::refusal::{Code, Refusal};
use crate::tree::{FileState, Found, look_at};

mod swap;
mod undo;

/// The version of `begun.json` and `intent.json`.
pub const VERSION: u32 = 1;
/// What a transaction is, from its beginning.
pub const BEGUN: &str = "begun.json";
/// What it does to files, once that is decided.
pub const INTENT: &str = "intent.json";
/// The intent of one that is through.
pub const DONE: &str = "done.json";
/// Passed before every step that writes.
pub const POINT: &str = "transaction.write";

/// What a transaction is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// [`VERSION`].
    pub version: u32,
    /// Its id.
    pub id: String,
    /// What was asked for, for words.
    pub command: String,
    /// Where its scratch copy is.
    pub scratch: PathBuf,
}

/// What it does to files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// [`VERSION`].
    pub version: u32,
    /// What was asked for, for words.
    pub command: String,
    /// Folders that it makes, outermost first.
    pub folders: Vec<String>,
    /// Files, in the order in which they are exchanged.
    pub files: Vec<FileIntent>,
}

/// What it does to one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIntent {
    /// Relative to the root of the repository.
    pub path: String,
    /// Its name in the transaction's folder.
    pub slot: String,
    /// What it was.
    pub before: Option<FileState>,
    /// What it is to be.
    pub after: FileState,
}

/// The folder of all transactions of a repository.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
}

/// One transaction's folder.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    slots: OwnedFd,
}

/// The folder of journals, in [`OWN_FOLDER`].
pub const FOLDER: &str = "transactions";

fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|it| it.is_dir())
}

/// Passed before every step that writes.
fn step() {
    fault::point(POINT);
}

impl Store {
    /// The folder of this repository, if there has been a transaction.
    #[must_use]
    pub fn existing(root: &Path) -> Option<Self> {
        let own = root.join(OWN_FOLDER);
        let path = own.join(FOLDER);
        (is_folder(&own) && is_folder(&path)).then_some(Self { path })
    }

    /// The folder of this repository, made when it is not there.
    ///
    /// # Errors
    ///
    /// When it cannot be made, or `.orket` is a link.
    pub fn open(root: &Path) -> Result<Self, Refusal> {
        let own = root.join(OWN_FOLDER);
        let path = own.join(FOLDER);
        for folder in [&own, &path] {
            if folder.symlink_metadata().is_ok_and(|it| !it.is_dir()) {
                return Err(Refusal::new(
                    Code::Internal,
                    format!("{} is no folder of its own", folder.display()),
                )
                .hint("a transaction keeps its journal there; take away what is in its place"));
            }
        }
        let failed = |error: io::Error| Refusal::of_io(path.display(), &error);
        std::fs::create_dir_all(&path).map_err(failed)?;
        // What lies here is nobody's to commit.
        match File::create_new(path.join(".gitignore")) {
            Ok(mut ignore) => ignore.write_all(b"*\n").map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
        Ok(Self { path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Begins a transaction.
    ///
    /// # Errors
    ///
    /// What the file system says, as `E_INTERNAL`.
    pub fn begin(&self, id: &str, command: &str, scratch: &Path) -> Result<Journal, Refusal> {
        let path = self.path.join(id);
        let failed = |error: io::Error| Refusal::of_io(path.display(), &error);
        step();
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(failed)?;
        let journal = Journal::open(path.clone()).map_err(failed)?;
        let begun = Begun {
            version: VERSION,
            id: id.to_owned(),
            command: command.to_owned(),
            scratch: scratch.to_owned(),
        };
        let begin = || {
            journal.write_durably(BEGUN, &begun).map_err(failed)?;
            journal.probe()?;
            sync_folder(&self.path).map_err(failed)
        };
        // A full disk, for instance.
        begin().inspect_err(|_| journal.remove())?;
        Ok(journal)
    }
}

impl Journal {
    /// Opens the folder of a transaction.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let slots = openat(rustix::fs::CWD, &path, flags, Mode::empty())?;
        Ok(Self { path, slots })
    }

    /// Whether two files can change places here.
    fn probe(&self) -> Result<(), Refusal> {
        let failed = |error: io::Error| Refusal::of_io(self.path.display(), &error);
        let names = ["probe-a", "probe-b"];
        for name in names {
            File::create(self.path.join(name)).map_err(failed)?;
        }
        let [one, other] = names;
        let exchanged = renameat_with(&self.slots, one, &self.slots, other, RenameFlags::EXCHANGE);
        for name in names {
            std::fs::remove_file(self.path.join(name)).map_err(failed)?;
        }
        exchanged.map_err(|error| {
            Refusal::new(
                Code::Internal,
                format!("files cannot change places on this file system: {error}"),
            )
            .hint("keep the repository on a local file system such as ext4, xfs, btrfs or tmpfs")
        })
    }

    /// What lies in a slot.
    fn slot(&self, slot: &str) -> io::Result<Found> {
        look_at(&self.slots, OsStr::new(slot))
    }

    /// Says that it is through.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn finish(&self) -> io::Result<()> {
        std::fs::rename(self.path.join(INTENT), self.path.join(DONE))?;
        Ok(fsync(&self.slots)?)
    }

    /// Takes the folder away, unless there is something left to be undone; what a failure leaves is
    /// removed by the next transaction.
    pub fn remove(&self) {
        if self.path.join(INTENT).exists() {
            return;
        }
        step();
        // First what makes the next start speak of it.
        let _ = std::fs::remove_file(self.path.join(BEGUN));
        step();
        let _ = std::fs::remove_dir_all(&self.path);
    }

    /// Whole or not there.
    fn write_durably(&self, name: &str, value: &impl Serialize) -> io::Result<()> {
        let half = self.path.join(format!("{name}.half"));
        step();
        let mut file = File::create(&half)?;
        serde_json::to_writer_pretty(&mut file, value)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        step();
        std::fs::rename(&half, self.path.join(name))?;
        Ok(fsync(&self.slots)?)
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
