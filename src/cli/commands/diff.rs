//! `orket diff A B`: the first thing in which two recorded turns, or two runs, part.

use std::process::ExitCode;
use std::sync::Arc;

use orket_core::difference::{self, Difference};
use orket_core::turn::Step;
use serde_json::{Value, json};

use super::replay::{Place, find, parse};
use crate::cli::args::DiffArgs;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::out;
use crate::owner::ports::{AttemptRow, Records};
use crate::owner::service::resolve_run;

/// What differs between any two turns and says nothing.
const VOLATILE: [&str; 3] = ["key", "latency_ms", "silent_ms"];

/// An attempt to be compared.
struct Side {
    attempt: AttemptRow,
    steps: Vec<Arc<Step>>,
}

pub fn run(context: &Context, args: &DiffArgs) -> Result<ExitCode, Failure> {
    let records = context.records()?;
    let whole_runs = !args.left.contains(':') && !args.right.contains(':');
    let (left, right) = if whole_runs {
        (
            of_run(records.as_ref(), &args.left)?,
            of_run(records.as_ref(), &args.right)?,
        )
    } else {
        (
            of_turn(records.as_ref(), &args.left)?,
            of_turn(records.as_ref(), &args.right)?,
        )
    };
    let found = compare(&left, &right, whole_runs);
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

fn of_turn(records: &dyn Records, text: &str) -> Result<Vec<Side>, Failure> {
    let place: Place<'_> = parse(text)?;
    let (_, attempt, _) = find(records, &place, text, None)?;
    let steps = records.steps(attempt.row)?;
    Ok(vec![Side { attempt, steps }])
}

fn of_run(records: &dyn Records, text: &str) -> Result<Vec<Side>, Failure> {
    let row = resolve_run(records, text)?;
    let mut attempts = records.attempts(&row.run_id, None)?;
    // Cards may have been worked on in another order.
    attempts
        .sort_by(|a, b| (&a.issue_id, a.turn, a.attempt).cmp(&(&b.issue_id, b.turn, b.attempt)));
    attempts
        .into_iter()
        .map(|attempt| {
            let steps = records.steps(attempt.row)?;
            Ok(Side { attempt, steps })
        })
        .collect()
}

fn compare(left: &[Side], right: &[Side], same_cards: bool) -> Option<Found> {
    for nth in 0..left.len().max(right.len()) {
        let (ours, theirs) = (left.get(nth), right.get(nth));
        let at = ours.or(theirs)?;
        let found = |step: Option<String>, it: Difference| Found {
            issue_id: at.attempt.issue_id.clone(),
            turn: at.attempt.turn,
            attempt: at.attempt.attempt,
            step,
            field: it.field,
            left: it.left,
            right: it.right,
        };
        if same_cards || ours.is_none() || theirs.is_none() {
            let name = |side: Option<&Side>| {
                side.map_or(Value::Null, |side| {
                    let it = &side.attempt;
                    json!({"issue_id": it.issue_id, "turn": it.turn, "attempt": it.attempt, "status": it.status, "code": it.code})
                })
            };
            if let Some(it) = difference::first(&name(ours), &name(theirs)) {
                return Some(found(None, it));
            }
        }
        let (ours, theirs) = (ours?, theirs?);
        for step in 0..ours.steps.len().max(theirs.steps.len()) {
            let of = |side: &Side| side.steps.get(step).map_or(Value::Null, |it| plain(it));
            if let Some(it) = difference::first(&of(ours), &of(theirs)) {
                let kind = ours.steps.get(step).or(theirs.steps.get(step));
                let name = kind.map(|kind| format!("step {step} ({})", kind.kind()));
                return Some(found(name, it));
            }
        }
    }
    None
}

/// A step without what differs in any two.
fn plain(step: &Step) -> Value {
    let mut value = serde_json::to_value(step).unwrap_or(Value::Null);
    strip(&mut value);
    value
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
