//! Shapes that several routes answer with.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a run stands, for the schema of [`orket_actors::runtime::RunReport`].
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = RunReport)]
pub struct RunReportShape {
    /// The run.
    pub run_id: String,
    /// Its build.
    pub build_id: String,
    /// Its epic.
    pub epic: String,
    /// `queued`, `running`, `done`, `incomplete`, `terminal_failure`, `failed`, `halted` or
    /// `interrupted`.
    pub status: String,
    /// Its cards.
    pub cards: Vec<CardReportShape>,
    /// How long it has taken, milliseconds.
    pub elapsed_ms: u64,
}

/// A card of a run, for the schema of [`orket_actors::runtime::CardReport`].
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = CardReport)]
pub struct CardReportShape {
    /// The card.
    pub id: String,
    /// Its title.
    pub summary: String,
    /// Its seat.
    pub seat: String,
    /// Its status.
    pub status: String,
    /// Attempts made, all turns together.
    pub attempts: u32,
    /// Tokens spent.
    pub tokens: u64,
    /// The code of what blocked it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// In words: why it is not done, what is unknown, which command goes on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// That it was done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Done {
    /// Always true.
    pub ok: bool,
}

impl Done {
    /// It was done.
    #[must_use]
    pub fn yes() -> Self {
        Self { ok: true }
    }
}

/// A run as dashboards know it: the reference's session, and what our ledger has beyond it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    /// The run.
    pub id: String,
    /// `epic`, or `rock` for a run that a rock started.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The epic.
    pub name: String,
    /// The department of its assets.
    pub department: String,
    /// `Started` while it is under way; then `done`, `terminal_failure`, `incomplete`, `failed`,
    /// `halted` or `interrupted`.
    pub status: String,
    /// What it was asked to do.
    pub task_input: Option<String>,
    /// Its turns, as JSON text.
    pub transcript: Option<String>,
    /// ISO 8601.
    pub start_time: String,
    /// ISO 8601.
    pub end_time: Option<String>,
    /// The run.
    pub run_id: String,
    /// Its build.
    pub build_id: String,
    /// Its epic.
    pub epic: String,
    /// The card it is for, when it is for one alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// `queued`, `running`, or how it ended.
    pub run_status: &'static str,
    /// Milliseconds since 1970-01-01 UTC.
    pub started_ms: i64,
    /// Milliseconds since 1970-01-01 UTC.
    pub ended_ms: Option<i64>,
}
