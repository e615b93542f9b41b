//! `orket sweep baselines`: what later runs are compared with. Where nothing fits the exit code is 2.

use std::path::Path;
use std::process::ExitCode;

use orket_sweep::baselines::resolve::{Status, Wanted, resolve};
use orket_sweep::baselines::task::{TaskError, TaskFile};
use orket_sweep::baselines::{BaselineError, Store, TestBaselines, health};
use orket_sweep::words;
use serde_json::json;

use super::files;
use crate::cli::args::sweep::{
    BaselinesCommand, HealthArgs, ListArgs, PinArgs, PinTaskArgs, PruneArgs, ResolveArgs, ShowArgs,
};
use crate::cli::context::Context;
use crate::cli::failure::Failure;

/// See the file's head.
pub fn run(context: &Context, command: &BaselinesCommand) -> Result<ExitCode, Failure> {
    match command {
        BaselinesCommand::List(args) => list(context, args),
        BaselinesCommand::Show(args) => show(context, args),
        BaselinesCommand::Resolve(args) => resolved(context, args),
        BaselinesCommand::Pin(args) => pin(context, args),
        BaselinesCommand::Health(args) => counted(context, args),
        BaselinesCommand::Prune(args) => prune(context, args),
        BaselinesCommand::PinBaseline(args) => set_pinned(context, args, true),
        BaselinesCommand::UnpinBaseline(args) => set_pinned(context, args, false),
    }
}

fn store(context: &Context, root: &Path) -> Store {
    Store::new(context.cwd.join(root))
}

fn failure(error: BaselineError) -> Failure {
    match &error {
        BaselineError::Unknown { test_id, .. } => {
            let hint = format!("orket sweep baselines show --test-id {test_id}");
            Failure {
                exit: files::FAILED,
                ..Failure::new("E_NOT_FOUND", error.to_string()).hint(hint)
            }
        }
        BaselineError::Io(..) | BaselineError::Invalid(..) | BaselineError::Name(_) => {
            Failure::new("E_SWEEP_FILE", error.to_string())
                .hint("orket sweep baselines list --root FOLDER looks elsewhere")
        }
    }
}

fn list(context: &Context, args: &ListArgs) -> Result<ExitCode, Failure> {
    let listed = store(context, &args.root.root).list().map_err(failure)?;
    let value = json!({"status": "OK", "tests": listed});
    files::tell(context, None, &value, &words::baselines(&listed))?;
    Ok(ExitCode::SUCCESS)
}

/// Says that a test has none.
fn none(context: &Context, test_id: &str) -> Result<ExitCode, Failure> {
    let value = json!({"status": Status::NoBaseline, "test_id": test_id});
    files::tell(context, None, &value, &format!("NO_BASELINE  {test_id}\n"))?;
    Ok(ExitCode::from(files::FAILED))
}

fn show(context: &Context, args: &ShowArgs) -> Result<ExitCode, Failure> {
    let baselines = store(context, &args.root.root)
        .show(&args.test_id)
        .map_err(failure)?;
    if baselines.history.is_empty() {
        return none(context, &args.test_id);
    }
    let value = json!({
        "status": "OK", "test_id": baselines.test_id, "history": baselines.history
    });
    files::tell(context, None, &value, &words::record(&baselines))?;
    Ok(ExitCode::SUCCESS)
}

fn resolved(context: &Context, args: &ResolveArgs) -> Result<ExitCode, Failure> {
    let baselines = store(context, &args.root.root)
        .show(&args.test_id)
        .map_err(failure)?;
    let wanted = Wanted {
        hardware_fingerprint: &args.hardware_fingerprint,
        task_revision: &args.task_revision,
        baseline_ref: args.baseline_ref.as_deref(),
    };
    let (status, record) = resolve(&baselines, &wanted);
    let value = json!({"status": status, "test_id": args.test_id, "baseline": record});
    let words = match record {
        Some(record) => words::record(&TestBaselines {
            test_id: args.test_id.clone(),
            history: vec![record.clone()],
        }),
        None => format!("{}  {}\n", status.as_str(), args.test_id),
    };
    files::tell(context, None, &value, &words)?;
    Ok(files::verdict(status == Status::Ok))
}

