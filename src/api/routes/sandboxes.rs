//! Sandboxes: which there are, bringing one up, taking it down, its log. Their passwords are never told.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, get, post};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::shapes::Done;
use crate::api::Api;
use crate::api::body::Object;
use crate::api::caller::{Admin, Caller, Read, Run};
use crate::api::check::Check;
use crate::api::problem::Problem;
use crate::api::state::blocking;
use crate::api::workspace;
use orket_sandboxes::{NewSandbox, Sandbox, SandboxError, Sandboxes, TechStack};

/// The longest name of a service.
const LONGEST_NAME: usize = 63;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list)
        .service(create)
        .service(stop)
        .service(logs);
}

impl From<SandboxError> for Problem {
    fn from(error: SandboxError) -> Self {
        let status = match error {
            SandboxError::Unknown(_) | SandboxError::UnknownService { .. } => StatusCode::NOT_FOUND,
            SandboxError::Failed { .. } => StatusCode::BAD_GATEWAY,
            SandboxError::Unavailable(_) | SandboxError::TooMany(_) | SandboxError::Records(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            SandboxError::Disabled | SandboxError::Damaged { .. } => StatusCode::CONFLICT,
            SandboxError::Invalid(_) => StatusCode::BAD_REQUEST,
        };
        let problem = Self::new(status, error.code(), error.to_string());
        match error.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

/// The sandboxes that there are, oldest first; those that were deleted within a day too.
#[utoipa::path(tag = "sandboxes", security(("api_key" = ["read"]), ("bearer" = ["read"])),
    responses((status = 200, body = Vec<Sandbox>)))]
#[get("/v1/sandboxes")]
pub async fn list(_caller: Caller<Read>, api: Data<Api>) -> Result<Json<Vec<Sandbox>>, Problem> {
    Ok(Json(api.sandboxes.list().await?))
}

/// Bring up the sandbox of a rock.
///
/// Answered when it runs, which may take as long as its images take to build; it goes on when the client
/// leaves. The one that runs already is the answer when the rock has one. Over the network the workspace
/// is a folder below `workspace/`.
#[utoipa::path(operation_id = "create_sandbox", tag = "sandboxes", request_body = NewSandbox,
    security(("api_key" = ["admin"]), ("bearer" = ["admin"])), responses((status = 200, body = Sandbox)))]
#[post("/v1/sandboxes")]
pub async fn create(
    caller: Caller<Admin>,
    api: Data<Api>,
    body: Object,
) -> Result<Json<Sandbox>, Problem> {
    let mut new = wanted(body)?;
    if !caller.is_local {
        let (root, wished) = (api.root.clone(), new.workspace_path);
        new.workspace_path = blocking(move || workspace::below(&root, &wished)).await??;
    }
    Ok(Json(api.sandboxes.create(new).await?))
}

fn wanted(body: Object) -> Result<NewSandbox, Problem> {
    let mut fields = body.check();
    fields.only(&["rock_id", "project_name", "tech_stack", "workspace_path"]);
    let name = fields.required_text("tech_stack");
    let stack = TechStack::parse(&name);
    if stack.is_none() && !name.is_empty() {
        let known = TechStack::ALL.map(TechStack::name).join(", ");
        let msg = format!("must be one of {known}");
        fields.problem("tech_stack", "enum", &msg, None);
    }
    let new = NewSandbox {
        rock_id: fields.required_text("rock_id"),
        project_name: fields.required_text("project_name"),
        // What is missing is told below.
        tech_stack: stack.unwrap_or(TechStack::FastapiReactPostgres),
        workspace_path: fields.required_text("workspace_path"),
    };
    fields.finish()?;
    Ok(new)
}

/// Take a sandbox down, with all that it stored. One that is down already is down.
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
