//! Reading what a run of the kernel is to do, all of it before anything is executed.

use serde_json::{Map, Value, json};

use crate::api::problem::{FieldProblem, Problem};
use crate::kernel::CONTRACT_VERSION;
use crate::kernel::lifecycle::Request;
use crate::kernel::name::{NameError, RootName, RunName};
use crate::kernel::words::Outcome;

/// Turns that one request may have.
const MOST_TURNS: usize = 1_000;

const BODY: [&str; 1] = ["body"];
const START: [&str; 2] = ["body", "start_request"];

fn field(place: &[&str], name: &str, kind: &str, msg: &str, input: Value) -> FieldProblem {
    FieldProblem {
        kind: kind.to_owned(),
        loc: place
            .iter()
            .copied()
            .chain([name])
            .map(Value::from)
            .collect(),
        msg: msg.to_owned(),
        input,
        ctx: None,
    }
}

/// The root is a link, or a file.
pub(super) fn no_folder(root: &RootName) -> Problem {
    let msg = "must be neither a link nor a file";
    Problem::fields(&[field(
        &START,
        "workspace_root",
        "value_error",
        msg,
        json!(root.as_str()),
    )])
}

/// Reads a request.
///
/// # Errors
///
/// 422 with all that is wrong with it.
pub(super) fn read(fields: Map<String, Value>) -> Result<Request, Problem> {
    let mut problems = Vec::new();
    let start = match fields.get("start_request") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(start)) => start.clone(),
        Some(other) => {
            problems.push(field(
                &BODY,
                "start_request",
                "dict_type",
                "must be an object",
                other.clone(),
            ));
            Map::new()
        }
    };
    let mut word = |from: &Map<String, Value>, place: &[&str], name: &str| match from.get(name) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => {
            problems.push(field(
                place,
                name,
                "string_type",
                "must be a text",
                other.clone(),
            ));
            None
        }
    };
    let workflow = word(&fields, &BODY, "workflow_id");
    let workflow_of_start = word(&start, &START, "workflow_id");
    let finish = word(&fields, &BODY, "finish_outcome");
    let version = word(&start, &START, "contract_version");
    let root = word(&start, &START, "workspace_root");
    let run = word(&start, &START, "run_id");
    let visibility_mode =
        word(&start, &START, "visibility_mode").unwrap_or_else(|| "local_only".to_owned());
    match fields.get("workflow_id") {
        None => problems.push(field(
            &BODY,
            "workflow_id",
            "missing",
            "must be given",
            json!(fields),
        )),
        Some(Value::Null) => {
            problems.push(field(
                &BODY,
                "workflow_id",
                "string_type",
                "must be a text",
                Value::Null,
            ));
        }
        Some(_) => {}
    }
    for (place, text) in [(&BODY[..], workflow), (&START[..], workflow_of_start)] {
        if text.as_deref().is_some_and(|text| text.trim().is_empty()) {
            problems.push(field(
                place,
                "workflow_id",
                "string_too_short",
                "must not be empty",
                json!(text),
            ));
        }
    }
    if let Some(version) = version.filter(|version| version != CONTRACT_VERSION) {
        let msg = format!("must be {CONTRACT_VERSION}");
        problems.push(field(
            &START,
            "contract_version",
            "enum",
            &msg,
            json!(version),
        ));
    }
    let finish_outcome = match finish.as_deref().map(Outcome::from_word) {
        None => Outcome::Pass,
        Some(Some(outcome)) => outcome,
        Some(None) => {
            problems.push(field(
                &BODY,
                "finish_outcome",
                "enum",
                "must be PASS or FAIL",
                json!(finish),
            ));
            Outcome::Fail
        }
    };
    let root = named(root, RootName::new, "workspace_root", &mut problems).unwrap_or_default();
    let run = named(run, RunName::new, "run_id", &mut problems);
    named(
        Some(visibility_mode.clone()),
        RunName::new,
        "visibility_mode",
        &mut problems,
    );
    let turns = turns(&fields, &mut problems);
    if !problems.is_empty() {
        return Err(Problem::fields(&problems));
    }
    Ok(Request {
        root,
        run,
        visibility_mode,
        turns,
        finish_outcome,
    })
}

fn named<T>(
    text: Option<String>,
    read: impl Fn(&str) -> Result<T, NameError>,
    name: &str,
    problems: &mut Vec<FieldProblem>,
) -> Option<T> {
    let text = text?;
    match read(&text) {
        Ok(named) => Some(named),
        Err(error) => {
            problems.push(field(
                &START,
                name,
                "value_error",
                &error.to_string(),
                json!(text),
            ));
            None
        }
    }
}

fn turns(fields: &Map<String, Value>, problems: &mut Vec<FieldProblem>) -> Vec<Map<String, Value>> {
    const NAME: &str = "execute_turn_requests";
    let items = match fields.get(NAME) {
        None => {
            problems.push(field(
                &BODY,
                NAME,
                "missing",
                "must be given",
                json!(fields),
            ));
            return Vec::new();
        }
        Some(Value::Array(items)) => items,
        Some(other) => {
            problems.push(field(
                &BODY,
                NAME,
                "list_type",
                "must be a list",
                other.clone(),
            ));
            return Vec::new();
        }
    };
    if items.len() > MOST_TURNS {
        let msg = format!("must have at most {MOST_TURNS} turns");
        problems.push(field(&BODY, NAME, "too_long", &msg, json!(items.len())));
        return Vec::new();
    }
    let mut turns = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        match item {
            Value::Object(turn) => turns.push(turn.clone()),
            other => {
                let mut problem =
                    field(&BODY, NAME, "dict_type", "must be an object", other.clone());
                problem.loc.push(json!(place));
                problems.push(problem);
            }
        }
    }
    turns
}
