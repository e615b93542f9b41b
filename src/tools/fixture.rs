//! Fixtures: what they are run as, and what their endings mean. Each is a child process with limits
//! that the kernel enforces; nothing of it runs in this one.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use cap_std::fs::MetadataExt;
use orket_actors::port::tool::ToolScope;
use orket_core::plan::VerifyCommand;
use orket_core::turn::{FixtureFault, FixtureReport};
use orket_core::verify::{FIXTURES, FixtureJob, interpreter, verdict};

use super::child::prepare::Trouble;
use super::child::sandbox::allowance::Allowance;
use super::child::sandbox::stop::Limit;
use super::child::{Ending, Errand, How};
use super::verify;
use super::workspace::Workspace;

/// Calls the functions of a Python fixture that does not speak the protocol itself.
const PYTHON: &str = include_str!("fixture_runner.py");
/// How much of a fixture is read to see how it is to be run, in bytes.
const READ: u64 = 1024 * 1024;
/// How much of standard error is kept, in characters and in lines.
const LOGGED: (usize, usize) = (2_000, 20);
/// Runs a program under a limit of processor time: the signal for it first, a second later the end.
const LIMITED: &str = r#"ulimit -S -t "$1" && ulimit -H -t "$2" && shift 2 && exec "$@""#;

const SIGXCPU: i32 = 24;
const NOT_EXECUTABLE: i32 = 126;
const NOT_FOUND: i32 = 127;

/// What is to be run. Blocks on the file system for a moment.
///
/// # Errors
///
/// Why it cannot be, with its code.
pub fn errand(
    scope: &ToolScope,
    job: &FixtureJob,
    workspace: &Workspace,
    output: usize,
    allowance: &Allowance,
) -> Result<Errand, (FixtureFault, String)> {
    let (path, text, executable) = find(job, workspace)?;
    let absolute = workspace.root().join(&path).display().to_string();
    let words = program(&path, &text, &absolute, executable).ok_or_else(|| {
        let why = "nothing says how to run it: it has no known ending, no `#!` line, and is not executable";
        (FixtureFault::Runtime, why.to_owned())
    })?;
    let limits = &job.limits;
    let mut command = Vec::new();
    let mut memory = (limits.memory_mb > 0).then(|| limits.memory_mb.saturating_mul(1024 * 1024));
    let mut words = words.into_iter();
    // What the sandbox allows is not raised again.
    let most = allowance.cpu.map_or(u64::MAX, |most| most.as_secs().max(1));
    let cpu_sec = limits.cpu_sec.min(most);
    if cpu_sec > 0 {
        let (soft, hard) = (cpu_sec, cpu_sec.saturating_add(1));
        let shell = ["/bin/sh", "-c", LIMITED, "sh"];
        command.extend(shell.map(str::to_owned));
        command.extend([soft.to_string(), hard.to_string()]);
    }
    if let Some(first) = words.next() {
        let reserves = reserves_addresses(&first);
        command.push(first);
        if reserves && let Some(bytes) = memory.take() {
            command.push(format!("--max-old-space-size={}", bytes / (1024 * 1024)));
        }
    }
    command.extend(words);
    let like = VerifyCommand {
        command,
        expect_stdout: None,
        expect_exit: 0,
        timeout_ms: limits.wall_ms,
    };
    let mut errand = verify::errand(scope, &like, output, allowance);
    errand.working_directory = FIXTURES.to_owned();
    errand.input = Some(verdict::question(&job.plan, &absolute));
    errand.limits.memory = memory;
    Ok(errand)
}

/// The fixture's path with every link followed, its text, and whether it may be executed.
fn find(
    job: &FixtureJob,
    workspace: &Workspace,
) -> Result<(String, String, bool), (FixtureFault, String)> {
    let dir = workspace.dir();
    let missing = |error: std::io::Error| (FixtureFault::Missing, error.to_string());
    let outside = || {
        let why = format!("it leads out of `{FIXTURES}/` of the workspace");
        (FixtureFault::Outside, why)
    };
    let path = dir.canonicalize(&job.plan.path).map_err(|error| {
        // The handle's own refusal, made without asking the system, carries no code.
        let refused = error.kind() == std::io::ErrorKind::PermissionDenied;
        if refused && error.raw_os_error().is_none() {
            outside()
        } else {
            missing(error)
        }
    })?;
    if !path.starts_with(FIXTURES) {
        return Err(outside());
    }
    let found = dir.metadata(&path).map_err(missing)?;
    if !found.is_file() {
        return Err((FixtureFault::Missing, "it is no file".to_owned()));
    }
    let mut bytes = Vec::new();
    let file = dir.open(&path).map_err(missing)?;
    file.take(READ).read_to_end(&mut bytes).map_err(missing)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let path = path
        .into_os_string()
        .into_string()
        .map_err(|_| (FixtureFault::Missing, "its name is no text".to_owned()))?;
    Ok((path, text, found.mode() & 0o111 != 0))
}

