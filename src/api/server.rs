//! Listens: on an address for everybody with a key, on the owner's socket for its user. Both serve
//! the same routes.

use std::any::Any;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use prometheus_client::registry::Registry;
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::net::TcpStream;
use utoipa::openapi::OpenApi;
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::Api;
use super::around::around;
use super::caller::Door;
use super::keys::ApiKeys;
use super::metrics::HttpMetrics;
use super::openapi;
use super::problem::Problem;
use super::routes;
use super::run_metrics::RunMetrics;
use super::seats::Seats;
use super::sockets::Sockets;
use super::sockets::gate::Origins;
use super::sockets::worker::Worker;

/// How long the head of a request may take to arrive.
const SLOWEST_HEAD: Duration = Duration::from_secs(10);
/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long requests may take to end when the server stops, in seconds.
const DRAIN_S: u64 = 5;
/// Those that follow single runs at once over the network.
const FOLLOWERS: usize = 4_096;

/// What the servers of a process share.
#[derive(Clone)]
pub struct Shared {
    /// What handlers work with.
    pub api: Data<Api>,
    /// Counts requests.
    pub http: Data<HttpMetrics>,
    /// Counts what runs do.
    pub runs: Data<RunMetrics>,
    /// The document that describes the routes.
    pub document: Data<Document>,
    /// Who listens to events.
    pub sockets: Data<Sockets>,
    /// Those that follow single runs over the network.
    pub followers: Data<Seats>,
}

impl Shared {
    /// Over what handlers work with.
    ///
    /// # Errors
    ///
    /// Never in practice: the OpenAPI document is JSON.
    pub fn new(api: Api) -> std::io::Result<Self> {
        let mut registry = Registry::default();
        let http = Data::from(HttpMetrics::new(&mut registry));
        let events = api.service.subscribe();
        Ok(Self {
            runs: Data::new(RunMetrics::start(registry, events)),
            api: Data::new(api),
            http,
            document: Data::new(Document::of_routes()?),
            sockets: Data::new(Sockets::default()),
            followers: Data::new(Seats::new(FOLLOWERS)),
        })
    }
}

/// `/openapi.json`, and the routes in it.
#[derive(Debug)]
pub struct Document {
    /// The JSON text.
    pub text: web::Bytes,
    /// Each path, cut at `/`, with its verbs.
    paths: Vec<(Vec<String>, String)>,
}

impl Document {
    /// Of the routes of this program.
    ///
    /// # Errors
    ///
    /// Never in practice: the document is JSON.
    pub fn of_routes() -> serde_json::Result<Self> {
        let document = document();
        let paths = document
            .paths
            .paths
            .iter()
            .map(|(path, item)| {
                let verbs = [
                    ("GET", item.get.is_some()),
                    ("POST", item.post.is_some()),
                    ("PUT", item.put.is_some()),
                    ("PATCH", item.patch.is_some()),
                    ("DELETE", item.delete.is_some()),
                ];
                let verbs: Vec<&str> = verbs
                    .iter()
                    .filter(|(_, is)| *is)
                    .map(|(verb, _)| *verb)
                    .collect();
                (
                    path.split('/').map(str::to_owned).collect(),
                    verbs.join(", "),
                )
            })
            .collect();
        Ok(Self {
            text: serde_json::to_vec(&document)?.into(),
            paths,
        })
    }

    /// The verbs of a path that is a route; `None` when it is none.
    fn allowed(&self, path: &str) -> Option<String> {
        let parts: Vec<&str> = path.split('/').collect();
        let verbs: Vec<&str> = self
            .paths
            .iter()
            .filter(|(pattern, _)| {
                pattern.len() == parts.len()
                    && pattern.iter().zip(&parts).all(|(expected, part)| {
                        expected == part || (expected.starts_with('{') && !part.is_empty())
                    })
            })
            .map(|(_, verbs)| verbs.as_str())
            .collect();
        (!verbs.is_empty()).then(|| verbs.join(", "))
    }
}

/// The OpenAPI document of the routes.
#[must_use]
pub fn document() -> OpenApi {
    let (_, collected) = App::new()
        .into_utoipa_app()
        .configure(routes::routes)
        .split_for_parts();
    openapi::finish(collected)
}

