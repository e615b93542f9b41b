//! Writes a prompt's file: beside its place first, then renamed, and only when nobody changed it
//! meanwhile. A prompt that came with the program gets a file of the project, which is before it.

use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::error::PromptError;

/// Writes `text` to `path`, relative to `root`. `before` is what the file held when it was read; `None`
/// when there was none.
///
/// # Errors
///
/// When it cannot be written, or was changed meanwhile.
pub fn write(root: &Path, path: &str, before: Option<&str>, text: &str) -> Result<(), PromptError> {
    let file = root.join(path);
    let wrong = |reason: String| PromptError::Write {
        path: file.display().to_string(),
        reason,
    };
    let io = |error: std::io::Error| wrong(error.to_string());
    let now = match std::fs::symlink_metadata(&file) {
        Ok(about) if about.is_file() => Some(std::fs::read_to_string(&file).map_err(io)?),
        Ok(_) => return Err(wrong("it is a link or no file".to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(io(error)),
    };
    if now.as_deref() != before {
        return Err(wrong(
            "it was changed meanwhile; look at it again".to_owned(),
        ));
    }
    let folder = file.parent().unwrap_or(root);
    std::fs::create_dir_all(folder).map_err(io)?;
    let real = |path: &Path| std::fs::canonicalize(path).map_err(io);
    if !real(folder)?.starts_with(real(root)?) {
        return Err(wrong("its folder leads out of the project".to_owned()));
    }
    let mode = std::fs::metadata(&file).map(|about| about.permissions());
    let mut temporary = tempfile::Builder::new()
        .prefix(".orket-prompt-")
        .tempfile_in(folder)
        .map_err(io)?;
    temporary.write_all(text.as_bytes()).map_err(io)?;
    let mode = mode.unwrap_or_else(|_| std::os::unix::fs::PermissionsExt::from_mode(0o644));
    temporary.as_file().set_permissions(mode).map_err(io)?;
    temporary.as_file().sync_all().map_err(io)?;
    temporary.persist(&file).map_err(|error| io(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_file_is_written_whole_or_not_at_all() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let path = "model/core/roles/a.json";
        let read = || fs::read_to_string(root.join(path)).unwrap();
        write(root, path, None, "one").unwrap();
        assert_eq!(read(), "one");
        fs::set_permissions(root.join(path), fs::Permissions::from_mode(0o600)).unwrap();
        write(root, path, Some("one"), "two").unwrap();
        assert_eq!(read(), "two");
        let mode = fs::metadata(root.join(path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for before in [None, Some("one")] {
            let error = write(root, path, before, "three").unwrap_err();
            assert_eq!(error.code(), "E_PROMPT_WRITE");
        }
        assert_eq!(read(), "two");
        let outside = tempfile::tempdir().unwrap();
        symlink(outside.path(), root.join("config")).unwrap();
        assert!(write(root, "config/a.json", None, "x").is_err());
        symlink("a.json", root.join("model/core/roles/b.json")).unwrap();
        assert!(write(root, "model/core/roles/b.json", Some("two"), "x").is_err());
        let left = |folder: &Path| fs::read_dir(folder).unwrap().count();
        assert_eq!(left(outside.path()), 0);
        assert_eq!(left(&root.join("model/core/roles")), 2);
    }
}
