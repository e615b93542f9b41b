//! The cards of a run as a graph.

use actix_web::get;
use actix_web::web::{Data, Json, Path};
use orket_core::ids::RunId;
use utoipa_actix_web::service_config::ServiceConfig;

use super::runs::run_named;
use crate::api::Api;
use crate::api::caller::{Caller, Read};
use crate::api::problem::Problem;
use crate::api::views::execution_graph::{Card, EndedTurn, ExecutionGraph, execution_graph};
use crate::storage::reader::{TiedCard, TurnSummary};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(run_execution_graph);
}

fn card(card: TiedCard) -> Card {
    Card {
        id: card.card_id,
        summary: card.summary,
        seat: card.seat,
        status: card.status,
        depends_on: card.depends_on,
        created_by: card.created_by,
    }
}

/// Only a turn that ended well hands over.
fn ended(turn: TurnSummary) -> Option<EndedTurn> {
    if turn.status != "succeeded" {
        return None;
    }
    Some(EndedTurn {
        issue_id: turn.card_id,
        turn_index: turn.turn,
        at_ms: turn.ended_ms?,
    })
}

/// The cards of a run as a graph: what each waits for, in which order they can be done, and how the
/// work went from card to card. Nothing is written.
#[utoipa::path(tag = "runs", params(("id" = String, Path, description = "The run, the beginning of its id, or `last`")),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = ExecutionGraph)))]
#[get("/v1/runs/{id}/execution-graph")]
pub async fn run_execution_graph(
    _caller: Caller<Read>,
    api: Data<Api>,
    id: Path<String>,
) -> Result<Json<ExecutionGraph>, Problem> {
    let run: RunId = run_named(&api, &id).await?;
    let zone = api.zone.clone();
    let graph = api
        .read(move |reader| {
            let cards: Vec<Card> = reader
                .tied_cards(run.as_str())?
                .into_iter()
                .map(card)
                .collect();
            let turns = reader.turns(run.as_str(), None)?;
            let turns = turns.into_iter().filter_map(ended).collect();
            Ok(execution_graph(run.as_str(), &cards, turns, |ms| {
                zone.stamp(ms)
            }))
        })
        .await?;
    Ok(Json(graph))
}
