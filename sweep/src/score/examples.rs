//! The examples of a task: what is to be executed, and what its output means.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Checked;
use crate::bank::Task;
use crate::bank::task::{CliExample, Example, FunctionExample, Language};

const DRIVER: &str = include_str!("examples.py");

/// How long the driver itself may take beside the examples.
const START: Duration = Duration::from_secs(10);

/// How much of a text a detail shows, in characters.
const SHOWN: usize = 120;

/// A command that carries out all examples of a task. Its working directory is the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Standard input.
    pub input: String,
    /// The most time it can need when it works as it should.
    pub limit: Duration,
}

/// What such a command printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Printed {
    /// Standard output: one line for each example that was carried out.
    pub stdout: String,
    /// Why there may be fewer, in words.
    pub trouble: Option<String>,
}

/// What is to be executed for a task; `None` when it has no examples.
#[must_use]
pub fn order(task: &Task) -> Option<Order> {
    let cases: Vec<Value> = task.examples().map(case).collect();
    let count = u32::try_from(cases.len()).unwrap_or(u32::MAX);
    if count == 0 {
        return None;
    }
    let limit = Duration::from_millis(task.evaluation.time_limit_ms);
    let python = ["python3", "-I", "-S", "-B"];
    let start: Vec<&str> = match task.evaluation.language {
        Language::Python => python.to_vec(),
        Language::Sh => vec!["sh"],
    };
    let start: Vec<&str> = start
        .into_iter()
        .chain([task.evaluation.file.as_str()])
        .collect();
    let input = json!({
        "file": task.evaluation.file,
        "entry": task.evaluation.entry,
        "command": start,
        "limit_s": limit.as_secs_f64(),
        "cases": cases,
    });
    Some(Order {
        command: python
            .into_iter()
            .chain(["-c", DRIVER])
            .map(str::to_owned)
            .collect(),
        input: input.to_string(),
        limit: limit.saturating_mul(count).saturating_add(START),
    })
}

/// An example without what should come of it.
fn case(example: &Example) -> Value {
    match example {
        Example::Function(call) => json!({"args": call.args}),
        Example::Cli(run) => json!({"argv": run.argv, "stdin": run.stdin}),
    }
}

/// What came of one example.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Outcome {
    TimedOut {
        #[serde(rename = "timeout")]
        _timeout: bool,
    },
    Raised {
        raises: Vec<String>,
    },
    Ended {
        stdout: String,
        exit: i32,
    },
    Returned {
        returns: Value,
    },
}

/// Holds what was printed against what should have come. Examples that nothing was printed of fail.
#[must_use]
pub fn judge(task: &Task, printed: Option<&Printed>) -> Vec<Checked> {
    let mut lines = printed.map_or("", |it| it.stdout.as_str()).lines();
    let trouble = printed
        .and_then(|it| it.trouble.clone())
        .unwrap_or_else(|| "it was not carried out".to_owned());
    let judged = |(place, example): (usize, &Example)| {
        let outcome: Option<Outcome> = lines
            .next()
            .and_then(|line| serde_json::from_str(line).ok());
        let is_unsettled = matches!(outcome, None | Some(Outcome::TimedOut { .. }));
        let detail = match (example, outcome) {
            (_, None) => Some(trouble.clone()),
            (_, Some(Outcome::TimedOut { .. })) => Some("took too long".to_owned()),
            (Example::Function(call), Some(outcome)) => wrong_call(call, outcome),
            (Example::Cli(run), Some(outcome)) => wrong_run(run, outcome),
        };
        Checked {
            id: format!("example-{}", place + 1),
            passed: detail.is_none(),
            detail,
            is_unsettled,
        }
    };
    task.examples().enumerate().map(judged).collect()
}

fn wrong_call(call: &FunctionExample, outcome: Outcome) -> Option<String> {
    match (&call.raises, outcome) {
        (Some(expected), Outcome::Raised { raises }) if raises.contains(expected) => None,
        (None, Outcome::Returned { returns }) if returns == call.returns => None,
        (_, Outcome::Raised { raises }) => Some(format!(
            "raises {}",
            raises.first().map_or("?", String::as_str)
        )),
        (Some(expected), Outcome::Returned { .. }) => Some(format!("does not raise {expected}")),
        (None, Outcome::Returned { returns }) => Some(format!(
            "returns {} instead of {}",
            cut(&returns.to_string()),
            cut(&call.returns.to_string())
        )),
        (_, Outcome::Ended { .. } | Outcome::TimedOut { .. }) => Some("was not called".to_owned()),
    }
}

fn wrong_run(run: &CliExample, outcome: Outcome) -> Option<String> {
    let Outcome::Ended { stdout, exit } = outcome else {
        return Some("was not run".to_owned());
    };
    if exit != run.exit {
        return Some(format!(
            "ends with exit code {exit} instead of {}",
            run.exit
        ));
    }
    (stdout != run.stdout).then(|| {
        format!(
            "prints {:?} instead of {:?}",
            cut(&stdout),
            cut(&run.stdout)
        )
    })
}

fn cut(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
