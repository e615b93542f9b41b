//! `orket smoke cli`: init, api add and refactor, through this same program, in a repository that is
//! thrown away.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::cli::args::SmokeCliArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::{out, out_file};

use super::step::{self, Ended};

/// How long one command may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many steps there are.
const STEPS: usize = 6;
/// What is verified: it needs nothing but a shell.
const VERIFY: &str = "set -e\ntest -f src/index.js\ntest -f src/routes/index.js\n";
const CONFIG: &str = r#"{"verify":{"profiles":{"default":{"commands":["sh verify.sh"]}}}}"#;
const MODEL: &str = "class User {}\n\nfunction makeUser() {\n  return new User();\n}\n\nmodule.exports = { User, makeUser };\n";

/// One command.
#[derive(Debug, Serialize)]
struct Event {
    step: &'static str,
    returncode: i32,
    /// What it printed with `--json`.
    result: Value,
    /// Why it is not what it must be.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    stderr: String,
}

/// The report. Its first three keys are those of the Python Orket's script.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether every command did what it must.
    pub ok: bool,
    status: &'static str,
    events: Vec<Event>,
    /// Why it could not even be tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
}

/// Tries it.
///
/// # Errors
///
/// When there is no folder, no git, or this program cannot be started.
pub async fn smoke() -> Result<Report, Failure> {
    let mut events = Vec::new();
    take_steps(&mut events).await?;
    Ok(Report::of(events, None))
}

impl Report {
    fn of(events: Vec<Event>, error: Option<Value>) -> Self {
        let passed = passed(&events);
        let ok = passed == STEPS && error.is_none();
        Self {
            ok,
            status: if ok { "PASS" } else { "FAIL" },
            events,
            error,
        }
    }
}

/// How many steps did what they must.
fn passed(events: &[Event]) -> usize {
    events.iter().filter(|it| it.problem.is_none()).count()
}

/// The steps, one after the other, until one fails.
async fn take_steps(events: &mut Vec<Event>) -> Result<(), Failure> {
    let scratch = step::folder()?;
    let project = scratch.path().join("demo");
    let init = ["init", "minimal-node", "demo", "--no-verify", "--json"];
    let ended = step::own(scratch.path(), &init, PATIENCE).await?;
    let went_well = push(events, "init", ended, |_| None);
    if went_well {
        prepare(&project).await?;
        let add = [
            "api",
            "add",
            "users",
            "--schema",
            "id:int,name:string",
            "--scope",
            "./src",
        ];
        let rename = ["refactor", "rename User to Member", "--scope", "./src"];
        let steps: [(&'static str, &[&str], &str, Check); 5] = [
            ("api_dry_run", &add, "--dry-run", unchanged),
            ("api_apply", &add, "--yes", changed),
            ("api_noop", &add, "--yes", idempotent),
            ("refactor_dry_run", &rename, "--dry-run", unchanged),
            ("refactor_apply", &rename, "--yes", verified),
        ];
        for (name, arguments, how, check) in steps {
            let before = state(&project).await?;
            let mut arguments = arguments.to_vec();
            arguments.extend([how, "--json"]);
            let ended = step::own(&project, &arguments, PATIENCE).await?;
            let after = state(&project).await?;
            let is_same = before == after;
            if !push(events, name, ended, |result| check(result, is_same)) {
                break;
            }
            if how == "--yes" {
                commit(&project).await?;
            }
        }
    }
    Ok(())
}

/// Why a result is not what it must be. Takes the result, and whether the tree is the same as before.
type Check = fn(&Value, bool) -> Option<String>;

fn unchanged(_result: &Value, is_same: bool) -> Option<String> {
    (!is_same).then(|| "a dry run changed the tree".to_owned())
}

fn changed(_result: &Value, is_same: bool) -> Option<String> {
    is_same.then(|| "nothing was changed".to_owned())
}

fn idempotent(result: &Value, is_same: bool) -> Option<String> {
    if !is_same {
        return Some("the second time changed the tree".to_owned());
    }
    (result.get("idempotent") != Some(&Value::Bool(true)))
        .then(|| "the second time is not told to be one".to_owned())
}

fn verified(result: &Value, is_same: bool) -> Option<String> {
    let status = result.pointer("/parity/status").and_then(Value::as_str);
    changed(result, is_same)
        .or_else(|| (status != Some("verified")).then(|| format!("parity is {status:?}")))
}

/// Notes how a step ended. Whether it went well.
fn push(
    events: &mut Vec<Event>,
    step: &'static str,
    ended: Ended,
    check: impl FnOnce(&Value) -> Option<String>,
) -> bool {
    let problem = if ended.code != 0 {
        Some(format!("exit {}: {}", ended.code, ended.words()))
    } else if ended.result.get("ok") != Some(&Value::Bool(true)) {
        Some("it did not print one JSON object with ok: true".to_owned())
    } else {
        check(&ended.result)
    };
    let went_well = problem.is_none();
    events.push(Event {
        step,
        returncode: ended.code,
        result: ended.result,
        problem,
        stderr: ended.stderr,
    });
    went_well
}

/// Makes a repository of the project, with something to rename and something to verify.
async fn prepare(project: &Path) -> Result<(), Failure> {
    let put = |name: &str, text: &str| {
        let file = project.join(name);
        let folder = file.parent().unwrap_or(project);
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&file, text))
            .map_err(|error| Failure::new("E_NO_SPACE", format!("{}: {error}", file.display())))
    };
    put("verify.sh", VERIFY)?;
    put("orket.config.json", CONFIG)?;
    put("src/models/user.js", MODEL)?;
    git(project, &["init", "-q"]).await?;
    commit(project).await
}

