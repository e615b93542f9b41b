//! Verification: commands run in the scratch copy, confined, and what they said.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use orket_children::limits::Limits;
use orket_children::prepare::Trouble;
use orket_children::sandbox::SandboxOptions;
use orket_children::sandbox::abilities::SandboxAbilities;
use orket_children::sandbox::allowance::Allowance;
use orket_children::workspace::Workspaces;
use orket_children::{Children, Ending, Errand, How};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::network::NetworkMode;
use crate::profile::Profile;

/// How many lines of the end of an output are told.
const TAIL_LINES: usize = 200;
/// Of how many bytes at its end.
const TAIL_BYTES: usize = 32 * 1024;
/// How much of an output is kept to take its end from.
const KEPT: usize = 8 * 1024 * 1024;
/// How long those who are asked to end have for it.
const GRACE: Duration = Duration::from_millis(500);
/// Variables that are not handed on: a child has its own, and git's would lead to the real tree.
const WITHHELD: [&str; 7] = [
    "HOME",
    "TMPDIR",
    "PATH",
    "LANG",
    "PWD",
    // What is built of a copy does not belong where the operator's own builds are.
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET_DIR",
];
/// Names that the sandbox closes for agents, which a project's own verification may write.
const OPENED: [&str; 3] = ["verification", "agent_output/verification", "observability"];

/// How a command did not do what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It ended with another code than 0, or by a signal.
    Failed,
    /// It took too long, and was killed with all it had started.
    TimedOut,
    /// A limit of the sandbox stopped it.
    Stopped,
    /// It could not be started.
    NotStarted,
    /// Somebody at the keyboard stopped it.
    Interrupted,
}

/// A command that did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The command.
    pub command: String,
    /// Why it counts as failed.
    pub why: Why,
    /// Its exit code as shells have it: 124 after the time limit, 128 and more for signals.
    pub exit_code: i32,
    /// The end of what it wrote.
    pub output_tail: String,
    /// In a sentence.
    pub sentence: String,
}

/// What runs commands.
pub trait Verifier {
    /// Runs all commands of a profile in `tree`, in order, until one fails. `links` are folders
    /// outside that the tree links to: they are to be read only. `id` marks the processes.
    ///
    /// # Errors
    ///
    /// [`Failure`] of the first one that does not end well.
    fn verify(
        &self,
        id: &str,
        tree: &Path,
        links: &[PathBuf],
        profile: &Profile,
    ) -> Result<(), Failure>;

    /// What the network is to its commands, in a few words.
    fn network(&self) -> String;

    /// Whether it keeps commands from writing in folders that the tree links to.
    fn is_closed(&self) -> bool;
}

/// Runs commands as confined children.
#[derive(Debug, Clone)]
pub struct Confined {
    /// Whether they may talk to other machines.
    pub mode: NetworkMode,
    /// What else they may do; neither its network nor its processor time counts: the mode says the
    /// one, the time limit of each command holds instead of the other.
    pub allowance: Allowance,
    /// Which variables they do not get.
    pub is_secret: fn(&str) -> bool,
}

impl Verifier for Confined {
    fn verify(
        &self,
        id: &str,
        tree: &Path,
        links: &[PathBuf],
        profile: &Profile,
    ) -> Result<(), Failure> {
        let refused = |error: io::Error| {
            let command = profile.commands.first().cloned().unwrap_or_default();
            not_started(&command, &error.to_string())
        };
        let children = Children::start(
            id,
            Arc::new(Workspaces::default()),
            self.is_secret,
            GRACE,
            &SandboxOptions::default(),
        )
        .map_err(refused)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .map_err(refused)?;
        runtime.block_on(async {
            let cancel = CancellationToken::new();
            let keyboard = tokio::spawn(interrupted(cancel.clone()));
            let mut outcome = Ok(());
            for command in &profile.commands {
                let errand = self.errand(tree, links, command, profile.timeout);
                let ending = children.run(errand, Arc::new(|| {}), cancel.clone()).await;
                outcome = judge(command, profile.timeout, &ending);
                if outcome.is_err() {
                    break;
                }
            }
            keyboard.abort();
            outcome
        })
    }

    fn network(&self) -> String {
        let can = SandboxAbilities::here();
        match self.mode {
            NetworkMode::OnlineOptIn => "open (online_opt_in)".to_owned(),
            NetworkMode::Offline if can.network_namespace.on => "loopback only".to_owned(),
            NetworkMode::Offline if can.filter.on => "closed, loopback too".to_owned(),
            NetworkMode::Offline => {
                format!("not enforced here: {}", can.network_namespace.reason)
            }
        }
    }

    fn is_closed(&self) -> bool {
        SandboxAbilities::here().files.on
    }
}

