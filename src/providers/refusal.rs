//! Statuses, broken connections and error bodies as typed failures.

use std::error::Error;
use std::time::{Duration, SystemTime};

use orket_core::failure::{Failure, FailureClass};
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, LOCATION, RETRY_AFTER};
use serde_json::Value;

use super::secrets::Secrets;

/// How much of a server's message is shown, in characters.
const MAX_SHOWN: usize = 500;
/// How much of a frame that is none is shown, in characters.
const MAX_PREVIEW: usize = 200;
/// The longest wait a server can ask for; more is a mistake of the server's.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The first characters of a text.
pub(super) fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A reply that is no valid stream.
pub(super) fn broken(what: impl Into<String>) -> Failure {
    Failure::new(FailureClass::ModelBroken, what)
}

/// A frame that makes no sense.
pub(super) fn malformed(data: &str, cause: impl std::fmt::Display) -> Failure {
    let preview = cut(data, MAX_PREVIEW);
    broken(format!(
        "the model's server sent a malformed frame ({cause}): {preview:?}"
    ))
}

/// The class of a status that is no success, and what its server says in `body`.
pub(super) fn of_status(status: StatusCode, headers: &HeaderMap, body: &str) -> Failure {
    let said = said(body);
    let class = if status == StatusCode::TOO_MANY_REQUESTS {
        // OpenAI says 429 also when the account has no money left: no waiting helps then.
        if body.contains("insufficient_quota") {
            FailureClass::ModelRefused
        } else {
            FailureClass::ModelRateLimited
        }
    } else if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        FailureClass::ModelServer
    } else {
        FailureClass::ModelRefused
    };
    let wait = match class {
        FailureClass::ModelRateLimited | FailureClass::ModelServer => {
            retry_after(headers, SystemTime::now())
        }
        _ => None,
    };
    let colon = if said.is_empty() { "" } else { ": " };
    let mut message = format!(
        "the model's server answered HTTP {}{colon}{said}",
        status.as_u16()
    );
    let elsewhere = headers.get(LOCATION).and_then(|place| place.to_str().ok());
    if let Some(place) = elsewhere.filter(|_| status.is_redirection()) {
        // Following it would turn the question into another one, or give the key away.
        message = format!("{message}; it points to {place}: set that address if it is right");
    }
    Failure::new(class, message).retry_after(wait)
}

/// The message in an error body, whatever its shape.
pub(super) fn said(body: &str) -> String {
    let json: Option<Value> = serde_json::from_str(body).ok();
    let message = json.as_ref().and_then(|json| {
        let places = ["/error/message", "/error", "/message", "/detail"];
        places
            .iter()
            .find_map(|place| json.pointer(place).and_then(Value::as_str))
    });
    let text = message.unwrap_or(body);
    cut(
        &text.split_whitespace().collect::<Vec<_>>().join(" "),
        MAX_SHOWN,
    )
}

/// What a server asks us to wait: `retry-after-ms`, or `retry-after` as seconds or as a date
/// (RFC 9110, section 10.2.3). A date is held against the server's own clock where it tells it.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let seconds = |text: &str, unit: f64| {
        let number: f64 = text.parse().ok()?;
        let wait = Duration::try_from_secs_f64((number * unit).max(0.0)).ok();
        // Too large for a duration is still a wish to wait long.
        Some(wait.unwrap_or(MAX_WAIT))
    };
    if let Some(wait) = text("retry-after-ms").and_then(|ms| seconds(ms, 0.001)) {
        return Some(wait.min(MAX_WAIT));
    }
    let after = text(RETRY_AFTER.as_str())?;
    let wait = seconds(after, 1.0).or_else(|| {
        let date = httpdate::parse_http_date(after).ok()?;
        let there = text(DATE.as_str()).and_then(|date| httpdate::parse_http_date(date).ok());
        Some(
            date.duration_since(there.unwrap_or(now))
                .unwrap_or_default(),
        )
    });
    wait.map(|wait| wait.min(MAX_WAIT))
}

/// A request that got no response.
pub(super) fn of_request(
    error: &reqwest::Error,
    endpoint: &str,
    connected: bool,
    hint: &str,
) -> Failure {
    let cause = innermost(error);
    if error.is_builder() {
        return Failure::new(
            FailureClass::ModelRefused,
            format!("the request to {endpoint} could not be made: {cause}; check address and key"),
        )
        .unheard();
    }
    if connected {
        return Failure::new(
            FailureClass::ModelServer,
            format!("{endpoint} closed the connection without an answer: {cause}"),
        );
    }
    Failure::new(
        FailureClass::ModelConnect,
        format!("could not connect to {endpoint}: {cause}; {hint}"),
    )
    .unheard()
}

/// A response that broke off.
pub(super) fn of_body(error: &reqwest::Error) -> Failure {
    let cause = innermost(error);
    broken(format!(
        "the connection broke in the middle of the reply: {cause}"
    ))
}

/// What really happened: reqwest wraps it in several layers that say less, and names the address,
/// which may hold a password.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(inner) = cause.and_then(Error::source) {
        cause = Some(inner);
    }
    cause.map_or_else(|| "no cause given".to_owned(), ToString::to_string)
}

/// The same failure without keys in it.
pub(super) fn without(secrets: &Secrets, mut failure: Failure) -> Failure {
    failure.message = secrets.strike(&failure.message);
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(pairs: &[(&'static str, &str)]) -> Option<Duration> {
        let headers = pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        // Sun, 06 Nov 1994 08:49:37 GMT
        retry_after(
            &headers,
            SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777),
        )
    }

    #[test]
    fn every_way_to_ask_for_patience_is_understood() {
        let seconds = |s: f64| Some(Duration::from_secs_f64(s));
        assert_eq!(wait(&[]), None);
        assert_eq!(wait(&[("retry-after", "7")]), seconds(7.0));
        assert_eq!(wait(&[("retry-after", " 0.5 ")]), seconds(0.5));
        assert_eq!(wait(&[("retry-after", "-3")]), seconds(0.0));
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(wait(&[("retry-after", "1e30")]), Some(MAX_WAIT));
        assert_eq!(
            wait(&[("retry-after", "9"), ("retry-after-ms", "250")]),
            seconds(0.25)
        );
        let at = "Sun, 06 Nov 1994 08:50:07 GMT";
        assert_eq!(wait(&[("retry-after", at)]), seconds(30.0));
        let there = "Sun, 06 Nov 1994 08:50:02 GMT";
        assert_eq!(wait(&[("retry-after", at), ("date", there)]), seconds(5.0));
        assert_eq!(wait(&[("retry-after", there), ("date", at)]), seconds(0.0));
    }

    #[test]
    fn a_server_s_words_are_found_and_cut() {
        assert_eq!(
            said(r#"{"error":{"message":"no\n such  model","type":"x"}}"#),
            "no such model"
        );
        assert_eq!(said(r#"{"error":"model not found"}"#), "model not found");
        assert_eq!(said(r#"{"detail":"no"}"#), "no");
        assert_eq!(said("<html>\n502</html>"), "<html> 502</html>");
        assert_eq!(said(&"ä".repeat(501)), "ä".repeat(500) + "…");
    }
}
