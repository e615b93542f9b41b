//! The other end of the socket: what an attached command uses.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt;
use orket_actors::port::store::RunStatus;
use orket_actors::runtime::RunReport;
use orket_core::ids::RunId;
use orket_sandboxes::{NewSandbox, Sandbox};
use reqwest::{RequestBuilder, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::ports::{BudgetView, RunRow};
use super::service::Refusal;
use super::service::archive::{ArchiveRequest, Archived};
use super::service::unarchive::{UnarchiveRequest, Unarchived};
use super::wire::{
    DecideRequest, Decision, ErrorBody, ForkRequest, GrantRequest, Health, Line, ResumeRequest,
    ShutdownRequest, StartRequest, Started,
};

/// How long the owner may be silent on an event stream; it beats every two seconds.
const SILENCE: Duration = Duration::from_secs(15);

/// The most runs that one answer lists.
const MOST_RUNS: u32 = 1_000;

/// Where an owner listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket.
    Socket(PathBuf),
    /// `http://…`.
    Http(String),
}

impl Address {
    /// Reads `--server`: an http address, or a path with or without `unix:` before it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.starts_with("http://") || text.starts_with("https://") {
            Self::Http(text.trim_end_matches('/').to_owned())
        } else {
            let path = text.strip_prefix("unix:").unwrap_or(text);
            Self::Socket(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Http(url) => f.write_str(url),
        }
    }
}

/// Why an owner did not answer as it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// It answered: no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It cannot be reached, or went away in the middle.
    #[error("the owner does not answer: {0}")]
    Gone(String),
}

/// A connection to an owner; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

impl Client {
    /// A client of the owner at `address`; does not connect yet.
    ///
    /// # Errors
    ///
    /// When the HTTP client cannot be built.
    pub fn new(address: &Address) -> Result<Self, ClientError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(Duration::from_secs(3));
        let (builder, base) = match address {
            Address::Socket(path) => (
                builder.unix_socket(path.as_path()),
                "http://orket".to_owned(),
            ),
            Address::Http(url) => (builder, url.clone()),
        };
        let http = builder.build().map_err(gone)?;
        Ok(Self { http, base })
    }

    /// `GET /v1/owner`.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn health(&self) -> Result<Health, ClientError> {
        let request = self
            .http
            .get(format!("{}/v1/owner", self.base))
            .timeout(Duration::from_secs(3));
        answer(request).await
    }

    /// `POST /v1/runs`.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn start(&self, request: &StartRequest) -> Result<Started, ClientError> {
        answer(self.post("v1/runs", request)).await
    }

    /// `POST /v1/runs` with `Idempotency-Key`: asked again with the same key it comes to the same run.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn start_once(
        &self,
        request: &StartRequest,
        key: &str,
    ) -> Result<Started, ClientError> {
        let request = self.post("v1/runs", request).header("Idempotency-Key", key);
        answer(request).await
    }

    /// `POST /v1/runs/{id}/resume`.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn resume(
        &self,
        run: &RunId,
        request: &ResumeRequest,
    ) -> Result<Started, ClientError> {
        answer(self.post(&format!("v1/runs/{run}/resume"), request)).await
    }

    /// `POST /v1/runs/{id}/fork`; the text may be the beginning of an id, or `last`.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn fork(
        &self,
        reference: &str,
        request: &ForkRequest,
    ) -> Result<Started, ClientError> {
        let run = RunId::new(reference).map_err(|_| Refusal::unknown_run(reference))?;
        answer(self.post(&format!("v1/runs/{run}/fork"), request)).await
    }

    /// `POST /v1/runs/{id}/halt`.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn halt(&self, run: &RunId) -> Result<RunReport, ClientError> {
        answer(self.post(&format!("v1/runs/{run}/halt"), &())).await
    }

    /// `POST /v1/gates/{id}/{verb}`, where the verb is `approve`, `reject` or `expire`.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn decide(
        &self,
        gate: i64,
        verb: &str,
        request: &DecideRequest,
    ) -> Result<Decision, ClientError> {
        answer(self.post(&format!("v1/gates/{gate}/{verb}"), request)).await
    }

    /// `POST /v1/runs/{id}/budget`.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn grant(
        &self,
        run: &str,
        request: &GrantRequest,
    ) -> Result<BudgetView, ClientError> {
        let run = if run == "last" {
            run.to_owned()
        } else {
            RunId::new(run)
                .map_err(|_| Refusal::unknown_run(run))?
                .into()
        };
        answer(self.post(&format!("v1/runs/{run}/budget"), request)).await
    }

    /// `GET /v1/runs`: at most 1,000.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn runs(&self, limit: u32) -> Result<Vec<RunRow>, ClientError> {
        let request = self.http.get(format!(
            "{}/v1/runs?limit={}",
            self.base,
            limit.clamp(1, MOST_RUNS)
        ));
        let listed: Vec<Listed> = answer(request).await?;
        Ok(listed.into_iter().map(Listed::row).collect())
    }

    /// `GET /v1/runs/{id}`; the text may be the beginning of an id, or `last`.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn show(&self, reference: &str) -> Result<RunReport, ClientError> {
        let run = if reference == "last" {
            reference.to_owned()
        } else {
            RunId::new(reference)
                .map_err(|_| Refusal::unknown_run(reference))?
                .into()
        };
        answer(self.http.get(format!("{}/v1/runs/{run}", self.base))).await
    }

    /// `GET /v1/sandboxes`.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn sandboxes(&self) -> Result<Vec<Sandbox>, ClientError> {
        answer(self.http.get(format!("{}/v1/sandboxes", self.base))).await
    }

    /// `POST /v1/sandboxes`; answered when it runs.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn create_sandbox(&self, new: &NewSandbox) -> Result<Sandbox, ClientError> {
        answer(self.post("v1/sandboxes", new)).await
    }

    /// `POST /v1/sandboxes/{id}/stop`; the id must be one.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn stop_sandbox(&self, id: &str) -> Result<(), ClientError> {
        let request = self.post(&format!("v1/sandboxes/{id}/stop"), &());
        answer::<serde_json::Value>(request).await.map(drop)
    }

    /// `GET /v1/sandboxes/{id}/logs`; id and service must be names.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn sandbox_logs(
        &self,
        id: &str,
        service: Option<&str>,
    ) -> Result<String, ClientError> {
        #[derive(Deserialize)]
        struct Logs {
            logs: String,
        }
        let query = service.map_or_else(String::new, |name| format!("?service={name}"));
        let url = format!("{}/v1/sandboxes/{id}/logs{query}", self.base);
        let answered: Logs = answer(self.http.get(url)).await?;
        Ok(answered.logs)
    }

    /// `POST /v1/cards/archive`.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn archive(&self, request: &ArchiveRequest) -> Result<Archived, ClientError> {
        answer(self.post("v1/cards/archive", request)).await
    }

    /// `POST /v1/cards/unarchive`.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn unarchive(&self, request: &UnarchiveRequest) -> Result<Unarchived, ClientError> {
        answer(self.post("v1/cards/unarchive", request)).await
    }

    /// `POST /v1/shutdown`.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn shutdown(&self, immediate: bool) -> Result<(), ClientError> {
        let request = self.post("v1/shutdown", &ShutdownRequest { immediate });
        answer::<serde_json::Value>(request).await.map(drop)
    }

    /// `GET /v1/runs/{id}/events`. The lines end after [`Line::End`]; when they end without one the
    /// owner went away.
    ///
    /// # Errors
    ///
    /// [`ClientError`] when the stream does not begin.
    pub async fn follow(&self, run: &RunId) -> Result<mpsc::Receiver<Line>, ClientError> {
        let url = format!("{}/v1/runs/{run}/events?recent=true", self.base);
        let request = self.http.get(url).header("accept", "application/x-ndjson");
        let response = checked(request).await?;
        let (to, lines) = mpsc::channel(256);
        tokio::spawn(async move {
            if let Err(reason) = read_lines(response, &to).await {
                tracing::debug!(%reason, "the event stream broke off");
            }
        });
        Ok(lines)
    }

    fn post<T: Serialize>(&self, path: &str, body: &T) -> RequestBuilder {
        self.http.post(format!("{}/{path}", self.base)).json(body)
    }
}

