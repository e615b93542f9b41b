//! What rocks, epics and issues have in common.

use serde::Serialize;
use serde_json::{Map, Value};

use super::reader::{Reader, expected};
use crate::status::{CardKind, CardStatus, WaitReason};

/// The priority of a card that says nothing.
pub const DEFAULT_PRIORITY: f64 = 2.0;

/// The common fields of a card.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Card {
    /// What is to be done, in a line: `name` or `summary`.
    #[serde(rename = "summary")]
    pub name: String,
    /// What kind of card it is.
    #[serde(rename = "type")]
    pub kind: CardKind,
    /// Where it stands.
    pub status: CardStatus,
    /// Longer text.
    pub description: String,
    /// Larger is sooner.
    pub priority: f64,
    /// Why it waits.
    pub wait_reason: Option<WaitReason>,
    /// A remark of the operator.
    pub note: String,
    /// The card above it.
    pub parent_id: Option<String>,
    /// The build it belongs to.
    pub build_id: Option<String>,
    /// Who answers for it.
    pub owner_department: String,
    /// Labels.
    pub labels: Vec<String>,
    /// Free settings.
    pub params: Map<String, Value>,
    /// References.
    pub references: Vec<String>,
}

impl Card {
    pub(super) fn read(reader: &Reader<'_>, kind: CardKind) -> Self {
        let name = reader.required_text(&["summary", "name"], "what it is about");
        Self::read_named(reader, kind, name)
    }

    /// Reads a card that may go without a name of its own.
    pub(super) fn read_titled(reader: &Reader<'_>, kind: CardKind, stem: &str) -> Self {
        let title = match reader.either(&["name", "summary"]) {
            None => stem.to_owned(),
            Some(_) => reader.required_text(&["name", "summary"], "a title"),
        };
        Self::read_named(reader, kind, title)
    }

    fn read_named(reader: &Reader<'_>, kind: CardKind, name: String) -> Self {
        Self {
            name,
            kind: reader.word("type").unwrap_or(kind),
            status: status(reader, kind),
            description: reader.lines("description"),
            priority: priority(reader),
            wait_reason: reader.word("wait_reason"),
            note: reader.lines("note"),
            parent_id: reader.text("parent_id"),
            build_id: reader.text("build_id"),
            owner_department: reader.text_or("owner_department", "core"),
            labels: reader.texts("labels"),
            params: reader.map("params"),
            references: reader.texts("references"),
        }
    }
}

fn status(reader: &Reader<'_>, kind: CardKind) -> CardStatus {
    // The word of the shipped rocks of the reference system, whose own parser refused it.
    let active = reader.value("status").and_then(Value::as_str) == Some("active");
    if kind == CardKind::Rock && active {
        return CardStatus::InProgress;
    }
    reader.word("status").unwrap_or(CardStatus::Ready)
}

/// `high` is 3, `medium` 2, `low` 1; a number or a text of one is itself.
fn priority(reader: &Reader<'_>) -> f64 {
    const WORDS: &str = "a number, or one of high (3), medium (2), low (1)";
    let Some(value) = reader.value("priority") else {
        return DEFAULT_PRIORITY;
    };
    let found = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.trim().to_lowercase().as_str() {
            "high" => Some(3.0),
            "medium" => Some(2.0),
            "low" => Some(1.0),
            other => other.parse().ok(),
        },
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    found
        .filter(|number| number.is_finite())
        .unwrap_or_else(|| {
            reader.problem("priority", expected(WORDS, value));
            DEFAULT_PRIORITY
        })
}

/// How well something went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metrics {
    /// The score.
    pub score: f64,
    /// The grade in words.
    pub grade: String,
    /// When it was judged.
    pub audit_date: Option<String>,
    /// The score of each criterion.
    pub criteria_scores: Map<String, Value>,
    /// The score from which it may ship.
    pub shippability_threshold: f64,
    /// How far the path strayed.
    pub path_delta: f64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            score: 0.0,
            grade: "Pending".to_owned(),
            audit_date: None,
            criteria_scores: Map::new(),
            shippability_threshold: 7.0,
            path_delta: 0.0,
        }
    }
}

impl Metrics {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let default = Self::default();
        Self {
            score: reader.number("score").unwrap_or(default.score),
            grade: reader.text_or("grade", &default.grade),
            audit_date: reader.text("audit_date"),
            criteria_scores: reader.map("criteria_scores"),
            shippability_threshold: reader
                .number("shippability_threshold")
                .unwrap_or(default.shippability_threshold),
            path_delta: reader.number("path_delta").unwrap_or(default.path_delta),
        }
    }
}

/// Something learnt on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lesson {
    /// When.
    pub date: Option<String>,
    /// About what.
    pub category: String,
    /// What was seen.
    pub observation: String,
    /// `negative` unless it says otherwise.
    pub sentiment: String,
    /// What to do about it.
    pub action_item: String,
}

impl Lesson {
    pub(super) fn read(_place: usize, reader: &Reader<'_>) -> Self {
        Self {
            date: reader.text("date"),
            category: reader.text_or("category", ""),
            observation: reader.text_or("observation", ""),
            sentiment: reader.text_or("sentiment", "negative"),
            action_item: reader.text_or("action_item", ""),
        }
    }
}
