//! A program that is asked something and must answer in time.

use std::io::{self, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The most that is read of an answer.
const MOST_BYTES: u64 = 1 << 20;

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub exit_code: Option<i32>,
    /// Whether that was ours, because its time was up.
    pub timed_out: bool,
    /// What it said.
    pub stdout: String,
    /// What else it said.
    pub stderr: String,
}

/// Runs it to its end, or kills it and all of its children when the time is up.
///
/// # Errors
///
/// When it cannot be started.
pub fn run(mut command: Command, limit: Duration) -> io::Result<Ended> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let stdout = child.stdout.take().map(reader);
    let stderr = child.stderr.take().map(reader);
    let (exit_code, timed_out) = wait(&mut child, limit)?;
    // What it left running must not keep the pipes open.
    kill_group(&child);
    let text = |reader: Option<thread::JoinHandle<String>>| {
        reader.and_then(|it| it.join().ok()).unwrap_or_default()
    };
    Ok(Ended {
        exit_code,
        timed_out,
        stdout: text(stdout),
        stderr: text(stderr),
    })
}

fn reader(pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut pipe = pipe;
        // What was read before an error is all there is.
        let _ = pipe.by_ref().take(MOST_BYTES).read_to_end(&mut bytes);
        let _ = io::copy(&mut pipe, &mut io::sink());
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn wait(child: &mut Child, limit: Duration) -> io::Result<(Option<i32>, bool)> {
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status.code(), false));
        }
        if Instant::now() >= deadline {
            kill_group(child);
            let status = child.wait()?;
            return Ok((status.code(), status.signal().is_some()));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

fn kill_group(child: &Child) {
    let Ok(raw) = i32::try_from(child.id()) else {
        return;
    };
    if let Some(group) = rustix::process::Pid::from_raw(raw) {
        // It may have ended already.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_it_says_and_how_it_ends_is_known() {
        let ended = run(
            shell("echo out; echo err >&2; exit 3"),
            Duration::from_secs(20),
        )
        .unwrap();
        assert_eq!(ended.exit_code, Some(3));
        assert_eq!(
            (ended.stdout.as_str(), ended.stderr.as_str()),
            ("out\n", "err\n")
        );
        assert!(!ended.timed_out);
    }

    #[test]
    fn one_that_does_not_end_is_killed_with_its_children() {
        let begun = Instant::now();
        let ended = run(shell("sleep 600 & sleep 600"), Duration::from_millis(50)).unwrap();
        assert!(ended.timed_out);
        assert_eq!(ended.exit_code, None);
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
}
