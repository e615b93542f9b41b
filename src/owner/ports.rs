//! What an owner needs from the rest of Orket.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use orket_actors::event_bus::About;
use orket_actors::port::event::RuntimeEvent;
use orket_actors::port::queue::RockRun;
use orket_actors::port::store::{BudgetGrant, CardRow, GateDecision, RequestKey, RunStatus};
use orket_actors::runtime::{
    ForkStart, NewRun, RunReport, Runtime, RuntimeError, Shutdown, ToQueue,
};
use orket_core::ids::{BuildId, CardId, RunId};
use orket_core::model::ModelName;
use orket_core::plan::RunPlan;
use orket_core::policy::Unit;
use orket_core::status::CardStatus;
use orket_core::turn::Step;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use utoipa::ToSchema;

use crate::fork::{Fork, ForkError, Place};
use crate::storage::reader::{ArchiveFound, ArchiveWish};

/// Runs plans: [`Runtime`], or something that plays it in a test.
pub trait Engine: Send + Sync + 'static {
    /// See [`Runtime::start_run`].
    fn start_run(&self, new: NewRun) -> BoxFuture<'static, Result<RunId, RuntimeError>>;
    /// See [`Runtime::start_run_for`].
    fn start_run_for(
        &self,
        new: NewRun,
        request: RequestKey,
    ) -> BoxFuture<'static, Result<RunId, RuntimeError>>;
    /// See [`Runtime::keep_request`].
    fn keep_request(
        &self,
        request: RequestKey,
        run: RunId,
    ) -> BoxFuture<'static, Result<(), RuntimeError>>;
    /// See [`Runtime::active_count`].
    fn active_count(&self) -> usize;
    /// See [`Runtime::turns_under_way`].
    fn turns_under_way(&self) -> usize;
    /// See [`Runtime::fork_run`].
    fn fork_run(
        &self,
        new: NewRun,
        fork: ForkStart,
    ) -> BoxFuture<'static, Result<RunId, RuntimeError>>;
    /// See [`Runtime::halt`].
    fn halt(&self, run: RunId) -> BoxFuture<'static, Result<RunReport, RuntimeError>>;
    /// See [`Runtime::resume`].
    fn resume(&self, run: RunId) -> BoxFuture<'static, Result<(), RuntimeError>>;
    /// See [`Runtime::queue_runs`].
    fn queue_runs(&self, runs: Vec<ToQueue>) -> BoxFuture<'static, Result<(), RuntimeError>>;
    /// See [`Runtime::settle_queued`].
    fn settle_queued(
        &self,
        run: RunId,
        status: RunStatus,
        why: String,
    ) -> BoxFuture<'static, Result<(), RuntimeError>>;
    /// See [`Runtime::decide_gate`].
    fn decide_gate(
        &self,
        gate: i64,
        decision: GateDecision,
        by: String,
        reason: String,
    ) -> BoxFuture<'static, Result<bool, RuntimeError>>;
    /// See [`Runtime::grant`].
    fn grant(
        &self,
        run: RunId,
        grants: Vec<BudgetGrant>,
        by: String,
    ) -> BoxFuture<'static, Result<bool, RuntimeError>>;
    /// See [`Runtime::archive`].
    fn archive(
        &self,
        cards: Vec<(CardRow, CardStatus)>,
        by: String,
        reason: String,
    ) -> BoxFuture<'static, Result<(), RuntimeError>>;
    /// See [`Runtime::unarchive`].
    fn unarchive(
        &self,
        cards: Vec<(CardRow, CardStatus)>,
        by: String,
        reason: String,
    ) -> BoxFuture<'static, Result<(), RuntimeError>>;
    /// See [`Runtime::wait`].
    fn wait(&self, run: RunId) -> BoxFuture<'static, Result<RunReport, RuntimeError>>;
    /// See [`Runtime::report`].
    fn report(&self, run: RunId) -> BoxFuture<'static, Result<RunReport, RuntimeError>>;
    /// See [`Runtime::active`].
    fn active(&self) -> BoxFuture<'static, Vec<RunId>>;
    /// See [`Runtime::emit`]; of no run.
    fn emit(&self, event: &str, data: serde_json::Value) {
        let _ = (event, data);
    }
    /// See [`Runtime::subscribe`].
    fn subscribe(&self) -> broadcast::Receiver<Arc<RuntimeEvent>>;
    /// See [`Runtime::shutdown`].
    fn shutdown(&self, how: Shutdown) -> BoxFuture<'static, ()>;
    /// See [`Runtime::broken`].
    fn broken(&self) -> BoxFuture<'static, String> {
        Box::pin(std::future::pending())
    }
}

