//! One command of docker: in a process group of its own, within a time, its output capped.

use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use orket_actors::port::clock::SharedClock;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::strays;
use crate::secret;

/// The environment variable of the mark.
pub(super) const MARK: &str = "ORKET_SANDBOX_COMMAND_OF";
/// Bytes that are kept of each stream: the last ones.
const MOST: usize = 256 * 1024;
/// Characters that are told of what a failed command said: the last ones.
const MOST_TOLD: usize = 2_000;
/// How long a descendant of a command that has ended may keep its output open.
const LINGER: Duration = Duration::from_secs(5);

/// What docker needs of the environment; nothing else of it is passed on, keys of models above all.
const PASSED_ON: [&str; 24] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "SSH_AUTH_SOCK",
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "DOCKER_API_VERSION",
    "DOCKER_BUILDKIT",
    "BUILDKIT_PROGRESS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "TZ",
];

/// A command that can be run.
pub(super) struct DockerCommand<'a> {
    pub(super) program: &'a [OsString],
    pub(super) args: Vec<OsString>,
    pub(super) mark: &'a str,
    pub(super) clock: &'a SharedClock,
}

/// What a command printed, as far as it is kept.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(super) fn senseless(&self, what: &str, error: &serde_json::Error) -> CommandError {
        let (line, column) = (error.line(), error.column());
        CommandError::Failed(format!(
            "its answer to `{what}` is not understood at {line}:{column}"
        ))
    }
}

/// Why a command did not do it. The words may hold secrets still.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommandError {
    /// There is no such program.
    #[error("there is no such program")]
    Missing,
    /// No docker compose works here, or its daemon does not answer.
    #[error("{0}")]
    Unavailable(String),
    /// It said no.
    #[error("{0}")]
    Failed(String),
    /// It took too long and was killed.
    #[error("it took longer than {} s and was killed", .0.as_secs())]
    TimedOut(Duration),
    /// It was not wanted any more and was killed.
    #[error("it was cancelled")]
    Cancelled,
}

impl DockerCommand<'_> {
    /// Runs it to its end. Whoever drops this kills it.
    ///
    /// # Errors
    ///
    /// [`CommandError`].
    pub(super) async fn run(
        self,
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<Said, CommandError> {
        let mut group = Group::of(self.spawn()?);
        let id = group.id();
        let streams = (group.child.stdout.take(), group.child.stderr.take());
        let (mut out, mut err) = (Tail::default(), Tail::default());
        let status = {
            let reading = async { tokio::join!(out.read(streams.0), err.read(streams.1)) };
            tokio::pin!(reading);
            let ended = async {
                tokio::select! {
                    _ = &mut reading => (true, group.child.wait().await),
                    status = group.child.wait() => (false, status),
                }
            };
            let (is_read, status) = tokio::select! {
                ended = ended => ended,
                () = self.clock.sleep(limit) => return Err(CommandError::TimedOut(limit)),
                () = cancel.cancelled() => return Err(CommandError::Cancelled),
            };
            let status = status.map_err(|error| CommandError::Failed(error.to_string()))?;
            group.is_over = true;
            if !is_read {
                tokio::select! {
                    _ = &mut reading => {}
                    () = self.clock.sleep(LINGER) => self.end_rest(id).await,
                }
            }
            status
        };
        // What it printed itself is there; whoever kept its output open has no say.
        let (out, err) = (out.text(), err.text());
        judged(status, Said { out, err })
    }

    /// Ends what is left of the group of a command that has ended.
    async fn end_rest(&self, group: Option<Pid>) {
        let mark = self.mark.to_owned();
        let ending = move || group.map_or(0, |group| strays::end_group(&mark, group));
        let ended = tokio::task::spawn_blocking(ending).await.unwrap_or(0);
        tracing::warn!(ended, "what a command of docker began kept its output open");
    }

    fn spawn(&self) -> Result<Child, CommandError> {
        let (name, first) = self.program.split_first().ok_or(CommandError::Missing)?;
        let mut command = Command::new(name);
        command
            .args(first)
            .args(&self.args)
            .env_clear()
            .envs(
                PASSED_ON
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .env(MARK, self.mark)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => CommandError::Missing,
            _ => CommandError::Unavailable(format!("it cannot be started: {error}")),
        })
    }
}

