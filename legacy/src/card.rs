//! A row of `issues` as a card.

use orket_core::card_life::CardLife;
use orket_core::contract::Contract;
use orket_core::ids::{BuildId, CardId, IdError, RunId};
use orket_core::plan::CardPlan;
use orket_core::status::{CardKind, CardStatus, WaitReason};
use serde_json::{Map, Value};

use crate::finding::Findings;
use crate::row::{Cell, Row};
use crate::{ids, time, words};

/// The table.
pub const TABLE: &str = "issues";

/// The number that the Python Orket gave cards without one.
const PRIORITY: f64 = 2.0;
const MAX_RETRIES: u32 = 3;
/// What a card without a fixture has in our lists.
const NO_VERIFICATION: &str = r#"{"fixture_path":null,"scenarios":[],"last_run":null}"#;

/// A card, ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// The row's key.
    pub key: String,
    /// The run that it belongs to.
    pub run_id: RunId,
    /// Its build.
    pub build_id: BuildId,
    /// What it is.
    pub plan: CardPlan,
    /// How it stands.
    pub life: CardLife,
    /// Its fixture, as JSON text.
    pub verification_json: String,
    /// When it was made, if that is known.
    pub created_ms: Option<i64>,
}

/// The card of a row. `build_of_run`: the build of a session, for cards that name none.
///
/// # Errors
///
/// Never in fact; see [`ids`].
pub fn card(
    row: &Row,
    build_of_run: impl Fn(&str) -> Option<String>,
    findings: &mut Findings,
) -> Result<Card, IdError> {
    let place = (TABLE, row.key.as_str());
    let id = match row.text("id") {
        Some(id) => ids::card(id, (place, "id"), findings)?,
        None => ids::card(&row.key, (place, "id"), findings)?,
    };
    let session = row.text("session_id");
    let build = row
        .text("build_id")
        .map(str::to_owned)
        .or_else(|| session.and_then(build_of_run));
    let build = build.unwrap_or_else(|| {
        findings.note(
            place,
            "build_id",
            row.cell("build_id").shown(),
            "build `imported`",
        );
        "imported".to_owned()
    });
    let build_id = ids::build(&build, (place, "build_id"), findings)?;
    let run_id = match session {
        Some(session) => ids::run(session, (place, "session_id"), findings)?,
        None => ids::run_of_build(build_id.as_str())?,
    };
    let mut reading = Reading { row, findings };
    let life = reading.life();
    let plan = reading.plan(id)?;
    Ok(Card {
        key: row.key.clone(),
        run_id,
        build_id,
        verification_json: reading.verification(),
        created_ms: reading.created(),
        plan,
        life,
    })
}

struct Reading<'a> {
    row: &'a Row,
    findings: &'a mut Findings,
}

