//! What the routes of cards answer with.

use orket_core::artifact::rfc3339;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::storage::reader::{CardDetail, CommentRow, GuardCounts, IssueRow};

/// A page of cards.
#[derive(Debug, Serialize, ToSchema)]
pub struct CardList {
    /// The cards, newest first.
    pub items: Vec<IssueRow>,
    /// At most so many were asked for.
    pub limit: u64,
    /// So many were left out first.
    pub offset: u64,
    /// How many there are on this page.
    pub count: usize,
    /// What the list is limited to.
    pub filters: CardFilters,
    /// To go on after the last of these; null at the end.
    pub next_cursor: Option<i64>,
}

/// What a list of cards is limited to, as it was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct CardFilters {
    /// A build.
    pub build_id: Option<String>,
    /// A run.
    pub session_id: Option<String>,
    /// A status.
    pub status: Option<String>,
}

/// One card.
#[derive(Debug, Serialize, ToSchema)]
pub struct Card {
    /// The card.
    pub id: String,
    /// The run that it belongs to now.
    pub session_id: Option<String>,
    /// Its build.
    pub build_id: Option<String>,
    /// Its seat.
    pub seat: String,
    /// Its title.
    pub summary: String,
    /// `issue`, `epic`, `rock`, `utility` or `app`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Larger is sooner.
    pub priority: f64,
    /// Not kept; always null.
    pub sprint: Option<String>,
    /// How it stands.
    pub status: String,
    /// The seat that has it, once it was begun.
    pub assignee: Option<String>,
    /// Why it is not done, else the operator's remark.
    pub note: Option<String>,
    /// Cards of the same build that must be done before.
    pub depends_on: Vec<String>,
    /// Failed attempts forgiven so far.
    pub retry_count: u32,
    /// How many are forgiven.
    pub max_retries: i64,
    /// Its fixture: `{fixture_path, scenarios, last_run}`.
    #[schema(value_type = Object)]
    pub verification: Box<RawValue>,
    /// Not kept; always empty.
    #[schema(value_type = Object)]
    pub metrics: Map<String, Value>,
    /// When it was made.
    #[schema(format = DateTime)]
    pub created_at: Option<String>,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// Why it waits.
    pub wait_reason: Option<String>,
    /// The code of what blocked it.
    pub code: Option<String>,
    /// The turn it is at, from 1; 0 before the first.
    pub turn: i64,
    /// Attempts made, all turns together.
    pub attempts: u32,
    /// Tokens spent on it.
    pub tokens: i64,
    /// Longer text.
    pub description: String,
    /// What must be fulfilled.
    pub requirements: String,
    /// The asset's `params`.
    #[schema(value_type = Object)]
    pub params: Map<String, Value>,
    /// Labels.
    pub labels: Vec<String>,
    /// References.
    pub references: Vec<String>,
    /// The card whose turn asked for it.
    pub created_by: Option<String>,
}

impl From<CardDetail> for Card {
    fn from(card: CardDetail) -> Self {
        let CardDetail {
            listed,
            plan,
            attempts,
        } = card;
        Self {
            id: listed.id,
            session_id: Some(listed.session_id),
            build_id: Some(listed.build_id),
            seat: listed.seat,
            summary: listed.summary,
            kind: listed.kind,
            priority: listed.priority,
            sprint: listed.sprint,
            status: listed.status,
            assignee: listed.assignee,
            note: listed.note,
            depends_on: listed.depends_on,
            retry_count: listed.retry_count,
            max_retries: listed.max_retries,
            verification: listed.verification,
            metrics: listed.metrics,
            created_at: Some(rfc3339(listed.created_at)),
            updated_at: rfc3339(listed.updated_at),
            wait_reason: listed.wait_reason,
            code: listed.code,
            turn: listed.turn,
            attempts,
            tokens: listed.tokens,
            description: plan.description,
            requirements: plan.requirements,
            params: plan.params,
            labels: plan.labels,
            references: plan.references,
            created_by: plan.created_by,
        }
    }
}

/// What happened to a card.
#[derive(Debug, Serialize, ToSchema)]
pub struct CardHistory {
    /// The card.
    pub card_id: String,
    /// Oldest first: `MM/DD/YYYY hh:mmAM: role -> action`.
    pub history: Vec<String>,
    /// To go on after the last of these; null at the end.
    pub next_cursor: Option<i64>,
}

/// What happened between a card and its guard.
#[derive(Debug, Serialize, ToSchema)]
pub struct GuardHistory {
    /// The card.
    pub card_id: String,
    /// How many there are on this page.
    pub count: usize,
    /// Oldest first.
    pub items: Vec<GuardEntry>,
    /// Of the whole history, not of this page alone.
    pub summary: GuardSummary,
    /// To go on after the last of these; null at the end.
    pub next_cursor: Option<i64>,
}

/// An entry of a guard's history.
#[derive(Debug, Serialize, ToSchema)]
pub struct GuardEntry {
    /// When: `MM/DD/YYYY hh:mmAM`.
    pub timestamp: Option<String>,
    /// Who.
    pub actor: Option<String>,
    /// What.
    pub action: String,
    /// The status it set, when it is one of the guard's.
    pub guard_status: Option<String>,
    /// The card was given up: refused too often, or twice for the same reason.
    pub terminal_failure: bool,
    /// When, ISO 8601.
    #[schema(format = DateTime)]
    pub at: String,
}

/// How often what happened between a card and its guard.
#[derive(Debug, Serialize, ToSchema)]
pub struct GuardSummary {
    /// It was given to the guard.
    pub awaiting_guard_review: u64,
    /// The guard agreed.
    pub guard_approved: u64,
    /// The guard refused it for good.
    pub guard_rejected: u64,
    /// The guard wanted changes.
    pub guard_requested_changes: u64,
    /// The last two together.
    pub retry_count: u64,
    /// It was given up.
    pub terminal_failures: u64,
}

impl From<GuardCounts> for GuardSummary {
    fn from(counts: GuardCounts) -> Self {
        Self {
            awaiting_guard_review: counts.awaiting_guard_review,
            guard_approved: counts.guard_approved,
            guard_rejected: counts.guard_rejected,
            guard_requested_changes: counts.guard_requested_changes,
            retry_count: counts
                .guard_rejected
                .saturating_add(counts.guard_requested_changes),
            terminal_failures: counts.terminal_failures,
        }
    }
}

/// What was said of a card.
#[derive(Debug, Serialize, ToSchema)]
pub struct CardComments {
    /// The card.
    pub card_id: String,
    /// Oldest first.
    pub comments: Vec<Comment>,
    /// To go on after the last of these; null at the end.
    pub next_cursor: Option<i64>,
}

/// A comment.
#[derive(Debug, Serialize, ToSchema)]
pub struct Comment {
    /// Its number.
    pub id: i64,
    /// The card.
    pub issue_id: String,
    /// Who said it.
    pub author: String,
    /// What.
    pub content: String,
    /// When.
    #[schema(format = DateTime)]
    pub created_at: String,
}

impl Comment {
    /// As it is shown.
    #[must_use]
    pub fn of(card_id: &str, comment: CommentRow) -> Self {
        Self {
            id: comment.id,
            issue_id: card_id.to_owned(),
            author: comment.author,
            content: comment.content,
            created_at: rfc3339(comment.at_ms),
        }
    }
}
