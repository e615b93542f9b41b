//! `orket replay RUN:ISSUE:TURN[:ROLE]`: a recorded turn from the journal. Asks no model, needs no
//! file under `observability/`; the texts are those of these files, byte for byte. With `--verify`
//! every decision is made again and must be the recorded one.

use std::process::ExitCode;

use orket_core::artifact::{TurnMeta, folder};
use serde::Serialize;
use serde_json::Value;

use crate::artifacts::Shown;
use crate::cli::args::ReplayArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::evidence::{Wanted, replay_run};
use crate::owner::ports::{AttemptRow, Records, RecordsError, RunRow};
use crate::owner::service::{Refusal, resolve_run};

/// The newest runs among which one with a turn is looked for.
const LOOKED_AT: u32 = 200;

#[derive(Serialize)]
struct Replayed {
    run_id: String,
    issue_id: String,
    turn: u32,
    attempt: u32,
    role: String,
    outcome: String,
    /// Tries at this turn that are recorded.
    attempts: Vec<u32>,
    turn_dir: String,
    checkpoint: Value,
    messages: Value,
    model_response: Option<String>,
    parsed_tool_calls: Value,
}

/// The parts of `RUN:ISSUE:TURN[:ROLE]`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) run: &'a str,
    pub(super) issue: &'a str,
    pub(super) turn: u32,
    pub(super) role: Option<&'a str>,
}

pub fn run(context: &Context, args: &ReplayArgs) -> Result<ExitCode, Failure> {
    if args.verify {
        return verify(context, args);
    }
    let (text, replayed) = shown(context, args)?;
    if context.json {
        out::json(&replayed);
    } else {
        out::print(&text);
    }
    Ok(ExitCode::SUCCESS)
}

/// A recorded turn: as text, and as an object.
pub(super) fn shown(context: &Context, args: &ReplayArgs) -> Result<(String, Value), Failure> {
    let place = parse(&args.turn)?;
    let records = context.records()?;
    let (row, wanted, numbers) = find(records.as_ref(), &place, &args.turn, args.attempt)?;
    let steps = records.steps(wanted.row)?;
    let plan = records.plan(&row.run_id)?;
    let meta = TurnMeta {
        plan: plan.as_deref(),
        run_id: &row.run_id,
        issue_id: &wanted.issue_id,
        role: &wanted.role,
        turn: wanted.turn,
        attempt: wanted.attempt,
        ended_ms: wanted.ended_ms.unwrap_or(wanted.started_ms),
    };
    let workspace = plan
        .as_ref()
        .map(|plan| plan.workspace.clone())
        .unwrap_or_default();
    let shown = Shown::of(&meta, &steps);
    let replayed = Replayed {
        turn_dir: format!("{workspace}/{}", folder(&meta)),
        run_id: row.run_id.clone(),
        issue_id: wanted.issue_id.clone(),
        turn: wanted.turn,
        attempt: wanted.attempt,
        role: wanted.role.clone(),
        outcome: wanted.status.clone(),
        attempts: numbers,
        checkpoint: shown.checkpoint,
        messages: shown.messages,
        model_response: shown.model_response,
        parsed_tool_calls: shown.parsed_tool_calls,
    };
    let mut sections = String::new();
    for (name, text) in shown.texts {
        sections.push_str(&format!("=== {name}\n{text}"));
        if !text.ends_with('\n') {
            sections.push('\n');
        }
    }
    let text = format!(
        "turn {} of {} by {}, attempt {} of {}, {}\n{sections}",
        replayed.turn,
        replayed.issue_id,
        replayed.role,
        replayed.attempt,
        replayed.attempts.len(),
        replayed.outcome
    );
    let object = serde_json::to_value(&replayed)
        .map_err(|error| Failure::new("E_INTERNAL", error.to_string()))?;
    Ok((text, object))
}

