//! The journal. All changes go through [`Store::submit`]: one [`Write`] is applied whole or not at
//! all, and its answer comes after the commit that made it durable.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use orket_core::card_life::CardLife;
use orket_core::ids::{BuildId, CardId, RunId};
use orket_core::plan::{CardPlan, RunPlan};
use orket_core::policy::{Amounts, Scope, Spent, Unit};
use orket_core::status::CardStatus;
use orket_core::turn::Step;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::queue::{QueueOp, QueuedRun};

/// The request type of a gate about a call that may have happened.
pub const UNKNOWN_OUTCOME: &str = "unknown_outcome";
/// The status of a gate that nobody has decided.
pub const GATE_PENDING: &str = "pending";
/// The request type of a gate about a guard whose refusal lacks its reasons, or whose answers cannot
/// be used at all.
pub const GUARD_PAYLOAD: &str = "guard_rejection_payload";
/// The request type of a gate about a budget; its payload is a [`Shortage`].
pub const BUDGET: &str = "budget";

/// A card's row number: chosen by the runtime, never reused in a data folder.
pub type CardRow = i64;
/// An attempt's row number: likewise.
pub type TurnRow = i64;

/// Why a write or read did not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another attempt owns the card; whoever asked must stop.
    #[error("fenced: another attempt owns this card")]
    Fenced,
    /// The write contradicts what is stored (a repeated id, a missing row). Nothing of it was applied.
    #[error("the journal refused the write: {0}")]
    Conflict(String),
    /// The writer panicked on this very write. Nothing of it was applied.
    #[error("the writer panicked on this write: {0}")]
    Panicked(String),
    /// The database could not be used (disk full, I/O error). Nothing was applied.
    #[error("the journal is unavailable: {0}")]
    Unavailable(String),
    /// A question could cost more than what is left. Nothing of the write was applied.
    #[error("{0}")]
    OverBudget(Box<Shortage>),
    /// The store is shut down.
    #[error("the journal is closed")]
    Closed,
}

/// What is missing for a question to be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    /// `rock`, `epic` or `card`.
    pub scope: String,
    /// Which one.
    pub scope_id: String,
    /// Of what.
    pub unit: Unit,
    /// How much it may spend, what people granted included.
    pub allowed: u64,
    /// What it has spent.
    pub spent: u64,
    /// What others have set aside.
    pub reserved: u64,
    /// What the question could cost.
    pub asked: u64,
}

/// More to spend, for one unit of one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetGrant {
    /// `rock`, `epic` or `card`.
    pub scope: String,
    /// Which one.
    pub scope_id: String,
    /// Of what.
    pub unit: Unit,
    /// How much more.
    pub amount: u64,
}

impl BudgetGrant {
    /// Whether this is what somebody lacked.
    #[must_use]
    pub fn answers(&self, shortage: &Shortage) -> bool {
        self.scope == shortage.scope
            && self.scope_id == shortage.scope_id
            && self.unit == shortage.unit
    }
}

impl Shortage {
    /// How much is left to be set aside.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.allowed
            .saturating_sub(self.spent)
            .saturating_sub(self.reserved)
    }

    /// Whether `needed` would be there if all that is set aside were given back.
    #[must_use]
    pub fn may_pass(&self, needed: u64) -> bool {
        self.reserved > 0 && self.spent.saturating_add(needed) <= self.allowed
    }

    /// How much more must be allowed.
    #[must_use]
    pub fn missing(&self) -> u64 {
        let needed = self.spent.saturating_add(self.reserved);
        needed
            .saturating_add(self.asked)
            .saturating_sub(self.allowed)
    }
}

impl std::fmt::Display for Shortage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let show = |amount| orket_core::policy::shown(self.unit, amount);
        write!(
            f,
            "the {} {} may spend {} {}; {} are spent, {} are set aside, and the next question could take {}; approving adds {}",
            self.scope,
            self.scope_id,
            show(self.allowed),
            self.unit,
            show(self.spent),
            show(self.reserved),
            show(self.asked),
            show(self.missing())
        )
    }
}

/// What must still hold for a write to be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Nothing.
    None,
    /// `turns.fence` of this row is this number, and the attempt has not ended.
    Turn(TurnRow, i64),
    /// `cards.fence` of this row is this number.
    Card(CardRow, i64),
}

/// A folder whose files must be on disk before the write is committed. Files are flushed for a
/// whole batch at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlushFolder(pub Arc<PathBuf>);

/// One change, applied whole or not at all.
#[derive(Debug, Clone)]
pub struct Write {
    /// What must still hold.
    pub guard: Guard,
    /// Files that must be on disk first.
    pub flush: Option<FlushFolder>,
    /// The changes, in order.
    pub ops: Vec<Op>,
}

