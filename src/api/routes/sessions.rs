//! Sessions, which are runs as dashboards know them: by their whole ids.

use actix_web::get;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use orket_actors::port::store::StoreError;
use orket_core::ids::RunId;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::run_shapes::session;
use super::seen::transcript;
use super::shapes::Session;
use crate::api::Api;
use crate::api::caller::{Caller, Read};
use crate::api::problem::Problem;
use crate::storage::Reader;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(session_detail).service(session_snapshot);
}

pub(super) fn unknown_session() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "E_RUN_UNKNOWN", "Not Found").hint("orket runs")
}

/// The run of a path, which must be its whole id.
pub(super) fn run_of(id: &str) -> Result<RunId, Problem> {
    RunId::new(id).map_err(|_| unknown_session())
}

/// A session.
#[utoipa::path(tag = "sessions", params(("id" = String, Path, description = "The run")),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = Session)))]
#[get("/v1/sessions/{id}")]
pub async fn session_detail(
    _caller: Caller<Read>,
    api: Data<Api>,
    id: Path<String>,
) -> Result<Json<Session>, Problem> {
    let run = run_of(&id)?;
    let found = api
        .read(move |reader| {
            let Some(row) = reader.session(run.as_str())? else {
                return Ok(None);
            };
            let transcript = match row.status.is_over() {
                true => Some(transcript(reader, run.as_str())?),
                false => None,
            };
            Ok(Some((row, transcript)))
        })
        .await?;
    let (row, transcript) = found.ok_or_else(unknown_session)?;
    api.emit("api_session_detail", Some(&id), json!({}));
    Ok(Json(session(&row, &api.zone, transcript)))
}

/// A session as it was when it last changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionSnapshot {
    /// The run.
    session_id: String,
    /// What it was made of, as JSON text: epic, build, department, workspace, seats with their models.
    config_json: String,
    /// What was said in its turns, as JSON text.
    log_history: String,
    /// When it last changed, ISO 8601.
    captured_at: String,
}

/// What a session is made of and what was said in it.
#[utoipa::path(tag = "sessions", params(("id" = String, Path, description = "The run")),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = SessionSnapshot)))]
#[get("/v1/sessions/{id}/snapshot")]
pub async fn session_snapshot(
    _caller: Caller<Read>,
    api: Data<Api>,
    id: Path<String>,
) -> Result<Json<SessionSnapshot>, Problem> {
    let run = run_of(&id)?;
    let session_id = run.to_string();
    let found = api
        .read(move |reader| captured(reader, run.as_str()))
        .await?;
    let (config_json, log_history, at_ms) = found.ok_or_else(unknown_session)?;
    api.emit("api_session_snapshot", Some(&id), json!({}));
    Ok(Json(SessionSnapshot {
        session_id,
        config_json,
        log_history,
        captured_at: api.zone.stamp(at_ms),
    }))
}

/// Configuration, transcript and time of a session.
fn captured(reader: &Reader, run_id: &str) -> Result<Option<(String, String, i64)>, StoreError> {
    let Some(row) = reader.session(run_id)? else {
        return Ok(None);
    };
    let plan = reader.plan(run_id)?;
    let seats = plan.iter().flat_map(|plan| plan.seats.values());
    let seats: Map<String, Value> = seats
        .map(|seat| {
            let tools: Vec<&str> = seat.tools.iter().map(|tool| tool.name.as_str()).collect();
            let shown = json!({"role": seat.role, "model": seat.model, "tools": tools});
            (seat.seat.clone(), shown)
        })
        .collect();
    let config = json!({
        "epic": row.epic, "title": row.title, "department": row.department, "build_id": row.build_id,
        "workspace": row.workspace, "target": row.target, "rock": row.rock, "seats": seats,
        "cards": plan.as_ref().map(|plan| &plan.cards),
    });
    let last_turn = reader.last_turn_ms(run_id)?;
    let at_ms = row.ended_ms.or(last_turn).unwrap_or(row.started_ms);
    Ok(Some((
        config.to_string(),
        transcript(reader, run_id)?,
        at_ms,
    )))
}