impl Reading<'_> {
    fn note(&mut self, column: &str, became: impl Into<String>) {
        let found = self.row.cell(column).shown();
        self.findings
            .note((TABLE, &self.row.key), column, found, became);
    }

    fn has(&self, column: &str) -> bool {
        *self.row.cell(column) != Cell::Null
    }

    fn life(&mut self) -> CardLife {
        let mut life = CardLife::default();
        match words::card_status(self.row.cell("status")) {
            Some(status) => life.status = status,
            // A person has to decide: nothing runs it meanwhile.
            None => {
                self.note("status", "blocked, waiting for input");
                life.status = CardStatus::Blocked;
                life.wait_reason = Some(WaitReason::Input);
                life.note = format!(
                    "the Python Orket had it as `{}`, which is no status",
                    self.row.cell("status").shown()
                );
            }
        }
        if self.has("retry_count") {
            match words::count(self.row.cell("retry_count")) {
                Some(count) => life.retries = count,
                None => self.note("retry_count", "0"),
            }
        }
        life
    }

    fn plan(&mut self, id: CardId) -> Result<CardPlan, IdError> {
        let kind = words::card_kind(self.row.cell("type")).unwrap_or_else(|| {
            if self.has("type") {
                self.note("type", "issue");
            }
            CardKind::Issue
        });
        let priority = words::priority(self.row.cell("priority")).unwrap_or_else(|| {
            if self.has("priority") {
                self.note("priority", "2.0, as the Python Orket took it");
            }
            PRIORITY
        });
        let max_retries = words::count(self.row.cell("max_retries")).unwrap_or_else(|| {
            if self.has("max_retries") {
                self.note("max_retries", "3");
            }
            MAX_RETRIES
        });
        Ok(CardPlan {
            id,
            kind,
            summary: self.words("summary"),
            seat: self.words("seat"),
            description: String::new(),
            note: self.words("note"),
            requirements: String::new(),
            priority,
            depends_on: self.depends_on()?,
            max_retries,
            contract: Contract::default(),
            review_contract: Contract::default(),
            verify: Vec::new(),
            fixture: None,
            params: self.params(),
            labels: Vec::new(),
            references: Vec::new(),
            created_by: None,
        })
    }

    /// A text; what is none is shown as one.
    fn words(&mut self, column: &str) -> String {
        match self.row.cell(column) {
            Cell::Text(text) => text.clone(),
            Cell::Null => String::new(),
            other @ (Cell::Integer(_) | Cell::Real(_) | Cell::Damaged(_) | Cell::Blob(_)) => {
                let shown = other.shown();
                self.note(column, "the same as text");
                shown
            }
        }
    }

    fn depends_on(&mut self) -> Result<Vec<CardId>, IdError> {
        let column = "depends_on_json";
        let Some(text) = self.row.text(column) else {
            if self.has(column) {
                self.note(column, "none");
            }
            return Ok(Vec::new());
        };
        match serde_json::from_str::<Option<Vec<String>>>(text) {
            Ok(list) => list
                .unwrap_or_default()
                .iter()
                .map(|id| ids::card(id, ((TABLE, &self.row.key), column), self.findings))
                .collect(),
            Err(_) if text.trim().is_empty() => Ok(Vec::new()),
            Err(_) => {
                self.note(column, "none: it is no list of ids");
                Ok(Vec::new())
            }
        }
    }

    fn verification(&mut self) -> String {
        let column = "verification_json";
        let text = self.row.text(column).map(str::trim).unwrap_or_default();
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(object)) if !object.is_empty() => text.to_owned(),
            Ok(Value::Object(_) | Value::Null) => NO_VERIFICATION.to_owned(),
            Ok(_) | Err(_) => {
                if !text.is_empty() || (self.has(column) && self.row.text(column).is_none()) {
                    self.note(column, "none: it is no JSON object");
                }
                NO_VERIFICATION.to_owned()
            }
        }
    }

    /// What our cards have no column for, shown among a card's params.
    fn params(&mut self) -> Map<String, Value> {
        let mut kept = Map::new();
        for column in ["assignee", "sprint", "resolution", "credits_spent"] {
            if self.has(column) {
                kept.insert(column.to_owned(), self.row.cell(column).json());
            }
        }
        if let Some(text) = self.row.text("metrics_json") {
            match serde_json::from_str::<Value>(text) {
                Ok(Value::Object(metrics)) if metrics.is_empty() => {}
                Ok(metrics) => {
                    kept.insert("metrics".to_owned(), metrics);
                }
                Err(_) if text.trim().is_empty() => {}
                Err(_) => {
                    self.note("metrics_json", "a text: it is no JSON");
                    kept.insert("metrics".to_owned(), Value::String(text.to_owned()));
                }
            }
        }
        let mut params = Map::new();
        if !kept.is_empty() {
            params.insert("legacy".to_owned(), Value::Object(kept));
        }
        params
    }

    fn created(&mut self) -> Option<i64> {
        let column = "created_at";
        let read = self.row.text(column).and_then(time::parse);
        if read.is_none() && self.has(column) {
            self.note(column, "the first thing known of the card");
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[(&str, Cell)]) -> Row {
        Row {
            key: "K".to_owned(),
            cells: cells
                .iter()
                .map(|(name, cell)| ((*name).to_owned(), cell.clone()))
                .collect(),
        }
    }

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    #[test]
    fn a_whole_card_loses_nothing() {
        let mut findings = Findings::default();
        let row = row(&[
            ("id", text("I-1")),
            ("session_id", text("4f2a9c01")),
            ("build_id", text("build-golden_flow")),
            ("seat", text("coder")),
            ("summary", text("Größe messen")),
            ("type", text("issue")),
            ("priority", text("High")),
            ("sprint", text("Q1 S6")),
            ("status", text("code_review")),
            ("assignee", text("coder")),
            ("note", text("mind the gap")),
            ("resolution", Cell::Null),
            ("credits_spent", Cell::Real(0.5)),
            ("retry_count", Cell::Integer(1)),
            ("max_retries", Cell::Integer(5)),
            ("verification_json", text("{\"fixture_path\":\"a.py\"}")),
            ("metrics_json", text("{\"score\":1}")),
            ("depends_on_json", text("[\"I-0\"]")),
            ("created_at", text("2026-02-11T09:30:00+00:00")),
        ]);
        let card = card(&row, |_| None, &mut findings).unwrap();
        assert!(findings.into_sorted().is_empty());
        insta::assert_debug_snapshot!((
            card.run_id.as_str(),
            card.build_id.as_str(),
            serde_json::to_string(&card.life).unwrap(),
            serde_json::to_value(&card.plan).unwrap().to_string(),
            card.verification_json,
            card.created_ms,
        ));
    }

    #[test]
    fn what_means_nothing_is_reported_and_nothing_is_guessed() {
        let mut findings = Findings::default();
        let row = row(&[
            ("id", text("../x")),
            ("session_id", Cell::Null),
            ("build_id", Cell::Null),
            ("seat", Cell::Integer(7)),
            ("type", text("story")),
            ("priority", text("urgent")),
            ("status", text("finished")),
            ("retry_count", Cell::Integer(-1)),
            ("max_retries", text("many")),
            ("verification_json", text("[")),
            ("metrics_json", text("{")),
            ("depends_on_json", text("{\"a\":1}")),
            ("created_at", Cell::Integer(5)),
        ]);
        let card = card(&row, |_| None, &mut findings).unwrap();
        assert_eq!(card.life.status, CardStatus::Blocked);
        assert_eq!(card.life.wait_reason, Some(WaitReason::Input));
        let lines: Vec<String> = findings
            .into_sorted()
            .into_iter()
            .map(|it| format!("{} {}: {}", it.column, it.found, it.became))
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
