//! The folder of a fork: new, and filled with what the turns that are kept wrote. Fixtures, which no
//! agent can write and no journal holds, are copied from the other folder.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use orket_core::tool::ToolCall;
use orket_core::verify::FIXTURES;

use crate::tools::HostOptions;
use crate::tools::files::{FileError, write};
use crate::tools::workspace::{Workspaces, inside};

/// A recorded `write_file` call that was carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The call.
    pub call: ToolCall,
    /// Its idempotency key.
    pub key: String,
}

/// Makes the folder, which must not be there; says whether it is ours now.
///
/// # Errors
///
/// When it cannot be made.
pub fn claim(folder: &Path) -> io::Result<bool> {
    if let Some(above) = folder.parent() {
        std::fs::create_dir_all(above)?;
    }
    match std::fs::create_dir(folder) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Copies the fixtures of one folder to another; links are left out.
///
/// # Errors
///
/// When one cannot be read or written.
pub fn copy_fixtures(from: &Path, to: &Path) -> io::Result<()> {
    let mut left = vec![PathBuf::from(FIXTURES)];
    while let Some(name) = left.pop() {
        let kind = match std::fs::symlink_metadata(from.join(&name)) {
            Ok(found) => found.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if kind.is_dir() {
            std::fs::create_dir_all(to.join(&name))?;
            for entry in std::fs::read_dir(from.join(&name))? {
                left.push(name.join(entry?.file_name()));
            }
        } else if kind.is_file() {
            std::fs::copy(from.join(&name), to.join(&name))?;
        }
    }
    Ok(())
}

/// Writes the files again, in their order, the way the tool did.
///
/// # Errors
///
/// When the file system refuses, or a recorded call is none that was ever carried out.
pub fn fill(folder: &Path, files: &[Written]) -> Result<(), FileError> {
    let most = HostOptions::new(String::new()).write_max;
    let workspace = Workspaces::default()
        .at(folder)
        .map_err(|source| FileError::System {
            path: folder.display().to_string(),
            source,
        })?;
    let go_on = AtomicBool::new(false);
    for Written { call, key } in files {
        let path = inside(call.text("path").unwrap_or_default())?;
        let content = write::content(call.args.get("content"), most)?;
        write::write(&workspace, &path, &content, key, &go_on)?;
    }
    Ok(())
}
