//! The data folder: `<durable>/{db,run,config}`.

use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A data folder. Nothing is created until [`DataFolder::create`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFolder {
    root: PathBuf,
}

impl DataFolder {
    /// The data folder at `root`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The journal's folder.
    #[must_use]
    pub fn database_folder(&self) -> PathBuf {
        self.root.join("db")
    }

    /// What belongs to the living owner: lock, socket, its log.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// The owner's lock.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.run().join("owner.lock")
    }

    /// What a detached owner says.
    #[must_use]
    pub fn serve_log(&self) -> PathBuf {
        self.run().join("serve.log")
    }

    /// What is known of sandboxes: a folder for each.
    #[must_use]
    pub fn sandboxes(&self) -> PathBuf {
        self.root.join("sandboxes")
    }

    /// Makes the folders; `run` is for its user only.
    ///
    /// # Errors
    ///
    /// When a folder cannot be made.
    pub fn create(&self) -> io::Result<()> {
        for name in ["db", "config"] {
            std::fs::create_dir_all(self.root.join(name))?;
        }
        private_folder(&self.run())
    }
}

/// Makes a folder that only its user can look into.
///
/// # Errors
///
/// When it cannot be made or its mode cannot be set.
pub fn private_folder(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
}
