//! `POST /webhook/gitea` and `POST /webhook/test`.
//!
//! The order is the defence: the address, the size while it is read, the signature, what its repository
//! may still tell, and only then what it says. It is answered when it is on disk.

use std::rc::Rc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use orket_actors::rate_limiter::GiveBack;
use orket_core::webhook::delivery::{self, Invalid};
use orket_core::webhook::outcome::{CallState, answer};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::body::{self, Unreadable};
use crate::desk::{Desk, Outcome};
use crate::metrics::Came;
use crate::peers::Peer;
use crate::receiver::Receiver;
use crate::recent::Digest;
use crate::reply::{Body, not_now, problem, too_many, with_standing};
use crate::sender::AwaitCalls;
use crate::signature::{Presented, hexadecimal};
use crate::store::{Answer, Arrival, OutboxRow};

/// How long whoever is told to come again should wait, where nothing is known of it.
const SHORTLY: Duration = Duration::from_secs(5);
/// The longest delivery id, in bytes.
const LONGEST_ID: usize = 128;

/// A delivery of Gitea or Forgejo.
pub(crate) async fn gitea(
    request: HttpRequest,
    payload: Payload,
    receiver: Data<Receiver>,
) -> HttpResponse {
    let Some(desk) = request.app_data::<Rc<Desk>>().cloned() else {
        return not_now("this worker cannot take deliveries", SHORTLY);
    };
    let peer = origin(&request, &receiver);
    let headers = request.headers();
    let given = |name: &str| headers.get(name).map(|value| value.as_bytes());
    let own = given("x-gitea-signature")
        .filter(|text| !text.is_empty())
        .or_else(|| given("x-forgejo-signature"));
    let presented = Presented::new(own, given("x-hub-signature-256"));
    let refused = receiver.peers.refused(peer);
    if let Some(wait) = refused
        && !presented.is_whole()
    {
        receiver.metrics.came(Came::PeerLimited);
        body::pass_over(&request, payload).await;
        return too_many(wait);
    }
    let reading = body::read(&request, payload, &receiver.peers, peer, refused.is_some());
    let (body, _hold) = match reading.await {
        Ok(read) => read,
        Err(why) => return unreadable(&receiver, peer, why),
    };
    if let Err(denied) = receiver.secrets.check(presented, &body) {
        receiver.metrics.came(Came::Denied);
        receiver.peers.was_wrong(peer);
        return problem(StatusCode::UNAUTHORIZED, "E_SIGNATURE", &denied.to_string());
    }
    let digest: Digest = Sha256::digest(&body).into();
    if let Some((row, stored)) = receiver.recent.get(&digest) {
        receiver.metrics.came(Came::Duplicate);
        return reply(&receiver, row, &stored, true, false).await;
    }
    let event = name_of_event(headers);
    let told = Told {
        id: delivery_id(headers),
        event,
        digest,
    };
    take(&receiver, &desk, body, told).await
}

/// What the headers of a delivery say.
struct Told {
    id: Option<String>,
    event: Option<String>,
    digest: Digest,
}

/// A delivery that is signed.
async fn take(receiver: &Receiver, desk: &Desk, body: Bytes, told: Told) -> HttpResponse {
    let digest = told.digest;
    // What cannot be read spends a quota too, and is refused after it.
    let fields = delivery::payload(&body);
    let repository = fields
        .as_ref()
        .ok()
        .and_then(|fields| delivery::repository(fields).ok())
        .map(|repository| repository.full_name());
    let (arrival, invalid) = match fields.and_then(|fields| arrival(receiver, body, told, &fields))
    {
        Ok(arrival) => (Some(Box::new(arrival)), None),
        Err(invalid) => (None, Some(invalid)),
    };
    let (standing, stored) = match desk.ask(repository.as_deref(), arrival).await {
        Outcome::Limited(standing) => {
            receiver.metrics.came(Came::Limited);
            return with_standing(too_many(standing.wait), standing);
        }
        Outcome::Admitted(standing) => {
            receiver.metrics.came(Came::Invalid);
            let words = invalid.map_or_else(String::new, |invalid| invalid.to_string());
            return with_standing(
                problem(StatusCode::BAD_REQUEST, "E_BAD_REQUEST", &words),
                standing,
            );
        }
        Outcome::Lost => {
            receiver.metrics.came(Came::Failed);
            return not_now("the delivery was not taken; send it again", SHORTLY);
        }
        Outcome::Stored(standing, stored) => (standing, stored),
    };
    let stored = match stored {
        Ok(stored) => stored,
        Err(error) => {
            receiver.wrote(false);
            receiver.metrics.came(Came::Failed);
            tracing::error!(%error, "a delivery could not be stored");
            receiver.limiter.address().do_send(GiveBack { repository });
            return not_now("the delivery could not be stored; send it again", SHORTLY);
        }
    };
    receiver.wrote(true);
    receiver
        .recent
        .put(digest, stored.row, stored.answer.clone());
    if stored.is_duplicate {
        receiver.metrics.came(Came::Duplicate);
        receiver.limiter.address().do_send(GiveBack { repository });
    } else {
        receiver.metrics.came(Came::Stored);
    }
    let response = if stored.calls > 0 || stored.is_duplicate {
        let has_new_calls = stored.calls > 0;
        reply(
            receiver,
            stored.row,
            &stored.answer,
            stored.is_duplicate,
            has_new_calls,
        )
        .await
    } else {
        written(stored.row, &stored.answer, false, &[])
    };
    with_standing(response, standing)
}