/// A run as `GET /v1/runs` lists it, as far as a command wants to know.
#[derive(Deserialize)]
struct Listed {
    run_id: String,
    build_id: String,
    epic: String,
    #[serde(default)]
    target: Option<String>,
    run_status: RunWord,
    started_ms: i64,
    ended_ms: Option<i64>,
}

/// A run's status in JSON.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct RunWord(RunStatus);

impl TryFrom<String> for RunWord {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        RunStatus::parse(&word)
            .map(Self)
            .ok_or_else(|| format!("unknown run status `{word}`"))
    }
}

impl Listed {
    fn row(self) -> RunRow {
        RunRow {
            run_id: self.run_id,
            build_id: self.build_id,
            epic: self.epic,
            target: self.target,
            status: self.run_status.0,
            started_ms: self.started_ms,
            ended_ms: self.ended_ms,
        }
    }
}

fn gone(error: reqwest::Error) -> ClientError {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    ClientError::Gone(text)
}

async fn checked(request: RequestBuilder) -> Result<Response, ClientError> {
    let response = request.send().await.map_err(gone)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let text = response.text().await.map_err(gone)?;
    Err(match serde_json::from_str::<ErrorBody>(&text) {
        Ok(body) => Refusal::from_body(status.as_u16(), body).into(),
        Err(_) => ClientError::Gone(format!("it answered {status} in a way that orket does not")),
    })
}

async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, ClientError> {
    let body = checked(request).await?.bytes().await.map_err(gone)?;
    serde_json::from_slice(&body)
        .map_err(|error| ClientError::Gone(format!("its answer makes no sense: {error}")))
}

/// Lines may be as long as a report of all cards is: the owner is one's own.
async fn read_lines(response: Response, to: &mpsc::Sender<Line>) -> Result<(), String> {
    let mut bytes = response.bytes_stream();
    let mut rest: Vec<u8> = Vec::new();
    loop {
        let chunk = tokio::time::timeout(SILENCE, bytes.next())
            .await
            .map_err(|_| format!("silent for {} s", SILENCE.as_secs()))?;
        let Some(chunk) = chunk else {
            return Ok(());
        };
        let chunk = chunk.map_err(|error| error.to_string())?;
        // Only what is new is looked through: a long line comes in many pieces.
        let mut pieces = chunk.split(|byte| *byte == b'\n');
        let last = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            rest.extend_from_slice(piece);
            let line = serde_json::from_slice(&rest).map_err(|error| error.to_string())?;
            rest.clear();
            if to.send(line).await.is_err() {
                return Ok(());
            }
        }
        rest.extend_from_slice(last);
    }
}
