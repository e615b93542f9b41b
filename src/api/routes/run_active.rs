//! Starting a run as dashboards do: an asset by its path or an issue by its id.

use std::path::{Component, Path};

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, post};
use orket_actors::port::store::RequestKey;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::control::detached;
use crate::api::Api;
use crate::api::body::{LARGEST, Object};
use crate::api::caller::{Caller, Run};
use crate::api::problem::Problem;
use crate::owner::wire::{self, Outcome, StartRequest, WorkKind};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(run_active);
}

/// What to run.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the shape of a body that is read field by field")]
pub struct RunActive {
    /// An asset file, such as `model/core/epics/golden_flow.json`; its stem is what is run.
    #[schema(nullable)]
    path: Option<String>,
    /// An epic, a rock or a card by its name; goes before `path`.
    #[schema(nullable)]
    issue_id: Option<String>,
    /// The build to work on; chosen when left out.
    #[schema(nullable)]
    build_id: Option<String>,
    /// Noted in the log.
    #[schema(rename = "type", nullable)]
    kind: Option<String>,
}

/// Which run it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunStarted {
    /// The run.
    session_id: String,
    /// Whether it is new, was under way already, goes on, or was done before.
    outcome: Outcome,
    /// The same in words.
    words: String,
    /// What an operator may want to know.
    warnings: Vec<String>,
}

/// Start a run; answers when it is durable. The same `Idempotency-Key` again, within 7 days, comes to the same run.
/// A name that is none is refused with the names there are; so are assets that are broken.
#[utoipa::path(tag = "runs", request_body = RunActive,
    params(("Idempotency-Key" = Option<String>, Header, description = "What the client calls this request: 1 to 200 visible characters", max_length = 200)),
    security(("api_key" = ["run"]), ("bearer" = ["run"])), responses((status = 200, body = RunStarted)))]
#[post("/v1/system/run-active")]
pub async fn run_active(
    caller: Caller<Run>,
    api: Data<Api>,
    request: HttpRequest,
    body: Object<LARGEST>,
) -> Result<Json<RunStarted>, Problem> {
    let mut body = body.check();
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let path = given(body.text("path"));
    let issue = given(body.text("issue_id"));
    let build_id = given(body.text("build_id"));
    let kind = body.text("type");
    body.finish()?;
    let stem = path.as_deref().and_then(stem);
    let Some(name) = issue.or(stem) else {
        return Err(Problem::bad_request("No asset ID provided."));
    };
    let department = path
        .as_deref()
        .and_then(department)
        .unwrap_or("core")
        .to_owned();
    let key = request_key(
        &request,
        &caller,
        &[&name, &department, build_id.as_deref().unwrap_or("")],
    )?;
    let start = StartRequest {
        kind: WorkKind::Card,
        name,
        department,
        build_id,
        target: None,
        model: None,
        workspace: None,
        workspace_is_wished: false,
        under_way: None,
        asset_root: None,
        settings: None,
    };
    let (service, asset) = (api.service.clone(), start.name.clone());
    let started = detached(async move {
        let (name, department) = (start.name.clone(), start.department.clone());
        let mut started = service.start_as(start, true, key).await;
        if let Err(refusal) = &mut started
            && refusal.code == "E_NOT_FOUND"
        {
            let near = service.nearest(&name, &department).await;
            if !near.is_empty() {
                refusal
                    .detail
                    .push_str(&format!("; nearest: {}", near.join(", ")));
            }
        }
        started
    })
    .await?;
    let asset = json!({ "asset": asset, "outcome": started.outcome });
    api.emit("api_run_active", Some(&started.run_id), asset);
    tracing::debug!(run = %started.run_id, kind = kind.as_deref().unwrap_or(""), "started over HTTP");
    Ok(Json(RunStarted {
        session_id: started.run_id,
        outcome: started.outcome,
        words: started
            .runs
            .into_iter()
            .next()
            .map(|run| run.words)
            .unwrap_or_default(),
        warnings: started.warnings,
    }))
}

/// The stem of an asset file.
fn stem(path: &str) -> Option<String> {
    let stem = Path::new(path).file_stem()?.to_str()?;
    (!stem.trim().is_empty()).then(|| stem.to_owned())
}

/// The folder after `model` in a path.
fn department(path: &str) -> Option<&str> {
    let mut parts = Path::new(path).components().filter_map(|part| match part {
        Component::Normal(part) => part.to_str(),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => {
            None
        }
    });
    parts.find(|part| *part == "model")?;
    let department = parts.next()?;
    // A file right below `model` is in no department.
    parts.next().map(|_| department)
}

/// What the client calls this request, together with the key it came with: two clients may use the
/// same name for two things. No name of a key has a colon.
pub(super) fn request_key(
    request: &HttpRequest,
    caller: &Caller<Run>,
    what: &[&str],
) -> Result<Option<RequestKey>, Problem> {
    let Some(given) = request.headers().get("idempotency-key") else {
        return Ok(None);
    };
    let given = given
        .to_str()
        .ok()
        .map(str::trim)
        .filter(|key| (1..=200).contains(&key.len()))
        .ok_or_else(|| {
            Problem::bad_request("the header Idempotency-Key must have 1 to 200 visible characters")
        })?;
    Ok(Some(wire::request_key(&caller.name, given, what)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_an_asset_and_its_department() {
        assert_eq!(stem("model/core/issues/demo.json").as_deref(), Some("demo"));
        assert_eq!(stem(""), None);
        assert_eq!(department("model/sales/epics/x.json"), Some("sales"));
        assert_eq!(department("./model/sales/epics/x.json"), Some("sales"));
        assert_eq!(department("model/x.json"), None);
        assert_eq!(department("config/epics/x.json"), None);
    }
}