/// Program and arguments: the first line's wish, else the ending's, else the file itself.
fn program(path: &str, text: &str, absolute: &str, executable: bool) -> Option<Vec<String>> {
    let by_ending = || {
        let ending = Path::new(path).extension()?.to_str()?.to_ascii_lowercase();
        let program = match ending.as_str() {
            "py" => "python3",
            "js" | "mjs" | "cjs" => "node",
            "sh" => "sh",
            "bash" => "bash",
            "rb" => "ruby",
            "pl" => "perl",
            _ => return None,
        };
        Some(vec![program.to_owned()])
    };
    let Some(mut words) = interpreter(text).or_else(by_ending) else {
        return executable.then(|| vec![absolute.to_owned()]);
    };
    let is_python = base_name(words.first()?).starts_with("python");
    if is_python && defines_verify(text) {
        let more = ["-I", "-B", "-c", PYTHON];
        words.extend(more.map(str::to_owned));
    } else {
        words.push(absolute.to_owned());
    }
    Some(words)
}

/// Whether a Python text has functions `verify` or `verify_<id>`, as fixtures always had.
fn defines_verify(text: &str) -> bool {
    text.lines().any(|line| {
        let name = line.strip_prefix("def ").or_else(|| {
            // An assignment such as `verify = other`.
            line.split_once('=').map(|(name, _)| name)
        });
        name.is_some_and(|it| {
            let name = it.split('(').next().unwrap_or(it).trim();
            name == "verify" || name.starts_with("verify_")
        })
    })
}

/// Programs that take address space by the gigabyte without using it; they are told their limit.
fn reserves_addresses(program: &str) -> bool {
    matches!(base_name(program), "node" | "nodejs")
}

fn base_name(program: &str) -> &str {
    program.rsplit_once('/').map_or(program, |(_, name)| name)
}

/// What a fixture's ending means. Only one that ends well and answers as it owes can pass.
#[must_use]
pub fn judge(job: &FixtureJob, ending: &Ending) -> FixtureReport {
    let said = ending.stderr.last(LOGGED.0);
    let broken = |fault, why: String| verdict::broken(&job.plan, fault, why);
    let crashed = |why: String| {
        let last = said.lines().next_back().unwrap_or_default().trim();
        let cause = if last.is_empty() {
            String::new()
        } else {
            format!(": {}", last.chars().take(200).collect::<String>())
        };
        format!("{why}{cause}")
    };
    let mut report = match &ending.how {
        How::Exit(0) if ending.stdout.is_truncated() => {
            let why = format!(
                "its answer has {} bytes, which is too many",
                ending.stdout.total()
            );
            broken(FixtureFault::Output, why)
        }
        How::Exit(0) => verdict::judge(&job.plan, &ending.stdout.text()),
        How::Exit(code @ (NOT_EXECUTABLE | NOT_FOUND)) => broken(
            FixtureFault::Runtime,
            crashed(format!("it could not be run (exit code {code})")),
        ),
        How::Exit(code) => broken(
            FixtureFault::Crashed,
            crashed(format!("it ended with exit code {code}")),
        ),
        How::Signal(SIGXCPU) => {
            let most = job.limits.cpu_sec;
            let why = format!("it used more than {most} s of processor time and was ended");
            broken(FixtureFault::Timeout, why)
        }
        How::Signal(signal) => broken(
            FixtureFault::Crashed,
            crashed(format!("it was ended by signal {signal}")),
        ),
        How::Stopped(stop) if stop.limit == Limit::Cpu => {
            broken(FixtureFault::Timeout, stop.to_string())
        }
        How::Stopped(stop) => broken(FixtureFault::Crashed, crashed(stop.to_string())),
        How::TimedOut(limit) => broken(FixtureFault::Timeout, took_longer(*limit)),
        How::Cancelled => broken(FixtureFault::Crashed, "it was cancelled".to_owned()),
        How::NotStarted(trouble) => {
            let fault = match trouble {
                // No seat could mend any of these.
                Trouble::NotFound(_)
                | Trouble::NotExecutable(_)
                | Trouble::Empty
                | Trouble::Sandbox { .. }
                | Trouble::Secret(_) => FixtureFault::Runtime,
                Trouble::Path(_) | Trouble::Folder { .. } => FixtureFault::Missing,
                Trouble::System { .. } | Trouble::LetGo => FixtureFault::Crashed,
            };
            broken(fault, format!("it did not start: {trouble}"))
        }
    };
    let lines = said.lines().rev().take(LOGGED.1).map(str::to_owned);
    report.logs = lines.collect();
    report.logs.reverse();
    report
}

fn took_longer(limit: Duration) -> String {
    format!(
        "it took longer than {} s and was killed",
        limit.as_secs_f64()
    )
}
