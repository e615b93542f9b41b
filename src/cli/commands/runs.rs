//! `orket runs`: runs, newest first.

use std::process::ExitCode;

use orket_actors::port::store::RunStatus;

use crate::cli::args::RunsArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::progress::words::duration;
use crate::cli::{out, report};
use crate::owner::host::wall_ms;
use crate::owner::ports::RunRow;

pub async fn run(context: Context, args: RunsArgs) -> Result<ExitCode, Failure> {
    let runs = match &args.server {
        Some(server) => match context.living_owner(Some(server)).await? {
            Some(client) => client.runs(args.limit).await?,
            None => Vec::new(),
        },
        None => context.records()?.runs(args.limit)?,
    };
    if context.json {
        out::json(&serde_json::json!({"runs": runs}));
    } else if runs.is_empty() {
        out::print("there is no run yet\n");
        out::warn("hint: orket run --epic golden_flow");
    } else {
        let now = wall_ms();
        let rows = runs.iter().map(|run| row(run, now)).collect();
        out::print(&report::table(
            &["run", "epic", "build", "status", "started", "took"],
            rows,
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn row(run: &RunRow, now: i64) -> Vec<String> {
    let span = |from: i64, to: i64| duration(u64::try_from(to.saturating_sub(from)).unwrap_or(0));
    vec![
        run.run_id.clone(),
        run.epic.clone(),
        run.build_id.clone(),
        run.status.as_str().to_owned(),
        match run.status {
            RunStatus::Queued | RunStatus::Skipped => "-".to_owned(),
            RunStatus::Running
            | RunStatus::Halted
            | RunStatus::Interrupted
            | RunStatus::Done
            | RunStatus::TerminalFailure
            | RunStatus::Incomplete
            | RunStatus::Failed => format!("{} ago", span(run.started_ms, now)),
        },
        run.ended_ms
            .map_or_else(|| "-".to_owned(), |ended| span(run.started_ms, ended)),
    ]
}
