//! `orket diff A B`: the first thing in which two recorded turns, or two runs, part.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::process::ExitCode;
use std::sync::Arc;

use orket_core::difference::{self, Difference};
use orket_core::relative;
use orket_core::tool_catalogue::CREATE_ISSUE;
use orket_core::turn::Step;
use serde_json::{Value, json};

use super::replay::{Place, find, parse};
use crate::cli::args::DiffArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::owner::ports::{AttemptRow, Records, RecordsError};
use crate::owner::service::resolve_run;

/// What differs between any two turns and says nothing.
const VOLATILE: [&str; 3] = ["key", "latency_ms", "silent_ms"];

/// An attempt to be compared.
struct Side {
    attempt: AttemptRow,
    /// Kind and value of each.
    steps: Vec<(&'static str, Value)>,
}

pub fn run(context: &Context, args: &DiffArgs) -> Result<ExitCode, Failure> {
    let records = context.records()?;
    let whole_runs = !args.left.contains(':') && !args.right.contains(':');
    let found = if whole_runs {
        compare_runs(records.as_ref(), &args.left, &args.right)?
    } else {
        let left = of_turn(records.as_ref(), &args.left)?;
        let right = of_turn(records.as_ref(), &args.right)?;
        compare(&left, &right)
    };
    if context.json {
        out::json(
            &json!({"left": args.left, "right": args.right, "equal": found.is_none(), "first_difference": found}),
        );
    } else {
        out::print(&match &found {
            None => "no difference\n".to_owned(),
            Some(found) => shown(found),
        });
    }
    Ok(ExitCode::from(u8::from(found.is_some())))
}

/// Where the two sides part.
#[derive(serde::Serialize)]
struct Found {
    issue_id: String,
    turn: u32,
    attempt: u32,
    /// The step's kind and place among those compared.
    step: Option<String>,
    /// The field within it.
    field: String,
    left: Option<Value>,
    right: Option<Value>,
}

/// How much of two long texts is shown before and from the place where they part, in characters.
const AROUND: usize = 40;
const FROM: usize = 160;

fn shown(found: &Found) -> String {
    let text = |value: &Option<Value>| {
        value
            .as_ref()
            .map_or_else(|| "(nothing)".to_owned(), Value::to_string)
    };
    let (left, right) = (text(&found.left), text(&found.right));
    let same = left
        .chars()
        .zip(right.chars())
        .take_while(|(a, b)| a == b)
        .count();
    let skip = same.saturating_sub(AROUND);
    let value = |whole: &str| {
        let mut part: String = whole.chars().skip(skip).take(FROM).collect();
        if skip > 0 {
            part.insert(0, '…');
        }
        if whole.chars().count() > skip + FROM {
            part.push('…');
        }
        part
    };
    format!(
        "{} turn {} attempt {}{}: first difference in `{}`\n- {}\n+ {}\n",
        found.issue_id,
        found.turn,
        found.attempt,
        found
            .step
            .as_ref()
            .map_or_else(String::new, |step| format!(", {step}")),
        found.field,
        value(&left),
        value(&right)
    )
}

/// What two attempts are paired by.
type Pair = (String, u32, u32);

fn of_turn(records: &dyn Records, text: &str) -> Result<Side, Failure> {
    let place: Place<'_> = parse(text)?;
    let (row, attempt, _) = find(records, &place, text, None)?;
    let plan = records.plan(&row.run_id)?;
    let workspace = plan.map(|plan| plan.workspace.clone()).unwrap_or_default();
    let names = names(records, &attempted(records, &row.run_id)?)?;
    side(records, &(attempt, workspace), &names)
}

fn side(records: &dyn Records, attempted: &Attempted, names: &Names) -> Result<Side, Failure> {
    let (attempt, workspace) = attempted;
    let steps = records.steps(attempt.row)?;
    Ok(Side {
        steps: steps
            .iter()
            .map(|step| (step.kind(), plain(step, workspace, names)))
            .collect(),
        attempt: attempt.clone(),
    })
}

/// A run to be compared.
struct Run {
    /// By card, turn and try, for cards may have been worked on in another order.
    attempts: BTreeMap<Pair, Attempted>,
    names: Names,
}

/// What cards that turns created are called here, by their ids, which are others in each run: by
/// their creator and the turn and place of the call, such as `A-1+2.0`.
type Names = BTreeMap<String, String>;

fn of_run(records: &dyn Records, text: &str) -> Result<Run, Failure> {
    let row = resolve_run(records, text)?;
    let found = attempted(records, &row.run_id)?;
    let names = names(records, &found)?;
    let attempts = found.into_iter().map(|((card, turn, attempt), it)| {
        let card = names.get(&card).cloned().unwrap_or(card);
        ((card, turn, attempt), it)
    });
    Ok(Run {
        attempts: attempts.collect(),
        names,
    })
}

fn names(
    records: &dyn Records,
    attempts: &BTreeMap<Pair, Attempted>,
) -> Result<Names, RecordsError> {
    let mut creations = HashMap::new();
    for (attempt, _) in attempts.values() {
        for (index, id) in created_in(&records.steps(attempt.row)?) {
            creations.insert(id, (attempt.issue_id.clone(), attempt.turn, index));
        }
    }
    let name = |id: &String| (id.clone(), named_by(id, &creations));
    Ok(creations.keys().map(name).collect())
}

/// The cards that an attempt asked for: each call's place, and the id.
fn created_in(steps: &[Arc<Step>]) -> Vec<(u32, String)> {
    let creating: HashSet<u32> = steps
        .iter()
        .filter_map(|step| match step.as_ref() {
            Step::CallIntended { index, call, .. } if call.tool == CREATE_ISSUE => Some(*index),
            _ => None,
        })
        .collect();
    let created = steps.iter().filter_map(|step| match step.as_ref() {
        Step::CallFinished { index, result } if creating.contains(index) => {
            let id = result.fields.get("issue_id")?.as_str()?;
            Some((*index, id.to_owned()))
        }
        _ => None,
    });
    created.collect()
}

fn named_by(id: &str, creations: &HashMap<String, (String, u32, u32)>) -> String {
    let mut card = id;
    let mut places = String::new();
    // A creator is older than what it created; a journal that says otherwise ends here too.
    for _ in 0..creations.len() {
        let Some((creator, turn, index)) = creations.get(card) else {
            break;
        };
        places.insert_str(0, &format!("+{turn}.{index}"));
        card = creator;
    }
    format!("{card}{places}")
}

/// An attempt and the workspace it was made in.
type Attempted = (AttemptRow, String);

/// The attempts of a run. A card that a fork kept has the attempts with which the run it was forked
/// from brought it there.
fn attempted(
    records: &dyn Records,
    run_id: &str,
) -> Result<BTreeMap<Pair, Attempted>, RecordsError> {
    let plan = records.plan(run_id)?;
    let workspace = plan.as_ref().map(|plan| plan.workspace.clone());
    let workspace = workspace.unwrap_or_default();
    let own = records.attempts(run_id, None)?;
    let mut all = BTreeMap::new();
    if let Some(origin) = plan.as_ref().and_then(|plan| plan.forked_from.as_ref()) {
        let mut kept = kept(records, run_id, &own)?;
        for (pair, before) in attempted(records, origin.run_id.as_str())? {
            if let Some(left) = kept.get_mut(&pair.0).filter(|left| **left > 0) {
                *left -= 1;
                all.insert(pair, before);
            }
        }
    }
    for attempt in own {
        let pair = (attempt.issue_id.clone(), attempt.turn, attempt.attempt);
        all.insert(pair, (attempt, workspace.clone()));
    }
    Ok(all)
}

/// How many attempts each card of a fork had behind it as the fork began.
fn kept(
    records: &dyn Records,
    run_id: &str,
    own: &[AttemptRow],
) -> Result<HashMap<String, u32>, RecordsError> {
    let cards = records.report(run_id)?.map(|report| report.cards);
    let mut kept: HashMap<String, u32> = cards
        .unwrap_or_default()
        .into_iter()
        .map(|card| (card.id, card.attempts))
        .collect();
    for attempt in own {
        if let Some(left) = kept.get_mut(&attempt.issue_id) {
            *left = left.saturating_sub(1);
        }
    }
    Ok(kept)
}

/// The first difference of two runs.
fn compare_runs(records: &dyn Records, left: &str, right: &str) -> Result<Option<Found>, Failure> {
    let (left, right) = (of_run(records, left)?, of_run(records, right)?);
    let pairs: BTreeSet<&Pair> = left.attempts.keys().chain(right.attempts.keys()).collect();
    for pair in pairs {
        let (ours, theirs) = match (left.attempts.get(pair), right.attempts.get(pair)) {
            (Some(ours), Some(theirs)) => (ours, theirs),
            (ours, theirs) => {
                let named = |side: Option<&Attempted>| side.map(|(it, _)| named(it, &it.issue_id));
                let card = ours.or(theirs).map(|(it, _)| it.issue_id.clone());
                return Ok(Some(Found {
                    issue_id: card.unwrap_or_else(|| pair.0.clone()),
                    turn: pair.1,
                    attempt: pair.2,
                    step: None,
                    field: "attempt".to_owned(),
                    left: named(ours),
                    right: named(theirs),
                }));
            }
        };
        // A kept card is the same attempt on both sides.
        if ours.0.row == theirs.0.row {
            continue;
        }
        let ours = side(records, ours, &left.names)?;
        let theirs = side(records, theirs, &right.names)?;
        let row = |side: &Side| named(&side.attempt, &pair.0);
        let of_rows = difference::first(&row(&ours), &row(&theirs));
        if let Some(found) = of_rows.map(|it| found(&ours, None, it)) {
            // What led to it says more than how it ended.
            return Ok(Some(compare(&ours, &theirs).unwrap_or(found)));
        }
        if let Some(found) = compare(&ours, &theirs) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn named(it: &AttemptRow, card: &str) -> Value {
    json!({"issue_id": card, "turn": it.turn, "attempt": it.attempt, "status": it.status, "code": it.code})
}

fn found(at: &Side, step: Option<String>, it: Difference) -> Found {
    Found {
        issue_id: at.attempt.issue_id.clone(),
        turn: at.attempt.turn,
        attempt: at.attempt.attempt,
        step,
        field: it.field,
        left: it.left,
        right: it.right,
    }
}

/// The first difference of two attempts.
fn compare(ours: &Side, theirs: &Side) -> Option<Found> {
    for step in 0..ours.steps.len().max(theirs.steps.len()) {
        let of = |side: &Side| side.steps.get(step).map_or(Value::Null, |it| it.1.clone());
        if let Some(it) = difference::first(&of(ours), &of(theirs)) {
            let kind = ours.steps.get(step).or(theirs.steps.get(step));
            let name = kind.map(|(kind, _)| format!("step {step} ({kind})"));
            return Some(found(ours, name, it));
        }
    }
    None
}

/// A step without what differs in any two, with paths as they read from within its workspace and
/// created cards by their names.
fn plain(step: &Step, workspace: &str, names: &Names) -> Value {
    let mut value = serde_json::to_value(step).unwrap_or(Value::Null);
    strip(&mut value);
    keep_what_was_shown(&mut value);
    relative::value(&mut value, workspace);
    if !names.is_empty() {
        rename(&mut value, names);
    }
    value
}

fn rename(value: &mut Value, names: &Names) {
    match value {
        Value::String(text) => {
            for (id, name) in names {
                if text.contains(id) {
                    *text = text.replace(id, name);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|it| rename(it, names)),
        Value::Object(map) => map.values_mut().for_each(|it| rename(it, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Of what was remembered, what the turn was shown: the snapshot, the numbers of the records and how
/// many more there were differ between runs that were shown the same.
fn keep_what_was_shown(step: &mut Value) {
    let Some(Value::Object(remembered)) = step.pointer_mut("/given/remembered") else {
        return;
    };
    remembered.shift_remove("snapshot");
    let Some(Value::Object(search)) = remembered.get_mut("search") else {
        return;
    };
    search.shift_remove("candidates");
    let Some(Value::Array(records)) = search.get_mut("records") else {
        // A search that found nothing shows as much as none.
        remembered.shift_remove("search");
        return;
    };
    for record in records.iter_mut().filter_map(Value::as_object_mut) {
        record.shift_remove("id");
    }
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for name in VOLATILE {
                map.shift_remove(name);
            }
            map.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