/// One step row.
#[derive(Debug, Clone)]
pub struct StepRow {
    /// Its place in the turn, from 0; unique within it.
    pub seq: u32,
    /// When, milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// What.
    pub step: Arc<Step>,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// Waits for its turn in its rock.
    Queued,
    /// Under way, or its owner died.
    Running,
    /// Stopped by an operator; goes on with `orket resume`.
    Halted,
    /// Stopped by a shutdown in good order; goes on with `orket resume` or the same command again.
    Interrupted,
    /// Every card finished well.
    Done,
    /// Every card settled, some badly.
    TerminalFailure,
    /// Ended with cards that never settled.
    Incomplete,
    /// Broke.
    Failed,
    /// Never begun: an epic of its rock that it depends on did not end well.
    Skipped,
}

impl RunStatus {
    /// Every value.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Running,
        Self::Halted,
        Self::Interrupted,
        Self::Done,
        Self::TerminalFailure,
        Self::Incomplete,
        Self::Failed,
        Self::Skipped,
    ];

    /// The word stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Halted => "halted",
            Self::Interrupted => "interrupted",
            Self::Done => "done",
            Self::TerminalFailure => "terminal_failure",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// The value of a stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether a run in this state can be gone on with as it is.
    #[must_use]
    pub const fn can_go_on(self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::Halted | Self::Interrupted | Self::Skipped => true,
            Self::Done | Self::TerminalFailure | Self::Incomplete | Self::Failed => false,
        }
    }

    /// Whether nothing more will happen unless somebody asks.
    #[must_use]
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// A change of a card's status, for the audit.
#[derive(Debug, Clone)]
pub struct StatusChange {
    /// From.
    pub from: CardStatus,
    /// To.
    pub to: CardStatus,
    /// Why, as a word: `turn_dispatch`, `tool_call`, `retry`, `dependency_blocked`, ...
    pub reason: String,
    /// Who: a role, `scheduler` or `operator`.
    pub by: String,
}

