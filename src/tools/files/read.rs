//! `read_file`.

use std::io::Read;
use std::path::Path;

use cap_std::fs::{Dir, FileType, FileTypeExt, OpenOptions, OpenOptionsExt};
use orket_core::tool::ToolResult;
use rustix::fs::OFlags;
use serde_json::{Map, Value, json};

use super::FileError;
use super::hidden::Hidden;

/// Reads a text file: `{content}`, and `{truncated: true, bytes}` besides when it is larger than
/// `most` bytes and was cut there.
///
/// # Errors
///
/// [`FileError`]; a pipe, a socket or a device is an error and never waited for.
pub fn read(dir: &Dir, path: &Path, most: u64, hidden: &Hidden) -> Result<ToolResult, FileError> {
    let system = |error| FileError::from_system(path, error);
    // Looked at before it is opened, since opening a device can have effects, and after, since it
    // may have been replaced in between.
    refuse_special(path, dir.metadata(path).map_err(system)?.file_type())?;
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = dir.open_with(path, &options).map_err(system)?;
    let found = file.metadata().map_err(system)?;
    refuse_special(path, found.file_type())?;
    if hidden.is(&found) {
        return Err(FileError::Hidden(path.display().to_string()));
    }

    let mut bytes = Vec::with_capacity(usize::try_from(found.len().min(most)).unwrap_or(0));
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(system)?;
    let most_bytes = usize::try_from(most).unwrap_or(usize::MAX);
    let cut = bytes.len() > most_bytes;
    bytes.truncate(most_bytes);
    let content = match String::from_utf8(bytes) {
        Ok(content) => content,
        Err(error) => {
            let valid = error.utf8_error();
            // The cut may have split the last character; anything else is not text.
            if !cut || valid.error_len().is_some() {
                return Err(FileError::NotText(path.display().to_string()));
            }
            let mut bytes = error.into_bytes();
            bytes.truncate(valid.valid_up_to());
            String::from_utf8_lossy(&bytes).into_owned()
        }
    };
    let mut fields = Map::new();
    fields.insert("content".to_owned(), Value::String(content));
    if cut {
        fields.insert("truncated".to_owned(), json!(true));
        fields.insert("bytes".to_owned(), json!(found.len()));
    }
    Ok(ToolResult::ok(Value::Object(fields)))
}

fn refuse_special(path: &Path, kind: FileType) -> Result<(), FileError> {
    let (what, hint) = if kind.is_file() {
        return Ok(());
    } else if kind.is_dir() {
        ("a folder", "use list_directory")
    } else if kind.is_fifo() {
        ("a pipe", "only regular files can be read")
    } else if kind.is_socket() {
        ("a socket", "only regular files can be read")
    } else {
        ("a device", "only regular files can be read")
    };
    let path = path.display().to_string();
    Err(FileError::Kind { path, what, hint })
}
