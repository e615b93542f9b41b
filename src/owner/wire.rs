//! What goes over the socket, version 1. All of it is JSON; a stream of events is one line each.

use std::collections::BTreeMap;

use orket_actors::port::event::RuntimeEvent;
use orket_actors::port::store::RequestKey;
use orket_actors::runtime::RunReport;
use orket_core::policy::Unit;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

/// What is to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkKind {
    /// An epic.
    Epic,
    /// An epic, a rock, or one card of an epic with what it depends on.
    Card,
    /// A rock: its epics one after another.
    Rock,
}

/// `POST /v1/runs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    /// What.
    pub kind: WorkKind,
    /// Its name.
    pub name: String,
    /// Where to look for it first.
    #[serde(default = "core_department")]
    pub department: String,
    /// The build to work on; chosen when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// Only this card and what it depends on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The model for every seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The workspace folder. Over the network one below the project's `workspace/`, by its path from
    /// there; through the owner's socket any, by its path from the default workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// The workspace was asked for by name: a stopped run that has another is not gone on with, a new
    /// one on its build is.
    #[serde(default)]
    pub workspace_is_wished: bool,
    /// The run that was under way when this was asked for: should it be over by now, its end is the
    /// answer and nothing new is begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under_way: Option<String>,
    /// Where the command looks for assets; refused when the owner looks elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_root: Option<String>,
    /// A digest of the value of each setting of the command, by name; differences are warned of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<BTreeMap<String, String>>,
}

fn core_department() -> String {
    "core".to_owned()
}

/// `POST /v1/runs/{id}/fork`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForkRequest {
    /// The new run's id, so that the same request twice makes one run; chosen when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The card.
    pub issue: String,
    /// The card's turn, from 1.
    pub turn: u32,
    /// The role that took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The model for every seat; each keeps its own when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// As in [`StartRequest`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<BTreeMap<String, String>>,
}

/// `POST /v1/runs/{id}/resume`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeRequest {
    /// As in [`StartRequest`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<BTreeMap<String, String>>,
    /// The run was under way when this was asked for: should it be over by now, its end is the answer
    /// and nothing is begun again.
    #[serde(default)]
    pub under_way: bool,
}

/// What a caller calls a request, with a digest of what it asks for.
#[must_use]
pub fn request_key(caller: &str, given: &str, what: &[&str]) -> RequestKey {
    let mut digest = Sha256::new();
    for part in what {
        digest.update(part.len().to_le_bytes());
        digest.update(part.as_bytes());
    }
    let digest = digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    RequestKey {
        key: format!("{caller}:{given}"),
        digest,
    }
}

/// How it came that a run is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is new.
    Started,
    /// It was under way already.
    Attached,
    /// It had been stopped and goes on.
    Resumed,
    /// It will start when the rock comes to it.
    Queued,
    /// It was done before; nothing is run.
    AlreadyDone,
}

/// One run of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StartedRun {
    /// The run.
    pub run_id: String,
    /// Its build.
    pub build_id: String,
    /// Its epic.
    pub epic: String,
    /// How it came.
    pub outcome: Outcome,
    /// The same in words, with what an operator may want to know.
    pub words: String,
}

/// Answer to `POST /v1/runs` and `POST /v1/runs/{id}/resume`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Started {
    /// The first run.
    pub run_id: String,
    /// All runs, in their order.
    pub run_ids: Vec<String>,
    /// How the first run came.
    pub outcome: Outcome,
    /// The rock, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rock: Option<String>,
    /// The one card that was asked for, when it is finished already: the wish is fulfilled, however
    /// the run that it belongs to stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_card: Option<String>,
    /// More of each run.
    pub runs: Vec<StartedRun>,
    /// What the plan's makers want to say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Answer to `GET /v1/owner`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OwnerHealth)]
pub struct Health {
    /// `ok`, or `stopping`.
    pub status: String,
    /// The owner's version.
    pub version: String,
    /// The owner's process.
    pub pid: u32,
    /// Runs under way, and those that wait for their turn in a rock under way.
    pub active_runs: Vec<String>,
}

/// `POST /v1/shutdown`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShutdownRequest {
    /// Cancel what is under way instead of letting tool calls finish.
    #[serde(default)]
    pub immediate: bool,
}

/// `POST /v1/gates/{id}/approve`, `/reject` and `/expire`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideRequest {
    /// Who decides.
    #[serde(default)]
    pub by: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// Answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decision {
    /// The gate.
    pub id: i64,
    /// The run of its card.
    pub run_id: String,
    /// `approved`, `rejected` or `expired`.
    pub status: String,
    /// Whether the run is under way now.
    pub goes_on: bool,
}

/// `POST /v1/runs/{id}/budget`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantRequest {
    /// Who lets it spend more.
    #[serde(default)]
    pub by: String,
    /// How much more of what.
    pub add: Vec<Grant>,
}

/// More to spend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// `epic` (the run's), `rock` (the one it is part of) or `card:ID`.
    pub scope: String,
    /// Of what: `tokens`, `turns`, `usd_micros` or `wall_ms`.
    #[schema(value_type = String)]
    pub unit: Unit,
    /// How much: tokens, turns, millionths of a US dollar, milliseconds.
    pub amount: u64,
}

/// One line of `GET /v1/runs/{id}/events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Line {
    /// How the run stands at this moment: the first line, and again after events were missed.
    Snapshot {
        /// It.
        report: RunReport,
    },
    /// Something happened.
    Event(RuntimeEvent),
    /// Events that the reader does not know are not kept any more; a snapshot follows.
    Lagged {
        /// About how many, those of other runs counted; never 0.
        missed: u64,
    },
    /// Nothing happened for a while; the owner lives.
    Beat,
    /// The run is over, or the owner stops: the last line.
    End {
        /// How it ended.
        report: RunReport,
    },
}

/// An error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What is wrong; fields that are wrong are put into words.
    #[serde(deserialize_with = "in_words")]
    pub detail: String,
    /// As a code.
    pub code: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Finds the request in the owner's log.
    pub request_id: String,
}

/// A text as it is; a list of fields as `body.name: what is wrong`.
fn in_words<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(words) => words,
        Value::Array(fields) => {
            let words: Vec<String> = fields.iter().map(field_in_words).collect();
            words.join("; ")
        }
        other => other.to_string(),
    })
}

fn field_in_words(field: &Value) -> String {
    let place: Vec<String> = field["loc"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|part| {
            part.as_str()
                .map_or_else(|| part.to_string(), str::to_owned)
        })
        .collect();
    let words = field["msg"].as_str().unwrap_or("is wrong");
    format!("{}: {words}", place.join("."))
}
