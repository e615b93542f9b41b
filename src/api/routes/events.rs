//! The events of one run, as they happen.

use std::time::Duration;

use actix_web::http::header::{ACCEPT, CACHE_CONTROL};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::control::run_of;
use crate::api::Api;
use crate::api::caller::{Caller, Read};
use crate::api::check::Check;
use crate::api::problem::Problem;
use crate::api::seats::{Seat, Seats};
use crate::log::mask::masked;
use crate::owner::service::Begin;
use crate::owner::wire::Line;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(events);
}

/// Lines that one answer of a long poll has at most.
const AT_ONCE: usize = 1_000;
/// How long a long poll waits at least for what has happened already.
const PATIENCE: Duration = Duration::from_secs(15);
/// The largest number that every client can read exactly.
const HIGHEST: u64 = (1 << 53) - 1;

/// One of the events of a stream; for the schema only.
#[derive(Serialize, ToSchema)]
struct ServerSentEvent {
    /// `snapshot`, `event`, `lagged` or `end`.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    /// The event's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// JSON.
    data: String,
}

/// Follow a run from the event after number `after`, or after the header `Last-Event-ID`; without either
/// from its beginning, or, while it is under way, from where it was last begun or gone on with.
///
/// Three ways: server-sent events (the default: a snapshot, each event with its number as `id`, an
/// `end` when the run is over); one JSON line each with `Accept: application/x-ndjson`; or, with
/// `wait`, a long poll: `{"events", "next_after", "over", "missed"}` as soon as there is something, at
/// the latest after so many seconds.
///
/// What memory does not have any more is read from what is stored (but `turn_progress`, which is told
/// only while it is fresh); `data` then names run and card too, and `workspace` is missing. What is not
/// kept any more is said to be missed (`lagged`, with a snapshot behind it): `missed` is about how many
/// events, those of other runs counted.
#[utoipa::path(tag = "events", params(
        ("id" = String, Path, description = "The run, the beginning of its id, or `last`"),
        ("after" = Option<u64>, Query, description = "Only events after this number; one that no event has yet is taken for the newest", minimum = 0, maximum = 9007199254740991_i64),
        ("recent" = Option<bool>, Query, description = "Without `after`: of a run that is over only what is still in memory"),
        ("wait" = Option<u64>, Query, description = "Long poll: at most so many seconds", minimum = 0, maximum = 60)),
    security(("api_key" = ["read"]), ("bearer" = ["read"])),
    responses((status = 200, description = "Events", content(
        (ServerSentEvent = "text/event-stream"), (String = "application/x-ndjson"), (Value = "application/json")))))]
#[get("/v1/runs/{id}/events")]
pub async fn events(
    caller: Caller<Read>,
    api: Data<Api>,
    followers: Data<Seats>,
    id: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let mut query = Check::query(&request)?;
    let after = query.optional_count("after", 0, HIGHEST);
    let recent = query.flag("recent").unwrap_or(false);
    let wait = query.optional_count("wait", 0, 60);
    query.finish()?;
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let after = after
        .or_else(|| header("last-event-id").and_then(|id| id.trim().parse().ok()))
        .unwrap_or(0)
        // Nothing has a higher number yet: it was given by another data folder.
        .min(api.service.newest_event());
    let begin = match after {
        0 if recent => Begin::Recent,
        after => Begin::After(after),
    };
    let run = run_of(&api.service, &id).await?;
    let seat = seat(&caller, &followers)?;
    let known = api.service.remembered_event();
    let lines = api.service.follow(run, begin, seat);
    let hides = !caller.is_local;
    if let Some(seconds) = wait {
        return Ok(HttpResponse::Ok()
            .insert_header((CACHE_CONTROL, "no-store"))
            .json(poll(lines, (after, known), Duration::from_secs(seconds), hides).await));
    }
    let is_wished =
        |kind: &str| header(ACCEPT.as_str()).is_some_and(|accept| accept.contains(kind));
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store"));
    Ok(if is_wished("application/x-ndjson") {
        response
            .content_type("application/x-ndjson")
            .streaming(encoded(lines, as_line, hides))
    } else {
        response
            .content_type("text/event-stream")
            .streaming(encoded(lines, as_sse, hides))
    })
}

/// A place among those who follow; whoever comes through the owner's socket needs none.
fn seat(caller: &Caller<Read>, followers: &Seats) -> Result<Option<Seat>, Problem> {
    if caller.is_local {
        return Ok(None);
    }
    let full = || {
        let words = "as many clients as may follow runs already";
        Problem::busy("E_TOO_MANY_FOLLOWERS", words, 5)
    };
    followers.seat().map(Some).ok_or_else(full)
}

fn encoded(
    lines: mpsc::Receiver<Line>,
    encode: fn(&Line) -> serde_json::Result<Bytes>,
    hides: bool,
) -> impl Stream<Item = Result<Bytes, actix_web::Error>> {
    stream::unfold(lines, |mut lines| async move {
        let line = lines.recv().await?;
        Some((line, lines))
    })
    .map(move |mut line| {
        if let (true, Line::Event(event)) = (hides, &mut line) {
            event.data = masked(&event.data);
            event.shown = orket_actors::port::event::Shown::default();
        }
        Ok(encode(&line)?)
    })
}

fn as_line(line: &Line) -> serde_json::Result<Bytes> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    Ok(text.into())
}

/// As the HTML standard has it (§9.2): `event`, `id` where it has a number, `data` of one line.
fn as_sse(line: &Line) -> serde_json::Result<Bytes> {
    let name = match line {
        Line::Event(event) => {
            let data = serde_json::to_string(event)?;
            return Ok(format!("event: event\nid: {}\ndata: {data}\n\n", event.seq).into());
        }
        Line::Beat => return Ok(Bytes::from_static(b": beat\n\n")),
        Line::Snapshot { .. } => "snapshot",
        Line::Lagged { .. } => "lagged",
        Line::End { .. } => "end",
    };
    let data = serde_json::to_string(line)?;
    Ok(format!("event: {name}\ndata: {data}\n\n").into())
}

/// What there is, or the first thing that comes, and what is there with it. What is gone up to the event
/// of number `known` is said once: behind that one it goes on.
async fn poll(
    mut lines: mpsc::Receiver<Line>,
    (after, known): (u64, u64),
    wait: Duration,
    hides: bool,
) -> Value {
    let begun = Instant::now();
    let deadline = begun + wait;
    let (mut found, mut next_after, mut over, mut missed) = (Vec::new(), after, false, 0_u64);
    let mut has_caught_up = false;
    while found.len() < AT_ONCE {
        let until = if !has_caught_up {
            deadline.max(begun + PATIENCE)
        } else if found.is_empty() {
            deadline
        } else {
            // With something in hand only what is there already is waited for.
            Instant::now() + Duration::from_millis(5)
        };
        match timeout_at(until, lines.recv()).await {
            Ok(Some(Line::Event(mut event))) => {
                if hides {
                    event.data = masked(&event.data);
                    event.shown = orket_actors::port::event::Shown::default();
                }
                next_after = next_after.max(event.seq);
                found.push(event);
            }
            Ok(Some(Line::Lagged { missed: more })) => missed = missed.saturating_add(more),
            Ok(Some(Line::End { .. }) | None) => {
                over = true;
                break;
            }
            Ok(Some(Line::Beat)) => {
                has_caught_up = true;
                if missed > 0 {
                    next_after = next_after.max(known);
                }
            }
            Ok(Some(Line::Snapshot { .. })) => {}
            Err(_) => break,
        }
    }
    json!({"events": found, "next_after": next_after, "over": over, "missed": missed})
}
