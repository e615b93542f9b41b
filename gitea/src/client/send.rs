//! One request, its answer or its failure.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{GiteaError, GiteaErrorKind};
use super::options::{Credentials, GiteaConfigError, GiteaOptions, base};
use crate::breaker::Breaker;

/// Of an answer that describes one thing, in bytes.
const MAX_ONE: usize = 1024 * 1024;
/// Of a list: servers that know no pages for comments send all of them at once.
const MAX_LIST: usize = 16 * 1024 * 1024;
/// Of a refusal, in bytes.
const MAX_REFUSAL: usize = 16 * 1024;
/// How much of Gitea's own words goes into an error, in characters.
const MAX_SAID: usize = 200;
/// Entries of a page: what Gitea gives at most in its default configuration.
pub(super) const PAGE: usize = 50;
/// Longer than anybody waits.
const MAX_WAIT: Duration = Duration::from_secs(15 * 60);

/// The way to one server.
pub(super) struct Link {
    client: Client,
    base: Url,
    url: String,
    credentials: Credentials,
    authorization: HeaderValue,
    breaker: Arc<Breaker>,
    now_ms: Box<dyn Fn() -> u64 + Send + Sync>,
}

/// A request before it is sent.
pub(super) struct Call<'a> {
    link: &'a Link,
    method: Method,
    url: Url,
    body: Option<Value>,
    /// "merging acme/shop#7"
    doing: String,
    /// Whether its effect matters when the answer is lost.
    changes: bool,
}

/// One page of a list.
pub(super) struct Page<T> {
    pub(super) entries: Vec<T>,
    /// How many there are on all pages, if the server says so.
    pub(super) total: Option<usize>,
}

impl Link {
    pub(super) fn new(
        options: GiteaOptions,
        now_ms: Box<dyn Fn() -> u64 + Send + Sync>,
    ) -> Result<Self, GiteaConfigError> {
        let base = base(&options.url)?;
        let mut builder = Client::builder()
            .user_agent(concat!("orket/", env!("CARGO_PKG_VERSION")))
            // A redirect would carry the credentials and the change elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            // A pooled connection that died leaves open whether the request arrived.
            .pool_max_idle_per_host(0)
            .timeout(options.timeout)
            .connect_timeout(options.connect_timeout);
        // Somebody else may have installed one; any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        if base.scheme() != "https" {
            // No TLS is spoken here: a machine without CA certificates must not fail.
            builder = builder.tls_certs_only([]);
        }
        if is_loopback(&base) {
            // A proxy from the environment cannot reach this machine's own servers.
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|error| GiteaConfigError::Client(innermost(&error)))?;
        let authorization = options.credentials.header()?;
        Ok(Self {
            client,
            url: base.as_str().trim_end_matches('/').to_owned(),
            base,
            credentials: options.credentials,
            authorization,
            breaker: Arc::default(),
            now_ms,
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// A call that only reads.
    pub(super) fn get(&self, path: &[&str], doing: String) -> Call<'_> {
        self.call(Method::GET, path, doing, false)
    }

    /// A call that changes something.
    pub(super) fn change(&self, method: Method, path: &[&str], doing: String) -> Call<'_> {
        self.call(method, path, doing, true)
    }

    fn call(&self, method: Method, path: &[&str], doing: String, changes: bool) -> Call<'_> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            // Each is encoded as one segment, whatever it holds.
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        Call {
            link: self,
            method,
            url,
            body: None,
            doing,
            changes,
        }
    }

    fn request(&self, method: Method, url: Url, body: Option<&Value>) -> RequestBuilder {
        let request = self.client.request(method, url);
        let request = request.header(AUTHORIZATION, self.authorization.clone());
        match body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    fn strike(&self, text: &str) -> String {
        self.credentials.strike(text)
    }
}