fn app(
    shared: Shared,
    door: Door,
    origins: Arc<[String]>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let (app, _) = App::new()
        .into_utoipa_app()
        .configure(routes::routes)
        .split_for_parts();
    app.app_data(shared.api)
        .app_data(shared.http)
        .app_data(shared.runs)
        .app_data(shared.document)
        .app_data(shared.sockets)
        .app_data(shared.followers)
        .app_data(Rc::new(Worker::default()))
        .app_data(Origins(Arc::clone(&origins)))
        .app_data(door)
        .app_data(web::PathConfig::default().error_handler(|error, _| {
            Problem::new(
                StatusCode::NOT_FOUND,
                "E_NOT_FOUND",
                format!("the path cannot be read: {error}"),
            )
            .into()
        }))
        .service(web::redirect("/redoc", "/docs/"))
        .service(SwaggerUi::new("/docs/{_:.*}").config(Config::from("/openapi.json")))
        .default_service(web::to(elsewhere))
        .wrap(cors(&origins))
        .wrap(from_fn(around))
}

fn cors(origins: &[String]) -> Cors {
    let mut cors = Cors::default()
        .allowed_methods(["GET", "POST", "PATCH", "DELETE"])
        .allowed_headers([
            header::ACCEPT,
            header::ACCEPT_LANGUAGE,
            header::CONTENT_LANGUAGE,
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            HeaderName::from_static("x-api-key"),
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
        ])
        .expose_headers(["x-request-id", "retry-after", "x-next-cursor"])
        .max_age(600);
    for origin in origins {
        cors = cors.allowed_origin(origin);
    }
    // Whoever asks from elsewhere gets the answer without leave to read it, as in the reference.
    cors.block_on_origin_mismatch(false)
}

/// No such route, or not with this verb. Needs no key.
async fn elsewhere(request: HttpRequest, document: Data<Document>) -> HttpResponse {
    match document.allowed(request.path()) {
        Some(verbs) => Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "E_METHOD",
            "Method Not Allowed",
        )
        .response(Some(&verbs)),
        None => Problem::not_found("Not Found").response(None),
    }
}

/// Serves the owner's socket. The server runs when it is spawned on an actix arbiter; connections
/// are handled by a thread of its own.
///
/// # Errors
///
/// When the listener cannot be used.
pub fn serve_socket(
    listener: UnixListener,
    shared: Shared,
) -> std::io::Result<(Server, ServerHandle)> {
    let server = HttpServer::new(move || app(shared.clone(), Door::Socket, Arc::new([])))
        .workers(1)
        .disable_signals()
        .shutdown_timeout(1)
        .client_request_timeout(SLOWEST_HEAD)
        .listen_uds(listener)?
        .run();
    let handle = server.handle();
    Ok((server, handle))
}

/// Serves an address. `origins` may ask from a browser.
///
/// # Errors
///
/// When the listener cannot be used.
pub fn serve_address(
    listener: TcpListener,
    shared: Shared,
    keys: Arc<ApiKeys>,
    origins: Arc<[String]>,
    workers: usize,
) -> std::io::Result<(Server, ServerHandle)> {
    let patience = shared.sockets.options.patience;
    let server = HttpServer::new(move || {
        app(
            shared.clone(),
            Door::Network(Arc::clone(&keys)),
            Arc::clone(&origins),
        )
    })
    .workers(workers)
    .on_connect(move |connection, _| lose_patience(connection, patience))
    .disable_signals()
    .shutdown_timeout(DRAIN_S)
    .client_request_timeout(SLOWEST_HEAD)
    .keep_alive(KEEP_ALIVE)
    .listen(listener)?
    .run();
    let handle = server.handle();
    Ok((server, handle))
}

/// Has the system close a connection whose client takes nothing of what it is sent for so long: what is
/// stuck in it is never asked for more, so that nobody else would notice.
fn lose_patience(connection: &dyn Any, patience: Duration) {
    if let Some(stream) = connection.downcast_ref::<TcpStream>() {
        let ms = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
        // Without it the connection is kept for as long as the client likes.
        if let Err(error) = set_tcp_user_timeout(stream, ms) {
            tracing::debug!(%error, "a connection has no limit of patience");
        }
    }
}