fn arrival(
    receiver: &Receiver,
    body: Bytes,
    told: Told,
    fields: &Map<String, Value>,
) -> Result<Arrival, Invalid> {
    let event = delivery::event(told.event.as_deref(), fields)?;
    Ok(Arrival {
        delivery_id: told.id.unwrap_or_else(|| hexadecimal(&told.digest)),
        body_digest: told.digest,
        event_type: told.event.unwrap_or_default(),
        payload: kept(body, fields),
        event,
        policy: receiver.policy(),
        // The rate limiter's, when it has given leave.
        tats: Vec::new(),
        received_ms: receiver.clock.wall_ms(),
    })
}

/// A body as it is kept: byte for byte, but for the secret that old versions of Gitea put into it.
fn kept(body: Bytes, fields: &Map<String, Value>) -> Bytes {
    if !fields.contains_key("secret") {
        return body;
    }
    match serde_json::from_slice::<Map<String, Value>>(&body) {
        Ok(mut all) => {
            all.shift_remove("secret");
            Value::Object(all).to_string().into()
        }
        // It was read a moment ago.
        Err(_) => Bytes::new(),
    }
}

/// Answers with what became of the calls, as far as that is known in time.
async fn reply(
    receiver: &Receiver,
    row: i64,
    stored: &Answer,
    is_duplicate: bool,
    has_new_calls: bool,
) -> HttpResponse {
    let calls = if has_new_calls {
        let asked = receiver.sender.ask(AwaitCalls { event_row: row });
        let waited = tokio::select! {
            calls = asked => calls.ok().flatten(),
            () = receiver.clock.sleep(receiver.patience) => None,
        };
        match waited {
            Some(calls) => calls,
            None => calls_of(receiver, row).await,
        }
    } else {
        calls_of(receiver, row).await
    };
    written(row, stored, is_duplicate, &calls)
}

async fn calls_of(receiver: &Receiver, row: i64) -> Vec<CallState> {
    match receiver.store.calls_of(row).await {
        Ok(rows) => rows.iter().filter_map(OutboxRow::state).collect(),
        Err(error) => {
            tracing::error!(%error, row, "what follows from a delivery cannot be read");
            Vec::new()
        }
    }
}

fn written(row: i64, stored: &Answer, duplicate: bool, calls: &[CallState]) -> HttpResponse {
    let (status, message) = answer(&stored.status, &stored.message, calls);
    HttpResponse::Ok().json(Body {
        status: &status,
        message: &message,
        delivery: row,
        duplicate,
        calls,
    })
}

fn unreadable(receiver: &Receiver, peer: Peer, why: Unreadable) -> HttpResponse {
    match why {
        Unreadable::TooLarge => {
            receiver.metrics.came(Came::TooLarge);
            receiver.peers.was_wrong(peer);
            problem(
                StatusCode::PAYLOAD_TOO_LARGE,
                "E_TOO_LARGE",
                "Payload too large",
            )
        }
        Unreadable::TooSlow => {
            receiver.metrics.came(Came::TooSlow);
            receiver.peers.was_wrong(peer);
            problem(
                StatusCode::REQUEST_TIMEOUT,
                "E_SLOW_BODY",
                "the body did not come to its end in time",
            )
        }
        Unreadable::TooMany => {
            receiver.metrics.came(Came::PeerLimited);
            too_many(Duration::from_secs(1))
        }
        Unreadable::Broken => {
            receiver.metrics.came(Came::Invalid);
            receiver.peers.was_wrong(peer);
            problem(
                StatusCode::BAD_REQUEST,
                "E_BAD_REQUEST",
                "the body broke off",
            )
        }
    }
}

