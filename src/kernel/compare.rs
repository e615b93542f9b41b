//! Whether two runs report the same. Six surfaces count: digests of turns, outcomes of stages, what
//! is at issue where, codes of events, and the two versions. Names of runs, words, details and the
//! order of things do not.
//!
//! A run that is empty or malformed is never equal to anything: that would prove nothing.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::below;
use super::event::{Event, code_of};
use super::report::{Checked, Parity, Report, RunDigests, TurnDigest};
use super::result::Issue;
use super::words::{Code, Stage};

/// The only way in which runs are compared.
pub const STRUCTURAL: &str = "structural_parity";

/// The surfaces of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    digests: RunDigests,
    /// Turn, stage, outcome.
    stage_outcomes: Vec<[Option<String>; 3]>,
    /// Code, stage, location.
    issues: Vec<[Option<String>; 3]>,
    event_codes: Vec<String>,
    contract_version: Option<String>,
    schema_version: Option<String>,
}

/// Compares two runs as they report themselves.
#[must_use]
pub fn compare(run_a: &Map<String, Value>, run_b: &Map<String, Value>) -> Report {
    let mut report = Report::begun("compare_runs", Checked::Shape);
    let runs = (read(run_a, "/run_a"), read(run_b, "/run_b"));
    let (expected, actual) = match runs {
        (Ok(expected), Ok(actual)) => (expected, actual),
        (expected, actual) => {
            for issue in [expected.err(), actual.err()].into_iter().flatten() {
                report.fail(issue);
            }
            return report;
        }
    };
    let surfaces = [
        (
            "contract_version",
            expected.contract_version == actual.contract_version,
        ),
        ("event_codes", expected.event_codes == actual.event_codes),
        ("issue_codes", expected.issues == actual.issues),
        (
            "schema_version",
            expected.schema_version == actual.schema_version,
        ),
        (
            "stage_outcomes",
            expected.stage_outcomes == actual.stage_outcomes,
        ),
        (
            "turn_digests",
            expected.digests.turn_digests == actual.digests.turn_digests,
        ),
    ];
    let mismatch_fields: Vec<&str> = surfaces
        .iter()
        .filter(|(_, is_equal)| !is_equal)
        .map(|(name, _)| *name)
        .collect();
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let mismatches = count(mismatch_fields.len());
    let matches = count(surfaces.len()).saturating_sub(mismatches);
    report.checked = Checked::Parity;
    report.runs_compared = 2;
    report.turns_compared = count(turns(&expected).union(&turns(&actual)).count());
    if mismatch_fields.is_empty() {
        let text = "the runs report the same";
        let event = Event::info(Stage::Replay, Code::IGatekeeperPass, "/parity", text);
        report
            .events
            .push(event.with("matches", matches).to_string());
    } else {
        let text = "the runs do not report the same";
        let issue = Issue::new(
            Stage::Replay,
            Code::EReplayEquivalenceFailed,
            "/parity",
            text,
        )
        .with("matches", matches)
        .with("mismatches", mismatches)
        .with("mismatch_fields", mismatch_fields);
        report.fail(issue);
    }
    report.parity = Parity {
        kind: STRUCTURAL,
        matches,
        mismatches,
        expected: expected.digests,
        actual: actual.digests,
    };
    report
}

fn turns(run: &Run) -> BTreeSet<&str> {
    let digests = run
        .digests
        .turn_digests
        .iter()
        .map(|it| it.turn_id.as_str());
    let outcomes = run
        .stage_outcomes
        .iter()
        .filter_map(|[turn, ..]| turn.as_deref());
    digests.chain(outcomes).collect()
}

