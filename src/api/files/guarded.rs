//! What is Orket's own wherever it lies and whatever leads to it: the data folder, and files that hold
//! secrets. Told by device and inode, since a path can be spelt in many ways.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cap_std::fs::{Metadata, MetadataExt as _};

/// A file or folder, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// What a path leads to; none when there is nothing.
    fn at(path: &Path) -> Option<Self> {
        let about = std::fs::metadata(path).ok()?;
        Some(Self {
            device: about.dev(),
            inode: about.ino(),
        })
    }

    fn of(about: &Metadata) -> Self {
        Self {
            device: about.dev(),
            inode: about.ino(),
        }
    }
}

/// See the file's head.
#[derive(Debug)]
pub struct Guarded {
    data_folder: PathBuf,
    real: Option<PathBuf>,
    folder: Option<Identity>,
    files: Vec<Identity>,
}

impl Guarded {
    /// The data folder with all that is in it, and these files.
    #[must_use]
    pub fn new(data_folder: &Path, files: &[PathBuf]) -> Self {
        Self {
            data_folder: data_folder.to_owned(),
            real: data_folder.canonicalize().ok(),
            folder: Identity::at(data_folder),
            files: files.iter().filter_map(|file| Identity::at(file)).collect(),
        }
    }

    /// Whether a folder is the data folder.
    #[must_use]
    pub fn is_data_folder(&self, about: &Metadata) -> bool {
        self.folder == Some(Identity::of(about))
    }

    /// Whether the data folder may be called so; another name can only be a second mount of it.
    #[must_use]
    pub fn may_be_named(&self, name: &str) -> bool {
        let own = self.real.as_ref().and_then(|path| path.file_name());
        own.is_some_and(|own| own.to_string_lossy().to_lowercase() == name.to_lowercase())
    }

    /// Whether a file holds secrets, or is another name (a hard link) of one in the data folder.
    #[must_use]
    pub fn is_secret(&self, about: &Metadata) -> bool {
        let file = Identity::of(about);
        self.files.contains(&file) || (about.nlink() > 1 && self.is_in_data_folder(file))
    }

    fn is_in_data_folder(&self, file: Identity) -> bool {
        ["", "db", "config", "run"]
            .iter()
            .map(|name| self.data_folder.join(name))
            .filter_map(|folder| std::fs::read_dir(folder).ok())
            .flat_map(|entries| entries.flatten())
            .any(|entry| Identity::at(&entry.path()) == Some(file))
    }
}
