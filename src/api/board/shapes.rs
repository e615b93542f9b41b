//! What `GET /v1/system/board` answers.

use orket_core::asset::{Issue, Metrics, Verification};
use orket_core::plan::CardPlan;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// Everything there is of a department.
#[derive(Debug, Serialize, ToSchema)]
pub struct Board {
    /// Rocks with their epics.
    pub rocks: Vec<RockEntry>,
    /// Epics that no rock lists.
    pub orphaned_epics: Vec<EpicEntry>,
    /// Issues with a file of their own that no epic has.
    pub orphaned_issues: Vec<IssueEntry>,
    /// Files that cards have written in the default workspace, for `GET /v1/system/read`.
    pub artifacts: Vec<String>,
    /// Whether those are all of them.
    pub artifacts_are_all: bool,
    /// What a person should put right.
    pub alerts: Vec<BoardAlert>,
}

/// A rock, or why it cannot be shown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum RockEntry {
    /// As its file has it.
    Rock(BoardRock),
    /// Its file is broken.
    Broken(BrokenAsset),
}

/// An epic, or why it cannot be shown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum EpicEntry {
    /// As its file has it.
    Epic(BoardEpic),
    /// Its file is missing or broken.
    Broken(BrokenAsset),
}

/// An issue, or why it cannot be shown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum IssueEntry {
    /// As its file has it.
    Issue(Box<BoardIssue>),
    /// Its file is broken.
    Broken(BrokenAsset),
}

/// An asset that cannot be read.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BrokenAsset {
    /// The asset's name.
    pub id: String,
    /// The asset's name.
    pub name: String,
    /// What is wrong with it: file and field.
    pub error: String,
}

/// A rock.
#[derive(Debug, Serialize, ToSchema)]
pub struct BoardRock {
    /// Its id, else the name of its asset.
    pub id: String,
    /// Its title.
    pub name: String,
    /// The name of its asset.
    pub asset: String,
    /// Longer text.
    pub description: String,
    /// How its latest build stands, else the status of the asset.
    pub status: String,
    /// Its latest build.
    pub build_id: Option<String>,
    /// Its epics, in the order of the file.
    pub epics: Vec<EpicEntry>,
}

/// An epic.
#[derive(Debug, Serialize, ToSchema)]
pub struct BoardEpic {
    /// Its id, else the name of its asset.
    pub id: String,
    /// Its title.
    pub name: String,
    /// The name of its asset.
    pub asset: String,
    /// Longer text.
    pub description: String,
    /// How the newest run of its latest build stands, else the status of the asset.
    pub status: String,
    /// Its latest build.
    pub build_id: Option<String>,
    /// The newest run of that build.
    pub run_id: Option<String>,
    /// Its issues, in the order of the file, then those that cards created.
    pub issues: Vec<BoardIssue>,
}

/// An issue.
#[derive(Debug, Serialize, ToSchema)]
pub struct BoardIssue {
    /// Its id.
    pub id: String,
    /// What is to be done, in a line.
    pub summary: String,
    /// `rock`, `epic`, `issue`, `utility` or `app`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How it stands in the epic's latest build, else the status of the asset.
    pub status: String,
    /// Longer text.
    pub description: String,
    /// Larger is sooner.
    pub priority: f64,
    /// Why it waits.
    pub wait_reason: Option<String>,
    /// The code of what blocked it.
    pub code: Option<String>,
    /// Why it is not done, else the operator's remark.
    pub note: String,
    /// The card above it; for one that a card created, that card.
    pub parent_id: Option<String>,
    /// The build in which it stands so.
    pub build_id: Option<String>,
    /// Who answers for it.
    pub owner_department: String,
    /// Labels.
    pub labels: Vec<String>,
    /// Free settings.
    #[schema(value_type = Object)]
    pub params: Map<String, Value>,
    /// References.
    pub references: Vec<String>,
    /// The seat that works on it.
    pub seat: String,
    /// Who has it.
    pub assignee: Option<String>,
    /// The sprint.
    pub sprint: Option<String>,
    /// What must be fulfilled.
    pub requirements: String,
    /// Issues that must be done before.
    pub depends_on: Vec<String>,
    /// Failed attempts so far.
    pub retry_count: u32,
    /// How many are forgiven.
    pub max_retries: u32,
    /// How it is checked.
    pub verification: BoardVerification,
    /// How well it went.
    pub metrics: BoardMetrics,
    /// What is to be done, in a line.
    pub name: String,
}

