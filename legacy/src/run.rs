//! Sessions and the run ledger as runs.

use orket_actors::port::store::RunStatus;
use orket_core::ids::{BuildId, IdError, RunId};
use serde_json::{Map, Value, json};

use crate::finding::Findings;
use crate::row::{Cell, Row};
use crate::{ids, time, words};

/// A run, ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its id.
    pub run_id: RunId,
    /// Its build.
    pub build_id: BuildId,
    /// Its epic; a rock's name where it was one.
    pub epic: String,
    /// The rock, where it was one.
    pub rock: Option<String>,
    /// How it ended.
    pub status: RunStatus,
    /// When it started, if that is known.
    pub started_ms: Option<i64>,
    /// When it ended, if that is known.
    pub ended_ms: Option<i64>,
    /// What the ledger says of it.
    pub summary: Map<String, Value>,
}

/// What is known of a session: its row in the ledger, its own row, and the build of its cards.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// `run_ledger`.
    pub ledger: Option<&'a Row>,
    /// `sessions`.
    pub session: Option<&'a Row>,
    /// The build of its cards.
    pub build: Option<&'a str>,
}

/// The run of a session. The ledger's word goes before the session's.
///
/// # Errors
///
/// Never in fact; see [`ids`].
pub fn run(id: &str, known: &Known<'_>, findings: &mut Findings) -> Result<Run, IdError> {
    let table = match known {
        Known {
            ledger: Some(_), ..
        } => "run_ledger",
        Known {
            session: Some(_), ..
        } => "sessions",
        Known { .. } => "issues",
    };
    let place = (table, id);
    let of = |ledger: &str, session: &str| {
        let first = known.ledger.and_then(|row| row.text(ledger));
        first
            .or_else(|| known.session.and_then(|row| row.text(session)))
            .filter(|text| !text.is_empty())
    };
    let name = of("run_name", "name");
    let build = known
        .ledger
        .and_then(|row| row.text("build_id"))
        .or(known.build)
        .map_or_else(
            || match name {
                Some(name) => format!("build-{name}"),
                None => "imported".to_owned(),
            },
            str::to_owned,
        );
    let build_id = ids::build(&build, (place, "build_id"), findings)?;
    let run_id = ids::run(id, (place, "session_id"), findings)?;
    let epic = match name {
        Some(name) => name.to_owned(),
        None => build.strip_prefix("build-").unwrap_or(&build).to_owned(),
    };
    let is_rock = of("run_type", "type") == Some("rock");
    let word = of("status", "status");
    let status = match word.map(words::run_status) {
        Some(Some(status)) => status,
        Some(None) | None => {
            let became = "incomplete: how it ended is not known";
            findings.note(place, "status", word.unwrap_or("null"), became);
            RunStatus::Incomplete
        }
    };
    let mut at = |columns: &[(Option<&Row>, &str)]| {
        columns.iter().find_map(|(row, column)| {
            let row = (*row)?;
            let read = row.text(column).and_then(time::parse);
            if read.is_none() && *row.cell(column) != Cell::Null {
                findings.note(place, column, row.cell(column).shown(), "not known");
            }
            read
        })
    };
    let started_ms = at(&[(known.ledger, "started_at"), (known.session, "start_time")]);
    let ended_ms = at(&[
        (known.ledger, "ended_at"),
        (known.session, "end_time"),
        (known.ledger, "updated_at"),
    ]);
    Ok(Run {
        run_id,
        build_id,
        rock: is_rock.then(|| epic.clone()),
        epic,
        status,
        started_ms,
        ended_ms,
        summary: summary(known, place, findings),
    })
}

/// The ledger's summary with what our summaries say beside it, and what else there was to say.
fn summary(known: &Known<'_>, place: (&str, &str), findings: &mut Findings) -> Map<String, Value> {
    let mut object = |column: &str| {
        let text = known.ledger.and_then(|row| row.text(column))?;
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(object)) => Some(object),
            Ok(Value::Null) => None,
            Ok(_) | Err(_) if text.trim().is_empty() => None,
            Ok(_) | Err(_) => {
                findings.note(place, column, text, "kept as text");
                Some(Map::from_iter([("text".to_owned(), Value::from(text))]))
            }
        }
    };
    let mut summary = object("summary_json").unwrap_or_default();
    let artifacts = object("artifact_json");
    for column in ["failure_class", "failure_reason"] {
        if let Some(text) = known.ledger.and_then(|row| row.text(column)) {
            summary.insert(column.to_owned(), Value::from(text));
        }
    }
    let mut imported = Map::new();
    imported.insert("from".to_owned(), json!("python-orket-0.3"));
    for (row, table) in [(known.ledger, "run_ledger"), (known.session, "sessions")] {
        if let Some(status) = row.and_then(|row| row.text("status")) {
            imported.insert(format!("{table}_status"), json!(status));
        }
    }
    if let Some(department) = known
        .ledger
        .or(known.session)
        .and_then(|row| row.text("department"))
    {
        imported.insert("department".to_owned(), json!(department));
    }
    if let Some(artifacts) = artifacts {
        imported.insert("artifacts".to_owned(), Value::Object(artifacts));
    }
    summary.insert("imported".to_owned(), Value::Object(imported));
    summary
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[(&str, &str)]) -> Row {
        Row {
            key: "S".to_owned(),
            cells: cells
                .iter()
                .map(|(name, text)| ((*name).to_owned(), Cell::Text((*text).to_owned())))
                .collect(),
        }
    }

    #[test]
    fn the_ledger_goes_before_the_session_and_a_run_without_either_is_one_too() {
        let ledger = row(&[
            ("run_type", "rock"),
            ("run_name", "market"),
            ("build_id", "rock-build-market"),
            ("status", "terminal_failure"),
            ("failure_class", "GovernanceViolation"),
            ("summary_json", "{\"issue_count\":3}"),
            ("artifact_json", "[1]"),
            ("started_at", "2026-02-11T09:30:00+00:00"),
            ("ended_at", "soon"),
            ("updated_at", "2026-02-11T09:31:00+00:00"),
        ]);
        let session = row(&[
            ("name", "other"),
            ("status", "Started"),
            ("department", "core"),
        ]);
        let mut findings = Findings::default();
        let known = Known {
            ledger: Some(&ledger),
            session: Some(&session),
            build: None,
        };
        let both = run("4f2a9c01", &known, &mut findings).unwrap();
        let alone = Known {
            session: Some(&session),
            ..Known::default()
        };
        let of_session = run("5a", &alone, &mut findings).unwrap();
        let of_cards = Known {
            build: Some("build-x"),
            ..Known::default()
        };
        let of_cards = run("6b", &of_cards, &mut findings).unwrap();
        insta::assert_debug_snapshot!((both, of_session, of_cards, findings.into_sorted()));
    }
}
