//! The board: rocks, epics and issues, and how they stand.

use std::path::Component;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use orket_core::asset::{DEFAULT_MAX_RETRIES, Library};
use utoipa_actix_web::service_config::ServiceConfig;

use super::files::{json_answer, to_json, tree};
use crate::api::Api;
use crate::api::board::shapes::{Board, BoardAlert};
use crate::api::board::{board, known_department};
use crate::api::caller::{Caller, Read};
use crate::api::check::Check;
use crate::api::problem::Problem;
use crate::api::state::blocking;
use crate::assets::DiskThenEmbedded;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(show);
}

/// The rocks of a department with their epics and issues, statuses from their latest builds. An asset
/// that is broken is shown with what is wrong, and is an alert.
#[utoipa::path(tag = "system", params(
        ("dept" = Option<String>, Query, description = "The department; `core` when it is not given")),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = Board)))]
#[get("/v1/system/board")]
pub async fn show(
    _caller: Caller<Read>,
    api: Data<Api>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Check::query(&request)?;
    let department = query.text("dept").unwrap_or_else(|| "core".to_owned());
    query.finish()?;
    // Read, put together and made JSON there: a large board takes its time.
    let made = blocking(move || to_json(&read(&api, &department)?));
    Ok(json_answer(made.await??))
}

fn read(api: &Api, department: &str) -> Result<Board, Problem> {
    let library = Library::new(DiskThenEmbedded::new(&api.root));
    known_department(&library, department)?;
    let (max_retries, broken) = match api.settings.now() {
        Ok(settings) => (settings.max_retries, None),
        Err(error) => (DEFAULT_MAX_RETRIES, Some(error)),
    };
    let tree = tree(api).ok();
    let workspace = workspace(api);
    let artifacts = tree.as_ref().zip(workspace.as_deref());
    let mut board = board(&library, department, max_retries, &api.reader, artifacts)?;
    if let Some(error) = broken {
        board.alerts.push(BoardAlert {
            kind: "error",
            message: format!("the settings cannot be read: {error}"),
            action_required: "correct them; no run can begin before".to_owned(),
        });
    }
    Ok(board)
}

/// The default workspace below the project, part by part; none when it lies elsewhere.
fn workspace(api: &Api) -> Option<Vec<String>> {
    let below = api.workspace.strip_prefix(&api.root).ok()?;
    below
        .components()
        .map(|part| match part {
            Component::Normal(name) => name.to_str().map(str::to_owned),
            _ => None,
        })
        .collect()
}