/// How an issue is checked.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct BoardVerification {
    /// The fixture, relative to the workspace.
    pub fixture_path: Option<String>,
    /// What is tried.
    #[schema(value_type = Vec<Object>)]
    pub scenarios: Vec<Value>,
    /// What came of it last.
    #[schema(value_type = Option<Object>)]
    pub last_run: Option<Value>,
}

impl From<Verification> for BoardVerification {
    fn from(verification: Verification) -> Self {
        Self {
            fixture_path: verification.fixture_path,
            scenarios: verification
                .scenarios
                .iter()
                .map(|scenario| json!(scenario))
                .collect(),
            last_run: verification.last_run.map(|result| json!(result)),
        }
    }
}

/// How well something went.
#[derive(Debug, Serialize, ToSchema)]
pub struct BoardMetrics {
    /// The score.
    pub score: f64,
    /// The grade in words.
    pub grade: String,
    /// When it was judged.
    pub audit_date: Option<String>,
    /// The score of each criterion.
    #[schema(value_type = Object)]
    pub criteria_scores: Map<String, Value>,
    /// The score from which it may ship.
    pub shippability_threshold: f64,
    /// How far the path strayed.
    pub path_delta: f64,
}

impl From<Metrics> for BoardMetrics {
    fn from(metrics: Metrics) -> Self {
        Self {
            score: metrics.score,
            grade: metrics.grade,
            audit_date: metrics.audit_date,
            criteria_scores: metrics.criteria_scores,
            shippability_threshold: metrics.shippability_threshold,
            path_delta: metrics.path_delta,
        }
    }
}

impl BoardIssue {
    /// As its asset has it; `max_retries` is what counts where it says nothing.
    #[must_use]
    pub fn of_asset(issue: Issue, max_retries: u32) -> Self {
        let card = issue.card;
        Self {
            id: issue.id.to_string(),
            summary: card.name.clone(),
            kind: card.kind.to_string(),
            status: card.status.to_string(),
            description: card.description,
            priority: card.priority,
            wait_reason: card.wait_reason.map(|reason| reason.to_string()),
            code: None,
            note: card.note,
            parent_id: card.parent_id,
            build_id: card.build_id,
            owner_department: card.owner_department,
            labels: card.labels,
            params: card.params,
            references: card.references,
            seat: issue.seat,
            assignee: issue.assignee,
            sprint: issue.sprint,
            requirements: issue.requirements,
            depends_on: issue.depends_on,
            retry_count: issue.retry_count,
            max_retries: issue.max_retries.unwrap_or(max_retries),
            verification: issue.verification.into(),
            metrics: issue.metrics.into(),
            name: card.name,
        }
    }

    /// As a run planned it: for what no asset has, since a card created it.
    #[must_use]
    pub fn of_plan(plan: CardPlan) -> Self {
        Self {
            id: plan.id.to_string(),
            summary: plan.summary.clone(),
            kind: plan.kind.to_string(),
            status: orket_core::status::CardStatus::Ready.to_string(),
            description: plan.description,
            priority: plan.priority,
            wait_reason: None,
            code: None,
            note: plan.note,
            parent_id: plan.created_by.map(|card| card.to_string()),
            build_id: None,
            owner_department: "core".to_owned(),
            labels: plan.labels,
            params: plan.params,
            references: plan.references,
            seat: plan.seat,
            assignee: None,
            sprint: None,
            requirements: plan.requirements,
            depends_on: plan.depends_on.iter().map(ToString::to_string).collect(),
            retry_count: 0,
            max_retries: plan.max_retries,
            verification: BoardVerification::default(),
            metrics: Metrics::default().into(),
            name: plan.summary,
        }
    }
}

/// Something that a person should put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BoardAlert {
    /// `error`.
    #[serde(rename = "type")]
    #[schema(example = "error")]
    pub kind: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub action_required: String,
}
