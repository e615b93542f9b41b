//! This program, started with arguments, to its end.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::cli::failure::Failure;

/// What tells git of another repository than the one that it stands in. A git hook has some of these set:
/// nothing that is tried here may reach the repository of whoever started it.
const GIT_PLACES: [&str; 12] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
];

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; -1 where there is none.
    pub code: i32,
    /// Its standard output as JSON; `Null` where it is none.
    pub result: Value,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// A folder that is thrown away.
pub fn folder() -> Result<tempfile::TempDir, Failure> {
    tempfile::Builder::new()
        .prefix("orket-smoke-")
        .tempdir()
        .map_err(|error| {
            Failure::new(
                "E_NO_SPACE",
                format!("no folder for temporary files: {error}"),
            )
        })
}

/// This program in `folder`, with nothing from the environment but where programs are.
pub async fn own(folder: &Path, arguments: &[&str], limit: Duration) -> Result<Ended, Failure> {
    let program = std::env::current_exe().map_err(|error| {
        Failure::new("E_START", format!("this program cannot be found: {error}"))
    })?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder);
    ended(command, folder, limit).await
}

/// Another program in `folder`.
pub async fn other(
    program: &str,
    folder: &Path,
    arguments: &[&str],
    limit: Duration,
) -> Result<Ended, Failure> {
    let mut command = Command::new(program);
    command.args(arguments);
    for name in GIT_PLACES {
        command.env_remove(name);
    }
    ended(command, folder, limit).await
}

async fn ended(mut command: Command, folder: &Path, limit: Duration) -> Result<Ended, Failure> {
    let running = command
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(limit, running).await {
        Ok(Ok(output)) => Ok(Ended::of(&output)),
        Ok(Err(error)) => Err(Failure::new(
            "E_START",
            format!(
                "{:?} did not start: {error}",
                command.as_std().get_program()
            ),
        )),
        Err(_elapsed) => Ok(Ended {
            code: -1,
            result: Value::Null,
            stdout: String::new(),
            stderr: format!("it did not end within {} s", limit.as_secs()),
        }),
    }
}

impl Ended {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            result: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        }
    }

    /// What it said last on standard error, for a report.
    pub fn words(&self) -> &str {
        self.stderr.lines().last().unwrap_or_default()
    }
}