impl Engine for Runtime {
    fn start_run(&self, new: NewRun) -> BoxFuture<'static, Result<RunId, RuntimeError>> {
        let runtime = self.clone();
        Box::pin(async move { runtime.start_run(new).await })
    }

    fn start_run_for(
        &self,
        new: NewRun,
        request: RequestKey,
    ) -> BoxFuture<'static, Result<RunId, RuntimeError>> {
        let runtime = self.clone();
        Box::pin(async move { runtime.start_run_for(new, request).await })
    }

    fn keep_request(
        &self,
        request: RequestKey,
        run: RunId,
    ) -> BoxFuture<'static, Result<(), RuntimeError>> {
        let runtime = self.clone();
        Box::pin(async move { runtime.keep_request(request, run).await })
    }

    fn active_count(&self) -> usize {
        Runtime::active_count(self)
    }

    fn turns_under_way(&self) -> usize {
        Runtime::turns_under_way(self)
    }

    fn fork_run(
        &self,
        new: NewRun,
        fork: ForkStart,
    ) -> BoxFuture<'static, Result<RunId, RuntimeError>> {
        let runtime = self.clone();
        Box::pin(async move { runtime.fork_run(new, fork).await })
    }

    fn halt(&self, run: RunId) -> BoxFuture<'static, Result<RunReport, RuntimeError>> {
        let runtime = self.clone();
        Box::pin(async move { runtime.halt(run).await })
    }

    fn resume(&self, run: RunId) -> BoxFuture<'static, Result<(), RuntimeError>> {
        let runtime = self.clone();
        Box::pin(async move { runtime.resume(run).await })
    }

    fn queue_runs(&self, runs: Vec<ToQueue>) -> BoxFuture<'static, Result<(), RuntimeError>> {
        let runtime = self.clone();
        Box::pin(async move { runtime.queue_runs(runs).await })
    }

    fn settle_queued(
        &self,
        run: RunId,
        status: RunStatus,
        why: String,
    ) -> BoxFuture<'static, Result<(), RuntimeError>> {
        let runtime = self.clone();
        Box::pin(async move { runtime.settle_queued(run, status, why).await })
    }

    fn decide_gate(
        &self,
        gate: i64,
        decision: GateDecision,
        by: String,
        reason: String,
    ) -> BoxFuture<'static, Result<bool, RuntimeError>> {
        let runtime = self.clone();
        Box::pin(async move { runtime.decide_gate(gate, decision, by, reason).await })
    }

    fn grant(
        &self,
        run: RunId,
        grants: Vec<BudgetGrant>,
        by: String,
    ) -> BoxFuture<'static, Result<bool, RuntimeError>> {
        let runtime = self.clone();
        Box::pin(async move { runtime.grant(run, grants, by).await })
    }

    fn archive(
        &self,
        cards: Vec<(CardRow, CardStatus)>,
        by: String,
        reason: String,
    ) -> BoxFuture<'static, Result<(), RuntimeError>> {
        let runtime = self.clone();
        Box::pin(async move { runtime.archive(cards, by, reason).await })
    }

    fn unarchive(
        &self,
        cards: Vec<(CardRow, CardStatus)>,
        by: String,
        reason: String,
    ) -> BoxFuture<'static, Result<(), RuntimeError>> {
        let runtime = self.clone();
        Box::pin(async move { runtime.unarchive(cards, by, reason).await })
    }

    fn wait(&self, run: RunId) -> BoxFuture<'static, Result<RunReport, RuntimeError>> {
        let runtime = self.clone();
        Box::pin(async move { runtime.wait(run).await })
    }

    fn report(&self, run: RunId) -> BoxFuture<'static, Result<RunReport, RuntimeError>> {
        let runtime = self.clone();
        Box::pin(async move { runtime.report(run).await })
    }

    fn active(&self) -> BoxFuture<'static, Vec<RunId>> {
        let runtime = self.clone();
        Box::pin(async move { runtime.active().await })
    }

    fn emit(&self, event: &str, data: serde_json::Value) {
        let about = About {
            role: "system",
            ..About::default()
        };
        Runtime::emit(self, event, about, data);
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<RuntimeEvent>> {
        Runtime::subscribe(self)
    }

    fn shutdown(&self, how: Shutdown) -> BoxFuture<'static, ()> {
        let runtime = self.clone();
        Box::pin(async move { runtime.shutdown(how).await })
    }

    fn broken(&self) -> BoxFuture<'static, String> {
        let runtime = self.clone();
        Box::pin(async move { runtime.broken().await })
    }
}

