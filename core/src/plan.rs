//! One run with every choice made: seats, prompts, tools, models, clocks, cards. It is built once,
//! stored with the run, and used by every later recovery, so that an edited asset never changes a
//! run that has begun.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::backoff::Backoff;
use crate::contract::Contract;
use crate::ids::{BuildId, CardId, RunId};
use crate::model::{ModelName, ModelOptions};
use crate::policy::{PromptStamp, RunPolicy};
use crate::skill::SkillBinding;
use crate::stall::Clocks;
use crate::status::{CardKind, words};
use crate::tool::ToolSpec;
use crate::verify::FixturePlan;

words! {
    /// How many artifact files a turn leaves under `observability/`.
    ArtifactMode, "artifact mode" {
        /// All of them.
        Full = "full",
        /// Only `checkpoint.json`.
        Checkpoint = "checkpoint",
        /// All of them for turns that did not succeed, nothing for the others.
        Failed = "failed",
        /// Nothing, but for the checkpoint of a stalled or failed turn.
        None = "none",
    }
}

/// A seat of the team, ready to take turns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeatPlan {
    /// The seat's key in the team.
    pub seat: String,
    /// The role that speaks: the first of `roles`, which gives prompt, tools and model.
    pub role: String,
    /// All roles of the seat: what permission checks see.
    pub roles: Vec<String>,
    /// The system prompt, the same for every card of this seat.
    pub system_prompt: Arc<str>,
    /// Where that prompt comes from.
    #[serde(default)]
    pub prompt: PromptStamp,
    /// The tools offered.
    pub tools: Arc<[ToolSpec]>,
    /// What a turn of this seat must bring when the card says nothing else.
    pub contract: Contract,
    /// Which model answers.
    pub model: ModelName,
    /// With which options.
    pub options: ModelOptions,
}

/// A command that checks what a card wrote, run in the workspace before the guard looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyCommand {
    /// Program and arguments; never a shell string.
    pub command: Vec<String>,
    /// What standard output must be, white space at both ends aside; `None` for anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_stdout: Option<String>,
    /// The exit code that is right.
    #[serde(default)]
    pub expect_exit: i32,
    /// How long it may take, in milliseconds.
    #[serde(default = "default_verify_ms")]
    pub timeout_ms: u64,
}

fn default_model_retries() -> u32 {
    5
}

fn default_created_cards() -> u32 {
    200
}

fn default_verify_ms() -> u64 {
    60_000
}

/// One card with its defaults filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CardPlan {
    /// Its id, given or derived.
    pub id: CardId,
    /// What kind it is; only issues take turns.
    pub kind: CardKind,
    /// `name` or `summary` of the asset.
    pub summary: String,
    /// The seat that works on it.
    pub seat: String,
    /// Longer text.
    #[serde(default)]
    pub description: String,
    /// A remark of the operator.
    #[serde(default)]
    pub note: String,
    /// What must be fulfilled.
    #[serde(default)]
    pub requirements: String,
    /// Larger is sooner.
    pub priority: f64,
    /// Cards that must be done before.
    #[serde(default)]
    pub depends_on: Vec<CardId>,
    /// How many failed attempts are forgiven.
    pub max_retries: u32,
    /// What its seat's turns must bring, card params applied.
    pub contract: Contract,
    /// What the guard's turns must bring, card params applied.
    pub review_contract: Contract,
    /// Checked before each guard turn.
    #[serde(default)]
    pub verify: Vec<VerifyCommand>,
    /// What is tried with it before each guard turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixture: Option<FixturePlan>,
    /// The asset's `params`, as they were.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// Labels, carried along.
    #[serde(default)]
    pub labels: Vec<String>,
    /// References, carried along.
    #[serde(default)]
    pub references: Vec<String>,
    /// The card whose turn asked for it; `None` when it is the epic's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<CardId>,
}

/// One run of an epic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunPlan {
    /// The run.
    pub run_id: RunId,
    /// The build it works on.
    pub build_id: BuildId,
    /// The epic asset's name (its file's stem).
    pub epic: String,
    /// The epic's title.
    pub title: String,
    /// The department it was found in.
    pub department: String,
    /// The rock that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rock: Option<String>,
    /// When set, only this card and what it depends on are run (`--card`, `--resume ISSUE`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<CardId>,
    /// The workspace folder, absolute.
    pub workspace: String,
    /// The seats in use, by key.
    pub seats: BTreeMap<String, SeatPlan>,
    /// The seat that reviews.
    pub guard_seat: String,
    /// The clocks.
    pub clocks: Clocks,
    /// The wait between attempts.
    pub retry: Backoff,
    /// How many earlier replies a prompt shows.
    pub context_window: u32,
    /// How many rounds one turn may take.
    pub max_rounds: u32,
    /// How many times a turn is taken up again after a crash of the process.
    pub max_recoveries: u32,
    /// How many cards the turns of a run may create.
    #[serde(default = "default_created_cards")]
    pub max_created_cards: u32,
    /// How many failures of the model's server in a row a card forgives.
    #[serde(default = "default_model_retries")]
    pub max_model_retries: u32,
    /// How many cards of one seat may be under way at once; 0 is no limit.
    #[serde(default)]
    pub wip_limit_per_seat: u32,
    /// Artifact files.
    pub artifacts: ArtifactMode,
    /// Tools that are run as child processes, by name: what the tool host needs beyond the spec.
    #[serde(default)]
    pub commands: BTreeMap<String, CommandTool>,
    /// The rules beyond seats and cards.
    #[serde(default)]
    pub policy: RunPolicy,
    /// The cards it began with, in the epic's order; empty in the record of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<CardId>,
    /// The point of another run that it began from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked_from: Option<ForkOrigin>,
}

/// The point of a run that another began from: where this turn of this card began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForkOrigin {
    /// The run.
    pub run_id: RunId,
    /// The card.
    pub issue_id: CardId,
    /// The card's turn, from 1.
    pub turn: u32,
}

impl std::fmt::Display for ForkOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.run_id, self.issue_id, self.turn)
    }
}

/// A skill's entrypoint as the tool host runs it: arguments as JSON on standard input, the result
/// as JSON on standard output.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandTool {
    /// Program and arguments.
    pub command: Vec<String>,
    /// The folder to run in, relative to the workspace.
    #[serde(default)]
    pub working_directory: String,
    /// Variables passed on from Orket's environment; everything else is cleared.
    #[serde(default)]
    pub environment: Vec<String>,
    /// The most memory it may take, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Which entrypoint of which skill it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<SkillBinding>,
}

impl CardPlan {
    /// The model that the card itself asks for in turns of `role` (`params.model_overrides`), work
    /// and review alike; it comes before the seat's. A plan holds no such wish where a stronger
    /// choice was made.
    #[must_use]
    pub fn model_override(&self, role: &str) -> Option<ModelName> {
        let wish = self.params.get("model_overrides")?.get(role)?;
        ModelName::parse(wish.as_str()?).ok()
    }
}

impl RunPlan {
    /// The seat with this key.
    #[must_use]
    pub fn seat(&self, key: &str) -> Option<&SeatPlan> {
        self.seats.get(key)
    }
}
