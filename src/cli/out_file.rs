//! `--out FILE`: a report as a file, whole or not at all.

use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;

use super::context::Context;
use super::failure::Failure;

/// Writes a report as indented JSON, where one is wanted. Folders that are missing are made; a reader
/// sees the old file or the new one.
///
/// # Errors
///
/// `E_OUTPUT`, when it cannot be written.
pub fn write(
    context: &Context,
    out: Option<&Path>,
    report: &impl Serialize,
) -> Result<(), Failure> {
    let Some(out) = out else {
        return Ok(());
    };
    let place = context.cwd.join(out);
    replace(&place, report).map_err(|error| {
        Failure::new(
            "E_OUTPUT",
            format!("{} could not be written: {error}", out.display()),
        )
        .hint("--out must name a file that can be written")
    })
}

fn replace(place: &Path, report: &impl Serialize) -> io::Result<()> {
    // What a link points at is the report; a device or a pipe (`--out /dev/stderr`) is written to, and
    // never gives way to a file.
    let place = &std::fs::canonicalize(place).unwrap_or_else(|_not_there| place.to_owned());
    if std::fs::metadata(place).is_ok_and(|about| !about.is_file() && !about.is_dir()) {
        let mut text = serde_json::to_vec_pretty(report)?;
        text.push(b'\n');
        return std::fs::OpenOptions::new()
            .write(true)
            .open(place)?
            .write_all(&text);
    }
    let folder = place.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut beside = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder)?;
    serde_json::to_writer_pretty(&mut beside, report)?;
    beside.write_all(b"\n")?;
    beside.as_file().sync_all()?;
    beside.persist(place).map_err(|error| error.error)?;
    Ok(())
}