fn pin(context: &Context, args: &PinTaskArgs) -> Result<ExitCode, Failure> {
    let task_failure = |error: TaskError| {
        Failure::new("E_SWEEP_FILE", error.to_string())
            .hint("--task names the JSON file of one task")
    };
    let task = TaskFile::read(&context.cwd.join(&args.task)).map_err(task_failure)?;
    let Some(test_id) = args
        .test_id
        .clone()
        .or_else(|| task.id().map(str::to_owned))
    else {
        return Err(Failure::usage(
            "the task has no id; --test-id names the test",
        ));
    };
    let baselines = store(context, &args.root.root)
        .show(&test_id)
        .map_err(failure)?;
    let is_there = baselines
        .history
        .iter()
        .any(|record| record.reference() == args.baseline_ref);
    if !is_there {
        return Err(failure(BaselineError::Unknown {
            test_id,
            reference: args.baseline_ref.clone(),
        }));
    }
    task.pin(&args.baseline_ref).map_err(task_failure)?;
    let value = json!({
        "status": "OK", "test_id": test_id, "task": args.task, "baseline_ref": args.baseline_ref
    });
    let words = format!(
        "{} is compared with {}\n",
        args.task.display(),
        args.baseline_ref
    );
    files::tell(context, None, &value, &words)?;
    Ok(ExitCode::SUCCESS)
}

fn counted(context: &Context, args: &HealthArgs) -> Result<ExitCode, Failure> {
    let all = store(context, &args.root.root).all().map_err(failure)?;
    let counts = health::of(
        &all,
        args.hardware_fingerprint.as_deref(),
        args.task_revision.as_deref(),
    );
    let status = match (counts.records, counts.is_good()) {
        (0, _) => "NO_BASELINE",
        (_, true) => "OK",
        (_, false) => "MISMATCH",
    };
    let value = json!({"status": status, "health": counts});
    let words = format!("{status}\n{}", words::health(&counts));
    files::tell(context, None, &value, &words)?;
    Ok(files::verdict(counts.is_good()))
}

fn prune(context: &Context, args: &PruneArgs) -> Result<ExitCode, Failure> {
    let store = store(context, &args.root.root);
    let tests: Vec<String> = match &args.test_id {
        Some(test) if store.show(test).map_err(failure)?.history.is_empty() => {
            return none(context, test);
        }
        Some(test) => vec![test.clone()],
        None => {
            let listed = store.list().map_err(failure)?;
            listed.into_iter().map(|it| it.test_id).collect()
        }
    };
    let mut pruned = Vec::new();
    for test in &tests {
        pruned.push(
            store
                .prune(test, args.keep_last, args.dry_run)
                .map_err(failure)?,
        );
    }
    let removed: usize = pruned.iter().map(|it| it.removed.len()).sum();
    let status = match (removed, args.dry_run) {
        (0, _) => "NOOP",
        (_, true) => "DRY_RUN",
        (_, false) => "OK",
    };
    let mut words = String::new();
    for it in &pruned {
        for reference in &it.removed {
            let verb = if args.dry_run {
                "would remove"
            } else {
                "removed"
            };
            words.push_str(&format!("{verb}: {} {reference}\n", it.test_id));
        }
    }
    words.push_str(&format!(
        "{status}  {removed} baselines of {} tests\n",
        pruned.len()
    ));
    let value = json!({"status": status, "tests": pruned});
    files::tell(context, None, &value, &words)?;
    Ok(ExitCode::SUCCESS)
}

fn set_pinned(context: &Context, args: &PinArgs, pinned: bool) -> Result<ExitCode, Failure> {
    let changed = store(context, &args.root.root)
        .set_pinned(&args.test_id, &args.baseline_ref, pinned)
        .map_err(failure)?;
    let status = if changed { "OK" } else { "NOOP" };
    let value = json!({
        "status": status, "test_id": args.test_id,
        "baseline_ref": args.baseline_ref, "pinned": pinned
    });
    let words = format!(
        "{status}  {} {} is {}pinned\n",
        args.test_id,
        args.baseline_ref,
        if pinned { "" } else { "not " }
    );
    files::tell(context, None, &value, &words)?;
    Ok(ExitCode::SUCCESS)
}
