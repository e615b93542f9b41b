//! One git process: its own group, a time limit, its output.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;
use tokio::time::{Instant, timeout_at};

use super::error::{GitError, GitErrorKind};
use super::options::Settings;

/// What is kept of an output, in bytes; the rest is read and dropped. The ids of as many files as an
/// export may have fit.
const MAX_OUTPUT: usize = 2 * 1024 * 1024;

/// A git command before it runs.
pub(crate) struct Command<'a> {
    settings: &'a Settings,
    folder: &'a Path,
    end: Instant,
    further: Vec<(&'static str, OsString)>,
    input: Vec<u8>,
}

/// Kills the whole group, also when whoever waited is gone.
struct Group(Option<Pid>);

impl<'a> Command<'a> {
    pub(super) fn new(settings: &'a Settings, folder: &'a Path, end: Instant) -> Self {
        Self {
            settings,
            folder,
            end,
            further: Vec::new(),
            input: Vec::new(),
        }
    }

    /// Adds a variable to git's environment.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.further.push((name, value.into()));
        self
    }

    /// What it reads from its standard input.
    pub(crate) fn reading(mut self, input: Vec<u8>) -> Self {
        self.input = input;
        self
    }

    /// Runs it; its standard output.
    pub(crate) async fn run(self, doing: &str, arguments: &[&str]) -> Result<String, GitError> {
        let mut command = tokio::process::Command::new("git");
        command
            .args(arguments)
            .current_dir(self.folder)
            .env_clear()
            .envs(self.settings.environment())
            .envs(self.further)
            .stdin(if self.input.is_empty() {
                Stdio::null()
            } else {
                Stdio::piped()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| {
            let kind = match error.kind() {
                io::ErrorKind::NotFound if self.folder.is_dir() => GitErrorKind::Missing,
                _ => GitErrorKind::Failed,
            };
            GitError::new(kind, doing, &error.to_string())
        })?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok());
        let mut group = Group(pid.and_then(Pid::from_raw));
        let Ok(ended) = timeout_at(self.end, ended(&mut child, &self.input)).await else {
            group.kill();
            // Reaps it; it was killed a moment ago.
            let _ = child.wait().await;
            return Err(GitError::new(GitErrorKind::TooLong, doing, ""));
        };
        // Everything it wrote is read and the child reaped: the id may be somebody else's soon.
        group.forget();
        let (succeeded, out, err) = ended
            .map_err(|error| GitError::new(GitErrorKind::Failed, doing, &error.to_string()))?;
        if succeeded {
            return Ok(out);
        }
        let words = self.settings.strike(&format!("{err} {out}"));
        let kind = GitErrorKind::of_words(&words);
        Err(GitError::new(kind, doing, &words))
    }
}

async fn ended(child: &mut Child, input: &[u8]) -> io::Result<(bool, String, String)> {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let stdin = child.stdin.take();
    let written = async {
        if let Some(mut stdin) = stdin {
            // A git that has ended reads no more; its status says why.
            let _ = stdin.write_all(input).await;
        }
    };
    let ((), out, err) = tokio::join!(written, output(out), output(err));
    let status = child.wait().await?;
    Ok((status.success(), out?, err?))
}

/// The beginning of an output, all of which is read.
async fn output(from: Option<impl AsyncRead + Unpin>) -> io::Result<String> {
    let Some(mut from) = from else {
        return Ok(String::new());
    };
    let mut kept = Vec::new();
    let mut piece = vec![0; 8 * 1024];
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return Ok(String::from_utf8_lossy(&kept).into_owned());
        }
        let room = MAX_OUTPUT.saturating_sub(kept.len());
        kept.extend(piece.iter().take(length.min(room)));
    }
}

impl Group {
    fn kill(&mut self) {
        if let Some(group) = self.0.take() {
            // Gone already is as good.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    fn forget(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
