//! Reports as files: written whole or not at all.

use std::io::Write as _;
use std::path::Path;

use serde_json::Value;

use super::json::VERSION;
use crate::error::LoadError;

/// Writes a file by way of another one beside it, so that nobody ever reads half of it.
///
/// # Errors
///
/// When it cannot be written; the old one stays then.
pub fn write_whole(path: &Path, text: &str) -> Result<(), LoadError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let written = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(".orket-load-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(parent)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    written().map_err(LoadError::file(path, "written"))
}

/// Reads a report.
///
/// # Errors
///
/// When it is not there, or no report of this version.
pub fn read(path: &Path) -> Result<Value, LoadError> {
    let text = std::fs::read_to_string(path).map_err(LoadError::file(path, "read"))?;
    let report: Value = serde_json::from_str(&text)
        .map_err(|error| LoadError::usage(format!("{} is no JSON: {error}", path.display())))?;
    match report.get("version").and_then(Value::as_u64) {
        Some(VERSION) => Ok(report),
        Some(other) => Err(LoadError::usage(format!(
            "{} is a report of version {other}; this program knows version {VERSION}",
            path.display()
        ))),
        None => Err(LoadError::usage(format!(
            "{} is no report: it has no `version`",
            path.display()
        ))
        .hinting("reports are written by `--out FILE`")),
    }
}
