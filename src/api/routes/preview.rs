//! What each seat of an asset would be told: its compiled system prompt.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use orket_core::asset::Library;
use utoipa_actix_web::service_config::ServiceConfig;

use super::files::{json_answer, to_json};
use crate::api::Api;
use crate::api::caller::{Caller, Read};
use crate::api::check::Check;
use crate::api::files::FileProblem;
use crate::api::preview::asked::Asked;
use crate::api::preview::looking::Looking;
use crate::api::preview::shapes::Preview;
use crate::api::problem::Problem;
use crate::assets::DiskThenEmbedded;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(preview);
}

/// Show the system prompts that a run of an asset would use, as the settings are now. `path` is the
/// asset's file; one below `rocks/` is a rock, one below `issues/` or with `issue_id` an issue,
/// anything else an epic. Nothing is started.
#[utoipa::path(tag = "system", params(
        ("path" = String, Query, description = "The asset's file, such as `model/core/epics/golden_flow.json`, or its name"),
        ("issue_id" = Option<String>, Query, description = "One issue of it: its id, or its title")),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = Preview)))]
#[get("/v1/system/preview-asset")]
pub async fn preview(
    _caller: Caller<Read>,
    api: Data<Api>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Check::query(&request)?;
    let path = query.required_text("path");
    let issue = query.text("issue_id");
    query.finish()?;
    let asked = Asked::of(&path, issue).map_err(|problem| match problem {
        FileProblem::Forbidden(why) => Problem::forbidden(why),
        other => Problem::bad_request(other.to_string()),
    })?;
    let (root, workspace) = (api.root.clone(), api.workspace.clone());
    let made = api.service.with_planner(move |planner| {
        let looking = Looking {
            planner,
            library: Library::new(DiskThenEmbedded::new(root)),
            workspace: &workspace,
        };
        to_json(&looking.preview(&asked)?)
    });
    Ok(json_answer(made.await??))
}
