//! Verify commands: what they are run as, and what their endings mean.

use std::time::Duration;

use orket_actors::port::tool::ToolScope;
use orket_core::plan::VerifyCommand;
use orket_core::turn::CommandReport;

use super::child::limits::Limits;
use super::child::prepare::Trouble;
use super::child::sandbox::allowance::Allowance;
use super::child::{Ending, Errand, How};

/// How much of an output stream a report keeps, in characters.
const KEPT: usize = 2_000;
/// How much of an output an error sentence quotes, in characters.
const QUOTED: usize = 200;

/// The failure class of a command that a limit of its sandbox stopped.
const LIMIT: &str = "sandbox_limit";

/// The exit codes that shells use for these.
const TIMED_OUT: i32 = 124;
const NOT_EXECUTABLE: i32 = 126;
const NOT_FOUND: i32 = 127;

/// What is to be run, and no more than `allowance`.
#[must_use]
pub fn errand(
    scope: &ToolScope,
    verify: &VerifyCommand,
    output: usize,
    allowance: &Allowance,
) -> Errand {
    Errand {
        workspace: scope.workspace.clone(),
        working_directory: String::new(),
        command: verify.command.clone(),
        pass: Vec::new(),
        set: vec![
            ("ORKET_RUN_ID", scope.run_id.clone()),
            ("ORKET_ISSUE_ID", scope.issue_id.clone()),
        ],
        input: None,
        limits: Limits {
            wall: Some(Duration::from_millis(verify.timeout_ms)),
            output,
            memory: None,
        },
        allowance: allowance.clone(),
        fence: scope.fence,
    }
}

/// What became of a command that `source` wanted: its report, and a sentence when it did not do what it should.
#[must_use]
pub fn judge(
    verify: &VerifyCommand,
    source: &str,
    ending: &Ending,
) -> (CommandReport, Option<String>) {
    let display = display(&verify.command);
    let (returncode, failure_class, error) = match &ending.how {
        How::Exit(code) if *code == verify.expect_exit => match wrong_output(verify, ending) {
            None => (*code, "none", None),
            Some(error) => (*code, "unexpected_output", Some(error)),
        },
        // The kernel held a limit against it, and it did not get over that.
        How::Exit(_) | How::Signal(_) if ending.stop.is_some() => {
            let stop = ending.stop.map(|it| it.to_string()).unwrap_or_default();
            let error = format!("did not get over a limit, {stop}");
            (ending.how.code(), LIMIT, Some(with_stderr(error, ending)))
        }
        How::Exit(code) => {
            let class = match *code {
                NOT_EXECUTABLE | NOT_FOUND => "missing_runtime",
                _ => "command_failed",
            };
            let expected = verify.expect_exit;
            let error = format!("ended with exit code {code} instead of {expected}");
            (*code, class, Some(with_stderr(error, ending)))
        }
        How::Signal(signal) => {
            let error = format!("was ended by signal {signal}");
            (-1, "command_failed", Some(with_stderr(error, ending)))
        }
        How::TimedOut(limit) => {
            let error = format!("took longer than {} s and was killed", limit.as_secs_f64());
            (TIMED_OUT, "timeout", Some(error))
        }
        How::Stopped(stop) => {
            let error = format!("was stopped: {stop}");
            (-1, LIMIT, Some(with_stderr(error, ending)))
        }
        How::Cancelled => (-1, "command_failed", Some("was cancelled".to_owned())),
        How::NotStarted(trouble) => {
            let (code, class) = match trouble {
                Trouble::NotFound(_) | Trouble::Empty => (NOT_FOUND, "missing_runtime"),
                Trouble::NotExecutable(_) => (NOT_EXECUTABLE, "missing_runtime"),
                Trouble::Path(_)
                | Trouble::Folder { .. }
                | Trouble::System { .. }
                | Trouble::Sandbox { .. }
                | Trouble::Secret(_)
                | Trouble::LetGo => (-1, "command_failed"),
            };
            (code, class, Some(format!("did not start: {trouble}")))
        }
    };
    let report = CommandReport {
        command_display: display.clone(),
        returncode,
        stdout: cut(&ending.stdout.text(), KEPT),
        stderr: cut(&ending.stderr.text(), KEPT),
        failure_class: failure_class.to_owned(),
        policy_source: source.to_owned(),
    };
    (report, error.map(|error| format!("`{display}` {error}")))
}

fn wrong_output(verify: &VerifyCommand, ending: &Ending) -> Option<String> {
    let expected = verify.expect_stdout.as_deref()?.trim();
    let whole = ending.stdout.text();
    let found = whole.trim();
    if found == expected && !ending.stdout.is_truncated() {
        return None;
    }
    let (expected, found) = (cut(expected, QUOTED), cut(found, QUOTED));
    Some(format!("printed {found:?} instead of {expected:?}"))
}

/// The last line of standard error says most often what is wrong.
fn with_stderr(error: String, ending: &Ending) -> String {
    let end = ending.stderr.last(KEPT);
    match end.lines().next_back().map(str::trim) {
        None | Some("") => error,
        Some(line) => format!("{error}: {}", cut(line, QUOTED)),
    }
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// The command as one would type it.
fn display(command: &[String]) -> String {
    let words: Vec<String> = command.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let shown =
            |words: &[&str]| display(&words.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            shown(&["python3", "a/main.py", "--n=3"]),
            "python3 a/main.py --n=3"
        );
        assert_eq!(
            shown(&["sh", "-c", "echo 'hi' $X", ""]),
            r"sh -c 'echo '\''hi'\'' $X' ''"
        );
    }
}
