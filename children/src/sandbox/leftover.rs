//! The list of placeholders that stand, for whoever comes after a process that was killed: a file of
//! its own for each process, in the data folder's `run/placeholders/`, locked as long as that lives.
//!
//! It holds paths, each with a NUL at its end, and an empty one after the last: what a longer list
//! before it left behind that is not read.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Where the lists are, below the data folder.
const FOLDER: &str = "run/placeholders";
/// How the name of a list ends.
const ENDING: &str = "list";

/// The lists of one data folder, and the one of this process.
#[derive(Debug)]
pub struct Lists {
    folder: PathBuf,
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    path: PathBuf,
    file: File,
}

impl Lists {
    /// Those below this data folder. Makes nothing yet.
    #[must_use]
    pub fn below(data_folder: &Path) -> Self {
        Self {
            folder: data_folder.join(FOLDER),
            own: None,
        }
    }

    /// Makes these paths all that this process's list holds. Blocks.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn write<'a>(&mut self, paths: impl Iterator<Item = &'a Path>) -> io::Result<()> {
        let mut bytes = Vec::new();
        for path in paths {
            bytes.extend_from_slice(path.as_os_str().as_bytes());
            bytes.push(0);
        }
        bytes.push(0);
        let length = u64::try_from(bytes.len()).map_err(io::Error::other)?;
        let own = match self.own.take() {
            Some(own) => own,
            None => Own::create(&self.folder)?,
        };
        let own = self.own.insert(own);
        // Not emptied first: who is killed in between must leave one list or the other.
        own.file.write_all_at(&bytes, 0)?;
        own.file.set_len(length)
    }

    /// Hands every path on the lists of dead processes to `remove`, then removes the lists. Blocks.
    pub fn take_over(&self, mut remove: impl FnMut(&Path)) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|ending| ending != ENDING) {
                continue;
            }
            let Ok(file) = File::open(&path) else {
                continue;
            };
            // Whoever still lives holds the lock of its own.
            if file.try_lock().is_err() {
                continue;
            }
            let Ok(bytes) = fs::read(&path) else {
                continue;
            };
            for listed in bytes
                .split(|byte| *byte == 0)
                .take_while(|it| !it.is_empty())
            {
                remove(Path::new(OsStr::from_bytes(listed)));
            }
            let _gone_already = fs::remove_file(&path);
        }
    }
}

impl Own {
    fn create(folder: &Path) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let name = uuid::Uuid::new_v4().simple().to_string();
        let path = folder.join(format!("{name}.{ENDING}"));
        // It gets its name when it is locked, so that nobody takes it for a dead process's.
        let unnamed = folder.join(format!("{name}.new"));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(&unnamed)?;
        file.lock()?;
        fs::rename(&unnamed, &path)?;
        Ok(Self { path, file })
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // Nothing stands any more: whoever holds a placeholder holds this too.
        let _gone_already = fs::remove_file(&self.path);
    }
}