/// One run to be planned.
#[derive(Debug, Clone)]
pub struct PlanWish {
    /// The epic asset.
    pub epic: String,
    /// The department to look in first.
    pub department: String,
    /// The run's id.
    pub run_id: RunId,
    /// The build it works on.
    pub build_id: BuildId,
    /// The workspace folder, absolute.
    pub workspace: PathBuf,
    /// Only this card and what it depends on.
    pub target: Option<CardId>,
    /// The model for every seat.
    pub model: Option<ModelName>,
    /// The rock that starts it.
    pub rock: Option<String>,
}

/// What cannot be planned, one sentence each, naming file and field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanRefusal {
    /// There is no asset of this name.
    NotFound {
        /// What was looked for, such as "there is no epic `x` in department `core`".
        message: String,
        /// Names there are.
        known: Vec<String>,
    },
    /// Assets are broken or contradict each other.
    Invalid(Vec<String>),
    /// A stage before the run refuses it.
    Stage {
        /// Its code, `E_STAGE_…`.
        code: &'static str,
        /// Why, one sentence each.
        reasons: Vec<String>,
    },
}

/// An epic of a rock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RockEpic {
    /// The epic asset.
    pub epic: String,
    /// Its department.
    pub department: String,
    /// Epics of the same rock that must be done before.
    pub depends_on: Vec<String>,
}

/// What `--card ID` means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// An epic.
    Epic,
    /// A rock.
    Rock,
    /// A card of this epic.
    CardOf {
        /// The epic asset.
        epic: String,
    },
}

/// A card as the assets have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoardCard {
    /// Its id.
    pub id: String,
    /// Its title.
    pub summary: String,
    /// Its seat.
    pub seat: String,
    /// Its priority.
    pub priority: f64,
    /// Its status.
    pub status: String,
}

/// An epic on the board.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoardEpic {
    /// The asset's name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// The status of its latest run, else that of the asset.
    pub status: String,
    /// Its latest build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// Why it cannot be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its cards.
    pub cards: Vec<BoardCard>,
}

/// A rock on the board.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoardRock {
    /// The asset's name.
    pub name: String,
    /// How its latest build stands, else the status of the asset.
    pub status: String,
    /// Why it cannot be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its epics.
    pub epics: Vec<BoardEpic>,
}

/// Everything there is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Board {
    /// Rocks with their epics.
    pub rocks: Vec<BoardRock>,
    /// Epics that no rock lists.
    pub epics: Vec<BoardEpic>,
}

