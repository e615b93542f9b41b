//! Files below a folder that is held by a handle: nothing here follows a link out of it.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Write as _};

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use rustix::fs::{Mode, OFlags};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 16 * 1024 * 1024;
/// Where a file is written before it gets its name. One is enough: whoever writes holds the lock.
const UNFINISHED: &str = ".unfinished";

/// What lies below a folder, as paths relative to it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// Without the folder itself; each before what lies in it.
    pub folders: Vec<String>,
    /// Plain files.
    pub files: Vec<String>,
}

/// Opens the folder `name`, which is made when it is absent. A link is not followed.
///
/// # Errors
///
/// When it cannot be made, or is no folder ([`ErrorKind::NotADirectory`]).
pub fn folder(parent: &Dir, name: &str) -> io::Result<Dir> {
    match parent.create_dir(name) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    if !parent.symlink_metadata(name)?.is_dir() {
        return Err(ErrorKind::NotADirectory.into());
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder =
        rustix::fs::openat(parent, name, flags, Mode::empty()).map_err(|error| match error {
            // It has become a link since.
            rustix::io::Errno::LOOP => io::Error::from(ErrorKind::NotADirectory),
            other => other.into(),
        })?;
    Ok(Dir::from_std_file(File::from(folder)))
}

/// Whether there is anything of this name; a link counts for itself.
///
/// # Errors
///
/// When that cannot be told.
pub fn is_there(dir: &Dir, path: &str) -> io::Result<bool> {
    match dir.symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn odd(path: &str) -> io::Error {
    io::Error::new(
        ErrorKind::InvalidData,
        format!("`{path}` is neither a file nor a folder"),
    )
}

/// The bytes of a plain file; `None` when there is none.
///
/// # Errors
///
/// When it cannot be read, is too large, or is something else.
pub fn read(dir: &Dir, path: &str) -> io::Result<Option<Vec<u8>>> {
    if !is_there(dir, path)? {
        return Ok(None);
    }
    let mut options = OpenOptions::new();
    // Opening a pipe must not wait for somebody to write into it.
    options.read(true).custom_flags(libc::O_NONBLOCK);
    let file = dir.open_with(path, &options)?;
    if !file.metadata()?.is_file() {
        return Err(odd(path));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST) {
        return Err(io::Error::new(
            ErrorKind::FileTooLarge,
            format!("`{path}` is too large"),
        ));
    }
    Ok(Some(bytes))
}

/// Writes a file, with the folders it lies in, under another name first. Nothing says that it is on
/// disk: [`flush`] does.
///
/// # Errors
///
/// When it cannot be written; what had its name is still there.
pub fn write(dir: &Dir, path: &str, bytes: &[u8]) -> io::Result<()> {
    remove(dir, UNFINISHED)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let mut file = dir.open_with(UNFINISHED, &options)?;
    file.write_all(bytes)?;
    make_folders_of(dir, path)?;
    dir.rename(UNFINISHED, dir, path)
}

/// Makes the folders that a file lies in.
///
/// # Errors
///
/// When they cannot be made.
pub fn make_folders_of(dir: &Dir, path: &str) -> io::Result<()> {
    match path.rsplit_once('/') {
        Some((folders, _)) => dir.create_dir_all(folders),
        None => Ok(()),
    }
}

/// What lies below `base`; nothing when it is absent.
///
/// # Errors
///
/// When it cannot be read, or there is something that is neither a file nor a folder.
pub fn tree(dir: &Dir, base: &str) -> io::Result<Tree> {
    let mut tree = Tree::default();
    if !is_there(dir, base)? {
        return Ok(tree);
    }
    let mut waiting = vec![String::new()];
    while let Some(folder) = waiting.pop() {
        let at = if folder.is_empty() {
            base.to_owned()
        } else {
            format!("{base}/{folder}")
        };
        for entry in dir.read_dir(&at)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_str().ok_or_else(|| odd(&name.to_string_lossy()))?;
            let path = if folder.is_empty() {
                name.to_owned()
            } else {
                format!("{folder}/{name}")
            };
            let kind = entry.file_type()?;
            if kind.is_dir() {
                tree.folders.push(path.clone());
                waiting.push(path);
            } else if kind.is_file() {
                tree.files.push(path);
            } else {
                return Err(odd(&path));
            }
        }
    }
    tree.files.sort();
    Ok(tree)
}

/// Gives a file a second name, or copies it where that cannot be. One that is there already stays.
///
/// # Errors
///
/// When neither can be done.
pub fn link(dir: &Dir, from: &str, to: &str) -> io::Result<()> {
    make_folders_of(dir, to)?;
    match dir.hard_link(from, dir, to) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::PermissionDenied
                    | ErrorKind::CrossesDevices
                    | ErrorKind::TooManyLinks
                    | ErrorKind::Unsupported
            ) =>
        {
            dir.copy(from, dir, to).map(drop)
        }
        other => other,
    }
}

/// Gives the file `from` the name `to` as well, in place of what has it.
///
/// # Errors
///
/// When that cannot be done; what had the name still has it.
pub fn place(dir: &Dir, from: &str, to: &str) -> io::Result<()> {
    remove(dir, UNFINISHED)?;
    link(dir, from, UNFINISHED)?;
    make_folders_of(dir, to)?;
    dir.rename(UNFINISHED, dir, to)?;
    // Where both were the same file already, a rename does nothing.
    remove(dir, UNFINISHED)
}

/// Has everything on disk that was written to the file system of `dir`, names included: once for all
/// of it, since each flush of one file or folder costs as much (measured: 15 ms for five new files
/// one by one, 6 ms so; a promotion has some fifty of them). `dir` comes from [`folder`], and was
/// open before the writes, so that it is told of their errors.
///
/// # Errors
///
/// When something could not be written.
#[cfg(target_os = "linux")]
pub fn flush(dir: &Dir) -> io::Result<()> {
    Ok(rustix::fs::syncfs(dir)?)
}

/// Where there is no `syncfs`: everything the system holds back.
///
/// # Errors
///
/// Never: nobody says whether it worked.
#[cfg(not(target_os = "linux"))]
pub fn flush(_dir: &Dir) -> io::Result<()> {
    rustix::fs::sync();
    Ok(())
}

/// Removes a folder with all that is in it, or whatever else has this name.
///
/// # Errors
///
/// When it cannot be removed; it may be gone in part.
pub fn remove(dir: &Dir, path: &str) -> io::Result<()> {
    match dir.symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(about) if about.is_dir() => dir.remove_dir_all(path),
        Ok(_) => dir.remove_file(path),
    }
}
