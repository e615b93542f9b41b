//! What the command line and the API are shown.

use std::collections::BTreeMap;

use orket_actors::port::store::{CardRow, RunStatus, StoreError, TurnRow};
use orket_core::status::{CardKind, CardStatus, WaitReason};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Why one run could not be found by what was typed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// Nothing begins like that.
    #[error("there is no run `{0}`; `orket runs` lists them")]
    Unknown(String),
    /// Several do.
    #[error("`{prefix}` may be any of: {}; type more of it", candidates.join(", "))]
    Ambiguous {
        /// What was typed.
        prefix: String,
        /// Some that begin like that.
        candidates: Vec<String>,
    },
    /// The journal could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSummary {
    /// The run.
    pub run_id: String,
    /// Its build.
    pub build_id: String,
    /// Its epic.
    pub epic: String,
    /// The card it is for, when it is for one alone.
    pub target: Option<String>,
    /// How it stands.
    #[serde(serialize_with = "run_status_word")]
    pub status: RunStatus,
    /// When it started, milliseconds since 1970-01-01 UTC.
    pub started_ms: i64,
    /// When it ended.
    pub ended_ms: Option<i64>,
    /// Its cards, as they stand now, by status. Cards that a later run took over count there.
    pub counts: BTreeMap<CardStatus, u64>,
    /// `{failure_class, failure_reason, status_counts, ...}` as the runtime left it.
    pub summary: Value,
}

/// A run without its cards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BareRun {
    /// The run.
    pub run_id: String,
    /// Its build.
    pub build_id: String,
    /// Its epic.
    pub epic: String,
    /// The card it is for, when it is for one alone.
    pub target: Option<String>,
    /// How it stands.
    pub status: RunStatus,
    /// When it started, milliseconds since 1970-01-01 UTC.
    pub started_ms: i64,
    /// When it ended.
    pub ended_ms: Option<i64>,
}

/// A card in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CardSummary {
    /// Its row.
    pub row: CardRow,
    /// The run it belongs to now.
    pub run_id: String,
    /// Its build.
    pub build_id: String,
    /// Its place in the epic.
    pub position: u32,
    /// The card.
    pub card_id: String,
    /// What kind it is.
    pub kind: CardKind,
    /// Its title.
    pub summary: String,
    /// Its seat.
    pub seat: String,
    /// Its status.
    pub status: CardStatus,
    /// Why it waits.
    pub wait_reason: Option<WaitReason>,
    /// The code of what blocked it.
    pub code: Option<String>,
    /// In words: why it is not done, what is unknown, which command goes on.
    pub note: String,
    /// The turn it is at.
    pub turn: u32,
    /// Attempts made, all turns and runs together.
    pub attempts: u32,
    /// Failed attempts forgiven so far.
    pub retries: u32,
    /// Tokens spent.
    pub tokens: u64,
    /// When it last changed, milliseconds since 1970-01-01 UTC.
    pub updated_ms: i64,
}

/// A build of an epic, as its newest run left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuildSummary {
    /// The build.
    pub build_id: String,
    /// Its newest run.
    pub run_id: String,
    /// How that run stands.
    #[serde(serialize_with = "run_status_word")]
    pub status: RunStatus,
    /// When that run started.
    pub started_ms: i64,
    /// All cards.
    pub cards: u64,
    /// Cards that are neither done nor put aside.
    pub unfinished: u64,
}

impl BuildSummary {
    /// Whether there is nothing left to continue: a new run of the epic starts a new build.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.unfinished == 0 && self.status.is_over()
    }
}

/// The newest build of one epic with its cards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BoardEpic {
    /// The epic.
    pub epic: String,
    /// Its newest build.
    pub build: BuildSummary,
    /// Its cards, in the epic's order.
    pub cards: Vec<CardSummary>,
}

/// An attempt in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TurnSummary {
    /// Its row.
    pub row: TurnRow,
    /// Its card's row.
    pub card: CardRow,
    /// Its card.
    pub card_id: String,
    /// The run it was made in.
    pub run_id: String,
    /// The card's turn, from 1.
    pub turn: u32,
    /// The try, from 1.
    pub attempt: u32,
    /// The seat.
    pub seat: String,
    /// The role.
    pub role: String,
    /// `open`, `succeeded`, `failed`, `stalled` or `abandoned`.
    pub status: String,
    /// The failure's code.
    pub code: Option<String>,
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// When it began, milliseconds since 1970-01-01 UTC.
    pub started_ms: i64,
    /// When it ended.
    pub ended_ms: Option<i64>,
}

/// An entry of the audit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventRow {
    /// Rises with every entry of the data folder.
    pub seq: i64,
    /// The run.
    pub run_id: String,
    /// The card's row.
    pub card: Option<CardRow>,
    /// The card.
    pub card_id: Option<String>,
    /// `status`, or what else happened.
    pub kind: String,
    /// With `status`: from.
    pub from: Option<String>,
    /// With `status`: to.
    pub to: Option<String>,
    /// With `status`: why, as a word.
    pub reason: Option<String>,
    /// With `status`: who.
    pub by: Option<String>,
    /// More of it.
    pub data: Value,
    /// When, milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
}

/// One audited change of a card's status, in the journal's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRow {
    /// The run that the card belonged to then.
    pub run_id: String,
    /// From.
    pub from: String,
    /// To.
    pub to: String,
    /// Why.
    pub reason: String,
    /// A role, `scheduler` or `operator`.
    pub by: String,
}

/// Something a person must decide, or has decided.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateRow {
    /// Its number.
    pub id: i64,
    /// The run.
    pub run_id: String,
    /// The card's row.
    pub card: CardRow,
    /// The card.
    pub card_id: String,
    /// The seat.
    pub seat: String,
    /// What kind of decision.
    pub request_type: String,
    /// Why, in words.
    pub reason: String,
    /// What is to be decided on.
    pub payload: Value,
    /// `pending`, or what was decided.
    pub status: String,
    /// What was decided, at length.
    pub resolution: Option<Value>,
    /// When it was opened, milliseconds since 1970-01-01 UTC.
    pub created_ms: i64,
    /// When it was decided.
    pub resolved_ms: Option<i64>,
    /// What an approval is for: the digest of (tool, arguments, target, policy).
    pub digest: Option<String>,
    /// Until when it can be decided.
    pub expires_ms: Option<i64>,
    /// When an approval was used.
    pub spent_ms: Option<i64>,
    /// Who decided.
    pub decided_by: Option<String>,
}

fn run_status_word<S: Serializer>(status: &RunStatus, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(status.as_str())
}
