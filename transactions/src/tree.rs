//! A repository's folder as a handle: files are reached below it without following links and without
//! leaving its file system, so a link or a mount on the way leads nowhere.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, ResolveFlags, Stat, fstat, fsync, mkdirat,
    openat, openat2, renameat_with, statat, unlinkat,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a file is: its content and its mode. Times are not part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileState {
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
    /// Its permission bits.
    pub mode: u32,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A regular file.
    File(FileState),
    /// A link, a folder, a device: nothing that a transaction touches.
    Other,
}

/// A regular file that was read.
#[derive(Debug)]
pub struct Opened {
    /// Its content.
    pub contents: Vec<u8>,
    /// What it is.
    pub state: FileState,
    /// How many names it has.
    pub links: u64,
    /// Its owner and group.
    pub owner: (u32, u32),
    /// The handle.
    pub file: File,
}

/// See the file's head.
#[derive(Debug)]
pub struct Tree {
    path: PathBuf,
    root: OwnedFd,
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

impl Tree {
    /// Opens the folder at this path.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let root = openat(CWD, path, flags, Mode::empty())?;
        Ok(Self {
            path: path.to_owned(),
            root,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder at this relative path.
    ///
    /// # Errors
    ///
    /// What the system says; `ELOOP` for a link on the way, `EXDEV` for another file system.
    pub fn folder(&self, path: &Path) -> io::Result<OwnedFd> {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
        match openat2(&self.root, path, flags, Mode::empty(), resolve) {
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => self.walk(path, flags),
            opened => Ok(opened?),
        }
    }

    /// The same where the kernel or a filter has no `openat2`.
    fn walk(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let device = fstat(&self.root)?.st_dev;
        let mut folder = openat(&self.root, ".", flags, Mode::empty())?;
        for component in path.components() {
            match component {
                Component::CurDir => {}
                Component::Normal(name) => {
                    folder = openat(&folder, name, flags | OFlags::NOFOLLOW, Mode::empty())?;
                    if fstat(&folder)?.st_dev != device {
                        return Err(io::Error::from(rustix::io::Errno::XDEV));
                    }
                }
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                    return Err(io::Error::from(rustix::io::Errno::XDEV));
                }
            }
        }
        Ok(folder)
    }

    /// What is at this relative path.
    ///
    /// # Errors
    ///
    /// What the system says, except that nothing is there.
    pub fn look(&self, path: &Path) -> io::Result<Found> {
        let (parent, name) = split(path)?;
        match self.folder(parent) {
            Ok(folder) => look_at(&folder, name),
            Err(error) if is_absent(&error) => Ok(Found::Nothing),
            Err(error) if is_astray(&error) => Ok(Found::Other),
            Err(error) => Err(error),
        }
    }

    /// Reads the regular file at this relative path; `None` when there is no such file, or something
    /// else.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn read(&self, path: &Path) -> io::Result<Option<Opened>> {
        let (parent, name) = split(path)?;
        match self.folder(parent) {
            Ok(folder) => open_at(&folder, name),
            Err(error) if is_absent(&error) || is_astray(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a folder; `false` when it is there already.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn make_folder(&self, path: &Path) -> io::Result<bool> {
        let (parent, name) = split(path)?;
        let folder = self.folder(parent)?;
        match mkdirat(&folder, name, Mode::from_raw_mode(0o777)) {
            Ok(()) => {
                fsync(&folder)?;
                Ok(true)
            }
            Err(rustix::io::Errno::EXIST) => {
                self.folder(path)?;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a folder when it is empty; anything else is left.
    pub fn remove_empty_folder(&self, path: &Path) {
        if let Ok((parent, name)) = split(path)
            && let Ok(folder) = self.folder(parent)
        {
            // Somebody put something there, or it is gone: both are theirs.
            let _ = unlinkat(&folder, name, AtFlags::REMOVEDIR);
            let _ = fsync(&folder);
        }
    }

    /// Writes what was done to the folder of this path to the disk.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn settle(&self, path: &Path) -> io::Result<()> {
        let (parent, _) = split(path)?;
        Ok(fsync(self.folder(parent)?)?)
    }

    /// Puts `slot` of `slots` in the place of `path` and what was there into `slot`, in one step.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn exchange(&self, path: &Path, slots: &impl AsFd, slot: &str) -> io::Result<()> {
        let (parent, name) = split(path)?;
        let folder = self.folder(parent)?;
        Ok(renameat_with(
            slots,
            slot,
            &folder,
            name,
            RenameFlags::EXCHANGE,
        )?)
    }

    /// Puts `slot` where nothing is.
    ///
    /// # Errors
    ///
    /// What the system says, `EEXIST` when something is there.
    pub fn put(&self, path: &Path, slots: &impl AsFd, slot: &str) -> io::Result<()> {
        let (parent, name) = split(path)?;
        let folder = self.folder(parent)?;
        Ok(renameat_with(
            slots,
            slot,
            &folder,
            name,
            RenameFlags::NOREPLACE,
        )?)
    }

    /// Takes what is at `path` back into `slot`, which must be free.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn take(&self, path: &Path, slots: &impl AsFd, slot: &str) -> io::Result<()> {
        let (parent, name) = split(path)?;
        let folder = self.folder(parent)?;
        Ok(renameat_with(
            &folder,
            name,
            slots,
            slot,
            RenameFlags::NOREPLACE,
        )?)
    }
}

/// What is at this name of a folder.
///
/// # Errors
///
/// What the system says.
pub fn look_at(folder: &impl AsFd, name: &OsStr) -> io::Result<Found> {
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(rustix::io::Errno::NOENT) => return Ok(Found::Nothing),
        Err(error) => return Err(error.into()),
        Ok(stat) if !is_file(&stat) => return Ok(Found::Other),
        Ok(_) => {}
    }
    Ok(match open_at(folder, name)? {
        Some(opened) => Found::File(opened.state),
        None => Found::Other,
    })
}

fn open_at(folder: &impl AsFd, name: &OsStr) -> io::Result<Option<Opened>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let handle = match openat(folder, name, flags, Mode::empty()) {
        Ok(handle) => handle,
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::LOOP | rustix::io::Errno::NXIO) => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let stat = fstat(&handle)?;
    if !is_file(&stat) {
        return Ok(None);
    }
    let mut file = File::from(handle);
    let mut contents = Vec::new();
    file.read_to_end(&mut contents)?;
    Ok(Some(Opened {
        state: FileState {
            sha256: sha256(&contents),
            mode: stat.st_mode & 0o7777,
        },
        contents,
        links: file.metadata()?.nlink(),
        owner: (stat.st_uid, stat.st_gid),
        file,
    }))
}

fn is_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// A link, a file or another file system on the way.
fn is_astray(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::LOOP, Errno::NOTDIR, Errno::XDEV]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

fn split(path: &Path) -> io::Result<(&Path, &OsStr)> {
    let name = path.file_name();
    match (path.parent(), name) {
        (Some(parent), Some(name)) if path.is_relative() => Ok((parent, name)),
        _ => Err(io::Error::from(io::ErrorKind::InvalidInput)),
    }
}
