//! The turns of a run: what each spent, and which there are.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, get};
use orket_actors::port::store::StoreError;
use orket_core::ids::RunId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::runs::run_named;
use crate::api::Api;
use crate::api::caller::{Caller, Read};
use crate::api::check::Check;
use crate::api::problem::Problem;
use crate::api::views::attempts::{Attempt, in_order, page};
use crate::api::views::token_summary::{TokenSummary, token_summary};
use crate::storage::Reader;
use crate::storage::reader::TurnSummary;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(run_token_summary).service(run_replay);
}

/// The turns of a run that a list has.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplayList {
    /// The run.
    session_id: String,
    /// How many there are; a page has fewer.
    turn_count: usize,
    /// What was asked for.
    filters: ReplayFilters,
    /// By turn, card and role.
    turns: Vec<ReplayTurn>,
    /// To go on after the last of these; null at the end.
    next_cursor: Option<i64>,
}

/// What a list of turns is narrowed to.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplayFilters {
    /// Turns of this role.
    role: Option<String>,
}

/// A turn that can be looked at.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplayTurn {
    /// The run.
    session_id: String,
    /// The card.
    issue_id: String,
    /// The card's turn, from 1.
    turn_index: u32,
    /// The try, from 1.
    attempt: u32,
    /// The role.
    role: String,
    /// What log events call the turn.
    turn_trace_id: String,
    /// The model; null while none has been asked.
    selected_model: Option<String>,
    /// `open`, `succeeded`, `failed`, `stalled` or `abandoned`.
    status: String,
    /// When it ended, or began when it has not; ISO 8601.
    timestamp: String,
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    after: Option<i64>,
    limit: usize,
}

impl Part {
    pub(super) fn of(query: &mut Check) -> Self {
        let after = query.optional_count("cursor", 0, i64::MAX.unsigned_abs());
        let limit = query.count("limit", 1_000, 1, 10_000);
        Self {
            after: after.and_then(|row| i64::try_from(row).ok()),
            limit: usize::try_from(limit).unwrap_or(10_000),
        }
    }
}

fn wrong_cursor(request: &HttpRequest) -> Problem {
    let refused = Check::query(request).and_then(|mut query| {
        query.problem(
            "cursor",
            "value_error",
            "must be a cursor that this list gave",
            None,
        );
        query.finish()
    });
    match refused {
        Err(problem) => problem,
        Ok(()) => Problem::internal("a problem was not told"),
    }
}

/// The attempts of a run in the order of lists, their models aside.
fn attempts(
    reader: &Reader,
    run_id: &str,
    is_wished: impl Fn(&TurnSummary) -> bool,
) -> Result<Vec<Attempt>, StoreError> {
    let mut attempts: Vec<Attempt> = reader
        .turns(run_id, None)?
        .into_iter()
        .filter(is_wished)
        .map(|turn| Attempt {
            row: turn.row,
            at_ms: turn.ended_ms.unwrap_or(turn.started_ms),
            tokens: turn.prompt_tokens.saturating_add(turn.output_tokens),
            run_id: turn.run_id,
            issue_id: turn.card_id,
            turn_index: turn.turn,
            attempt: turn.attempt,
            role: turn.role.to_lowercase(),
            model: None,
            status: turn.status,
        })
        .collect();
    in_order(&mut attempts);
    Ok(attempts)
}

/// Fills in which models were asked.
fn with_models(reader: &Reader, attempts: &mut [Attempt]) -> Result<(), StoreError> {
    let rows: Vec<i64> = attempts.iter().map(|attempt| attempt.row).collect();
    let mut models = reader.models_of(&rows)?;
    for attempt in attempts {
        attempt.model = models.remove(&attempt.row);
    }
    Ok(())
}

/// What the turns of a run spent, by role and model. Attempts that failed count, too: they were paid
/// for.
#[utoipa::path(tag = "runs", params(
        ("id" = String, Path, description = "The run, the beginning of its id, or `last`"),
        ("limit" = Option<u64>, Query, description = "At most so many of `turns`; 1000 when left out", minimum = 1, maximum = 10000),
        ("cursor" = Option<i64>, Query, description = "Those of `turns` after this one", minimum = 0)),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = TokenSummary)))]
#[get("/v1/runs/{id}/token-summary")]
pub async fn run_token_summary(
    _caller: Caller<Read>,
    api: Data<Api>,
    id: Path<String>,
    request: HttpRequest,
) -> Result<Json<TokenSummary>, Problem> {
    let mut query = Check::query(&request)?;
    let part = Part::of(&mut query);
    query.finish()?;
    let run = run_named(&api, &id).await?;
    let summary = api
        .read(move |reader| {
            let mut ended = attempts(reader, run.as_str(), |turn| turn.ended_ms.is_some())?;
            with_models(reader, &mut ended)?;
            Ok(token_summary(run.as_str(), &ended, part.after, part.limit))
        })
        .await?;
    summary.map(Json).ok_or_else(|| wrong_cursor(&request))
}

/// The turns of a run, those under way and those that failed among them.
pub(super) async fn replay_list(
    api: &Api,
    run: RunId,
    role: Option<String>,
    part: Part,
    request: &HttpRequest,
) -> Result<ReplayList, Problem> {
    let wished = role.as_ref().map(|role| role.trim().to_lowercase());
    let session_id = run.to_string();
    let found = api
        .read(move |reader| {
            let all = attempts(reader, run.as_str(), |turn| {
                wished
                    .as_ref()
                    .is_none_or(|role| *role == turn.role.to_lowercase())
            })?;
            let Some((shown, next)) = page(&all, part.after, part.limit) else {
                return Ok(None);
            };
            let mut shown = shown.to_vec();
            with_models(reader, &mut shown)?;
            Ok(Some((all.len(), shown, next)))
        })
        .await?;
    let (turn_count, shown, next_cursor) = found.ok_or_else(|| wrong_cursor(request))?;
    Ok(ReplayList {
        session_id,
        turn_count,
        filters: ReplayFilters { role },
        turns: shown
            .into_iter()
            .map(|attempt| ReplayTurn {
                turn_trace_id: attempt.trace_id(),
                timestamp: api.zone.stamp(attempt.at_ms),
                session_id: attempt.run_id,
                issue_id: attempt.issue_id,
                turn_index: attempt.turn_index,
                attempt: attempt.attempt,
                role: attempt.role,
                selected_model: attempt.model,
                status: attempt.status,
            })
            .collect(),
        next_cursor,
    })
}

/// The turns of a run that can be looked at.
#[utoipa::path(tag = "runs", params(
        ("id" = String, Path, description = "The run, the beginning of its id, or `last`"),
        ("role" = Option<String>, Query, description = "Only turns of this role"),
        ("limit" = Option<u64>, Query, description = "At most so many; 1000 when left out", minimum = 1, maximum = 10000),
        ("cursor" = Option<i64>, Query, description = "Those after this one", minimum = 0)),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = ReplayList)))]
#[get("/v1/runs/{id}/replay")]
pub async fn run_replay(
    _caller: Caller<Read>,
    api: Data<Api>,
    id: Path<String>,
    request: HttpRequest,
) -> Result<Json<ReplayList>, Problem> {
    let mut query = Check::query(&request)?;
    let part = Part::of(&mut query);
    let role = query.text("role");
    query.finish()?;
    let run = run_named(&api, &id).await?;
    Ok(Json(replay_list(&api, run, role, part, &request).await?))
}