/// One kind of change.
#[derive(Debug, Clone)]
pub enum Op {
    /// A new run; its id must be new. Status `running`.
    InsertRun {
        /// The plan, stored whole.
        plan: Arc<RunPlan>,
        /// When.
        at_ms: i64,
    },
    /// Remembers which run a client's request began. One that is known already is left as it is.
    KeepRequest {
        /// What the client calls it.
        request: RequestKey,
        /// The run.
        run_id: RunId,
        /// When.
        at_ms: i64,
    },
    /// A run that waits for its turn, or begins now that it has come.
    Queue(QueueOp),
    /// How a run stands. Ended runs get `ended_at`; going back to `running` clears it.
    SetRun {
        /// The run.
        run_id: RunId,
        /// Its status now.
        status: RunStatus,
        /// `{failure_class, failure_reason, status_counts, ...}`, merged over what is stored.
        summary: Value,
        /// When.
        at_ms: i64,
    },
    /// New cards of a build. `life` is stored beside the definition, which goes to a table of its
    /// own so that the hot row stays small.
    InsertCards {
        /// The run that brings them.
        run_id: RunId,
        /// The build they belong to.
        build_id: BuildId,
        /// Row number, place in the epic, definition, life.
        cards: Vec<(CardRow, u32, Arc<CardPlan>, CardLife)>,
        /// When.
        at_ms: i64,
    },
    /// Cards of an earlier run of the same build now belong to this run.
    AdoptCards {
        /// The new run.
        run_id: RunId,
        /// The cards.
        rows: Vec<CardRow>,
    },
    /// A card's life changed: status columns, `life_json`, and one `card_events` row per change.
    /// With `fence`, the card's fence is set to it, and so is that of its open turns.
    SetCard {
        /// The card.
        row: CardRow,
        /// Its life now; boxed to keep the enum small.
        life: Box<CardLife>,
        /// The new fence, when it is raised.
        fence: Option<i64>,
        /// What changed, for the audit; may be empty.
        changes: Vec<StatusChange>,
        /// When.
        at_ms: i64,
    },
    /// A new attempt; status `open`.
    OpenTurn {
        /// Its row.
        row: TurnRow,
        /// Its card.
        card: CardRow,
        /// Its run.
        run_id: RunId,
        /// Its card's id.
        card_id: CardId,
        /// Its fence: the card's.
        fence: i64,
        /// The card's turn, from 1.
        turn: u32,
        /// The try, from 1.
        attempt: u32,
        /// The seat.
        seat: String,
        /// The role.
        role: String,
        /// When.
        at_ms: i64,
    },
    /// Steps of an attempt.
    Steps {
        /// The attempt.
        turn: TurnRow,
        /// In order.
        steps: Vec<StepRow>,
    },
    /// An open attempt has a new fence (recovery takes it over).
    FenceTurn {
        /// The attempt.
        turn: TurnRow,
        /// The fence.
        fence: i64,
    },
    /// An attempt ended.
    CloseTurn {
        /// The attempt.
        turn: TurnRow,
        /// `succeeded`, `failed`, `stalled`, `abandoned`.
        status: &'static str,
        /// The failure's code, when it failed.
        code: Option<&'static str>,
        /// Tokens read.
        prompt_tokens: u64,
        /// Tokens written.
        output_tokens: u64,
        /// When.
        at_ms: i64,
    },
    /// A comment on a card; a repeated key changes nothing.
    Comment {
        /// The card.
        card: CardRow,
        /// Who says it.
        author: String,
        /// What.
        content: String,
        /// The idempotency key.
        key: String,
        /// When.
        at_ms: i64,
    },
    /// Something a person must decide.
    OpenGate {
        /// What an approval is for; `None` where none can be given.
        digest: Option<String>,
        /// Until when it can be decided.
        expires_at_ms: Option<i64>,
        /// `unknown_outcome`, `tool_approval`, `budget`, ...
        request_type: String,
        /// The run.
        run_id: RunId,
        /// The card.
        card: CardRow,
        /// The card's id.
        card_id: CardId,
        /// The seat.
        seat: String,
        /// Why, in words.
        reason: String,
        /// What is to be decided on.
        payload: Value,
        /// When.
        at_ms: i64,
    },
    /// A pending gate is decided; anything else is a conflict.
    DecideGate {
        /// Its number.
        gate: i64,
        /// What was decided.
        decision: GateDecision,
        /// Who.
        by: String,
        /// Why.
        reason: String,
        /// When.
        at_ms: i64,
    },
    /// Sets aside what a question of an attempt can cost at most; [`StoreError::OverBudget`] when a
    /// scope has less left.
    Reserve {
        /// The attempt.
        turn: TurnRow,
        /// Where it counts.
        scopes: Vec<Scope>,
        /// The most it can cost.
        amounts: Amounts,
        /// When.
        at_ms: i64,
    },
    /// Spends what an attempt set aside; nothing when it has set nothing aside. The end of an attempt
    /// does so with what is left then, as [`Spent::Unknown`].
    Settle {
        /// The attempt.
        turn: TurnRow,
        /// What it did cost.
        actual: Spent,
        /// When.
        at_ms: i64,
    },
    /// A person lets a scope spend more.
    Grant {
        /// What.
        grant: BudgetGrant,
        /// When.
        at_ms: i64,
    },
    /// Approved gates are used; a conflict unless each is approved and unspent.
    SpendGates {
        /// Their numbers.
        gates: Vec<i64>,
        /// When.
        at_ms: i64,
    },
    /// A person puts cards away: each becomes `archived` with a new fence, its open attempt is
    /// abandoned and its pending gates expire. A conflict unless each has the status given and its run
    /// is not under way.
    Archive {
        /// The cards, and how each stands.
        cards: Vec<(CardRow, CardStatus)>,
        /// Who.
        by: String,
        /// Why.
        reason: String,
        /// When.
        at_ms: i64,
    },
    /// A person takes archived cards out again: each gets the status given and a new fence. A conflict
    /// unless each is archived, had this status when it was put away, and its run is not under way.
    Unarchive {
        /// The cards, and how each stood.
        cards: Vec<(CardRow, CardStatus)>,
        /// Who.
        by: String,
        /// Why.
        reason: String,
        /// When.
        at_ms: i64,
    },
    /// An entry of the audit that is no status change.
    CardEvent {
        /// The run.
        run_id: RunId,
        /// The card, if it is about one.
        card: Option<CardRow>,
        /// What happened, as a word.
        kind: String,
        /// More of it.
        data: Value,
        /// When.
        at_ms: i64,
    },
}

/// What became of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateDecision {
    /// A person said yes.
    Approved,
    /// A person said no.
    Rejected,
    /// Nobody decided in time.
    Expired,
}

impl GateDecision {
    /// The word stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }
}

