//! `orket verify RUN`: whether the record of a run holds. Nothing is changed and nobody is asked.

use std::process::ExitCode;

use orket_core::ids::RunId;
use serde_json::json;

use crate::cli::args::VerifyArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::evidence::{Evidence, Problem, verify_run};
use crate::owner::ports::RecordsError;
use crate::owner::service::{Refusal, resolve_run};

pub fn run(context: &Context, args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let records = context.records()?;
    let row = resolve_run(records.as_ref(), &args.run)?;
    let unknown = || Refusal::unknown_run(&row.run_id);
    let reader = context.reader()?.ok_or_else(unknown)?;
    let run_id = RunId::new(row.run_id.as_str()).map_err(|_| unknown())?;
    let evidence = verify_run(&reader, &run_id).map_err(|error| RecordsError(error.to_string()))?;
    if context.json {
        out::json(&json!({"run_id": row.run_id, "evidence": evidence}));
    } else {
        out::print(&shown(&row.run_id, &evidence));
    }
    Ok(ExitCode::from(u8::from(!evidence.ok)))
}

fn shown(run_id: &str, evidence: &Evidence) -> String {
    let mut text = format!(
        "run {run_id}: {}\n\
         chain        {} steps of {} attempts at {} cards\n\
         decisions    {} of {} attempts derived again, byte for byte\n\
         transitions  {}\n\
         files        {} as the journal says, {} not there\n",
        if evidence.ok {
            "the record holds"
        } else {
            "THE RECORD DOES NOT HOLD"
        },
        evidence.steps,
        evidence.attempts,
        evidence.cards,
        evidence.replayed,
        evidence.attempts,
        evidence.transitions,
        evidence.files,
        evidence.missing_files,
    );
    for note in &evidence.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    for problem in &evidence.problems {
        text.push_str(&line(problem));
    }
    text
}

/// One problem on one line.
pub(super) fn line(problem: &Problem) -> String {
    if problem.issue_id.is_empty() {
        return format!("{}: {}\n", problem.kind, problem.message);
    }
    let mut place = problem.issue_id.clone();
    if let Some(turn) = problem.turn {
        place.push_str(&format!(" turn {turn}"));
    }
    if let Some(attempt) = problem.attempt {
        place.push_str(&format!(" attempt {attempt}"));
    }
    if let Some(step) = problem.step {
        place.push_str(&format!(" step {step}"));
    }
    if let Some(what) = problem.what.as_ref().filter(|what| !what.is_empty()) {
        place.push_str(&format!(" ({what})"));
    }
    format!("{}: {place}: {}\n", problem.kind, problem.message)
}
