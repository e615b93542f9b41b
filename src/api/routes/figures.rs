//! What the roles of a run have done, and its cards.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use serde_json::json;
use utoipa_actix_web::service_config::ServiceConfig;

use super::runs::known_run;
use crate::api::Api;
use crate::api::caller::{Caller, Read};
use crate::api::check::Check;
use crate::api::problem::Problem;
use crate::api::views::role_metrics::RunMetrics;
use crate::storage::reader::{IssuePage, IssueRow, TurnSummary};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(run_metrics).service(run_backlog);
}

/// Attempts whose calls are read at once.
const AT_ONCE: usize = 200;

/// What each role has done so far: tokens, lines written, the last call. Of a run that is not known:
/// nothing.
#[utoipa::path(tag = "runs", params(("id" = String, Path, description = "The run, the beginning of its id, or `last`")),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = RunMetrics)))]
#[get("/v1/runs/{id}/metrics")]
pub async fn run_metrics(
    _caller: Caller<Read>,
    api: Data<Api>,
    id: Path<String>,
) -> Result<Json<RunMetrics>, Problem> {
    let Some(run) = known_run(&api, &id).await? else {
        return Ok(Json(RunMetrics::default()));
    };
    api.emit("api_run_metrics", Some(run.as_str()), json!({}));
    let metrics = api
        .read(move |reader| {
            let turns = reader.turns(run.as_str(), None)?;
            let mut metrics = RunMetrics::default();
            for page in turns.chunks(AT_ONCE) {
                let rows: Vec<i64> = page.iter().map(|turn| turn.row).collect();
                let calls = reader.calls_of(&rows)?;
                for turn in page {
                    metrics.spent(&turn.role, tokens(turn));
                    let own = calls.iter().filter(|(row, _)| *row == turn.row);
                    metrics.called(&turn.role, own.map(|(_, step)| step));
                }
            }
            Ok(metrics)
        })
        .await?;
    Ok(Json(metrics))
}

fn tokens(turn: &TurnSummary) -> u64 {
    turn.prompt_tokens.saturating_add(turn.output_tokens)
}

/// The cards that a run has now, oldest first; those that a later run took over are there. Of a run
/// that is not known: none. `X-Next-Cursor` in the answer goes on after the last of them, as `cursor`;
/// it is missing at the end.
#[utoipa::path(tag = "runs", params(
        ("id" = String, Path, description = "The run, the beginning of its id, or `last`"),
        ("limit" = Option<u64>, Query, description = "At most so many; 1000 when left out", minimum = 1, maximum = 10000),
        ("cursor" = Option<i64>, Query, description = "Those after this one", minimum = 0)),
    security(("api_key" = ["read"]), ("bearer" = ["read"])),
    responses((status = 200, body = Vec<IssueRow>, headers(("x-next-cursor" = String, description = "To go on; missing at the end")))))]
#[get("/v1/runs/{id}/backlog")]
pub async fn run_backlog(
    _caller: Caller<Read>,
    api: Data<Api>,
    id: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Check::query(&request)?;
    let limit = i64::try_from(query.count("limit", 1_000, 1, 10_000)).unwrap_or(10_000);
    let after = query.optional_count("cursor", 0, i64::MAX.unsigned_abs());
    query.finish()?;
    let after = after.and_then(|row| i64::try_from(row).ok());
    let run = known_run(&api, &id).await?;
    let page = match run {
        Some(run) => {
            api.emit("api_backlog", Some(run.as_str()), json!({}));
            api.read(move |reader| reader.run_issue_rows(run.as_str(), after, limit))
                .await?
        }
        None => IssuePage {
            items: Vec::new(),
            next: None,
        },
    };
    let mut response = HttpResponse::Ok();
    if let Some(next) = page.next {
        response.insert_header(("x-next-cursor", next.to_string()));
    }
    Ok(response.json(page.items))
}
