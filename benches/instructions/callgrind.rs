//! A child process under callgrind, and the sum of the instructions that it took.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Says to this program that it is the child; a path and a number of rounds follow.
pub const CHILD: &str = "--counted";

/// Valgrind is not installed.
#[derive(Debug, Clone, Copy)]
pub struct Missing;

/// It is.
pub struct Valgrind;

impl Valgrind {
    /// Looks whether it answers.
    pub fn find() -> Result<Self, Missing> {
        let mut version = Command::new("valgrind");
        version
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match version.status() {
            Ok(status) if status.success() => Ok(Self),
            _ => Err(Missing),
        }
    }

    /// The instructions that one round of a path takes.
    pub fn count(&self, path: &str, rounds: u64, keep: Option<&Path>) -> Result<u64, String> {
        let folder =
            tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
        let folder = keep.unwrap_or_else(|| folder.path());
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        let few = run(path, rounds, folder)?;
        let many = run(path, 2 * rounds, folder)?;
        Ok(many.saturating_sub(few) / rounds)
    }
}

/// The instructions of a whole process.
fn run(path: &str, rounds: u64, folder: &Path) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| format!("no program: {error}"))?;
    let out = folder.join(format!("{path}-{rounds}.callgrind"));
    let mut to = std::ffi::OsString::from("--callgrind-out-file=");
    to.push(&out);
    let mut command = Command::new("valgrind");
    command
        .args([OsStr::new("--tool=callgrind"), OsStr::new("--quiet"), &to])
        .arg(program)
        .args([CHILD, path, &rounds.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    // The size of the environment moves the stack, and that what is aligned how.
    command.env_clear();
    for name in ["PATH", "LD_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // An allocator that gives memory back by the clock would do so at another place each time.
    command.env("MALLOC_CONF", "dirty_decay_ms:-1,muzzy_decay_ms:-1");
    let ended = command
        .output()
        .map_err(|error| format!("valgrind cannot be started: {error}"))?;
    if !ended.status.success() {
        let said = String::from_utf8_lossy(&ended.stderr);
        return Err(format!(
            "`{path}` under callgrind: {}\n{said}",
            ended.status
        ));
    }
    sum(&out)
}

/// The sum that callgrind writes at the end of its file.
fn sum(out: &PathBuf) -> Result<u64, String> {
    let text = std::fs::read_to_string(out)
        .map_err(|error| format!("cannot read {}: {error}", out.display()))?;
    text.lines()
        .find_map(|line| line.strip_prefix("summary: "))
        .and_then(|number| number.trim().parse().ok())
        .ok_or_else(|| format!("{} holds no sum", out.display()))
}
