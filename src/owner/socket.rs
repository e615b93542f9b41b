//! Where the owner listens: `<durable>/run/orket.sock`, mode 0600 in a folder of mode 0700.
//!
//! A Unix socket's path holds about 100 bytes. For a longer one the socket lies in
//! `/tmp/orket-<uid>/`, under a name derived from the data folder, and `orket.sock.path` beside
//! where it should have been says so.

use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use orket_core::canonical::sha256_hex;

use super::folder::{DataFolder, private_folder};
use super::lock::OwnerLock;

/// The longest path that every Unix takes.
const LONGEST: usize = 100;

/// A bound socket; its file is removed when this is dropped.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    pointer: Option<PathBuf>,
}

/// Where the socket of a folder is, or would be.
#[must_use]
pub fn path(folder: &DataFolder) -> PathBuf {
    let near = folder.run().join("orket.sock");
    if near.as_os_str().len() <= LONGEST {
        return near;
    }
    let told = std::fs::read_to_string(pointer(folder)).unwrap_or_default();
    if told.trim().is_empty() {
        far(folder)
    } else {
        PathBuf::from(told.trim())
    }
}

fn pointer(folder: &DataFolder) -> PathBuf {
    folder.run().join("orket.sock.path")
}

fn far(folder: &DataFolder) -> PathBuf {
    let real = folder
        .root()
        .canonicalize()
        .unwrap_or_else(|_| folder.root().to_owned());
    let digest = sha256_hex(real.as_os_str().as_encoded_bytes());
    let name: String = digest.chars().take(24).collect();
    let user = rustix::process::getuid().as_raw();
    PathBuf::from(format!("/tmp/orket-{user}/{name}.sock"))
}

impl Socket {
    /// Listens. Only the owner may: what a dead owner left is removed.
    ///
    /// # Errors
    ///
    /// When the socket cannot be bound, or its folder in `/tmp` belongs to somebody else.
    pub fn bind(folder: &DataFolder, _owner: &OwnerLock) -> io::Result<(Self, UnixListener)> {
        let near = folder.run().join("orket.sock");
        let (path, pointer) = if near.as_os_str().len() <= LONGEST {
            (near, None)
        } else {
            let path = far(folder);
            if let Some(parent) = path.parent() {
                own_folder(parent)?;
            }
            let pointer = pointer(folder);
            std::fs::write(&pointer, path.as_os_str().as_encoded_bytes())?;
            (path, Some(pointer))
        };
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok((Self { path, pointer }, listener))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        if let Some(pointer) = &self.pointer {
            let _ = std::fs::remove_file(pointer);
        }
    }
}

/// A folder in `/tmp` could have been put there by anybody.
fn own_folder(path: &Path) -> io::Result<()> {
    if std::fs::symlink_metadata(path).is_err() {
        private_folder(path)?;
    }
    let seen = std::fs::symlink_metadata(path)?;
    if !seen.is_dir() || seen.uid() != rustix::process::getuid().as_raw() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("{} belongs to somebody else", path.display()),
        ));
    }
    private_folder(path)
}

#[cfg(test)]
mod tests {
    use super::super::lock::Attempt;
    use super::*;

    fn owned(root: &Path) -> (DataFolder, OwnerLock) {
        let folder = DataFolder::new(root);
        let Attempt::Got(lock) = OwnerLock::attempt(&folder, 0).expect("lock") else {
            panic!("not ours");
        };
        (folder, lock)
    }

    #[test]
    fn a_socket_is_for_its_user_only_and_a_stale_one_is_replaced() {
        let place = tempfile::tempdir().expect("folder");
        let (folder, lock) = owned(place.path());
        std::fs::write(folder.run().join("orket.sock"), "left by a dead owner").expect("file");
        let (socket, _listener) = Socket::bind(&folder, &lock).expect("bound");
        assert_eq!(socket.path(), path(&folder));
        let mode = |path: &Path| std::fs::metadata(path).expect("there").mode() & 0o777;
        assert_eq!((mode(socket.path()), mode(&folder.run())), (0o600, 0o700));
        let file = socket.path().to_owned();
        drop(socket);
        assert!(!file.exists());
    }

    #[test]
    fn a_deep_folder_has_its_socket_elsewhere_and_says_where() {
        let place = tempfile::tempdir().expect("folder");
        let (folder, lock) = owned(&place.path().join("d".repeat(60)).join("e".repeat(60)));
        let (socket, _listener) = Socket::bind(&folder, &lock).expect("bound");
        assert!(socket.path().starts_with("/tmp"), "{:?}", socket.path());
        assert_eq!(path(&folder), socket.path());
        std::os::unix::net::UnixStream::connect(path(&folder)).expect("answers");
        drop(socket);
        assert!(!pointer(&folder).exists());
    }
}