fn origin(request: &HttpRequest, receiver: &Receiver) -> Peer {
    let unknown = std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    let connection = request.peer_addr().map_or(unknown, |address| address.ip());
    let lines: Vec<&str> = request
        .headers()
        .get_all("x-forwarded-for")
        .map(|line| line.to_str().unwrap_or("?"))
        .collect();
    Peer::new(receiver.proxies.origin(connection, lines.into_iter()))
}

/// The name of what happened: Gitea's own header, or else those that it sends for others.
fn name_of_event(headers: &HeaderMap) -> Option<String> {
    ["x-gitea-event", "x-forgejo-event", "x-github-event"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok())
        .map(|name| name.chars().take(LONGEST_ID).collect())
}

fn delivery_id(headers: &HeaderMap) -> Option<String> {
    [
        "x-gitea-delivery",
        "x-forgejo-delivery",
        "x-github-delivery",
    ]
    .iter()
    .find_map(|name| headers.get(*name)?.to_str().ok())
    .map(str::trim)
    .filter(|id| !id.is_empty() && id.len() <= LONGEST_ID)
    .map(str::to_owned)
}

/// What a test event says.
#[derive(Deserialize)]
struct TestEvent {
    #[serde(default)]
    event: Option<String>,
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    payload: Map<String, Value>,
}

/// An event without a signature, for those who try things out.
pub(crate) async fn test(
    request: HttpRequest,
    payload: Payload,
    receiver: Data<Receiver>,
) -> HttpResponse {
    let Some(desk) = request.app_data::<Rc<Desk>>().cloned() else {
        return not_now("this worker cannot take deliveries", SHORTLY);
    };
    let peer = origin(&request, &receiver);
    if let Some(wait) = receiver.peers.refused(peer) {
        receiver.metrics.came(Came::PeerLimited);
        return too_many(wait);
    }
    if let Some(refused) = refused_test(&receiver, request.headers()) {
        receiver.metrics.came(Came::Denied);
        receiver.peers.was_wrong(peer);
        return refused;
    }
    let (body, _hold) = match body::read(&request, payload, &receiver.peers, peer, false).await {
        Ok(read) => read,
        Err(why) => return unreadable(&receiver, peer, why),
    };
    let mut event: TestEvent = match serde_json::from_slice(&body) {
        Ok(event) => event,
        Err(error) => {
            receiver.metrics.came(Came::Invalid);
            let words = format!("Invalid payload: {error}");
            return problem(StatusCode::BAD_REQUEST, "E_BAD_REQUEST", &words);
        }
    };
    if let Some(action) = event.action.take() {
        event
            .payload
            .entry("action")
            .or_insert(Value::String(action));
    }
    let inner = Bytes::from(Value::Object(event.payload).to_string());
    // Each is a new one: who tries things out tries them twice.
    let id = format!("test-{}", uuid::Uuid::new_v4());
    let told = Told {
        event: Some(event.event.unwrap_or_else(|| "test".to_owned())),
        digest: Sha256::digest(id.as_bytes()).into(),
        id: Some(id),
    };
    take(&receiver, &desk, inner, told).await
}

fn refused_test(receiver: &Receiver, headers: &HeaderMap) -> Option<HttpResponse> {
    let forbidden = |detail: &str| problem(StatusCode::FORBIDDEN, "E_FORBIDDEN", detail);
    let denied = |detail: &str| problem(StatusCode::UNAUTHORIZED, "E_API_KEY", detail);
    let test = &receiver.test;
    if !test.is_enabled {
        return Some(forbidden("Test webhook endpoint disabled"));
    }
    let is = |header: &str, expected: &str| {
        let given = headers
            .get(header)
            .map_or(&[][..], |value| value.as_bytes());
        bool::from(given.ct_eq(expected.as_bytes()))
    };
    match (&test.token, &test.api_key) {
        (Some(token), _) => {
            (!is("x-webhook-test-token", token)).then(|| denied("Invalid test webhook token"))
        }
        (None, Some(key)) => (!is("x-api-key", key)).then(|| denied("Invalid API key")),
        (None, None) => Some(forbidden("Test webhook auth not configured")),
    }
}
