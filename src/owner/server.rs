//! The owner's end of the socket: HTTP routes over [`Service`]. Handlers check, pass on, answer.

use std::os::unix::net::UnixListener;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, Json, Path, Query};
use actix_web::{App, HttpResponse, HttpServer, ResponseError};
use futures_util::{Stream, StreamExt, stream};
use orket_actors::port::store::GateDecision;
use orket_core::ids::RunId;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::service::{Refusal, Service};
use super::wire::{
    DecideRequest, ForkRequest, GrantRequest, Line, ResumeRequest, RunList, ShutdownRequest,
    StartRequest,
};

/// The most runs one answer lists.
const MOST_RUNS: u32 = 1_000;
/// The largest request body.
const LARGEST_BODY: usize = 64 * 1024;

/// A refusal on its way out.
#[derive(Debug)]
struct Refused(Refusal);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let id: String = uuid::Uuid::new_v4().simple().to_string();
        tracing::info!(request_id = %id, code = %self.0.code, detail = %self.0.detail, "refused");
        HttpResponse::build(self.status_code()).json(self.0.body(&id))
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

/// Serves `service` on `listener`. The returned server runs when it is awaited or spawned on an
/// actix arbiter; connections are handled by a thread of its own.
///
/// # Errors
///
/// When the listener cannot be used.
pub fn serve(listener: UnixListener, service: Service) -> std::io::Result<(Server, ServerHandle)> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::new(service.clone()))
            .app_data(
                web::JsonConfig::default()
                    .limit(LARGEST_BODY)
                    .error_handler(|error, _| {
                        Refused(Refusal::bad_request(format!("body: {error}"))).into()
                    }),
            )
            .app_data(web::QueryConfig::default().error_handler(|error, _| {
                Refused(Refusal::bad_request(format!("query: {error}"))).into()
            }))
            .configure(routes)
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(1)
    .listen_uds(listener)?
    .run();
    let handle = server.handle();
    Ok((server, handle))
}

/// The routes of version 1.
fn routes(app: &mut web::ServiceConfig) {
    app.route("/health", web::get().to(health))
        .route("/v1/runs", web::post().to(start))
        .route("/v1/runs", web::get().to(runs))
        .route("/v1/runs/{id}", web::get().to(show))
        .route("/v1/runs/{id}/events", web::get().to(events))
        .route("/v1/runs/{id}/halt", web::post().to(halt))
        .route("/v1/runs/{id}/resume", web::post().to(resume))
        .route("/v1/runs/{id}/fork", web::post().to(fork))
        .route("/v1/runs/{id}/budget", web::get().to(budget))
        .route("/v1/runs/{id}/budget", web::post().to(grant))
        .route("/v1/gates", web::get().to(gates))
        .route("/v1/gates/{id}/{verb}", web::post().to(decide))
        .route("/v1/shutdown", web::post().to(shutdown))
        .default_service(web::to(unknown_route));
}

async fn unknown_route() -> Result<HttpResponse, Refused> {
    Err(Refusal::not_found("there is no such route").into())
}

async fn health(service: Data<Service>) -> HttpResponse {
    HttpResponse::Ok().json(service.health().await)
}

/// What was begun is finished even when the client leaves meanwhile.
async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, Refused> {
    match tokio::spawn(work).await {
        Ok(result) => Ok(result?),
        Err(error) => Err(Refusal::internal(format!("a request broke: {error}")).into()),
    }
}

async fn start(
    service: Data<Service>,
    request: Json<StartRequest>,
) -> Result<HttpResponse, Refused> {
    let service = service.get_ref().clone();
    let started = detached(async move { service.start(request.into_inner()).await }).await?;
    Ok(HttpResponse::Ok().json(started))
}

#[derive(Deserialize)]
struct RunsQuery {
    limit: Option<u32>,
}

async fn runs(service: Data<Service>, query: Query<RunsQuery>) -> Result<HttpResponse, Refused> {
    let limit = query.limit.unwrap_or(50).min(MOST_RUNS);
    let runs = service.runs(limit).await?;
    Ok(HttpResponse::Ok().json(RunList { runs }))
}

/// The run of a path: its id, the beginning of it, or `last`.
async fn run_of(service: &Service, text: &str) -> Result<RunId, Refused> {
    let row = service.resolve(text).await?;
    Ok(RunId::new(row.run_id).map_err(|error| Refusal::internal(error.to_string()))?)
}