impl Confined {
    fn errand(&self, tree: &Path, links: &[PathBuf], command: &str, wall: Duration) -> Errand {
        let homes = homes();
        let mut allowance = Allowance {
            cpu: None,
            network: self.mode == NetworkMode::OnlineOptIn,
            ..self.allowance.clone()
        };
        let further = homes.iter().map(|(_, path)| path).chain(links);
        allowance.read.extend(further.cloned());
        let opened = OPENED.iter().map(|name| tree.join(name));
        allowance.write.extend(opened);
        Errand {
            workspace: tree.to_owned(),
            working_directory: String::new(),
            // One stream, so that lines stand in the order in which they were written.
            command: vec![
                "/bin/sh".to_owned(),
                "-c".to_owned(),
                format!("exec 2>&1\n{command}"),
            ],
            pass: self.handed_on(),
            set: homes
                .into_iter()
                .map(|(name, path)| (name, path.display().to_string()))
                .collect(),
            input: None,
            limits: Limits {
                wall: Some(wall),
                output: KEPT,
                memory: None,
            },
            allowance,
            fence: 0,
        }
    }

    /// The operator's own environment, but for secrets of Orket and what would lead astray.
    fn handed_on(&self) -> Vec<String> {
        std::env::vars_os()
            .filter_map(|(name, _)| name.into_string().ok())
            .filter(|name| {
                !WITHHELD.contains(&name.as_str())
                    && !name.starts_with("GIT_")
                    && !name.starts_with("ORKET_")
                    && !(self.is_secret)(name)
            })
            .collect()
    }
}

/// Where toolchains are that are found through the home folder, which a child has another one of.
fn homes() -> Vec<(&'static str, PathBuf)> {
    let Some(home) = std::env::var_os("HOME").map(PathBuf::from) else {
        return Vec::new();
    };
    let usual = [
        ("CARGO_HOME", ".cargo"),
        ("RUSTUP_HOME", ".rustup"),
        ("GOMODCACHE", "go/pkg/mod"),
    ];
    usual
        .into_iter()
        .map(|(name, folder)| {
            let path = std::env::var_os(name).map_or_else(|| home.join(folder), PathBuf::from);
            (name, path)
        })
        .filter(|(_, path)| path.is_dir())
        .collect()
}

async fn interrupted(cancel: CancellationToken) {
    let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    let [Ok(mut interrupt), Ok(mut terminate)] = signals else {
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    cancel.cancel();
}

fn not_started(command: &str, why: &str) -> Failure {
    Failure {
        command: command.to_owned(),
        why: Why::NotStarted,
        exit_code: 126,
        output_tail: String::new(),
        sentence: format!("`{command}` could not be started: {why}"),
    }
}

fn judge(command: &str, limit: Duration, ending: &Ending) -> Result<(), Failure> {
    const TIMED_OUT: i32 = 124;
    const SIGNALLED: i32 = 128;
    let failure = |why, exit_code, what: String| {
        Err(Failure {
            command: command.to_owned(),
            why,
            exit_code,
            output_tail: tail(ending),
            sentence: format!("`{command}` {what}"),
        })
    };
    match &ending.how {
        How::Exit(0) => Ok(()),
        How::Exit(code) => match ending.stop {
            Some(stop) => failure(Why::Stopped, *code, format!("ran into a limit: {stop}")),
            None => failure(Why::Failed, *code, format!("ended with exit code {code}")),
        },
        How::Signal(number) => failure(
            Why::Failed,
            SIGNALLED + number,
            format!("was ended by signal {number}"),
        ),
        How::TimedOut(_) => failure(
            Why::TimedOut,
            TIMED_OUT,
            format!("took longer than {} s and was killed", limit.as_secs_f64()),
        ),
        How::Stopped(stop) => failure(Why::Stopped, SIGNALLED, format!("was stopped: {stop}")),
        How::Cancelled => failure(Why::Interrupted, 130, "was interrupted".to_owned()),
        How::NotStarted(trouble) => {
            let why = match trouble {
                Trouble::NotFound(_) => "there is no /bin/sh".to_owned(),
                other => other.to_string(),
            };
            Err(not_started(command, &why))
        }
    }
}

/// The last lines of what a command wrote.
fn tail(ending: &Ending) -> String {
    let text = if ending.stdout.is_truncated() {
        ending.stdout.last(TAIL_BYTES)
    } else {
        ending.stdout.text()
    };
    tail_of(&text)
}

/// The last [`TAIL_LINES`] lines of the last [`TAIL_BYTES`] bytes.
fn tail_of(text: &str) -> String {
    let text = text.trim_end();
    let mut start = text.len().saturating_sub(TAIL_BYTES);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let end = text.get(start..).unwrap_or_default();
    let lines: Vec<&str> = end.lines().collect();
    let first = lines.len().saturating_sub(TAIL_LINES);
    lines.get(first..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_output_is_bounded_in_lines_and_bytes() {
        let many: String = (0..1000).map(|number| format!("{number}\n")).collect();
        let end = tail_of(&many);
        assert_eq!(end.lines().count(), 200);
        assert!(end.starts_with("800\n") && end.ends_with("\n999"));
        assert_eq!(tail_of(&"ü".repeat(40_000)).len(), 32 * 1024);
        assert_eq!(tail_of("x\n\n"), "x");
    }
}
