//! `list_directory`.

use std::collections::BinaryHeap;
use std::path::Path;

use cap_std::fs::Dir;
use orket_core::tool::ToolResult;
use serde_json::{Map, Value, json};

use super::{FileError, UNFINISHED};

/// Names in a folder: `{items}`, sorted; `{truncated: true}` besides when there are more than
/// `most`, of which the first are given.
///
/// # Errors
///
/// [`FileError`].
pub fn list(dir: &Dir, path: &Path, most: usize) -> Result<ToolResult, FileError> {
    let system = |error| FileError::from_system(path, error);
    let entries = if path.as_os_str().is_empty() {
        dir.entries()
    } else {
        dir.read_dir(path)
    };
    // A heap of the smallest names, so that a folder of any size costs bounded memory.
    let mut first = BinaryHeap::new();
    let mut truncated = false;
    for entry in entries.map_err(system)? {
        let name = entry.map_err(system)?.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(UNFINISHED) {
            continue;
        }
        first.push(name.into_owned());
        if first.len() > most {
            first.pop();
            truncated = true;
        }
    }
    let mut fields = Map::new();
    fields.insert("items".to_owned(), json!(first.into_sorted_vec()));
    if truncated {
        fields.insert("truncated".to_owned(), json!(true));
    }
    Ok(ToolResult::ok(Value::Object(fields)))
}