async fn commit(project: &Path) -> Result<(), Failure> {
    git(project, &["add", "-A"]).await?;
    git(
        project,
        &[
            "-c",
            "user.name=smoke",
            "-c",
            "user.email=smoke@localhost",
            "-c",
            "commit.gpgsign=false",
            "commit",
            "-q",
            "--no-verify",
            "--allow-empty",
            "-m",
            "smoke",
        ],
    )
    .await
    .map(drop)
}

/// What git sees of the tree.
async fn state(project: &Path) -> Result<String, Failure> {
    let arguments = ["status", "--porcelain=v1", "--untracked-files=all", "-z"];
    let seen = git(project, &arguments).await?;
    // Artifacts of transactions are no part of the project.
    let own: Vec<_> = seen
        .split('\0')
        .filter(|line| !line.contains(".orket/"))
        .collect();
    Ok(own.join("\n"))
}

/// What git printed.
async fn git(project: &Path, arguments: &[&str]) -> Result<String, Failure> {
    let ended = step::other("git", project, arguments, PATIENCE)
        .await
        .map_err(|failure| {
            Failure::new("E_GIT_REQUIRED", failure.message).hint("apt-get install git")
        })?;
    if ended.code == 0 {
        Ok(ended.stdout)
    } else {
        Err(Failure::new(
            "E_GIT_REQUIRED",
            format!("git {}: {}", arguments.join(" "), ended.stderr),
        ))
    }
}

/// See the file's head.
pub async fn run(context: &Context, args: &SmokeCliArgs) -> Result<ExitCode, Failure> {
    let mut events = Vec::new();
    if let Err(failure) = take_steps(&mut events).await {
        // Whoever waits for the report must not find that of another day.
        let error = failure.body().get("error").cloned();
        out_file::write(context, args.out.as_deref(), &Report::of(events, error))?;
        return Err(failure);
    }
    let report = Report::of(events, None);
    out_file::write(context, args.out.as_deref(), &report)?;
    if context.json {
        out::json(&serde_json::json!({
            "ok": report.ok,
            "out": args.out,
            "event_count": report.events.len(),
            "events": report.events,
        }));
    } else {
        let mut text = String::new();
        for event in &report.events {
            match &event.problem {
                None => text.push_str(&format!("PASS {}\n", event.step)),
                Some(problem) => text.push_str(&format!("FAIL {}: {problem}\n", event.step)),
            }
        }
        text.push_str(&format!(
            "{}: {} of {STEPS} steps\n",
            report.status,
            passed(&report.events)
        ));
        out::print(&text);
    }
    Ok(ExitCode::from(u8::from(!report.ok)))
}
