//! Tools that are commands: arguments as JSON on standard input, the result as JSON on standard
//! output.

use orket_actors::port::tool::ToolJob;
use orket_core::plan::CommandTool;
use orket_core::skill::{self, BREACH, Breach};
use orket_core::tool::ToolResult;
use serde_json::{Map, Value, json};

use super::child::limits::Limits;
use super::child::sandbox::allowance::Allowance;
use super::child::sandbox::stop::{CLOSED, FIELD, GAPS, Limit};
use super::child::{Ending, Errand, How};

/// How much of standard error an error text quotes, in characters.
const QUOTED: usize = 2_000;

/// What is to be run for this call, and no more than `allowance`.
#[must_use]
pub fn errand(job: &ToolJob, command: CommandTool, output: usize, allowance: &Allowance) -> Errand {
    let arguments = Value::Object(job.call.args.clone()).to_string();
    let mut set = vec![
        ("ORKET_IDEMPOTENCY_KEY", job.key.clone()),
        ("ORKET_RUN_ID", job.scope.run_id.clone()),
        ("ORKET_ISSUE_ID", job.scope.issue_id.clone()),
    ];
    let mut allowance = allowance.clone().with_memory(command.memory_bytes);
    if let Some(binding) = command.skill {
        allowance.network |= skill::may_call(binding.allowed());
        allowance.workspace &= skill::may_write(binding.allowed());
        let limits = json!({
            "max_execution_ms": job.spec.time_limit_ms,
            "max_memory_bytes": command.memory_bytes,
        });
        set.extend([
            ("ORKET_SKILL_ENTRYPOINT_ID", binding.entrypoint_id),
            ("ORKET_SKILL_RUNTIME", binding.runtime),
            ("ORKET_SKILL_RUNTIME_VERSION", binding.runtime_version),
            ("ORKET_SKILL_LIMITS", limits.to_string()),
        ]);
    }
    Errand {
        workspace: job.scope.workspace.clone(),
        working_directory: command.working_directory,
        command: command.command,
        pass: command.environment,
        set,
        input: Some(arguments.into_bytes()),
        limits: Limits {
            wall: job.spec.time_limit_ms.map(std::time::Duration::from_millis),
            output,
            memory: command.memory_bytes,
        },
        allowance,
        fence: job.scope.fence,
    }
}

/// What the tool answered, and the breach of its contract when a limit ended it.
#[must_use]
pub fn result(tool: &str, ending: &Ending, memory: Option<u64>) -> ToolResult {
    let (mut fields, said_ok, said_error) = spoken(ending);
    // A child does not speak for Orket.
    for own in [BREACH, FIELD, GAPS, CLOSED] {
        fields.shift_remove(own);
    }
    let mut breach = None;
    let under = memory.map_or_else(String::new, |bytes| {
        format!(" (its memory is limited to {bytes} bytes)")
    });
    let trouble = match &ending.how {
        How::Exit(0) => None,
        How::Exit(code) => {
            fields.insert("exit_code".to_owned(), json!(code));
            Some(format!("`{tool}` ended with exit code {code}{under}"))
        }
        How::Signal(signal) => {
            fields.insert("signal".to_owned(), json!(signal));
            Some(format!("`{tool}` was ended by signal {signal}{under}"))
        }
        How::TimedOut(limit) => {
            breach = Some(Breach::limits("max_execution_time"));
            Some(format!(
                "`{tool}` ran longer than its time limit of {} s and was killed",
                limit.as_secs_f64()
            ))
        }
        How::Stopped(stop) => Some(format!("`{tool}` was stopped{under}: {stop}")),
        How::Cancelled => Some(format!("`{tool}` was cancelled and killed")),
        How::NotStarted(trouble) => Some(format!("`{tool}`: {trouble}")),
    };
    // What the manifest declared is its contract.
    if ending
        .stop
        .is_some_and(|it| it.limit == Limit::Memory && memory == Some(it.allowed))
    {
        breach = Some(Breach::limits("max_memory"));
    }
    let trouble = match (trouble, &ending.how, ending.stop) {
        (Some(trouble), How::Exit(_) | How::Signal(_), Some(stop)) => {
            Some(format!("{trouble}, {stop}"))
        }
        (trouble, _, _) => trouble,
    };
    let error = match (trouble, said_ok) {
        (None, true) => None,
        (None, false) => Some(said_error.unwrap_or_else(|| format!("`{tool}` failed"))),
        (Some(trouble), _) => {
            let stderr = ending.stderr.last(QUOTED);
            let more = said_error.unwrap_or(stderr);
            Some(if more.is_empty() {
                trouble
            } else {
                format!("{trouble}: {more}")
            })
        }
    };
    let mut result = ToolResult {
        ok: error.is_none(),
        error,
        fields,
    };
    if let Some(breach) = breach {
        breach.mark(&mut result);
    }
    if let Some(stop) = ending.stop {
        stop.mark(&mut result);
    }
    // Who ended in good order and says what went wrong ran into none of it, or says so.
    let has_failed = matches!(&ending.how, How::Exit(code) if *code != 0)
        || matches!(&ending.how, How::Signal(_));
    if has_failed && !ending.closed.is_empty() {
        result
            .fields
            .insert(CLOSED.to_owned(), json!(ending.closed));
    }
    if !ending.gaps.is_empty() {
        result.fields.insert(GAPS.to_owned(), json!(ending.gaps));
    }
    result
}

/// Standard output as result fields, with its own word on `ok` and `error`.
fn spoken(ending: &Ending) -> (Map<String, Value>, bool, Option<String>) {
    let text = ending.stdout.text();
    let mut fields = Map::new();
    if ending.stdout.is_truncated() {
        fields.insert("output".to_owned(), Value::String(text));
        fields.insert("truncated".to_owned(), json!(true));
        fields.insert("bytes".to_owned(), json!(ending.stdout.total()));
        return (fields, true, None);
    }
    match serde_json::from_str(text.trim()) {
        Ok(Value::Object(object)) => fields = object,
        Ok(_) | Err(_) => {
            if !text.is_empty() {
                fields.insert("output".to_owned(), Value::String(text));
            }
            return (fields, true, None);
        }
    }
    let error = match fields.shift_remove("error") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text),
        Some(other) => Some(other.to_string()),
    };
    match fields.shift_remove("ok") {
        // An error without `ok` is a failure all the same.
        None => (fields, error.is_none(), error),
        Some(Value::Bool(ok)) => (fields, ok, error),
        Some(other) => {
            let error = format!("the result's `ok` is {other}; it must be true or false");
            (fields, false, Some(error))
        }
    }
}
