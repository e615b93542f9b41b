//! Putting cards away, and taking them out again.

use actix_web::post;
use actix_web::web::{Data, Json};
use serde_json::json;
use utoipa_actix_web::service_config::ServiceConfig;

use super::control::{detached, signed};
use crate::api::Api;
use crate::api::body::{LARGEST, Object};
use crate::api::caller::{Caller, Run};
use crate::api::check::Check;
use crate::api::problem::Problem;
use crate::owner::service::archive::{ArchiveRequest, Archived, SHORTEST_RELATED};
use crate::owner::service::unarchive::{UnarchiveRequest, Unarchived};

/// The most ids of one request.
const MOST_IDS: usize = 1_000;
/// The most texts of one request.
const MOST_TEXTS: usize = 20;
/// The longest reason, in characters.
const LONGEST_REASON: usize = 2_000;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(archive).service(unarchive);
}

/// Archive cards: those named, those of a build, and those that some text is found in, together and in
/// one go. A card that the status table does not let go, or whose run is under way, stays, and is named
/// in `refused`.
#[utoipa::path(tag = "cards", request_body = ArchiveRequest, security(("api_key" = ["run"]), ("bearer" = ["run"])),
    responses((status = 200, body = Archived)))]
#[post("/v1/cards/archive")]
pub async fn archive(
    caller: Caller<Run>,
    api: Data<Api>,
    body: Object<LARGEST>,
) -> Result<Json<Archived>, Problem> {
    let mut body = body.check();
    let by = body.text("archived_by").filter(|by| !by.trim().is_empty());
    let request = ArchiveRequest {
        card_ids: body.texts("card_ids").unwrap_or_default(),
        build_id: body.text("build_id"),
        related_tokens: body.texts("related_tokens").unwrap_or_default(),
        reason: body.text("reason").unwrap_or_default(),
        archived_by: signed(by.unwrap_or_else(|| "api".to_owned()), &caller),
        dry_run: body.flag("dry_run").unwrap_or(false),
    };
    check(
        &mut body,
        &request.card_ids,
        &request.related_tokens,
        &request.reason,
    );
    body.finish()?;
    if !request.has_selector() {
        return Err(Problem::bad_request(
            "say which cards: give card_ids, build_id or related_tokens",
        ));
    }
    let service = api.service.clone();
    Ok(Json(
        detached(async move { service.archive(request).await }).await?,
    ))
}

/// Give archived cards the status back that they had: those named, those of a build, and those that some
/// text is found in, together and in one go. A card whose run is under way stays archived, and is named
/// in `refused`.
#[utoipa::path(tag = "cards", request_body = UnarchiveRequest, security(("api_key" = ["run"]), ("bearer" = ["run"])),
    responses((status = 200, body = Unarchived)))]
#[post("/v1/cards/unarchive")]
pub async fn unarchive(
    caller: Caller<Run>,
    api: Data<Api>,
    body: Object<LARGEST>,
) -> Result<Json<Unarchived>, Problem> {
    let mut body = body.check();
    let by = body.text("unarchived_by");
    let by = by.filter(|by| !by.trim().is_empty());
    let request = UnarchiveRequest {
        card_ids: body.texts("card_ids").unwrap_or_default(),
        build_id: body.text("build_id"),
        related_tokens: body.texts("related_tokens").unwrap_or_default(),
        reason: body.text("reason").unwrap_or_default(),
        unarchived_by: signed(by.unwrap_or_else(|| "api".to_owned()), &caller),
        dry_run: body.flag("dry_run").unwrap_or(false),
    };
    check(
        &mut body,
        &request.card_ids,
        &request.related_tokens,
        &request.reason,
    );
    body.finish()?;
    if !request.has_selector() {
        return Err(Problem::bad_request(
            "say which cards: give card_ids, build_id or related_tokens",
        ));
    }
    let service = api.service.clone();
    Ok(Json(
        detached(async move { service.unarchive(request).await }).await?,
    ))
}

fn check(body: &mut Check, card_ids: &[String], related: &[String], reason: &str) {
    let lists = [
        ("card_ids", card_ids, MOST_IDS),
        ("related_tokens", related, MOST_TEXTS),
    ];
    for (name, texts, most) in lists {
        if texts.len() > most {
            let msg = format!("must have at most {most} texts");
            body.problem(name, "too_long", &msg, Some(json!({"max_length": most})));
        }
    }
    let is_short = |text: &String| {
        let length = text.trim().chars().count();
        length > 0 && length < SHORTEST_RELATED
    };
    if related.iter().any(is_short) {
        let msg = format!("each must have at least {SHORTEST_RELATED} characters");
        let ctx = json!({"min_length": SHORTEST_RELATED});
        body.problem("related_tokens", "string_too_short", &msg, Some(ctx));
    }
    if reason.chars().count() > LONGEST_REASON {
        let msg = format!("must have at most {LONGEST_REASON} characters");
        body.problem(
            "reason",
            "string_too_long",
            &msg,
            Some(json!({"max_length": LONGEST_REASON})),
        );
    }
}
