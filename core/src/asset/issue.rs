//! The issue: the card that seats work on, alone in a file or within an epic.

use serde::Serialize;
use serde_json::{Map, Value};

use super::card::{Card, Metrics};
use super::reader::Reader;
use super::{Asset, name};
use crate::ids::CardId;
use crate::policy::Limits;
use crate::status::{CardKind, words};

/// How many failed attempts are forgiven when the card does not say.
pub const DEFAULT_MAX_RETRIES: u32 = 3;

/// The seat of a card that names none.
const DEFAULT_SEAT: &str = "standard";

/// A unit of work.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Issue {
    /// Its id, given or derived from the epic's name and its place.
    pub id: CardId,
    /// Whether the id was derived.
    #[serde(skip)]
    pub id_is_derived: bool,
    /// The common fields.
    #[serde(flatten)]
    pub card: Card,
    /// The seat that works on it, as written.
    pub seat: String,
    /// Who has it.
    pub assignee: Option<String>,
    /// The sprint.
    pub sprint: Option<String>,
    /// What must be fulfilled.
    pub requirements: String,
    /// The cards that must be done before.
    pub depends_on: Vec<String>,
    /// Failed attempts so far.
    pub retry_count: u32,
    /// How many are forgiven; absent for [`DEFAULT_MAX_RETRIES`] or the operator's setting.
    pub max_retries: Option<u32>,
    /// What it may spend.
    #[serde(skip_serializing_if = "Limits::is_empty")]
    pub budget: Limits,
    /// How it is checked.
    pub verification: Verification,
    /// How well it went.
    pub metrics: Metrics,
}

impl Issue {
    /// Reads a card; `derived` is its id when it gives none.
    pub(super) fn read_with_id(reader: &Reader<'_>, derived: &str) -> Self {
        let given = reader.text("id");
        let id_is_derived = given.is_none();
        let id = CardId::new(given.as_deref().unwrap_or(derived)).unwrap_or_else(|error| {
            reader.problem("id", error.to_string());
            unknown_id()
        });
        Self {
            id,
            id_is_derived,
            card: Card::read(reader, CardKind::Issue),
            seat: reader.text_or("seat", DEFAULT_SEAT),
            assignee: reader.text("assignee"),
            sprint: reader.text("sprint"),
            requirements: reader.lines("requirements"),
            depends_on: reader.texts("depends_on"),
            retry_count: reader.count("retry_count").unwrap_or(0),
            max_retries: reader.count("max_retries"),
            budget: super::read_budget(reader),
            verification: reader
                .object("verification", Verification::read)
                .unwrap_or_default(),
            metrics: reader.object("metrics", Metrics::read).unwrap_or_default(),
        }
    }
}

/// Stands in for an id that was refused; the refusal keeps it from being used.
#[expect(clippy::expect_used, reason = "the literal is an identifier")]
fn unknown_id() -> CardId {
    CardId::new("_").expect("an underscore is an identifier")
}

impl Asset for Issue {
    const KIND: &'static str = "issue";
    const CATEGORY: &'static str = "issues";

    fn read(reader: &Reader<'_>, stem: &str) -> Self {
        Self::read_with_id(reader, &derived_id(stem, None))
    }
}

/// The id of a card that gives none: the name of its file in capitals, and its place from 1 within
/// an epic. The same file always gives the same ids.
#[must_use]
pub fn derived_id(stem: &str, place: Option<usize>) -> String {
    let stem = name::sanitise(stem).to_uppercase();
    match place {
        Some(place) => format!("{stem}-{place:02}"),
        None => stem,
    }
}

/// How a card's result is checked.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Verification {
    /// The fixture, relative to the workspace.
    pub fixture_path: Option<String>,
    /// What is tried.
    pub scenarios: Vec<VerificationScenario>,
    /// What came of it last.
    pub last_run: Option<VerificationResult>,
}

impl Verification {
    fn read(reader: &Reader<'_>) -> Self {
        let fixture_path = match reader.either(&["fixture_path", "verification_fixture"]) {
            None => None,
            Some((key, _)) => reader.text(key),
        };
        let last_run = match reader.either(&["last_run", "last_verification"]) {
            None => None,
            Some((key, _)) => reader.object(key, VerificationResult::read),
        };
        Self {
            fixture_path,
            scenarios: reader.objects(&["scenarios"], VerificationScenario::read),
            last_run,
        }
    }
}

words! {
    /// What came of a scenario.
    ScenarioStatus, "scenario status" {
        /// Not tried.
        Pending = "pending",
        /// As expected.
        Pass = "pass",
        /// Not as expected.
        Fail = "fail",
    }
}

/// One input and what it must give.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerificationScenario {
    /// Its id, given or derived from its place.
    pub id: String,
    /// What it shows.
    pub description: String,
    /// The input.
    pub input_data: Map<String, Value>,
    /// What must come of it.
    pub expected_output: Value,
    /// What did.
    pub actual_output: Value,
    /// Whether they are the same.
    pub status: ScenarioStatus,
}

impl VerificationScenario {
    fn read(place: usize, reader: &Reader<'_>) -> Self {
        let any = |key| reader.value(key).cloned().unwrap_or_default();
        Self {
            id: reader.text_or("id", &format!("S{:02}", place + 1)),
            description: reader.text_or("description", ""),
            input_data: reader.map("input_data"),
            expected_output: any("expected_output"),
            actual_output: any("actual_output"),
            status: reader.word("status").unwrap_or(ScenarioStatus::Pending),
        }
    }
}

/// The last verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerificationResult {
    /// When.
    pub timestamp: Option<String>,
    /// How many scenarios.
    pub total_scenarios: u32,
    /// How many held.
    pub passed: u32,
    /// How many did not.
    pub failed: u32,
    /// What was said.
    pub logs: Vec<String>,
}

impl VerificationResult {
    fn read(reader: &Reader<'_>) -> Self {
        Self {
            timestamp: reader.text("timestamp"),
            total_scenarios: reader.count("total_scenarios").unwrap_or(0),
            passed: reader.count("passed").unwrap_or(0),
            failed: reader.count("failed").unwrap_or(0),
            logs: reader.texts("logs"),
        }
    }
}
