//! The HTTP server: routes, and what happens round every request.

use std::any::Any;
use std::net::TcpListener;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Server, ServerHandle, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use futures_util::FutureExt as _;
use orket_http::unread::{Held, Unread};
use serde_json::json;

use crate::desk::Desk;
use crate::receiver::Receiver;
use crate::reply::problem;
use crate::routes;

/// How long the head of a request may take to arrive.
const SLOWEST_HEAD: Duration = Duration::from_secs(5);
/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long requests may take to end when the server stops, in seconds.
const DRAIN_S: u64 = 10;

/// Serves a receiver. The server runs when it is spawned on an actix arbiter.
///
/// # Errors
///
/// When the listener cannot be used.
pub fn serve(
    listener: TcpListener,
    receiver: Arc<Receiver>,
    workers: usize,
) -> std::io::Result<(Server, ServerHandle)> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::from(Arc::clone(&receiver)))
            .app_data(Desk::new(Arc::clone(&receiver)))
            .route("/", web::get().to(root))
            .route("/health", web::get().to(health))
            .route("/metrics", web::get().to(metrics))
            .service(
                web::resource("/webhook/gitea")
                    .route(web::post().to(routes::gitea))
                    .default_service(web::to(only_post)),
            )
            .service(
                web::resource("/webhook/test")
                    .route(web::post().to(routes::test))
                    .default_service(web::to(only_post)),
            )
            .default_service(web::to(nowhere))
            .wrap(from_fn(around))
    })
    .workers(workers)
    .disable_signals()
    .shutdown_timeout(DRAIN_S)
    .client_request_timeout(SLOWEST_HEAD)
    .keep_alive(KEEP_ALIVE)
    .listen(listener)?
    .run();
    let handle = server.handle();
    Ok((server, handle))
}

/// A panic below is an answer, and a body that nobody reads ends its connection.
async fn around(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody, Held>>, actix_web::Error> {
    let unread = Unread::hold(&mut request);
    let answered = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let response = answered.unwrap_or_else(|panic| {
        tracing::error!(panic = words(panic.as_ref()), "a request broke off");
        let broken = problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "E_INTERNAL",
            "something broke here; the log says more",
        );
        Err(actix_web::error::InternalError::from_response("a panic", broken).into())
    })?;
    Ok(match unread {
        None => response.map_into_left_body(),
        Some(unread) => response
            .map_body(|_, body| unread.until_sent(body.boxed()))
            .map_into_right_body(),
    })
}

fn words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without words")
}

async fn root() -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "service": "Orket Webhook Server",
        "status": "running",
        "version": env!("CARGO_PKG_VERSION"),
    }))
}

async fn health(receiver: Data<Receiver>) -> HttpResponse {
    if receiver.is_healthy().await {
        HttpResponse::Ok().json(json!({"status": "healthy"}))
    } else {
        HttpResponse::ServiceUnavailable().json(json!({"status": "unhealthy"}))
    }
}

async fn metrics(receiver: Data<Receiver>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((
        CONTENT_TYPE,
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    ));
    response.body(receiver.metrics.text())
}

async fn only_post() -> HttpResponse {
    let mut response = problem(
        StatusCode::METHOD_NOT_ALLOWED,
        "E_METHOD",
        "Method Not Allowed",
    );
    let verbs = HeaderValue::from_static("POST");
    response.headers_mut().insert(ALLOW, verbs);
    response
}

async fn nowhere() -> HttpResponse {
    problem(StatusCode::NOT_FOUND, "E_NOT_FOUND", "Not Found")
}
