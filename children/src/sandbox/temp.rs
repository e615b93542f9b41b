//! A folder for a child's temporary files: nobody else's, and gone when the child is.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::super::mark::Mark;

/// Names of such folders begin so; the data folder's id follows.
const PREFIX: &str = "orket-child-";

/// See the module. Dropping it removes the folder, which blocks.
#[derive(Debug)]
pub struct TempFolder {
    path: PathBuf,
}

impl TempFolder {
    /// Makes the folder of the child with this mark.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn create(mark: &Mark) -> io::Result<Self> {
        let name = format!("{PREFIX}{}", mark.as_str().replace(':', "-"));
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self {
            path: path.canonicalize()?,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            let path = self.path.display();
            tracing::warn!(%path, %error, "a child's temporary files could not be removed");
        }
    }
}

/// Removes the folders that children of earlier owners of this data folder left; `is_own` says of
/// the rest of a name whether it is one of this owner's.
pub fn clear_up(data_folder_id: &str, is_own: impl Fn(&str) -> bool) {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    let prefix = format!("{PREFIX}{data_folder_id}-");
    for entry in entries.flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(&prefix));
        if rest.is_some_and(|rest| !is_own(rest))
            && entry.file_type().is_ok_and(|kind| kind.is_dir())
        {
            let _somebody_elses = std::fs::remove_dir_all(entry.path());
        }
    }
}
