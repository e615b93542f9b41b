//! `orket show RUN`: its cards, their attempts and failures, and which command goes on.

use std::process::ExitCode;

use orket_actors::port::store::RunStatus;
use orket_actors::runtime::RunReport;
use orket_core::plan::ForkOrigin;
use serde::Serialize;

use crate::cli::args::RunRef;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::progress::words::{amount, duration};
use crate::cli::{out, report};
use crate::owner::ports::AttemptRow;
use crate::owner::service::{Refusal, resolve_run};

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    report: RunReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<Vec<AttemptRow>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forked_from: Option<ForkOrigin>,
}

pub async fn run(context: Context, args: RunRef) -> Result<ExitCode, Failure> {
    let (mut superseded, mut forked_from) = (None, None);
    let (report, attempts) = match &args.server {
        Some(server) => match context.living_owner(Some(server)).await? {
            Some(client) => (client.show(&args.run).await?, None),
            None => return Err(Refusal::unknown_run(&args.run).into()),
        },
        None => {
            let records = context.records()?;
            let row = resolve_run(records.as_ref(), &args.run)?;
            let report = records.report(&row.run_id)?;
            let report = report.ok_or_else(|| Refusal::unknown_run(&args.run))?;
            let attempts = records.attempts(&row.run_id, None)?;
            let newer = records
                .builds_of(&row.epic)?
                .into_iter()
                .find(|run| run.build_id == row.build_id && run.run_id != row.run_id);
            let plan = records.plan(&row.run_id)?;
            forked_from = plan.and_then(|plan| plan.forked_from.clone());
            superseded = newer.as_ref().map(report::command_after);
            (report, Some(attempts))
        }
    };
    let unsuperseded = match &args.server {
        // Nobody has to be asked whether somebody is there who can be halted.
        None if report.status == RunStatus::Running.as_str()
            && matches!(context.living_owner(None).await, Ok(None)) =>
        {
            Some(format!(
                "nobody carries it out now; orket resume {} goes on with it",
                report.run_id
            ))
        }
        Some(_) | None => report::next_command(&report),
    };
    let shown = Shown {
        next: superseded.or(unsuperseded),
        report,
        attempts,
        forked_from,
    };
    if context.json {
        out::json(&shown);
    } else {
        out::print(&report::closing_with(&shown.report, shown.next));
        if let Some(origin) = &shown.forked_from {
            out::print(&format!("forked from {origin}\n"));
        }
        if let Some(attempts) = shown.attempts.filter(|attempts| !attempts.is_empty()) {
            out::print(&format!("\n{}", attempts_table(&attempts)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn attempts_table(attempts: &[AttemptRow]) -> String {
    let rows = attempts
        .iter()
        .map(|row| {
            let took = row
                .ended_ms
                .map(|ended| ended.saturating_sub(row.started_ms));
            vec![
                row.issue_id.clone(),
                row.turn.to_string(),
                row.attempt.to_string(),
                row.role.clone(),
                row.status.clone(),
                row.code.clone().unwrap_or_default(),
                amount(row.tokens),
                took.map_or_else(String::new, |ms| duration(u64::try_from(ms).unwrap_or(0))),
            ]
        })
        .collect();
    report::table(
        &[
            "card", "turn", "attempt", "role", "outcome", "code", "tokens", "took",
        ],
        rows,
    )
}
