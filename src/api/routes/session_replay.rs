//! One turn of a session: what was asked, answered and done in it.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, get};
use orket_actors::port::store::StoreError;
use orket_core::artifact::{TurnMeta, folder};
use orket_core::ids::RunId;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::runs::unknown_run;
use super::turns::{Part, ReplayList, replay_list};
use crate::api::Api;
use crate::api::caller::{Caller, Read};
use crate::api::check::Check;
use crate::api::problem::Problem;
use crate::artifacts::Shown;
use crate::storage::Reader;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(session_replay);
}

/// What was asked, answered and done in a turn, from the journal.
#[derive(Debug, Serialize, ToSchema)]
pub struct TurnArtifacts {
    /// The run.
    session_id: String,
    /// The card.
    issue_id: String,
    /// The card's turn, from 1.
    turn_index: u32,
    /// The role.
    role: String,
    /// The try that this is, from 1.
    attempt: u32,
    /// All tries of the turn.
    attempts: Vec<u32>,
    /// `open`, `succeeded`, `failed`, `stalled` or `abandoned`.
    status: String,
    /// Where its files lie, if they are written.
    turn_dir: String,
    /// As in `checkpoint.json`.
    #[schema(value_type = Value)]
    checkpoint: Value,
    /// As in `messages.json`; null when no model was asked.
    #[schema(value_type = Value)]
    messages: Value,
    /// As in `model_response.txt`; null before the first answer.
    model_response: Option<String>,
    /// As in `parsed_tool_calls.json`; null before the first answer.
    #[schema(value_type = Value)]
    parsed_tool_calls: Value,
}

/// A list of turns, or one of them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum SessionReplay {
    /// Without a place.
    List(ReplayList),
    /// With one.
    Turn(Box<TurnArtifacts>),
}

/// The turns of a session, or, with `issue_id` and `turn_index`, one of them: what was asked, answered
/// and done.
#[utoipa::path(tag = "sessions", params(
        ("id" = String, Path, description = "The run"),
        ("issue_id" = Option<String>, Query, description = "The card; together with `turn_index`"),
        ("turn_index" = Option<u64>, Query, description = "The card's turn; together with `issue_id`", minimum = 1, maximum = 4294967295_i64),
        ("attempt" = Option<u64>, Query, description = "The try; the last one when left out", minimum = 1, maximum = 4294967295_i64),
        ("role" = Option<String>, Query, description = "Only turns of this role"),
        ("limit" = Option<u64>, Query, description = "At most so many; 1000 when left out", minimum = 1, maximum = 10000),
        ("cursor" = Option<i64>, Query, description = "Those after this one", minimum = 0)),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = SessionReplay)))]
#[get("/v1/sessions/{id}/replay")]
pub async fn session_replay(
    _caller: Caller<Read>,
    api: Data<Api>,
    id: Path<String>,
    request: HttpRequest,
) -> Result<Json<SessionReplay>, Problem> {
    let mut query = Check::query(&request)?;
    let part = Part::of(&mut query);
    let role = query.text("role");
    let issue_id = query.text("issue_id");
    let turn_index = query.optional_count("turn_index", 1, u64::from(u32::MAX));
    let attempt = query.optional_count("attempt", 1, u64::from(u32::MAX));
    query.finish()?;
    if issue_id.is_some() != turn_index.is_some() {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "E_VALIDATION",
            "issue_id and turn_index go together: give both, or neither for the list",
        ));
    }
    let run = RunId::new(id.as_str()).map_err(|_| unknown_run(&id))?;
    let session = {
        let run = run.clone();
        api.read(move |reader| reader.session(run.as_str())).await?
    };
    if session.is_none() {
        return Err(unknown_run(&id));
    }
    let (Some(issue_id), Some(turn_index)) = (issue_id, turn_index) else {
        let list = replay_list(&api, run, role, part, &request).await?;
        return Ok(Json(SessionReplay::List(list)));
    };
    let place = TurnPlace {
        issue_id,
        turn_index,
        attempt,
        role: role.map(|role| role.trim().to_lowercase()),
    };
    let missing = format!(
        "Turn {} of issue '{}' not found in run '{run}'",
        place.turn_index, place.issue_id
    );
    let found = api
        .read(move |reader| place.artifacts(reader, run.as_str()))
        .await?;
    match found {
        Some(artifacts) => Ok(Json(SessionReplay::Turn(Box::new(artifacts)))),
        None => Err(Problem::not_found(missing)),
    }
}

/// A turn that is asked for.
struct TurnPlace {
    issue_id: String,
    turn_index: u64,
    attempt: Option<u64>,
    role: Option<String>,
}

impl TurnPlace {
    /// What the journal has of it; of several tries the last one, when none is named.
    fn artifacts(
        &self,
        reader: &Reader,
        run_id: &str,
    ) -> Result<Option<TurnArtifacts>, StoreError> {
        let mut of_turn = reader.turns(run_id, Some(&self.issue_id))?;
        of_turn.retain(|turn| {
            u64::from(turn.turn) == self.turn_index
                && self
                    .role
                    .as_ref()
                    .is_none_or(|role| *role == turn.role.to_lowercase())
        });
        let attempts = of_turn.iter().map(|turn| turn.attempt).collect();
        let wanted = of_turn.into_iter().rfind(|turn| {
            self.attempt
                .is_none_or(|attempt| attempt == u64::from(turn.attempt))
        });
        let Some(turn) = wanted else { return Ok(None) };
        let steps: Vec<_> = reader
            .steps(turn.row)?
            .into_iter()
            .map(|row| row.step)
            .collect();
        let plan = reader.plan(run_id)?;
        let meta = TurnMeta {
            run_id,
            issue_id: &turn.card_id,
            role: &turn.role,
            turn: turn.turn,
            attempt: turn.attempt,
            ended_ms: turn.ended_ms.unwrap_or(turn.started_ms),
            plan: plan.as_deref(),
        };
        let workspace = plan.as_ref().map_or("", |plan| plan.workspace.as_str());
        let shown = Shown::of(&meta, &steps);
        Ok(Some(TurnArtifacts {
            session_id: run_id.to_owned(),
            turn_dir: format!("{workspace}/{}", folder(&meta)),
            issue_id: turn.card_id,
            turn_index: turn.turn,
            role: turn.role,
            attempt: turn.attempt,
            attempts,
            status: turn.status,
            checkpoint: shown.checkpoint,
            messages: shown.messages,
            model_response: shown.model_response,
            parsed_tool_calls: shown.parsed_tool_calls,
        }))
    }
}
