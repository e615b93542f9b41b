//! Live events over WebSockets.

use std::rc::Rc;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, get};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::api::Api;
use crate::api::check::Check;
use crate::api::problem::Problem;
use crate::api::sockets::gate::{self, Refused};
use crate::api::sockets::worker::Worker;
use crate::api::sockets::{Sockets, open};
use crate::events::filter::{Filter, Wanted};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(sockets);
}

/// The largest number that every client can read exactly.
const HIGHEST: u64 = (1 << 53) - 1;

/// Follow all events over a WebSocket: each text frame is one line of the log with its number, `seq`.
///
/// With `after` it begins behind the event of that number, out of memory or out of what is stored, so
/// that a client that comes back misses nothing. A client that is too slow is told with one frame
/// `{"event": "lagged", "seq", "data": {"missed"}}` and given what it missed from what is stored
/// (`turn_progress` is not, nor are the events that say that somebody looked at a run). Frames of the client are not used; its pongs are.
#[utoipa::path(tag = "events", params(
        ("session_id" = Option<String>, Query, description = "Only events of these runs, separated by commas"),
        ("event" = Option<String>, Query, description = "Only events of these names, separated by commas"),
        ("role" = Option<String>, Query, description = "Only what these roles say, separated by commas"),
        ("after" = Option<u64>, Query, description = "Begin behind the event of this number", minimum = 0, maximum = 9007199254740991_i64),
        ("api_key" = Option<String>, Query, description = "The key, where headers cannot be sent; only here")),
    security(("api_key" = ["read"]), ("bearer" = ["read"])),
    responses(
        (status = 101, description = "Frames follow"),
        (status = 403, description = "No valid key, no scope `read`, or a page that may not ask; without a body")))]
#[get("/ws/events")]
pub async fn sockets(
    request: HttpRequest,
    payload: Payload,
    api: Data<Api>,
    sockets: Data<Sockets>,
) -> Result<HttpResponse, Problem> {
    let mut query = Check::query(&request)?;
    match gate::pass(&request, query.text("api_key").as_deref()) {
        Ok(()) => {}
        Err(Refused::Forbidden) => return Ok(HttpResponse::Forbidden().finish()),
        Err(Refused::Problem(problem)) => return Err(problem),
    }
    let filter = Filter {
        sessions: Wanted::list(query.text("session_id").as_deref()),
        events: Wanted::list(query.text("event").as_deref()),
        roles: Wanted::list(query.text("role").as_deref()),
    };
    let after = query.optional_count("after", 0, HIGHEST);
    query.finish()?;
    let worker = request
        .app_data::<Rc<Worker>>()
        .map(Rc::clone)
        .ok_or_else(|| Problem::internal("the server has no place for sockets"))?;
    let (response, session, messages) = match actix_ws::handle(&request, payload) {
        Ok(opened) => opened,
        Err(error) => return Ok(not_opened(&error)),
    };
    let seat = sockets.seat().ok_or_else(|| {
        Problem::busy(
            "E_TOO_MANY_SOCKETS",
            "as many sockets as there may be are open",
            5,
        )
    })?;
    let wish = open::Wish { filter, after };
    Ok(open::open(
        (response, session, messages),
        seat,
        wish,
        &worker,
        &api,
        sockets,
    ))
}

/// The request asks for no WebSocket, or not as RFC 6455 has it.
fn not_opened(error: &actix_web::Error) -> HttpResponse {
    let status = error.as_response_error().error_response().status();
    let is_version = status == StatusCode::UPGRADE_REQUIRED;
    let problem = Problem::new(status, "E_WEBSOCKET", error.to_string())
        .hint("ask with a WebSocket client: Upgrade: websocket, Sec-WebSocket-Version: 13");
    let mut response = problem.response(None);
    if is_version {
        response.headers_mut().insert(
            HeaderName::from_static("sec-websocket-version"),
            HeaderValue::from_static("13"),
        );
    }
    response
}