/// Makes plans of assets. Blocking: it reads files.
pub trait Planner: Send + Sync + 'static {
    /// What a card's name means: an epic, a rock, or a card of an epic, in this order.
    ///
    /// # Errors
    ///
    /// [`PlanRefusal::NotFound`].
    fn find(&self, name: &str, department: &str) -> Result<Found, PlanRefusal>;

    /// What the epic asset meant by a name is called; the name itself when there is none.
    fn epic_name(&self, name: &str, department: &str) -> String;

    /// What the rock asset meant by a name is called; the name itself when there is none.
    fn rock_name(&self, name: &str, department: &str) -> String;

    /// The epics of a rock, as listed, by the names of their assets.
    ///
    /// # Errors
    ///
    /// A [`PlanRefusal`].
    fn rock(&self, name: &str, department: &str) -> Result<Vec<RockEpic>, PlanRefusal>;

    /// The plan of one run, and warnings.
    ///
    /// # Errors
    ///
    /// A [`PlanRefusal`] with everything that is wrong.
    fn plan(&self, wish: PlanWish) -> Result<(NewRun, Vec<String>), PlanRefusal>;

    /// All rocks and epics of a department, as the assets have them.
    ///
    /// # Errors
    ///
    /// A [`PlanRefusal`] when the assets cannot be listed at all.
    fn board(&self, department: &str) -> Result<Board, PlanRefusal>;
}

/// A run as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRow {
    /// The run.
    pub run_id: String,
    /// Its build.
    pub build_id: String,
    /// Its epic.
    pub epic: String,
    /// The card it is for, when it is for one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// How it stands.
    #[serde(with = "status_word")]
    pub status: RunStatus,
    /// When it started, milliseconds since 1970-01-01 UTC.
    pub started_ms: i64,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<i64>,
}

/// The words of [`RunStatus`] in JSON.
mod status_word {
    use orket_actors::port::store::RunStatus;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(status: &RunStatus, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(status.as_str())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<RunStatus, D::Error> {
        let word = String::deserialize(from)?;
        RunStatus::parse(&word)
            .ok_or_else(|| D::Error::custom(format!("unknown run status `{word}`")))
    }
}

/// The records cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal cannot be read: {0}")]
pub struct RecordsError(pub String);

/// One try at a turn, as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttemptRow {
    /// Its row.
    pub row: i64,
    /// The card.
    pub issue_id: String,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Tokens read and written.
    pub tokens: u64,
    /// When it began, milliseconds since 1970-01-01 UTC.
    pub started_ms: i64,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<i64>,
}

/// What a run may spend and has spent: its epic's build, the cards of it and its rock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BudgetView {
    /// The run.
    pub run_id: String,
    /// Its build.
    pub build_id: String,
    /// Its rock's build, when it is part of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rock_build: Option<String>,
    /// Each unit of each scope that is limited or was counted.
    pub lines: Vec<BudgetLineView>,
}

/// One unit of one scope: tokens and turns as such, money in millionths of a US dollar, time in
/// milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BudgetLineView {
    /// `rock`, `epic` or `card`.
    pub scope: String,
    /// Which one.
    pub scope_id: String,
    /// Of what.
    #[schema(value_type = String)]
    pub unit: Unit,
    /// The plan's limit; none is no limit.
    pub allowed: Option<u64>,
    /// What people added to it.
    pub granted: u64,
    /// What was spent.
    pub spent: u64,
    /// What open questions set aside.
    pub reserved: u64,
    /// What is left where something is limited.
    pub left: Option<u64>,
}

/// A question for a person, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GateView {
    /// Its number.
    pub id: i64,
    /// The run that asked.
    pub run_id: String,
    /// The card.
    pub issue_id: String,
    /// The seat.
    pub seat: String,
    /// `tool_approval`, `unknown_outcome` or `budget`.
    pub request_type: String,
    /// Why, in words.
    pub reason: String,
    /// What is to be decided on.
    pub payload: serde_json::Value,
    /// `pending`, `approved`, `rejected` or `expired`.
    pub status: String,
    /// What an approval is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// When it was asked, milliseconds since 1970-01-01 UTC.
    pub created_ms: i64,
    /// Until when it can be decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<i64>,
    /// When it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_ms: Option<i64>,
    /// By whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// With which words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<serde_json::Value>,
    /// When the approval was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent_ms: Option<i64>,
}

