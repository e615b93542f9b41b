//! How a session stands, and stopping it.

use std::collections::BTreeMap;

use actix_web::web::{Data, Json, Path};
use actix_web::{get, post};
use orket_actors::port::store::RunStatus;
use orket_core::ids::RunId;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::control::detached;
use super::run_shapes::RunArtifacts;
use super::seen::Seen;
use super::sessions::{run_of, unknown_session};
use crate::api::Api;
use crate::api::caller::{Caller, Read, Run};
use crate::api::problem::Problem;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(session_status).service(halt_session);
}

/// What becomes of the work on a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Under way.
    Running,
    /// It came to its end.
    Completed,
    /// It was halted, interrupted or skipped.
    Canceled,
    /// It waits.
    Idle,
}

impl TaskState {
    const fn of(status: RunStatus, is_active: bool) -> Self {
        match status {
            _ if is_active => Self::Running,
            RunStatus::Queued | RunStatus::Running => Self::Idle,
            RunStatus::Halted | RunStatus::Interrupted | RunStatus::Skipped => Self::Canceled,
            RunStatus::Done
            | RunStatus::TerminalFailure
            | RunStatus::Incomplete
            | RunStatus::Failed => Self::Completed,
        }
    }
}

/// The cards of a session, counted.
#[derive(Debug, Serialize, ToSchema)]
pub struct BacklogCount {
    /// All of them.
    count: usize,
    /// By status.
    by_status: BTreeMap<String, usize>,
}

/// How a session stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionStatus {
    /// The run.
    session_id: String,
    /// Whether it is under way.
    active: bool,
    /// `queued`, `running`, `done`, `incomplete`, `terminal_failure`, `failed`, `halted`,
    /// `interrupted` or `skipped`.
    status: &'static str,
    /// What becomes of the work on it.
    task_state: TaskState,
    /// Its cards.
    backlog: BacklogCount,
    /// How it stands or ended.
    #[schema(value_type = Object)]
    summary: Map<String, Value>,
    /// Where its files lie.
    artifacts: RunArtifacts,
}

/// How a session stands.
#[utoipa::path(tag = "sessions", params(("id" = String, Path, description = "The run")),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = SessionStatus)))]
#[get("/v1/sessions/{id}/status")]
pub async fn session_status(
    _caller: Caller<Read>,
    api: Data<Api>,
    id: Path<String>,
) -> Result<Json<SessionStatus>, Problem> {
    let run = run_of(&id)?;
    let seen = Seen::of(&api, &run).await?.ok_or_else(unknown_session)?;
    let status = seen.row.status;
    let is_active = status == RunStatus::Running
        && api
            .service
            .health()
            .await
            .active_runs
            .contains(&seen.row.run_id);
    Ok(Json(SessionStatus {
        session_id: seen.row.run_id.clone(),
        active: is_active,
        status: status.as_str(),
        task_state: TaskState::of(status, is_active),
        backlog: BacklogCount {
            count: seen.report.cards.len(),
            by_status: seen.by_status(),
        },
        summary: seen.summary(),
        artifacts: RunArtifacts::of(&seen),
    }))
}

/// That a session does not go on.
#[derive(Debug, Serialize, ToSchema)]
pub struct Halted {
    /// Always true.
    ok: bool,
    /// The run.
    session_id: String,
    /// Whether it is still under way.
    active: bool,
    /// How the ledger says that it ended; null when there is no such run.
    status: Option<String>,
}

/// Stop a session: what is under way is cancelled. Answers when the ledger says how it ended. One that
/// is over, or that is not known, is told as it is.
#[utoipa::path(tag = "sessions", params(("id" = String, Path, description = "The run")),
    security(("api_key" = ["run"]), ("bearer" = ["run"])), responses((status = 200, body = Halted)))]
#[post("/v1/sessions/{id}/halt")]
pub async fn halt_session(
    _caller: Caller<Run>,
    api: Data<Api>,
    id: Path<String>,
) -> Result<Json<Halted>, Problem> {
    let session_id = id.into_inner();
    let status = match RunId::new(session_id.as_str()) {
        Ok(run) => halted(&api, run).await?,
        Err(_) => None,
    };
    Ok(Json(Halted {
        ok: true,
        active: status.as_deref() == Some(RunStatus::Running.as_str()),
        session_id,
        status,
    }))
}

/// How the run ended; nothing when there is none.
async fn halted(api: &Api, run: RunId) -> Result<Option<String>, Problem> {
    let service = api.service.clone();
    let outcome = {
        let run = run.clone();
        detached(async move { Ok(service.halt(run).await) }).await?
    };
    match outcome {
        Ok(report) => Ok(Some(report.status)),
        Err(refusal) if refusal.status == 404 => Ok(None),
        Err(refusal) if refusal.code == "E_RUN_OVER" => {
            Ok(Some(api.service.report(&run).await?.status))
        }
        Err(refusal) => Err(refusal.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_of_the_work_follows_from_how_the_run_stands() {
        let states: Vec<TaskState> = RunStatus::ALL
            .into_iter()
            .map(|status| TaskState::of(status, false))
            .collect();
        use TaskState::{Canceled, Completed, Idle};
        assert_eq!(
            states,
            [
                Idle, Idle, Canceled, Canceled, Completed, Completed, Completed, Completed,
                Canceled
            ]
        );
        assert_eq!(TaskState::of(RunStatus::Running, true), TaskState::Running);
    }
}
