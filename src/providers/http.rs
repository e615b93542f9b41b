//! One question over HTTP: connect, send, read the stream, and close the connection when the
//! stream is dropped or over.
//!
//! Each question has a connection of its own: a pooled one that died unnoticed would swallow a
//! turn until its clock ran out, and a connect costs nothing beside a model's answer.

use std::collections::{HashSet, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use orket_actors::port::model::ModelProvider;
use orket_core::failure::{Failure, FailureClass};
use orket_core::model::{ModelEvent, ModelRequest};
use reqwest::{Client, Response, Url};

use super::connect::{Connection, Tell};
use super::dialect::{Dialect, Form};
use super::reading::Reading;
use super::refusal;
use super::secrets::Secrets;

/// The watchdog's connect clock is shorter; this one is for callers without a watchdog.
const MAX_CONNECT: Duration = Duration::from_secs(120);
/// How much of an error body is read, in bytes.
const MAX_ERROR_BODY: usize = 64 * 1024;
/// How many requests a model server on the network gets at once when nobody says otherwise.
const DEFAULT_PERMITS: usize = 3;

/// A provider that is reached over HTTP.
pub(super) struct HttpProvider {
    link: Arc<Link>,
}

struct Link {
    client: Client,
    url: Url,
    endpoint: String,
    dialect: Box<dyn Dialect>,
    secrets: Secrets,
    /// Models that refused native tools; they are asked without from then on.
    toolless: Mutex<HashSet<String>>,
    /// Models that refused a schema; they are asked without from then on.
    schemaless: Mutex<HashSet<String>>,
    objectless: Mutex<HashSet<String>>,
}

impl HttpProvider {
    /// A provider that posts to `url`.
    pub(super) fn new(
        url: Url,
        dialect: Box<dyn Dialect>,
        secrets: Secrets,
    ) -> Result<Self, Failure> {
        let client = client(&url).map_err(|cause| {
            Failure::new(
                FailureClass::ModelRefused,
                format!("no HTTP client could be made: {cause:?}; are CA certificates installed?"),
            )
        })?;
        let endpoint = endpoint_of(&url);
        Ok(Self {
            link: Arc::new(Link {
                client,
                url,
                endpoint,
                dialect,
                secrets,
                toolless: Mutex::default(),
                schemaless: Mutex::default(),
                objectless: Mutex::default(),
            }),
        })
    }
}

/// Scheme, host and port.
fn endpoint_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

fn client(url: &Url) -> reqwest::Result<Client> {
    let mut builder = Client::builder()
        .user_agent(concat!("orket/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(0)
        .connect_timeout(MAX_CONNECT)
        .connector_layer(Tell);
    if url.scheme() == "https" {
        // Somebody else may have installed one; any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
    } else {
        // No TLS is spoken here: a machine without CA certificates must not fail.
        builder = builder.tls_certs_only([]);
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    if is_loopback(url) {
        // A proxy from the environment cannot reach this machine's own servers.
        builder = builder.no_proxy();
    }
    builder.build()
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

impl ModelProvider for HttpProvider {
    fn endpoint(&self) -> &str {
        &self.link.endpoint
    }

    fn default_permits(&self) -> usize {
        DEFAULT_PERMITS
    }

    fn ask(&self, request: Arc<ModelRequest>) -> BoxStream<'static, ModelEvent> {
        let exchange = Exchange::new(self.link.clone(), request);
        let next = |mut exchange: Exchange| async move {
            let event = exchange.next().await?;
            Some((event, exchange))
        };
        stream::unfold(exchange, next).boxed()
    }
}

type Sending = Pin<Box<dyn Future<Output = reqwest::Result<Response>> + Send>>;

/// One question and its answer.
struct Exchange {
    link: Arc<Link>,
    request: Arc<ModelRequest>,
    form: Form,
    /// Forms that this question was refused in.
    refused: Vec<Form>,
    /// `Connected` was reported.
    connected: bool,
    ready: VecDeque<ModelEvent>,
    stage: Stage,
}

enum Stage {
    /// No response yet.
    Sending(Sending, Connection),
    /// A stream comes in.
    Reading(Response, Box<Reading>),
    /// A status that is no success; its body says why.
    Refused(Response, Vec<u8>),
    /// Nothing follows. The connection is closed.
    Over,
}

impl Exchange {
    fn new(link: Arc<Link>, request: Arc<ModelRequest>) -> Self {
        let form = link.form(&request, &[]);
        let stage = link.send(&request, form);
        Self {
            link,
            request,
            form,
            refused: Vec::new(),
            connected: false,
            ready: VecDeque::new(),
            stage,
        }
    }

    async fn next(&mut self) -> Option<ModelEvent> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(self.leave(event));
            }
            match &mut self.stage {
                Stage::Over => return None,
                Stage::Sending(sending, connection) => {
                    let response = wait(sending, connection, self.connected).await;
                    if !self.connected && connection.stands() {
                        self.connected = true;
                        self.ready.push_back(ModelEvent::Connected);
                    }
                    match response {
                        None => {}
                        Some(Ok(response)) => self.headers(response),
                        Some(Err(error)) => self.no_response(&error),
                    }
                }
                Stage::Reading(response, reading) => {
                    let events = match response.chunk().await {
                        Ok(Some(bytes)) => reading.piece(&bytes),
                        Ok(None) => reading.end(None),
                        Err(error) => reading.end(Some(refusal::of_body(&error))),
                    };
                    self.ready.extend(events);
                }
                Stage::Refused(response, body) => match response.chunk().await {
                    Ok(Some(bytes)) if body.len() + bytes.len() <= MAX_ERROR_BODY => {
                        body.extend_from_slice(&bytes);
                    }
                    // What there is of the body says enough.
                    Ok(_) | Err(_) => self.refused(),
                },
            }
        }
    }

    /// An event on its way out: the last one closes the connection.
    fn leave(&mut self, event: ModelEvent) -> ModelEvent {
        match event {
            ModelEvent::Done => {
                self.stage = Stage::Over;
                event
            }
            ModelEvent::Failed(failure) => {
                self.stage = Stage::Over;
                ModelEvent::Failed(refusal::without(&self.link.secrets, failure))
            }
            ModelEvent::Connected
            | ModelEvent::Beat
            | ModelEvent::Text(_)
            | ModelEvent::ToolCall(_)
            | ModelEvent::Usage(_)
            | ModelEvent::Measured(_)
            | ModelEvent::Cut => event,
        }
    }

    fn headers(&mut self, response: Response) {
        if !self.connected {
            self.connected = true;
            self.ready.push_back(ModelEvent::Connected);
        }
        self.ready.push_back(ModelEvent::Beat);
        self.stage = if response.status().is_success() {
            // The question itself is sound, so it was the form that was refused before.
            for form in self.refused.drain(..) {
                self.link.note_refused(form, &self.request.model.model);
            }
            let reading = Reading::new(self.link.dialect.as_ref());
            Stage::Reading(response, Box::new(reading))
        } else {
            Stage::Refused(response, Vec::new())
        };
    }

    fn no_response(&mut self, error: &reqwest::Error) {
        let hint = self.link.dialect.connect_hint();
        let failure = refusal::of_request(error, &self.link.endpoint, self.connected, hint);
        self.ready.push_back(ModelEvent::Failed(failure));
    }

    /// The whole error body is here.
    fn refused(&mut self) {
        let Stage::Refused(response, body) = &self.stage else {
            return;
        };
        let status = response.status();
        let body = String::from_utf8_lossy(body);
        let refused = match self.form {
            // Some servers call a request that they do not know their own fault.
            Form::Schema | Form::Object => {
                status.is_client_error() && speaks_of_schema(&body)
                    || status.is_server_error() && body.contains("response_format")
            }
            Form::Tools => speaks_of_tools(&body),
            Form::Text => false,
        };
        if refused {
            // The prompt describes the calls as well: another form takes over.
            self.refused.push(self.form);
            self.form = self.link.form(&self.request, &self.refused);
            self.stage = self.link.send(&self.request, self.form);
            return;
        }
        let mut failure = refusal::of_status(status, response.headers(), &body).unheard();
        if let Some(hint) = self
            .link
            .dialect
            .refusal_hint(status.as_u16(), &self.request)
        {
            failure.message = format!("{}; {hint}", failure.message);
        }
        self.ready.push_back(ModelEvent::Failed(failure));
    }
}

/// Waits for the response; `None` when the connection stands and that was not known before.
async fn wait(
    sending: &mut Sending,
    connection: &Connection,
    known: bool,
) -> Option<reqwest::Result<Response>> {
    poll_fn(|cx| match sending.as_mut().poll(cx) {
        Poll::Ready(response) => Poll::Ready(Some(response)),
        Poll::Pending if !known && connection.stands() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// Words with which servers say that a model, or they themselves, know no native tools: Ollama,
/// OpenRouter, vLLM, llama.cpp.
const NO_TOOLS: [&str; 5] = [
    "does not support tools",
    "support tool use",
    "tool choice requires",
    "tools param requires",
    "tool calling is not supported",
];

fn speaks_of_tools(body: &str) -> bool {
    NO_TOOLS.iter().any(|words| body.contains(words))
}

/// Words with which servers say that they cannot decode under this schema, or under any: OpenAI,
/// llama.cpp, vLLM, Ollama. In lower case.
const NO_SCHEMA: [&str; 8] = [
    "response_format",
    "json_schema",
    "json schema",
    "invalid schema",
    "grammar",
    "structured output",
    "invalid format",
    "required for format",
];

fn speaks_of_schema(body: &str) -> bool {
    let body = body.to_lowercase();
    NO_SCHEMA.iter().any(|words| body.contains(words))
}

impl Link {
    /// The best form that the model has not refused, in this question or in earlier ones.
    fn form(&self, request: &ModelRequest, refused: &[Form]) -> Form {
        let model = request.model.model.as_str();
        let takes = |form: Form, models| !refused.contains(&form) && !holds(models, model);
        let constrains = request.schema.is_some() && self.dialect.constrains();
        if constrains && takes(Form::Schema, &self.schemaless) {
            Form::Schema
        } else if constrains
            && self.dialect.knows_object_form()
            && takes(Form::Object, &self.objectless)
        {
            Form::Object
        } else if !request.tools.is_empty() && takes(Form::Tools, &self.toolless) {
            Form::Tools
        } else {
            Form::Text
        }
    }

    fn send(&self, request: &ModelRequest, form: Form) -> Stage {
        let connection = Connection::default();
        let sending = self
            .client
            .post(self.url.clone())
            .headers(self.dialect.headers())
            .json(&self.dialect.body(request, form))
            .send();
        let sending = connection.watch(sending);
        Stage::Sending(Box::pin(sending), connection)
    }

    fn note_refused(&self, form: Form, model: &str) {
        let (models, what) = match form {
            Form::Schema => (
                &self.schemaless,
                "no schema by its name; it is asked otherwise",
            ),
            Form::Object => (&self.objectless, "no schema; the prompt alone has to do"),
            Form::Tools => (&self.toolless, "no native tools; its text is read instead"),
            Form::Text => return,
        };
        tracing::info!(model, endpoint = %self.endpoint, "the model takes {what}");
        let mut models = models.lock().unwrap_or_else(PoisonError::into_inner);
        models.insert(model.to_owned());
    }
}

fn holds(models: &Mutex<HashSet<String>>, model: &str) -> bool {
    let models = models.lock().unwrap_or_else(PoisonError::into_inner);
    models.contains(model)
}
