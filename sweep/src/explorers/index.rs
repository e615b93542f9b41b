//! Every artifact below a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::schema::Kind;

/// The version of the index.
pub const SCHEMA: &str = "explorer.artifact_index.v1";

/// Files that are larger are left out: no artifact is.
const MOST_BYTES: u64 = 32 * 1024 * 1024;

/// The index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// [`SCHEMA`].
    pub schema_version: String,
    /// When it was made, UTC.
    pub generated_at: String,
    /// The folder.
    pub root: String,
    /// Artifacts by their path below it.
    pub artifacts: Vec<Entry>,
    /// JSON files that could not be read, by their path.
    pub unreadable: Vec<String>,
}

/// An artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its path below the folder.
    pub path: String,
    /// What it is.
    pub kind: String,
    /// Its version.
    pub schema_version: String,
    /// When it was made.
    pub generated_at: Option<String>,
    /// Where its figures come from.
    pub provenance_ref: Option<String>,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

/// Looks through a folder. Links are not followed.
///
/// # Errors
///
/// When a folder cannot be read.
pub fn of(root: &Path, now: &str) -> io::Result<Index> {
    let mut artifacts = Vec::new();
    let mut unreadable = Vec::new();
    for file in json_files(root)? {
        let path = file
            .strip_prefix(root)
            .unwrap_or(&file)
            .display()
            .to_string();
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(_) => {
                unreadable.push(path);
                continue;
            }
        };
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(value) => artifacts.extend(entry(path, &value, &bytes)),
            Err(_) => unreadable.push(path),
        }
    }
    artifacts.sort_by(|a: &Entry, b| a.path.cmp(&b.path));
    unreadable.sort();
    Ok(Index {
        schema_version: SCHEMA.to_owned(),
        generated_at: now.to_owned(),
        root: root.display().to_string(),
        artifacts,
        unreadable,
    })
}

fn json_files(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = vec![root.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let path = entry.path();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file()
                && path.extension().is_some_and(|it| it == "json")
                && entry.metadata()?.len() <= MOST_BYTES
            {
                files.push(path);
            }
        }
    }
    Ok(files)
}

fn entry(path: String, value: &Value, bytes: &[u8]) -> Option<Entry> {
    let text = |pointer: &str| {
        value
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let schema_version = text("/schema_version")?;
    let kind = match Kind::of_version(&schema_version) {
        Some(kind) => kind.as_str(),
        // Summaries and reports have numbers for versions; they are known by what they hold.
        None if value.get("sessions").is_some_and(Value::is_array) => "summary",
        None if value.get("test_runs").is_some_and(Value::is_array) => "report",
        None => return None,
    };
    Some(Entry {
        path,
        kind: kind.to_owned(),
        schema_version,
        generated_at: text("/generated_at").or_else(|| text("/report_generated_at")),
        provenance_ref: text("/provenance/ref"),
        bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        sha256: Sha256::digest(bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_are_found_and_other_files_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write(
            "b/f.json",
            r#"{"schema_version": "explorer.frontier.v1", "generated_at": "t", "provenance": {"ref": "ci/7"}}"#,
        );
        write("a.json", r#"{"schema_version": "1.2.0", "sessions": []}"#);
        write(
            "r.json",
            r#"{"schema_version": "1.2.0", "test_runs": [], "report_generated_at": "u"}"#,
        );
        write("package.json", r#"{"version": "1"}"#);
        write("tsconfig.json", "// comments");
        write("notes.md", "x");
        let index = of(folder.path(), "now").unwrap();
        let found: Vec<_> = index
            .artifacts
            .iter()
            .map(|it| {
                (
                    it.path.as_str(),
                    it.kind.as_str(),
                    it.generated_at.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                ("a.json", "summary", None),
                ("b/f.json", "frontier", Some("t")),
                ("r.json", "report", Some("u"))
            ]
        );
        assert_eq!(index.artifacts[1].provenance_ref.as_deref(), Some("ci/7"));
        assert_eq!(index.unreadable, ["tsconfig.json"]);
        assert!(of(&folder.path().join("none"), "now").is_err());
    }
}
