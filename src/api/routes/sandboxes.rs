//! Sandboxes: which there are, taking one down, its log. Their passwords are never told.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, get, post};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::shapes::Done;
use crate::api::Api;
use crate::api::caller::{Admin, Caller, Read, Run};
use crate::api::check::Check;
use crate::api::problem::Problem;
use orket_sandboxes::{Sandbox, SandboxError, Sandboxes};

/// The longest name of a service.
const LONGEST_NAME: usize = 63;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(stop).service(logs);
}

impl From<SandboxError> for Problem {
    fn from(error: SandboxError) -> Self {
        let words = error.to_string();
        match error {
            SandboxError::Unknown(_) | SandboxError::UnknownService { .. } => {
                Self::not_found(words)
            }
            SandboxError::Failed { .. } => {
                Self::new(StatusCode::BAD_GATEWAY, "E_SANDBOX_FAILED", words)
            }
        }
    }
}

/// The sandboxes that there are, oldest first.
#[utoipa::path(tag = "sandboxes", security(("api_key" = ["read"]), ("bearer" = ["read"])),
    responses((status = 200, body = Vec<Sandbox>)))]
#[get("/v1/sandboxes")]
pub async fn list(_caller: Caller<Read>, api: Data<Api>) -> Result<Json<Vec<Sandbox>>, Problem> {
    Ok(Json(api.sandboxes.list().await?))
}

/// Take a sandbox down. One that is down already is down.
#[utoipa::path(tag = "sandboxes", params(("id" = String, Path, description = "The sandbox")),
    security(("api_key" = ["run"]), ("bearer" = ["run"])), responses((status = 200, body = Done)))]
#[post("/v1/sandboxes/{id}/stop")]
pub async fn stop(
    _caller: Caller<Run>,
    api: Data<Api>,
    id: Path<String>,
) -> Result<Json<Done>, Problem> {
    stopped(api.sandboxes.as_ref(), &id).await
}

/// What was begun is finished even when the client leaves meanwhile.
async fn stopped(sandboxes: &dyn Sandboxes, id: &str) -> Result<Json<Done>, Problem> {
    let stopping = tokio::spawn(sandboxes.stop(id));
    stopping.await.map_err(Problem::internal)??;
    Ok(Json(Done::yes()))
}

/// The log of a sandbox.
#[derive(Debug, Serialize, ToSchema)]
pub struct SandboxLogs {
    /// Its last lines.
    logs: String,
}

/// The last lines of a sandbox's log.
#[utoipa::path(operation_id = "sandbox_logs", tag = "sandboxes", params(
        ("id" = String, Path, description = "The sandbox"),
        ("service" = Option<String>, Query, description = "Only this service of it: letters, digits, `_`, `.` and `-`",
            max_length = 63)),
    security(("api_key" = ["admin"]), ("bearer" = ["admin"])), responses((status = 200, body = SandboxLogs)))]
#[get("/v1/sandboxes/{id}/logs")]
pub async fn logs(
    _caller: Caller<Admin>,
    api: Data<Api>,
    id: Path<String>,
    request: HttpRequest,
) -> Result<Json<SandboxLogs>, Problem> {
    logged(api.sandboxes.as_ref(), &id, Check::query(&request)?).await
}

async fn logged(
    sandboxes: &dyn Sandboxes,
    id: &str,
    mut query: Check,
) -> Result<Json<SandboxLogs>, Problem> {
    let service = query.text("service");
    if service.as_deref().is_some_and(|name| !is_name(name)) {
        let msg = format!(
            "must be the name of a service: at most {LONGEST_NAME} letters, digits, `_`, `.` and `-`"
        );
        query.problem("service", "string_pattern_mismatch", &msg, None);
    }
    query.finish()?;
    let text = sandboxes.logs(id, service.as_deref()).await?;
    Ok(Json(SandboxLogs { logs: text }))
}

/// It becomes an argument of a command, so it begins like none.
fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

#[cfg(test)]
#[path = "sandboxes_tests.rs"]
mod tests;