fn judged(status: ExitStatus, said: Said) -> Result<Said, CommandError> {
    if status.success() {
        return Ok(said);
    }
    let text = if said.err.trim().is_empty() {
        said.out.trim()
    } else {
        said.err.trim()
    };
    let from = text
        .char_indices()
        .rev()
        .nth(MOST_TOLD)
        .map_or(0, |(at, _)| at);
    let told = whole_lines(text.get(from..).unwrap_or(text), from > 0);
    let has_no_daemon = [
        "Cannot connect to the Docker daemon",
        "Is the docker daemon running",
        "permission denied while trying to connect",
    ];
    if has_no_daemon.iter().any(|words| told.contains(words)) {
        return Err(CommandError::Unavailable(told));
    }
    Err(CommandError::Failed(if told.is_empty() {
        format!("docker compose ended with {status} and without a word")
    } else {
        told
    }))
}

/// A child with its process group, which is killed unless the child is reaped: until then its id cannot
/// be anybody else's.
struct Group {
    child: Child,
    is_over: bool,
}

impl Group {
    fn id(&self) -> Option<Pid> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        id.and_then(Pid::from_raw)
    }

    fn of(child: Child) -> Self {
        Self {
            child,
            is_over: false,
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        if let Some(group) = self.id() {
            // It may have died meanwhile.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// The last [`MOST`] bytes of a stream, as far as it was read.
#[derive(Default)]
struct Tail {
    kept: Vec<u8>,
    is_cut: bool,
}

impl Tail {
    /// Reads to the stream's end.
    async fn read(&mut self, stream: Option<impl AsyncRead + Unpin>) {
        let Some(mut stream) = stream else {
            return;
        };
        let mut chunk = vec![0_u8; 16 * 1024];
        // A stream that breaks has ended.
        while let Ok(read @ 1..) = stream.read(&mut chunk).await {
            self.kept
                .extend_from_slice(chunk.get(..read).unwrap_or_default());
            if self.kept.len() > 2 * MOST {
                self.cut();
            }
        }
    }

    fn cut(&mut self) {
        if self.kept.len() > MOST {
            self.kept.drain(..self.kept.len() - MOST);
            self.is_cut = true;
        }
    }

    fn text(mut self) -> String {
        self.cut();
        whole_lines(&String::from_utf8_lossy(&self.kept), self.is_cut)
    }
}

/// Where something was cut off, what follows may be the rest of a secret, which no mask would know.
fn whole_lines(text: &str, is_cut: bool) -> String {
    if !is_cut {
        return text.to_owned();
    }
    let line = text.find('\n').map_or(0, |at| at + 1);
    let mut at = if line > 0 { line } else { secret::LONGEST };
    while at < text.len() && !text.is_char_boundary(at) {
        at += 1;
    }
    text.get(at..).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_off_begins_with_a_whole_line() {
        assert_eq!(whole_lines("et\nnext", true), "next");
        assert_eq!(whole_lines("et\nnext", false), "et\nnext");
        let long = "x".repeat(secret::LONGEST);
        assert_eq!(whole_lines(&format!("{long}é!"), true), "é!");
    }

    #[tokio::test]
    async fn of_a_long_stream_the_end_is_kept() {
        let text = "0123456789\n".repeat(100_000);
        let mut tail = Tail::default();
        tail.read(Some(text.as_bytes())).await;
        let kept = tail.text();
        assert!(kept.len() <= MOST && kept.len() > MOST - 20);
        assert!(kept.starts_with("0123456789\n") && kept.ends_with("0123456789\n"));
    }
}