/// A gate as read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateRecord {
    /// Its number.
    pub id: i64,
    /// Its run.
    pub run_id: String,
    /// Its card.
    pub card: CardRow,
    /// `tool_approval`, `unknown_outcome` or `budget`.
    pub request_type: String,
    /// What is to be decided on.
    pub payload: Value,
    /// What an approval is for.
    pub digest: Option<String>,
    /// `pending`, or what was decided.
    pub status: String,
    /// Until when it can be decided.
    pub expires_at_ms: Option<i64>,
    /// Whether an approval was used.
    pub spent: bool,
    /// Who decided.
    pub decided_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// A comment as read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentRecord {
    /// Who said it.
    pub author: String,
    /// What.
    pub content: String,
    /// When.
    pub at_ms: i64,
}

/// A card as read back.
#[derive(Debug, Clone)]
pub struct CardRecord {
    /// Its row.
    pub row: CardRow,
    /// Its place in the epic.
    pub position: u32,
    /// Its fence.
    pub fence: i64,
    /// Its definition.
    pub plan: Arc<CardPlan>,
    /// Its life.
    pub life: CardLife,
    /// Its comments, oldest first.
    pub comments: Vec<CommentRecord>,
}

/// An attempt that had not ended.
#[derive(Debug, Clone)]
pub struct OpenTurnRecord {
    /// Its row.
    pub row: TurnRow,
    /// Its card.
    pub card: CardRow,
    /// Its fence.
    pub fence: i64,
    /// The card's turn.
    pub turn: u32,
    /// The try.
    pub attempt: u32,
    /// Its steps, in order.
    pub steps: Vec<Arc<Step>>,
}

/// One card as read back, with its attempts that had not ended.
pub type LoadedCard = (CardRecord, Vec<OpenTurnRecord>);

/// A run as read back.
#[derive(Debug, Clone)]
pub struct RunRecord {
    /// Its plan.
    pub plan: Arc<RunPlan>,
    /// How it stands.
    pub status: RunStatus,
    /// When it started, milliseconds since 1970-01-01 UTC.
    pub started_ms: i64,
    /// Its cards, in their order.
    pub cards: Vec<CardRecord>,
    /// Attempts that had not ended.
    pub open_turns: Vec<OpenTurnRecord>,
}

/// What a client calls a request, so that sending it again does nothing again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// The client's name for it.
    pub key: String,
    /// A digest of what was asked for: another request under the same name is refused.
    pub digest: String,
}

/// The journal.
pub trait Store: Send + Sync + 'static {
    /// Applies a write. Waits while the bounded queue is full; resolves after the commit.
    fn submit(&self, write: Write) -> BoxFuture<'static, Result<(), StoreError>>;

    /// Writes that were submitted and are not answered yet.
    fn waiting(&self) -> usize;

    /// Runs whose status is `running`, oldest first.
    fn running_runs(&self) -> BoxFuture<'static, Result<Vec<RunId>, StoreError>>;

    /// A run with its cards and open attempts.
    fn load_run(&self, run_id: RunId) -> BoxFuture<'static, Result<Option<RunRecord>, StoreError>>;

    /// A run that is stored and has not begun.
    fn queued_run(
        &self,
        run_id: RunId,
    ) -> BoxFuture<'static, Result<Option<QueuedRun>, StoreError>>;

    /// One card and its attempts that had not ended.
    fn load_card(&self, row: CardRow)
    -> BoxFuture<'static, Result<Option<LoadedCard>, StoreError>>;

    /// The cards of a build, in their order.
    fn build_cards(
        &self,
        build_id: BuildId,
    ) -> BoxFuture<'static, Result<Vec<CardRecord>, StoreError>>;

    /// The gates of a run's cards, oldest first.
    fn gates_of_run(
        &self,
        run_id: RunId,
    ) -> BoxFuture<'static, Result<Vec<GateRecord>, StoreError>>;

    /// The gates of a build's cards, oldest first.
    fn gates_of_build(
        &self,
        build_id: BuildId,
    ) -> BoxFuture<'static, Result<Vec<GateRecord>, StoreError>>;

    /// Which of these kinds of entries a run's audit has that are about no card.
    fn run_events(
        &self,
        run_id: RunId,
        kinds: Vec<&'static str>,
    ) -> BoxFuture<'static, Result<Vec<String>, StoreError>>;

    /// One gate.
    fn gate(&self, id: i64) -> BoxFuture<'static, Result<Option<GateRecord>, StoreError>>;

    /// Pending gates whose time had run out at `now_ms`, oldest first.
    fn expired_gates(&self, now_ms: i64)
    -> BoxFuture<'static, Result<Vec<GateRecord>, StoreError>>;

    /// The highest card row and turn row in use; 0 when there is none.
    fn highest_rows(&self) -> BoxFuture<'static, Result<(CardRow, TurnRow), StoreError>>;
}
