//! Workspace folders as capabilities: what a tool may touch is what can be reached through the
//! handle, so a path cannot climb out whatever links it meets.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

/// More open workspaces than any owner has; past it the cache starts afresh.
const MOST_OPEN: usize = 256;

/// An open workspace folder.
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
    dir: Dir,
    device: u64,
    inode: u64,
}

impl Workspace {
    /// The folder's absolute path.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The handle that everything goes through.
    #[must_use]
    pub const fn dir(&self) -> &Dir {
        &self.dir
    }

    fn create(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let dir = Dir::open_ambient_dir(folder, ambient_authority())?;
        let identity = std::fs::metadata(folder)?;
        Ok(Self {
            // Through its components, to be rid of a slash at the end.
            root: std::path::absolute(folder)?.components().collect(),
            dir,
            device: identity.dev(),
            inode: identity.ino(),
        })
    }

    /// Whether the path still leads to this very folder: an operator may have moved it away.
    fn is_current(&self, folder: &Path) -> bool {
        std::fs::metadata(folder)
            .is_ok_and(|now| now.dev() == self.device && now.ino() == self.inode)
    }
}

/// The workspaces in use, each opened once.
#[derive(Debug, Default)]
pub struct Workspaces {
    open: Mutex<HashMap<PathBuf, Arc<Workspace>>>,
}

impl Workspaces {
    /// The workspace at `folder`, created when it is not there. Blocks on the file system.
    ///
    /// # Errors
    ///
    /// When the folder can be neither made nor opened.
    pub fn at(&self, folder: &Path) -> io::Result<Arc<Workspace>> {
        let known = self.lock().get(folder).map(Arc::clone);
        if let Some(workspace) = known
            && workspace.is_current(folder)
        {
            return Ok(workspace);
        }
        let workspace = Arc::new(Workspace::create(folder)?);
        let mut open = self.lock();
        if open.len() >= MOST_OPEN {
            open.clear();
        }
        open.insert(folder.to_path_buf(), Arc::clone(&workspace));
        Ok(workspace)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Arc<Workspace>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a text is not a path inside a workspace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It begins at the root.
    #[error("`{0}` is an absolute path; give one relative to the workspace")]
    Absolute(String),
    /// It climbs.
    #[error("`{0}` contains `..`; give a path relative to the workspace that stays inside it")]
    Climbs(String),
    /// It has a NUL in it.
    #[error("the path contains a NUL character; leave it out")]
    Nul,
}

/// `text` as a plain path relative to a workspace, without `.` and doubled slashes; an empty text
/// is the workspace itself, the empty path. Links are not looked at: the handle does that.
///
/// # Errors
///
/// [`PathError`] for absolute paths and any `..`, even one that would stay inside.
pub fn inside(text: &str) -> Result<PathBuf, PathError> {
    if text.contains('\0') {
        return Err(PathError::Nul);
    }
    let mut plain = PathBuf::new();
    for component in Path::new(text).components() {
        match component {
            Component::CurDir => {}
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => return Err(PathError::Climbs(text.to_owned())),
            Component::RootDir | Component::Prefix(_) => {
                return Err(PathError::Absolute(text.to_owned()));
            }
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_plain_or_refused() {
        let plain = |text: &str| inside(text).map(|path| path.display().to_string());
        assert_eq!(plain("a//./b/"), Ok("a/b".to_owned()));
        assert_eq!(plain("."), Ok(String::new()));
        assert_eq!(plain(""), Ok(String::new()));
        assert_eq!(plain("a..b/...c"), Ok("a..b/...c".to_owned()));
        assert_eq!(
            plain("/etc/passwd"),
            Err(PathError::Absolute("/etc/passwd".into()))
        );
        assert_eq!(plain("a/../b"), Err(PathError::Climbs("a/../b".into())));
        assert_eq!(plain("a\0b"), Err(PathError::Nul));
    }
}