/// The run, the attempt that is meant, and the numbers of all tries at its turn.
pub(super) fn find(
    records: &dyn Records,
    place: &Place<'_>,
    text: &str,
    attempt: Option<u32>,
) -> Result<(RunRow, AttemptRow, Vec<u32>), Failure> {
    let row = resolve_run(records, place.run)?;
    let attempts = records.attempts(&row.run_id, Some(place.issue))?;
    let of_turn: Vec<AttemptRow> = attempts
        .into_iter()
        .filter(|found| found.turn == place.turn)
        .filter(|found| place.role.is_none_or(|role| role == found.role))
        .collect();
    let numbers: Vec<u32> = of_turn.iter().map(|found| found.attempt).collect();
    let wanted = of_turn
        .into_iter()
        .rfind(|found| attempt.is_none_or(|attempt| attempt == found.attempt));
    match wanted {
        Some(wanted) => Ok((row, wanted, numbers)),
        None => Err(Failure::new(
            "E_REPLAY_NOT_FOUND",
            format!("there is no recorded turn `{text}`"),
        )
        .hint(match elsewhere(records, &row, place)? {
            Some(run) => format!(
                "run {run} of the same build has it: orket replay {run}:{}:{}",
                place.issue, place.turn
            ),
            None => format!("orket show {} lists what is recorded", row.run_id),
        })),
    }
}

/// Another run of the same build that has the turn, the newest one.
fn elsewhere(
    records: &dyn Records,
    row: &RunRow,
    place: &Place<'_>,
) -> Result<Option<String>, RecordsError> {
    let others = records.runs(LOOKED_AT)?.into_iter();
    for other in others.filter(|it| it.build_id == row.build_id && it.run_id != row.run_id) {
        let attempts = records.attempts(&other.run_id, Some(place.issue))?;
        if attempts.iter().any(|found| found.turn == place.turn) {
            return Ok(Some(other.run_id));
        }
    }
    Ok(None)
}

/// Makes every decision of the turn, the card or the whole run again and compares it with the record.
fn verify(context: &Context, args: &ReplayArgs) -> Result<ExitCode, Failure> {
    let parts: Vec<&str> = args.turn.split(':').collect();
    let (run, wanted) = match parts.as_slice() {
        [run] => (*run, Wanted::default()),
        [run, issue] => (
            *run,
            Wanted {
                issue: Some((*issue).to_owned()),
                ..Wanted::default()
            },
        ),
        _ => {
            let place = parse(&args.turn)?;
            let wanted = Wanted {
                issue: Some(place.issue.to_owned()),
                turn: Some(place.turn),
                role: place.role.map(str::to_owned),
                attempt: args.attempt,
            };
            (place.run, wanted)
        }
    };
    let records = context.records()?;
    let row = resolve_run(records.as_ref(), run)?;
    let reader = context
        .reader()?
        .ok_or_else(|| Refusal::unknown_run(&row.run_id))?;
    let replayed = replay_run(&reader, &row.run_id, &wanted)
        .map_err(|error| RecordsError(error.to_string()))?;
    // A run that has not asked yet, or found everything done, has no attempts; that is no fault.
    let is_named = wanted.issue.is_some() || wanted.attempt.is_some();
    if replayed.attempts == 0 && is_named {
        return Err(Failure::new(
            "E_REPLAY_NOT_FOUND",
            format!("there is no recorded turn `{}`", args.turn),
        )
        .hint(format!("orket show {} lists what is recorded", row.run_id)));
    }
    if context.json {
        out::json(
            &serde_json::json!({"run_id": row.run_id, "ok": replayed.problems.is_empty(), "replay": replayed}),
        );
    } else {
        out::print(&format!(
            "{} of {} attempts derived again, {} steps equal byte for byte\n",
            replayed.equal, replayed.attempts, replayed.steps
        ));
        for problem in &replayed.problems {
            out::print(&super::verify::line(problem));
        }
    }
    Ok(ExitCode::from(u8::from(!replayed.problems.is_empty())))
}

pub(super) fn parse(text: &str) -> Result<Place<'_>, Failure> {
    let parts: Vec<&str> = text.split(':').collect();
    let (run, issue, turn, role) = match parts.as_slice() {
        [run, issue, turn] => (*run, *issue, *turn, None),
        [run, issue, turn, role] => (*run, *issue, *turn, Some(*role)),
        _ => {
            return Err(Failure::usage(format!(
                "`{text}` is not RUN:ISSUE:TURN or RUN:ISSUE:TURN:ROLE"
            )));
        }
    };
    let turn = turn
        .parse()
        .map_err(|_| Failure::usage(format!("`{turn}` is no turn; turns are numbered from 1")))?;
    Ok(Place {
        run,
        issue,
        turn,
        role,
    })
}
