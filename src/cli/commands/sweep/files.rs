//! Files that the verbs of `orket sweep` read and write, and what they print.

use std::path::Path;
use std::process::ExitCode;

use orket_sweep::explorers::history;
use orket_sweep::files::write_atomically;
use orket_sweep::summary::Summary;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cli::args::sweep::Keeping;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;

/// The exit code of a check that failed.
pub const FAILED: u8 = 2;
/// The exit code of a check that had nothing to check.
pub const SKIPPED: u8 = 3;

/// A file of a sweep that cannot be read or written.
pub fn failure(file: &Path, reason: impl std::fmt::Display) -> Failure {
    Failure::new("E_SWEEP_FILE", format!("{}: {reason}", file.display()))
        .hint("orket sweep run writes summaries and reports; docs/errors/E_SWEEP_FILE.md says more")
}

/// Now, as artifacts say it.
pub fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// The text of a file.
pub fn text(context: &Context, file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(context.cwd.join(file)).map_err(|error| failure(file, error))
}

/// A file as what it is to be.
pub fn read<T: DeserializeOwned>(context: &Context, file: &Path) -> Result<T, Failure> {
    serde_json::from_str(&text(context, file)?)
        .map_err(|error| failure(file, format!("is not what it should be: {error}")))
}

/// A summary: a file that has sessions.
pub fn summary(context: &Context, file: &Path) -> Result<Summary, Failure> {
    let value: serde_json::Value = read(context, file)?;
    if !value
        .get("sessions")
        .is_some_and(serde_json::Value::is_array)
    {
        return Err(failure(
            file,
            "is no summary of a sweep: it has no sessions",
        ));
    }
    serde_json::from_value(value)
        .map_err(|error| failure(file, format!("is no summary of a sweep: {error}")))
}

/// Writes text to a file.
pub fn write(context: &Context, file: &Path, text: &str) -> Result<(), Failure> {
    write_atomically(&context.cwd.join(file), text).map_err(|error| failure(file, error))
}

/// Writes a value to a file, if there is to be one, and prints it: as JSON, or in words.
pub fn tell(
    context: &Context,
    file: Option<&Path>,
    value: &impl Serialize,
    words: &str,
) -> Result<(), Failure> {
    if let Some(file) = file {
        let json = serde_json::to_string_pretty(value).map_err(|error| failure(file, error))?;
        write(context, file, &(json + "\n"))?;
    }
    if context.json {
        out::json(value);
        return Ok(());
    }
    out::print(words);
    if let Some(file) = file {
        out::warn(&format!("written: {}", file.display()));
    }
    Ok(())
}

/// Adds an artifact to its history, if one is kept.
pub fn keep(
    context: &Context,
    keeping: &Keeping,
    key: &[&str],
    artifact: &impl Serialize,
) -> Result<(), Failure> {
    let Some(root) = &keeping.storage_root else {
        return Ok(());
    };
    let value = serde_json::to_value(artifact).map_err(|error| failure(root, error))?;
    let file = history::append(&context.cwd.join(root), key, value)
        .map_err(|error| failure(root, error))?;
    let shown = file.strip_prefix(&context.cwd).unwrap_or(&file);
    out::warn(&format!("kept: {}", shown.display()));
    Ok(())
}

/// 0, or the code of a check that failed.
pub fn verdict(passed: bool) -> ExitCode {
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    }
}
