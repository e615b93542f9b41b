//! Replay artifacts: what was asked for and what came of it, so that two runs can be compared.
//!
//! The id of an artifact is a hash of all but the time, so that the same outcome of the same request
//! has the same id wherever and whenever it happens.

pub mod compare;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::own;
use crate::tree::sha256;

/// The version of an artifact.
pub const CONTRACT: &str = "core_pillars/replay_artifact/v1";
/// The version of a parity artifact.
pub const PARITY_CONTRACT: &str = "core_pillars/refactor_parity/v1";
/// Where they are, in [`crate::git::OWN_FOLDER`].
const FOLDER: &str = "replay_artifacts";

/// What a file was before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileParity {
    /// Relative to the root of the repository.
    pub path: String,
    /// `null` for a file that was not there.
    pub before_sha256: Option<String>,
    /// As it is now.
    pub after_sha256: Option<String>,
    /// Whether these differ.
    pub changed: bool,
}

/// Writes the artifact of an outcome; returns where it is.
///
/// # Errors
///
/// What the file system says.
pub fn record(
    root: &Path,
    command: &str,
    request: &Value,
    result: &Value,
    recorded_at: &str,
) -> io::Result<PathBuf> {
    let mut payload = json!({
        "contract_version": CONTRACT,
        "command": command,
        "request": request,
        "result": result,
    });
    let id = id_of(&payload);
    if let Value::Object(fields) = &mut payload {
        fields.insert("recorded_at".to_owned(), json!(recorded_at));
        fields.insert("artifact_id".to_owned(), json!(id));
    }
    write(root, command, &id, &payload)
}

/// Writes the parity artifact of a refactoring; returns where it is.
///
/// # Errors
///
/// What the file system says.
pub fn record_parity(root: &Path, mut payload: Map<String, Value>) -> io::Result<PathBuf> {
    payload.insert("contract_version".to_owned(), json!(PARITY_CONTRACT));
    let id = id_of(&Value::Object(payload.clone()));
    payload.insert("artifact_id".to_owned(), json!(id));
    write(root, "refactor_parity", &id, &Value::Object(payload))
}

/// SHA-256 of the compact JSON with sorted keys.
fn id_of(payload: &Value) -> String {
    sha256(sorted(payload).to_string().as_bytes())
}

/// The same value with the keys of every object in order.
pub fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort();
            let fields = keys.into_iter().filter_map(|key| {
                let value = fields.get(key)?;
                Some((key.clone(), sorted(value)))
            });
            Value::Object(fields.collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// Written whole, or not there: readers may come at any time.
fn write(root: &Path, kind: &str, id: &str, payload: &Value) -> io::Result<PathBuf> {
    let folder = own::folder(root, &[FOLDER, kind])?;
    let path = folder.join(format!("{id}.json"));
    let half = folder.join(format!(".{}", uuid::Uuid::new_v4().simple()));
    let mut file = std::fs::File::create_new(&half)?;
    file.write_all(format!("{:#}\n", sorted(payload)).as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&half, &path)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_outcome_has_the_same_id_whenever_it_is_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let result = json!({"ok": true, "code": "OK", "message": "done"});
        let record = |request: Value, at: &str| {
            record(folder.path(), "refactor", &request, &result, at).unwrap()
        };
        let first = record(
            json!({"a": 1, "b": {"x": 1, "y": 2}}),
            "2026-01-01T00:00:00Z",
        );
        let again = record(
            json!({"b": {"y": 2, "x": 1}, "a": 1}),
            "2027-01-01T00:00:00Z",
        );
        let other = record(json!({"a": 2}), "2026-01-01T00:00:00Z");
        assert_eq!(first, again);
        assert_ne!(first, other);
        let text = std::fs::read_to_string(&again).unwrap();
        let artifact: Value = serde_json::from_str(&text).unwrap();
        let keys: Vec<&String> = artifact.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "artifact_id",
                "command",
                "contract_version",
                "recorded_at",
                "request",
                "result"
            ]
        );
        assert_eq!(
            again.file_stem().unwrap().to_str().unwrap(),
            artifact["artifact_id"].as_str().unwrap()
        );
    }
}
