//! Files that are there whole or not at all, and names that cannot leave a folder.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// Writes a file at once: readers see the old text or the new one. Makes its folders.
///
/// # Errors
///
/// When it cannot be written; the old one is left as it was.
pub fn write_atomically(file: &Path, text: &str) -> io::Result<()> {
    // What a link points at is the file; a device or a pipe is written to, and never gives way to a file.
    let file = &fs::canonicalize(file).unwrap_or_else(|_not_there| file.to_owned());
    if fs::metadata(file).is_ok_and(|about| !about.is_file() && !about.is_dir()) {
        return fs::OpenOptions::new()
            .write(true)
            .open(file)?
            .write_all(text.as_bytes());
    }
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let mut beside = tempfile::Builder::new()
        .prefix(".unfinished-")
        .tempfile_in(folder)?;
    beside.write_all(text.as_bytes())?;
    beside.as_file().sync_all()?;
    // A temporary file is only for its owner; a report is for whoever may look into the folder.
    let mode = fs::metadata(file).map_or_else(
        |_| <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o644),
        |old| old.permissions(),
    );
    beside.as_file().set_permissions(mode)?;
    beside.persist(file)?;
    fs::File::open(folder)?.sync_all()
}

/// A name as one part of a path: letters, digits, `.`, `_` and `-`; anything else becomes `_`, and then a
/// few digits of the name's hash tell apart what would be the same.
#[must_use]
pub fn safe_name(name: &str) -> String {
    let safe: String = name
        .chars()
        .map(|it| {
            if it.is_ascii_alphanumeric() || "._-".contains(it) {
                it
            } else {
                '_'
            }
        })
        .take(80)
        .collect();
    let is_same = safe == name && !safe.starts_with('.') && !safe.is_empty();
    if is_same {
        return safe;
    }
    let digest = Sha256::digest(name.as_bytes());
    let digits: String = digest
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let safe = safe.trim_start_matches('.');
    format!("{safe}-{digits}")
        .trim_start_matches('-')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_stay_readable_and_apart() {
        assert_eq!(safe_name("Q4_K_M"), "Q4_K_M");
        let names = ["qwen:7b", "qwen/7b", "..", "", "../../etc"].map(safe_name);
        assert_eq!(
            names
                .each_ref()
                .map(|it| it.rsplit_once('-').map_or(it.as_str(), |(it, _)| it)),
            [
                "qwen_7b",
                "qwen_7b",
                names[2].as_str(),
                names[3].as_str(),
                "_.._etc"
            ]
        );
        assert_ne!(names[0], names[1]);
    }

    #[test]
    fn a_file_is_replaced_whole_with_its_mode() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a/b.json");
        write_atomically(&file, "one").unwrap();
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o644
        );
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        write_atomically(&file, "two").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "two");
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }

    proptest! {
        #[test]
        fn no_name_leaves_its_folder(name in "\\PC{0,30}") {
            let safe = safe_name(&name);
            prop_assert!(!safe.is_empty() && !safe.starts_with('.'));
            prop_assert!(!safe.contains(['/', '\\', '\0']));
            prop_assert!(safe.len() < 100);
        }
    }
}
