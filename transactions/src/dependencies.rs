//! The folders of ignored dependencies in the scratch copy: links to the real ones, to be read only.

use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

/// The folder of the packages of Node, which may hold links to packages of the repository itself.
const NODE: &str = "node_modules";

/// Puts the real folder `from` in the place `to` of the copy. `real` and `copy` are the roots of both.
///
/// # Errors
///
/// What the system says.
pub(crate) fn link(from: &Path, to: &Path, real: &Path, copy: &Path) -> io::Result<()> {
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent)?;
    }
    if from.file_name().is_some_and(|name| name == NODE) {
        entries(from, to, real, copy)
    } else {
        symlink(from, to)
    }
}

/// Links each package, those of an organisation (`@name`) too. A link that leads to a package of the
/// repository (a workspace) leads to its copy, with the change made.
fn entries(from: &Path, to: &Path, real: &Path, copy: &Path) -> io::Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let place = to.join(&name);
        let kind = entry.file_type()?;
        if kind.is_symlink()
            && let Ok(target) = path.canonicalize()
            && let Ok(inside) = target.strip_prefix(real)
            && !target.starts_with(from)
        {
            symlink(copy.join(inside), place)?;
        } else if kind.is_dir() && name.as_encoded_bytes().starts_with(b"@") {
            entries(&path, &place, real, copy)?;
        } else {
            symlink(&path, place)?;
        }
    }
    Ok(())
}
