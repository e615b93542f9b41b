//! Saving a text file: a temporary file in the same folder, flushed, then renamed, so that whoever
//! reads sees the old text or the new one, also after a power cut.

use std::fs::File;
use std::io::{self, Write as _};

use cap_std::fs::{Dir, MetadataExt as _};
use rustix::fs::{Mode, OFlags, fchmod, fsync, openat};
use uuid::Uuid;

use super::tree::{Absent, Found, Tree, special};
use super::{FileProblem, LARGEST_FILE, rules};
use crate::tools::files::UNFINISHED;

/// Puts `text` at `path`, with the folders that it needs, and gives its parts as they really are:
/// links followed. `endings` are those that the organization forbids.
///
/// # Errors
///
/// [`FileProblem`]; nothing was changed then but folders that were made on the way.
pub fn save(
    tree: &Tree,
    path: &str,
    text: &str,
    endings: &[String],
) -> Result<Vec<String>, FileProblem> {
    let parts = rules::parts("save", path)?;
    if text.len() > LARGEST_FILE {
        let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        return Err(FileProblem::TooLarge {
            bytes,
            most: LARGEST_FILE,
        });
    }
    let no_file = |what| FileProblem::NotAFile {
        path: path.to_owned(),
        what,
    };
    match tree.find(&parts)? {
        Found::Folder(_) => Err(no_file("a folder")),
        Found::Entry(entry) => {
            if let Some(what) = special(&entry.about) {
                return Err(no_file(what));
            }
            if tree.guarded().is_secret(&entry.about) {
                let message = format!("save: {path:?} holds secrets and cannot be written");
                return Err(FileProblem::Forbidden(message));
            }
            let mut real = entry.folder.parts;
            real.push(entry.name.clone());
            rules::writable(&real, endings)?;
            let mode = Mode::from_raw_mode(entry.about.mode() & 0o777);
            put(&entry.folder.dir, &entry.name, text, Some(mode))
                .map_err(|error| FileProblem::of(path, error))?;
            Ok(real)
        }
        Found::Absent(absent) => create(tree, path, absent, text, endings),
    }
}

fn create(
    tree: &Tree,
    path: &str,
    absent: Absent,
    text: &str,
    endings: &[String],
) -> Result<Vec<String>, FileProblem> {
    let failed = |error| FileProblem::of(path, error);
    if absent.through_link {
        let message = format!("save: {path:?} goes through a link that leads nowhere");
        return Err(FileProblem::Forbidden(message));
    }
    let mut real = absent.folder.parts;
    for name in &absent.rest {
        rules::admit(real.len(), name)?;
        real.push(name.clone());
    }
    rules::writable(&real, endings)?;
    let Some((name, folders)) = absent.rest.split_last() else {
        return Err(FileProblem::Missing);
    };
    let mut here = absent.folder.dir;
    for folder in folders {
        match here.create_dir(folder) {
            // Somebody else may have been quicker.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(failed)?,
        }
        flush(&here).map_err(failed)?;
        here = tree.enter(&here, folder, path)?;
    }
    put(&here, name, text, None).map_err(failed)?;
    Ok(real)
}

fn put(folder: &Dir, name: &str, text: &str, mode: Option<Mode>) -> io::Result<()> {
    let unfinished = format!("{UNFINISHED}{}", Uuid::new_v4().simple());
    let done = fill(folder, &unfinished, text, mode)
        .and_then(|()| folder.rename(&unfinished, folder, name))
        .and_then(|()| flush(folder));
    if done.is_err() {
        let _absent_already = folder.remove_file(&unfinished);
    }
    done
}

/// Makes what a folder holds durable. It is opened for that: a handle may be good for paths only.
fn flush(folder: &Dir) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = openat(folder, ".", flags, Mode::empty())?;
    Ok(fsync(opened)?)
}

fn fill(folder: &Dir, name: &str, text: &str, mode: Option<Mode>) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = openat(folder, name, flags, Mode::from_raw_mode(0o666))?;
    let mut file = File::from(opened);
    file.write_all(text.as_bytes())?;
    if let Some(mode) = mode {
        fchmod(&file, mode)?;
    }
    file.sync_all()
}
