//! Writes the user settings: whole or not at all.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use serde::Serialize as _;
use serde_json::ser::PrettyFormatter;
use serde_json::{Map, Serializer, Value};

use super::lookup::ConfigError;

/// Of a file that is new: settings may hold keys of model providers.
const OWNER_ONLY: u32 = 0o600;

/// Replaces `<durable>/config/user_settings.json`. A reader sees the old file or the new one, and
/// after a crash one of them is there. Callers see to it that one at a time writes.
///
/// # Errors
///
/// [`ConfigError::Unwritten`] when it cannot be written; the old file stays then.
pub fn user_settings(
    durable_root: &Path,
    settings: &Map<String, Value>,
) -> Result<(), ConfigError> {
    let path = durable_root.join("config/user_settings.json");
    replace(&path, settings).map_err(|error| ConfigError::Unwritten {
        path: path.display().to_string(),
        reason: error.to_string(),
    })
}

fn replace(path: &Path, settings: &Map<String, Value>) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // A link stays one: what it leads to is replaced.
    let path = match fs::canonicalize(path) {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    let mode = match fs::metadata(&path) {
        Ok(about) => about.permissions().mode() & 0o777,
        Err(_) => OWNER_ONLY,
    };
    let new = path.with_extension("json.new");
    let written = write(&new, mode, &text(settings)?).and_then(|()| fs::rename(&new, &path));
    if written.is_err() {
        // It may not be there; the first error is the one to tell.
        let _ = fs::remove_file(&new);
    }
    written?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// With four spaces, as the file has always been written.
fn text(settings: &Map<String, Value>) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut serializer =
        Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"    "));
    settings.serialize(&mut serializer)?;
    text.push(b'\n');
    Ok(text)
}

fn write(path: &Path, mode: u32, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(OWNER_ONLY)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn the_file_is_replaced_with_its_mode_and_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("config/user_settings.json");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        let first = map(json!({"b": {"c": [1]}, "a": "é"}));
        user_settings(folder.path(), &first).expect("written");
        assert_eq!(mode(&file), OWNER_ONLY);
        let text = fs::read_to_string(&file).expect("readable");
        assert_eq!(
            text,
            "{\n    \"b\": {\n        \"c\": [\n            1\n        ]\n    },\n    \"a\": \"é\"\n}\n"
        );
        // A link to a file elsewhere, readable for the group.
        let elsewhere = folder.path().join("mine.json");
        fs::rename(&file, &elsewhere).expect("moved");
        fs::set_permissions(&elsewhere, Permissions::from_mode(0o640)).expect("set");
        std::os::unix::fs::symlink(&elsewhere, &file).expect("linked");
        user_settings(folder.path(), &map(json!({"a": 2}))).expect("written");
        assert!(fs::symlink_metadata(&file).expect("there").is_symlink());
        assert_eq!(mode(&elsewhere), 0o640);
        assert_eq!(
            fs::read_to_string(&elsewhere).expect("readable"),
            "{\n    \"a\": 2\n}\n"
        );
        let left: Vec<_> = fs::read_dir(folder.path().join("config"))
            .expect("a folder")
            .collect();
        assert_eq!(left.len(), 1, "nothing is left beside it: {left:?}");
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old_file() {
        let folder = tempfile::tempdir().expect("a folder");
        user_settings(folder.path(), &map(json!({"a": 1}))).expect("written");
        let file = folder.path().join("config/user_settings.json");
        let before = fs::read_to_string(&file).expect("readable");
        fs::create_dir(folder.path().join("config/user_settings.json.new")).expect("in the way");
        let refused = user_settings(folder.path(), &map(json!({"a": 2})));
        assert!(
            matches!(refused, Err(ConfigError::Unwritten { .. })),
            "{refused:?}"
        );
        assert_eq!(fs::read_to_string(&file).expect("readable"), before);
    }
}