impl Call<'_> {
    /// Adds a parameter to the query.
    pub(super) fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// Sends this as JSON.
    pub(super) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Sends it; the answer describes one thing.
    pub(super) async fn one<T: DeserializeOwned>(self) -> Result<T, GiteaError> {
        self.sent(MAX_ONE, |_, body| parsed(body)).await
    }

    /// Sends it; the answer is a page of a list.
    pub(super) async fn page<T: DeserializeOwned>(
        self,
        number: usize,
    ) -> Result<Page<T>, GiteaError> {
        let call = self
            .query("page", &number.to_string())
            .query("limit", &PAGE.to_string());
        let (total, entries) = call
            .sent(MAX_LIST, |headers, body| {
                let total = headers.get("x-total-count");
                let total = total.and_then(|total| total.to_str().ok()?.parse().ok());
                Some((total, parsed(body)?))
            })
            .await?;
        Ok(Page { entries, total })
    }

    /// Sends it; a success says all. A body, if there is one, must be JSON: a web page with the
    /// status of a success comes from somewhere else.
    pub(super) async fn nothing(self) -> Result<(), GiteaError> {
        self.sent(MAX_ONE, |_, body| {
            if body.trim_ascii().is_empty() {
                return Some(());
            }
            parsed::<Value>(body).map(|_| ())
        })
        .await
    }

    async fn sent<T>(
        self,
        max: usize,
        read: impl FnOnce(&HeaderMap, &[u8]) -> Option<T>,
    ) -> Result<T, GiteaError> {
        let Self {
            link,
            method,
            url,
            body,
            doing,
            changes,
        } = self;
        let permit = match link.breaker.admit((link.now_ms)()) {
            Ok(permit) => permit,
            Err(retry_after) => {
                let kind = GiteaErrorKind::Open { retry_after };
                return Err(GiteaError::new(kind, &doing, None));
            }
        };
        let request = link.request(method, url, body.as_ref());
        let answer = asked(request, max, read).await;
        match &answer {
            Err((kind, _)) if kind.is_failure_of_the_server() => {
                permit.failed((link.now_ms)());
            }
            Ok(_) | Err(_) => permit.alive(),
        }
        answer.map_err(|(kind, said)| {
            let said = shortened(&link.strike(&said));
            let mut error = GiteaError::new(kind, &doing, Some(said));
            error.may_have_happened = changes && kind.leaves_doubt();
            error
        })
    }
}

/// What came, or what went wrong and who said so.
async fn asked<T>(
    request: RequestBuilder,
    max: usize,
    read: impl FnOnce(&HeaderMap, &[u8]) -> Option<T>,
) -> Result<T, (GiteaErrorKind, String)> {
    let mut response = request.send().await.map_err(|error| of_transport(&error))?;
    let status = response.status();
    if !status.is_success() {
        return Err(refusal(response, status).await);
    }
    let body = body(&mut response, max).await?;
    read(response.headers(), &body).ok_or_else(|| {
        let words = "the answer has not the form of Gitea's".to_owned();
        (GiteaErrorKind::Broken, words)
    })
}

async fn refusal(mut response: Response, status: StatusCode) -> (GiteaErrorKind, String) {
    let wait = retry_after(response.headers(), SystemTime::now());
    let kind = GiteaErrorKind::of_status(status.as_u16(), wait);
    // The status stands even if the words about it do not arrive.
    let body = body(&mut response, MAX_REFUSAL).await.unwrap_or_default();
    let answer = parsed::<Value>(&body);
    if status.is_client_error()
        && !body.is_empty()
        && !answer.as_ref().is_some_and(Value::is_object)
    {
        // A proxy says so while Gitea is away: what Gitea refuses, it refuses in JSON.
        let words = format!("somebody in front of Gitea answered {}", status.as_u16());
        return (GiteaErrorKind::Broken, words);
    }
    let said = answer.as_ref().and_then(|said| said.get("message"));
    let said = said.and_then(Value::as_str).unwrap_or_default();
    (kind, said.to_owned())
}

async fn body(response: &mut Response, max: usize) -> Result<Vec<u8>, (GiteaErrorKind, String)> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > max => {
                let words = format!("the answer is longer than {max} bytes");
                return Err((GiteaErrorKind::Broken, words));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => return Err(of_transport(&error)),
        }
    }
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

fn of_transport(error: &reqwest::Error) -> (GiteaErrorKind, String) {
    let kind = if error.is_connect() || error.is_builder() {
        GiteaErrorKind::Connect
    } else if error.is_timeout() {
        GiteaErrorKind::Timeout
    } else {
        GiteaErrorKind::Broken
    };
    (kind, innermost(error))
}

/// What really happened: the layers round it say less, and the outermost names the address.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(inner) = cause.and_then(Error::source) {
        cause = Some(inner);
    }
    cause.map(ToString::to_string).unwrap_or_default()
}

fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // It goes to terminals and logs.
    let line = line.replace(char::is_control, "\u{fffd}");
    match line.char_indices().nth(MAX_SAID) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = httpdate::parse_http_date(text).ok()?;
            date.duration_since(now).unwrap_or_default()
        }
    };
    Some(wait.min(MAX_WAIT))
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gitea_may_ask_for_patience_in_seconds_or_by_date() {
        // Sun, 06 Nov 1994 08:49:37 GMT
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let wait = |text: &'static str| {
            let pair = (RETRY_AFTER, HeaderValue::from_static(text));
            retry_after(&HeaderMap::from_iter([pair]), now)
        };
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        let date = "Sun, 06 Nov 1994 08:50:07 GMT";
        assert_eq!(wait(date), Some(Duration::from_secs(30)));
        let past = "Sun, 06 Nov 1994 08:00:00 GMT";
        assert_eq!(wait(past), Some(Duration::ZERO));
        assert_eq!(wait("99999999"), Some(MAX_WAIT));
        assert_eq!(wait("soon"), None);
    }

    #[test]
    fn words_are_cut_at_a_character() {
        assert_eq!(shortened(" no\n  such "), "no such");
        assert_eq!(shortened(&"ä".repeat(201)), "ä".repeat(200) + "…");
    }
}
