//! What is kept in [`OWN_FOLDER`] beside journals. A repository that somebody else made could bring a link
//! there, to have a file written anywhere: none is followed.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::git::OWN_FOLDER;

/// The folder of these names in [`OWN_FOLDER`], made when it is not there.
///
/// # Errors
///
/// What the system says; when something on the way is a link or no folder, that.
pub(crate) fn folder(root: &Path, names: &[&str]) -> io::Result<PathBuf> {
    let mut path = root.to_owned();
    for name in [OWN_FOLDER].iter().chain(names) {
        path.push(name);
        match std::fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => {}
        }
        if !path.symlink_metadata()?.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::NotADirectory,
                format!("{} is a link, or no folder", path.display()),
            ));
        }
    }
    Ok(path)
}

/// Opens a file to add to it, or makes it.
///
/// # Errors
///
/// What the system says, also for a link.
pub(crate) fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    open(&options, path)
}

/// Opens the file of this name in the folder of these names, if there is one that is no link nor behind
/// one.
pub(crate) fn read(root: &Path, names: &[&str], file: &str) -> Option<File> {
    let mut path = root.to_owned();
    for name in [OWN_FOLDER].iter().chain(names) {
        path.push(name);
        if !path.symlink_metadata().ok()?.is_dir() {
            return None;
        }
    }
    open(OpenOptions::new().read(true), &path.join(file)).ok()
}

fn open(options: &OpenOptions, path: &Path) -> io::Result<File> {
    let mut options = options.clone();
    // A pipe in its place would have its opener wait for ever.
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::from(io::ErrorKind::InvalidInput))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_link_is_followed() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("repository");
        let outside = place.path().join("outside");
        for path in [&root, &outside] {
            std::fs::create_dir(path).unwrap();
        }
        let made = folder(&root, &["memory"]).unwrap();
        assert_eq!(folder(&root, &["memory"]).unwrap(), made);
        symlink(&outside, root.join(".orket/linked")).unwrap();
        assert!(folder(&root, &["linked"]).is_err());
        assert!(folder(&root, &["linked", "deeper"]).is_err());
        std::fs::write(outside.join("file"), "theirs").unwrap();
        symlink(outside.join("file"), made.join("lessons")).unwrap();
        assert!(append(&made.join("lessons")).is_err());
        assert!(read(&root, &["memory"], "lessons").is_none());
        assert!(read(&root, &["linked"], "file").is_none());
        std::fs::write(made.join("own"), "ours").unwrap();
        assert!(read(&root, &["memory"], "own").is_some());
        assert_eq!(std::fs::read(outside.join("file")).unwrap(), b"theirs");
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
    }
}
