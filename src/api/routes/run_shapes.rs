//! How a run is shown: as a session, with its ledger, its report and where its files lie.

use orket_actors::port::store::RunStatus;
use orket_actors::runtime::CardReport;
use orket_gitea::Exported;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::seen::Seen;
use super::shapes::{CardReportShape, Session};
use crate::log::Zone;
use crate::storage::reader::SessionRow;

/// The longest reason of a failure, in characters.
const LONGEST_REASON: usize = 2_000;

/// Where the files of a run lie.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct RunArtifacts {
    /// The workspace folder; empty when the plan of the run cannot be read.
    workspace: String,
    /// The log.
    orket_log: String,
    /// Below it is a folder for each run.
    observability_root: String,
    /// What agents wrote.
    agent_output_root: String,
    /// Where in Gitea they are too: `provider`, `owner`, `repo`, `branch`, `path`, `url`, `commit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    gitea_export: Option<Exported>,
}

/// What the ledger says of a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunLedger {
    /// The run.
    session_id: String,
    /// `epic`, or `rock` for a run that a rock started.
    run_type: &'static str,
    /// The epic.
    run_name: String,
    /// The department of its assets.
    department: String,
    /// Its build.
    build_id: String,
    /// `queued`, `running`, `done`, `incomplete`, `terminal_failure`, `failed`, `halted`,
    /// `interrupted` or `skipped`.
    status: &'static str,
    /// The code of what broke it.
    failure_class: Option<String>,
    /// Why it is not done, in at most 2,000 characters.
    failure_reason: Option<String>,
    /// How it stands or ended.
    #[schema(value_type = Object)]
    summary_json: Map<String, Value>,
    /// Where its files lie.
    artifact_json: RunArtifacts,
    /// ISO 8601.
    started_at: String,
    /// ISO 8601.
    ended_at: Option<String>,
    /// When its row last changed, ISO 8601.
    updated_at: String,
}

/// A run with everything the ledger has of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunDetail {
    /// The run.
    session_id: String,
    /// `queued`, `running`, `done`, `incomplete`, `terminal_failure`, `failed`, `halted`,
    /// `interrupted` or `skipped`.
    status: &'static str,
    /// How it stands or ended.
    #[schema(value_type = Object)]
    summary: Map<String, Value>,
    /// Where its files lie.
    artifacts: RunArtifacts,
    /// How many cards it has.
    issue_count: usize,
    /// The run as a session.
    session: Session,
    /// The run in the ledger.
    run_ledger: RunLedger,
    /// The run.
    run_id: String,
    /// Its build.
    build_id: String,
    /// Its epic.
    epic: String,
    /// The point of another run that it began from: `RUN:ISSUE:TURN`.
    #[serde(skip_serializing_if = "Option::is_none")]
    forked_from: Option<String>,
    /// Its cards, in the epic's order.
    #[schema(value_type = Vec<CardReportShape>)]
    cards: Vec<CardReport>,
    /// How long it has taken, milliseconds.
    elapsed_ms: u64,
}

impl RunArtifacts {
    /// Where its files lie.
    pub(super) fn of(seen: &Seen) -> Self {
        let gitea_export = seen.gitea_export.clone();
        let workspace = seen.row.workspace.as_str();
        if workspace.is_empty() {
            return Self {
                gitea_export,
                ..Self::default()
            };
        }
        Self {
            workspace: workspace.to_owned(),
            orket_log: format!("{workspace}/orket.log"),
            observability_root: format!("{workspace}/{}", orket_core::artifact::ROOT),
            agent_output_root: format!("{workspace}/agent_output"),
            gitea_export,
        }
    }
}

impl RunDetail {
    /// With everything.
    pub(super) fn of(seen: Seen, zone: &Zone) -> Self {
        let summary = seen.summary();
        let row = &seen.row;
        let (started_at, ended_at) = (
            zone.stamp(row.started_ms),
            row.ended_ms.map(|ms| zone.stamp(ms)),
        );
        let run_ledger = RunLedger {
            session_id: row.run_id.clone(),
            run_type: kind(row),
            run_name: row.epic.clone(),
            department: row.department.clone(),
            build_id: row.build_id.clone(),
            status: row.status.as_str(),
            failure_class: text(summary.get("failure_class")),
            failure_reason: text(summary.get("failure_reason")),
            summary_json: summary.clone(),
            artifact_json: RunArtifacts::of(&seen),
            updated_at: ended_at.clone().unwrap_or_else(|| started_at.clone()),
            started_at,
            ended_at,
        };
        Self {
            session_id: row.run_id.clone(),
            status: row.status.as_str(),
            artifacts: RunArtifacts::of(&seen),
            issue_count: seen.report.cards.len(),
            forked_from: row.forked_from.as_ref().map(ToString::to_string),
            session: session(row, zone, seen.transcript),
            run_ledger,
            summary,
            run_id: seen.report.run_id,
            build_id: seen.report.build_id,
            epic: seen.report.epic,
            cards: seen.report.cards,
            elapsed_ms: seen.report.elapsed_ms,
        }
    }
}

/// A text, or several as lines; nothing when there is none.
fn text(value: Option<&Value>) -> Option<String> {
    let whole = match value? {
        Value::String(text) => text.clone(),
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join("\n"),
        _ => return None,
    };
    (!whole.is_empty()).then(|| whole.chars().take(LONGEST_REASON).collect())
}

fn kind(row: &SessionRow) -> &'static str {
    if row.rock.is_some() { "rock" } else { "epic" }
}

/// A run as a session.
pub(super) fn session(row: &SessionRow, zone: &Zone, transcript: Option<String>) -> Session {
    Session {
        id: row.run_id.clone(),
        kind: kind(row),
        name: row.epic.clone(),
        department: row.department.clone(),
        status: match row.status {
            RunStatus::Queued | RunStatus::Running => "Started".to_owned(),
            over => over.as_str().to_owned(),
        },
        task_input: (!row.title.is_empty()).then(|| row.title.clone()),
        transcript,
        start_time: zone.stamp(row.started_ms),
        end_time: row.ended_ms.map(|ms| zone.stamp(ms)),
        run_id: row.run_id.clone(),
        build_id: row.build_id.clone(),
        epic: row.epic.clone(),
        target: row.target.clone(),
        run_status: row.status.as_str(),
        started_ms: row.started_ms,
        ended_ms: row.ended_ms,
    }
}