async fn show(service: Data<Service>, id: Path<String>) -> Result<HttpResponse, Refused> {
    let run = run_of(&service, &id).await?;
    Ok(HttpResponse::Ok().json(service.report(&run).await?))
}

async fn halt(service: Data<Service>, id: Path<String>) -> Result<HttpResponse, Refused> {
    let run = run_of(&service, &id).await?;
    let service = service.get_ref().clone();
    let report = detached(async move { service.halt(run).await }).await?;
    Ok(HttpResponse::Ok().json(report))
}

async fn resume(
    service: Data<Service>,
    id: Path<String>,
    body: Bytes,
) -> Result<HttpResponse, Refused> {
    // Nothing, or `null`: nothing more is said.
    let request: Option<ResumeRequest> = if body.is_empty() {
        None
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| Refusal::bad_request(format!("body: {error}")))?
    };
    let request = request.unwrap_or_default();
    let run = run_of(&service, &id).await?;
    let service = service.get_ref().clone();
    let started = detached(async move { service.resume(run, request).await }).await?;
    Ok(HttpResponse::Ok().json(started))
}

#[derive(Deserialize)]
struct GatesQuery {
    status: Option<String>,
}

async fn gates(service: Data<Service>, query: Query<GatesQuery>) -> Result<HttpResponse, Refused> {
    let gates = service.gates(query.into_inner().status).await?;
    Ok(HttpResponse::Ok().json(serde_json::json!({"gates": gates})))
}

async fn budget(service: Data<Service>, path: Path<String>) -> Result<HttpResponse, Refused> {
    Ok(HttpResponse::Ok().json(service.budget(&path.into_inner()).await?))
}

async fn grant(
    service: Data<Service>,
    path: Path<String>,
    body: Bytes,
) -> Result<HttpResponse, Refused> {
    let request: GrantRequest = serde_json::from_slice(&body)
        .map_err(|error| Refusal::bad_request(format!("body: {error}")))?;
    let (service, run) = (service.get_ref().clone(), path.into_inner());
    let granted = detached(async move { service.grant(&run, request).await }).await?;
    Ok(HttpResponse::Ok().json(granted))
}

async fn fork(
    service: Data<Service>,
    path: Path<String>,
    request: Json<ForkRequest>,
) -> Result<HttpResponse, Refused> {
    let (service, run) = (service.get_ref().clone(), path.into_inner());
    let request = request.into_inner();
    let started = detached(async move { service.fork(&run, request).await }).await?;
    Ok(HttpResponse::Ok().json(started))
}

async fn decide(
    service: Data<Service>,
    path: Path<(i64, String)>,
    body: Bytes,
) -> Result<HttpResponse, Refused> {
    let (id, verb) = path.into_inner();
    let decision = match verb.as_str() {
        "approve" => GateDecision::Approved,
        "reject" => GateDecision::Rejected,
        "expire" => GateDecision::Expired,
        _ => return Err(Refusal::not_found("a gate is approved, rejected or expired").into()),
    };
    let request: DecideRequest = if body.is_empty() {
        DecideRequest::default()
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| Refusal::bad_request(format!("body: {error}")))?
    };
    let service = service.get_ref().clone();
    let decided = detached(async move { service.decide(id, decision, request).await }).await?;
    Ok(HttpResponse::Ok().json(decided))
}

#[derive(Deserialize)]
struct EventsQuery {
    #[serde(default)]
    after: u64,
}

async fn events(
    service: Data<Service>,
    id: Path<String>,
    query: Query<EventsQuery>,
) -> Result<HttpResponse, Refused> {
    let run = run_of(&service, &id).await?;
    let lines = service.follow(run, query.after);
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .streaming(as_bytes(lines)))
}

fn as_bytes(lines: mpsc::Receiver<Line>) -> impl Stream<Item = Result<Bytes, actix_web::Error>> {
    stream::unfold(lines, |mut lines| async move {
        let line = lines.recv().await?;
        Some((line, lines))
    })
    .map(|line| {
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        Ok(Bytes::from(text))
    })
}

async fn shutdown(service: Data<Service>, body: Bytes) -> Result<HttpResponse, Refused> {
    let request: ShutdownRequest = if body.is_empty() {
        ShutdownRequest::default()
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| Refusal::bad_request(format!("body: {error}")))?
    };
    service.wish_stop(request.immediate);
    Ok(HttpResponse::Accepted().json(serde_json::json!({"status": "stopping"})))
}