/// Reads the journal. Blocking.
pub trait Records: Send + Sync + 'static {
    /// Runs, newest first.
    ///
    /// # Errors
    ///
    /// [`RecordsError`].
    fn runs(&self, limit: u32) -> Result<Vec<RunRow>, RecordsError>;

    /// The digest and the run of a request that a client called `key`.
    ///
    /// # Errors
    ///
    /// [`RecordsError`].
    fn request(&self, key: &str) -> Result<Option<(String, String)>, RecordsError>;

    /// Runs whose id begins with `prefix`, newest first; at most a few.
    ///
    /// # Errors
    ///
    /// [`RecordsError`].
    fn runs_like(&self, prefix: &str) -> Result<Vec<RunRow>, RecordsError>;

    /// The newest run of each build of an epic, newest first.
    ///
    /// # Errors
    ///
    /// [`RecordsError`].
    fn builds_of(&self, epic: &str) -> Result<Vec<RunRow>, RecordsError>;

    /// The newest run of one build of an epic.
    ///
    /// # Errors
    ///
    /// [`RecordsError`].
    fn newest_of_build(&self, epic: &str, build: &str) -> Result<Option<RunRow>, RecordsError>;

    /// The builds of rocks with a run that waits or is under way, oldest first.
    ///
    /// # Errors
    ///
    /// [`RecordsError`].
    fn unfinished_rocks(&self) -> Result<Vec<String>, RecordsError>;

    /// The newest run of each epic of a rock's build, in the order of the rock.
    ///
    /// # Errors
    ///
    /// [`RecordsError`].
    fn rock_runs(&self, rock_build: &str) -> Result<Vec<RockRun>, RecordsError>;

    /// The build of the rock that a run belongs to.
    ///
    /// # Errors
    ///
    /// [`RecordsError`].
    fn rock_build_of(&self, run_id: &str) -> Result<Option<String>, RecordsError>;

    /// Whether a run is stored and has never begun.
    ///
    /// # Errors
    ///
    /// [`RecordsError`].
    fn has_not_begun(&self, run_id: &str) -> Result<bool, RecordsError>;

    /// How a run stands, with its cards.
    ///
    /// # Errors
    ///
    /// [`RecordsError`].
    fn report(&self, run_id: &str) -> Result<Option<RunReport>, RecordsError>;

    /// The tries made in a run, oldest first; those of one card when it is named.
    ///
    /// # Errors
    ///
    /// [`RecordsError`].
    fn attempts(&self, run_id: &str, card: Option<&str>) -> Result<Vec<AttemptRow>, RecordsError>;

    /// The steps of a try, in order.
    ///
    /// # Errors
    ///
    /// [`RecordsError`].
    fn steps(&self, attempt: i64) -> Result<Vec<Arc<Step>>, RecordsError>;

    /// What persons must decide, or with `None` have decided too, oldest first.
    ///
    /// # Errors
    ///
    /// [`RecordsError`].
    fn gates(&self, status: Option<&str>) -> Result<Vec<GateView>, RecordsError>;

    /// How archived cards stood when each was last put away.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read.
    fn stood_before_archive(
        &self,
        rows: &[CardRow],
    ) -> Result<HashMap<CardRow, CardStatus>, RecordsError>;

    /// The cards that somebody asks to archive.
    ///
    /// # Errors
    ///
    /// [`RecordsError`].
    fn to_archive(&self, wish: &ArchiveWish) -> Result<ArchiveFound, RecordsError>;

    /// What a run may spend and has spent.
    ///
    /// # Errors
    ///
    /// [`RecordsError`].
    fn budget(&self, run_id: &str) -> Result<Option<BudgetView>, RecordsError>;

    /// The plan of a run.
    ///
    /// # Errors
    ///
    /// [`RecordsError`].
    fn plan(&self, run_id: &str) -> Result<Option<Arc<RunPlan>>, RecordsError>;

    /// What a fork of this point is made of.
    ///
    /// # Errors
    ///
    /// A [`ForkError`].
    fn fork(&self, place: &Place) -> Result<Fork, ForkError>;
}
