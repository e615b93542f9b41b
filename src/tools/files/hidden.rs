//! What no agent may look into or change, wherever a workspace lies: the data folder, and files that
//! hold secrets. Told by device and inode, since a path can be spelt in many ways, and by name where
//! there is nothing yet.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, Metadata, MetadataExt as _};

use super::FileError;

type Identity = (u64, u64);

/// One file or folder, as it is now.
#[derive(Debug)]
struct Place {
    own: Option<Identity>,
    parent: Option<Identity>,
    name: Option<OsString>,
}

/// See the file's head.
#[derive(Debug)]
pub struct Hidden(Vec<Place>);

impl Hidden {
    /// These files and folders, as they are now.
    #[must_use]
    pub fn of(paths: &[PathBuf]) -> Self {
        let places = paths.iter().map(|path| Place {
            own: identity_at(path),
            parent: path.parent().and_then(|parent| {
                let is_here = parent.as_os_str().is_empty();
                identity_at(if is_here { Path::new(".") } else { parent })
            }),
            name: path.file_name().map(ToOwned::to_owned),
        });
        Self(places.collect())
    }

    /// Refuses a path in the workspace `dir`, which lies at `root`, that leads to one of them, into one of
    /// them, or to where one of them would be.
    ///
    /// # Errors
    ///
    /// [`FileError::Hidden`].
    pub fn check(&self, root: &Path, dir: &Dir, path: &Path) -> Result<(), FileError> {
        let Ok(mut parent) = dir.dir_metadata().map(|about| identity(&about)) else {
            return Ok(());
        };
        let mut prefix = PathBuf::new();
        let refused = || Err(FileError::Hidden(path.display().to_string()));
        let mut above = root.ancestors().filter_map(identity_at);
        if above.any(|folder| self.0.iter().any(|place| place.own == Some(folder))) {
            return refused();
        }
        for part in path.components() {
            prefix.push(part);
            let name = part.as_os_str();
            let here = dir.metadata(&prefix).ok().map(|about| identity(&about));
            let is_one = self.0.iter().any(|place| {
                (here.is_some() && place.own == here)
                    || (place.parent == Some(parent) && place.name.as_deref() == Some(name))
            });
            if is_one {
                return refused();
            }
            match here {
                Some(here) => parent = here,
                // What is not there leads nowhere.
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Whether an open file is one of them.
    #[must_use]
    pub fn is(&self, about: &Metadata) -> bool {
        let file = identity(about);
        self.0.iter().any(|place| place.own == Some(file))
    }
}

fn identity_at(path: &Path) -> Option<Identity> {
    let about = std::fs::metadata(path).ok()?;
    Some((about.dev(), about.ino()))
}

fn identity(about: &Metadata) -> Identity {
    (about.dev(), about.ino())
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn what_is_hidden_is_so_by_every_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        std::fs::create_dir_all(at("data/db")).unwrap();
        std::fs::create_dir_all(at("src")).unwrap();
        for file in ["keys.json", "data/db/x.db", "src/a.txt"] {
            std::fs::write(at(file), "x").unwrap();
        }
        std::fs::hard_link(at("keys.json"), at("src/other.json")).unwrap();
        std::os::unix::fs::symlink("../data", at("src/linked")).unwrap();
        let hidden = Hidden::of(&[at("keys.json"), at(".env"), at("data")]);
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        for path in [
            "keys.json",
            "src/other.json",
            ".env",
            "data",
            "data/db/x.db",
            "data/db/new",
            "src/linked/db/x.db",
        ] {
            assert!(
                hidden.check(folder.path(), &dir, Path::new(path)).is_err(),
                "{path}"
            );
        }
        for path in ["src", "src/a.txt", "src/.env", "new/.env", "src/keys.json"] {
            assert!(
                hidden.check(folder.path(), &dir, Path::new(path)).is_ok(),
                "{path}"
            );
        }
        let inside = Dir::open_ambient_dir(at("data"), ambient_authority()).unwrap();
        let path = Path::new("anything");
        assert!(hidden.check(&at("data"), &inside, path).is_err());
        assert!(hidden.check(&at("data/db"), &inside, path).is_err());
        assert!(hidden.is(&dir.metadata("src/other.json").unwrap()));
    }
}
