//! Puts changed files where they belong: below `model/` and `config/` and nowhere else, each of them
//! whole or not at all, and only over what the operator was shown.

use std::io::{self, Write};
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt, OpenOptions, Permissions, PermissionsExt};

use super::FileEdit;

/// Why files were not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Somebody changed a file since it was looked at.
    #[error("{0} was changed meanwhile; nothing is written")]
    Changed(String),
    /// A file would lie elsewhere than assets do.
    #[error("{0} is no file below model/ or config/")]
    Elsewhere(String),
    /// The system says no.
    #[error("{path} cannot be written: {cause}; nothing is changed")]
    System {
        /// The file.
        path: String,
        /// Why.
        cause: io::Error,
    },
    /// The system said no in the middle, and again when what was written was to be taken back.
    #[error("{path} cannot be written: {cause}; these are written already: {written}")]
    Half {
        /// The file.
        path: String,
        /// Why.
        cause: io::Error,
        /// Those that are.
        written: String,
    },
}

/// Writes all of the files, in their order, or none of them. Blocking. A process that dies in the
/// middle leaves the first of them written; their order makes that harmless.
///
/// # Errors
///
/// [`WriteError`].
pub fn write(root: &Path, edits: &[FileEdit]) -> Result<(), WriteError> {
    let mut open = Vec::with_capacity(edits.len());
    for edit in edits {
        let place = Place::open(root, edit)?;
        let now = place.read().map_err(|cause| system(edit, cause))?;
        if now != edit.before {
            return Err(WriteError::Changed(edit.path.clone()));
        }
        open.push(place);
    }
    for (at, (place, edit)) in open.iter().zip(edits).enumerate() {
        let Err(cause) = place.put(edit.before.is_some(), edit.after.as_deref()) else {
            continue;
        };
        let done = open.iter().zip(edits).take(at);
        let left: Vec<&str> = done
            .rev()
            .filter(|(place, edit)| {
                place
                    .put(edit.after.is_some(), edit.before.as_deref())
                    .is_err()
            })
            .map(|(_, edit)| edit.path.as_str())
            .collect();
        return Err(match left.is_empty() {
            true if cause.kind() == io::ErrorKind::AlreadyExists => {
                WriteError::Changed(edit.path.clone())
            }
            true => system(edit, cause),
            false => WriteError::Half {
                path: edit.path.clone(),
                cause,
                written: left.join(", "),
            },
        });
    }
    Ok(())
}

fn system(edit: &FileEdit, cause: io::Error) -> WriteError {
    WriteError::System {
        path: edit.path.clone(),
        cause,
    }
}

/// A file's folder, held open: nothing outside of `model/` or `config/` can be reached through it.
struct Place {
    folder: Dir,
    name: String,
}

impl Place {
    fn open(root: &Path, edit: &FileEdit) -> Result<Self, WriteError> {
        let elsewhere = || WriteError::Elsewhere(edit.path.clone());
        let (top, rest) = edit.path.split_once('/').ok_or_else(elsewhere)?;
        let (folder, name) = rest.rsplit_once('/').ok_or_else(elsewhere)?;
        let has_dots = edit
            .path
            .split('/')
            .any(|part| part.is_empty() || part.starts_with('.'));
        if !matches!(top, "model" | "config") || has_dots || !name.ends_with(".json") {
            return Err(elsewhere());
        }
        let top = root.join(top);
        let opened = std::fs::create_dir_all(&top)
            .and_then(|()| Dir::open_ambient_dir(&top, ambient_authority()))
            .and_then(|top| {
                top.create_dir_all(folder)?;
                top.open_dir(folder)
            });
        let folder = opened.map_err(|cause| system(edit, cause))?;
        Ok(Self {
            folder,
            name: name.to_owned(),
        })
    }

    fn read(&self) -> io::Result<Option<String>> {
        match self.folder.read_to_string(&self.name) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts the text there, or removes the file. `replaces`: a file is there and is meant to go.
    fn put(&self, replaces: bool, text: Option<&str>) -> io::Result<()> {
        let Some(text) = text else {
            self.folder.remove_file(&self.name)?;
            return self.flush();
        };
        let unfinished = format!(".{}.tmp", uuid::Uuid::new_v4().simple());
        let put = self.fill(&unfinished, text, replaces).and_then(|()| {
            if replaces {
                self.folder.rename(&unfinished, &self.folder, &self.name)
            } else {
                // Unlike a rename it fails when somebody put a file there meanwhile.
                self.folder.hard_link(&unfinished, &self.folder, &self.name)
            }
        });
        let _renamed_or_not_needed = self.folder.remove_file(&unfinished);
        put.and_then(|()| self.flush())
    }

    fn fill(&self, unfinished: &str, text: &str, replaces: bool) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let mut file = self.folder.open_with(unfinished, &options)?;
        file.write_all(text.as_bytes())?;
        if replaces {
            let mode = self.folder.metadata(&self.name)?.mode() & 0o777;
            file.set_permissions(Permissions::from_mode(mode))?;
        }
        file.sync_all()
    }

    /// The names in the folder are on disk.
    fn flush(&self) -> io::Result<()> {
        self.folder.open(".")?.sync_all()
    }
}