fn read(run: &Map<String, Value>, at: &str) -> Result<Run, Issue> {
    let run_id = text(run, "run_id", at)?;
    if run_id.as_deref().is_none_or(str::is_empty) {
        let (code, at) = (Code::EBaseShapeMissingRunId, below(at, "run_id"));
        return Err(Issue::new(Stage::BaseShape, code, at, "must be a text"));
    }
    let mut turn_digests = list(run, "turn_digests", at)?
        .iter()
        .enumerate()
        .map(|(place, item)| {
            turn_digest(item, &below(&below(at, "turn_digests"), &place.to_string()))
        })
        .collect::<Result<Vec<_>, Issue>>()?;
    turn_digests.sort();
    let stage_outcomes = triples(run, "stage_outcomes", ["turn_id", "stage", "outcome"], at)?;
    if turn_digests.is_empty() && stage_outcomes.is_empty() {
        let why = "the run is empty: it has neither turn_digests nor stage_outcomes";
        return Err(Issue::shape(at, why));
    }
    let mut event_codes = Vec::new();
    for (place, event) in list(run, "events", at)?.iter().enumerate() {
        let Some(event) = event.as_str() else {
            let at = below(&below(at, "events"), &place.to_string());
            return Err(Issue::shape(at, "must be a text"));
        };
        event_codes.extend(code_of(event).map(str::to_owned));
    }
    event_codes.sort();
    let contract_version = text(run, "contract_version", at)?;
    if contract_version.is_none() {
        return Err(Issue::shape(
            below(at, "contract_version"),
            "must be a text",
        ));
    }
    Ok(Run {
        digests: RunDigests {
            run_id,
            turn_digests,
        },
        stage_outcomes,
        issues: triples(run, "issues", ["code", "stage", "location"], at)?,
        event_codes,
        contract_version,
        schema_version: text(run, "schema_version", at)?,
    })
}

fn text(object: &Map<String, Value>, name: &str, at: &str) -> Result<Option<String>, Issue> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Issue::shape(below(at, name), "must be a text")),
    }
}

fn list<'a>(object: &'a Map<String, Value>, name: &str, at: &str) -> Result<&'a [Value], Issue> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(Issue::shape(below(at, name), "must be a list")),
    }
}

/// The digest may be called as in a turn's result, or short.
fn turn_digest(item: &Value, at: &str) -> Result<TurnDigest, Issue> {
    let field = |name: &str| item.get(name).and_then(Value::as_str);
    let digest = field("turn_result_digest")
        .or_else(|| field("turn_digest"))
        .or_else(|| field("digest"));
    let is_digest =
        |text: &&str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let turn = field("turn_id").filter(|turn| !turn.is_empty());
    match (turn, digest.filter(is_digest)) {
        (Some(turn_id), Some(digest)) => Ok(TurnDigest {
            turn_id: turn_id.to_owned(),
            turn_result_digest: digest.to_owned(),
        }),
        (None, _) => Err(Issue::shape(below(at, "turn_id"), "must be a text")),
        (_, None) => {
            let at = below(at, "turn_result_digest");
            Err(Issue::shape(at, "must be 64 hexadecimal digits"))
        }
    }
}

/// Three texts of each object in a list, sorted; at least one of them must be there.
fn triples(
    run: &Map<String, Value>,
    name: &str,
    fields: [&str; 3],
    run_at: &str,
) -> Result<Vec<[Option<String>; 3]>, Issue> {
    let at = below(run_at, name);
    let mut triples = Vec::new();
    for (place, item) in list(run, name, run_at)?.iter().enumerate() {
        let at = below(&at, &place.to_string());
        let Some(object) = item.as_object() else {
            return Err(Issue::shape(at, "must be an object"));
        };
        let [first, middle, last] = fields;
        let triple = [
            text(object, first, &at)?,
            text(object, middle, &at)?,
            text(object, last, &at)?,
        ];
        if triple.iter().flatten().count() == 0 {
            let why = format!("must have {first}, {middle} or {last}");
            return Err(Issue::shape(at, why));
        }
        triples.push(triple);
    }
    triples.sort();
    Ok(triples)
}

#[cfg(test)]
mod tests;
