//! Artifacts of the same machine one after another, in one file: `{"history": […]}`, the newest last.
//!
//! Writers take turns by a lock beside the file and replace it whole, so nothing is lost when two sweeps
//! end at once, and a process that is killed leaves the old file. The newest [`CAP`] stay.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::files::{safe_name, write_atomically};

/// How many artifacts a history holds.
pub const CAP: usize = 500;

/// Why nothing was added.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file, or the lock beside it, cannot be read or written.
    #[error("{0} cannot be written: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// The file is there and is no history. It is left as it is.
    #[error("{0} is no history; move it away to begin a new one")]
    Invalid(PathBuf),
}

/// Adds an artifact to the history of its key below a root, and returns the file. The key is made of
/// names such as machine, lane and profile.
///
/// # Errors
///
/// When the file cannot be written, or is something else.
pub fn append(root: &Path, key: &[&str], artifact: Value) -> Result<PathBuf, HistoryError> {
    let names: Vec<String> = key.iter().map(|name| safe_name(name)).collect();
    let file = root.join(format!("{}.json", names.join("__")));
    let io = |error| HistoryError::Io(file.clone(), error);
    fs::create_dir_all(root).map_err(io)?;
    let _turn = lock(&file).map_err(io)?;
    let mut history = read(&file)?;
    history.push(artifact);
    let surplus = history.len().saturating_sub(CAP);
    history.drain(..surplus);
    let whole = Map::from_iter([("history".to_owned(), Value::Array(history))]);
    let text = serde_json::to_string_pretty(&whole).map_err(|error| io(error.into()))?;
    write_atomically(&file, &(text + "\n")).map_err(io)?;
    Ok(file)
}

/// The right to replace a file, until it is dropped or the process ends.
///
/// # Errors
///
/// When the lock cannot be made.
pub fn lock(file: &Path) -> io::Result<File> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(file.with_file_name(name))?;
    lock.lock()?;
    Ok(lock)
}

fn read(file: &Path) -> Result<Vec<Value>, HistoryError> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(HistoryError::Io(file.to_owned(), error)),
    };
    let value: Value =
        serde_json::from_str(&text).map_err(|_| HistoryError::Invalid(file.to_owned()))?;
    match value.get("history") {
        Some(Value::Array(history)) => Ok(history.clone()),
        Some(_) | None => Err(HistoryError::Invalid(file.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn nothing_is_lost_when_many_write_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("storage");
        let key = ["linux|cpu|8c", "lab", "safe"];
        std::thread::scope(|scope| {
            for writer in 0..4_u64 {
                let root = &root;
                scope.spawn(move || {
                    for number in 0..10_u64 {
                        append(root, &key, (writer * 100 + number).into()).unwrap();
                    }
                });
            }
        });
        let file = append(&root, &key, 1000.into()).unwrap();
        let history = read(&file).unwrap();
        let unique: BTreeSet<u64> = history.iter().filter_map(Value::as_u64).collect();
        assert_eq!((history.len(), unique.len()), (41, 41));
        assert_eq!(history.last(), Some(&1000.into()));
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(
            name.starts_with("linux_cpu_8c-") && name.ends_with("__lab__safe.json"),
            "{name}"
        );
    }

    #[test]
    fn the_oldest_go_and_what_is_no_history_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        let full: Vec<Value> = (0..CAP).map(Value::from).collect();
        fs::write(&file, serde_json::json!({"history": full}).to_string()).unwrap();
        append(folder.path(), &["a"], 9999.into()).unwrap();
        let history = read(&file).unwrap();
        assert_eq!(
            (history.len(), &history[0], &history[CAP - 1]),
            (CAP, &1.into(), &9999.into())
        );
        fs::write(&file, "[]").unwrap();
        let refused = append(folder.path(), &["a"], 1.into()).unwrap_err();
        assert!(matches!(refused, HistoryError::Invalid(_)));
        assert_eq!(fs::read_to_string(&file).unwrap(), "[]");
    }
}
