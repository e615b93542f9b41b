//! What is answered.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use orket_actors::rate_limiter::Standing;
use orket_core::webhook::outcome::CallState;
use serde::Serialize;
use serde_json::json;
use std::time::Duration;

static LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
static REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
static RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// `{"detail", "code"}`.
pub(crate) fn problem(status: StatusCode, code: &str, detail: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({"detail": detail, "code": code}))
}

/// Too much; after so long it may go well.
pub(crate) fn too_many(wait: Duration) -> HttpResponse {
    let mut response = HttpResponse::TooManyRequests();
    response.insert_header((RETRY_AFTER, seconds(wait)));
    response
        .content_type("application/json")
        .body(r#"{"detail":"Webhook rate limit exceeded","code":"E_RATE_LIMIT"}"#)
}

/// Not now; after so long it may go well.
pub(crate) fn not_now(detail: &str, wait: Duration) -> HttpResponse {
    let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, "E_STORAGE", detail);
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(seconds(wait)));
    response
}

/// Whole seconds, rounded up, at least 1.
fn seconds(wait: Duration) -> u64 {
    (wait + Duration::from_millis(999)).as_secs().max(1)
}

/// Says what is left (draft-ietf-httpapi-ratelimit-headers-03).
pub(crate) fn with_standing(mut response: HttpResponse, standing: Standing) -> HttpResponse {
    let reset = if standing.wait.is_zero() {
        0
    } else {
        seconds(standing.wait)
    };
    let headers = response.headers_mut();
    headers.insert(LIMIT.clone(), HeaderValue::from(standing.limit));
    headers.insert(REMAINING.clone(), HeaderValue::from(standing.remaining));
    headers.insert(RESET.clone(), HeaderValue::from(reset));
    response
}

#[derive(Serialize)]
pub(crate) struct Body<'a> {
    pub status: &'a str,
    pub message: &'a str,
    /// Its row; `orket webhook deliveries show` takes it.
    pub delivery: i64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub duplicate: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub calls: &'a [CallState],
}
