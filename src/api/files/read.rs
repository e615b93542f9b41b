//! Reading a text file.

use std::fs::File;
use std::io::Read as _;

use cap_std::fs::Metadata;
use rustix::fs::{Mode, OFlags, openat};

use super::rules::DATABASE_MARK;
use super::tree::{Entry, Found, Tree, special};
use super::{FileProblem, LARGEST_FILE, rules};

/// The text of a file.
///
/// # Errors
///
/// [`FileProblem`]; a pipe or a device is an error and is never opened, since that could wait or have
/// an effect.
pub fn read(tree: &Tree, path: &str) -> Result<String, FileProblem> {
    let entry = match tree.find(&rules::parts("read", path)?) {
        Ok(Found::Entry(entry)) => entry,
        Ok(Found::Folder(_)) => {
            return Err(FileProblem::NotAFile {
                path: path.to_owned(),
                what: "a folder",
            });
        }
        Ok(Found::Absent(_)) | Err(FileProblem::NotAFolder(_)) => return Err(FileProblem::Missing),
        Err(problem) => return Err(problem),
    };
    check(tree, path, &entry.about)?;
    let file = open(&entry).map_err(|error| FileProblem::of(path, error))?;
    // What is there may have been replaced meanwhile.
    let about = Metadata::from_file(&file).map_err(|error| FileProblem::of(path, error))?;
    check(tree, path, &about)?;
    let mut bytes = Vec::with_capacity(usize::try_from(about.len()).unwrap_or(0));
    let most = u64::try_from(LARGEST_FILE).unwrap_or(u64::MAX);
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| FileProblem::of(path, error))?;
    if bytes.len() > LARGEST_FILE {
        return Err(too_large(about.len().max(most.saturating_add(1))));
    }
    if bytes.starts_with(DATABASE_MARK) {
        return Err(FileProblem::Forbidden(format!(
            "{path:?} is a database, which is not served"
        )));
    }
    String::from_utf8(bytes).map_err(|_not_text| FileProblem::NotText(path.to_owned()))
}

fn check(tree: &Tree, path: &str, about: &Metadata) -> Result<(), FileProblem> {
    if let Some(what) = special(about) {
        return Err(FileProblem::NotAFile {
            path: path.to_owned(),
            what,
        });
    }
    if tree.guarded().is_secret(about) {
        return Err(FileProblem::Forbidden(format!(
            "{path:?} holds secrets, which are not served"
        )));
    }
    if about.len() > u64::try_from(LARGEST_FILE).unwrap_or(u64::MAX) {
        return Err(too_large(about.len()));
    }
    Ok(())
}

fn too_large(bytes: u64) -> FileProblem {
    FileProblem::TooLarge {
        bytes,
        most: LARGEST_FILE,
    }
}

fn open(entry: &Entry) -> std::io::Result<File> {
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = openat(&entry.folder.dir, entry.name.as_str(), flags, Mode::empty())?;
    Ok(File::from(opened))
}
