//! How the server and what it works on are doing: heartbeat, readiness, metrics.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::api::Api;
use crate::api::caller::{Caller, Read};
use crate::api::problem::Problem;
use crate::api::run_metrics::RunMetrics;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(heartbeat).service(ready).service(metrics);
}

/// That the server lives and how much it works on.
#[derive(Debug, Serialize, ToSchema)]
pub struct Heartbeat {
    /// Always `online`.
    #[schema(example = "online")]
    status: &'static str,
    /// ISO 8601, UTC.
    timestamp: String,
    /// Runs under way.
    active_tasks: usize,
}

/// That the server lives, what time it has, and how many runs are under way.
#[utoipa::path(tag = "system", security(("api_key" = ["read"]), ("bearer" = ["read"])),
    responses((status = 200, body = Heartbeat)))]
#[get("/v1/system/heartbeat")]
pub async fn heartbeat(_caller: Caller<Read>, api: Data<Api>) -> Json<Heartbeat> {
    Json(Heartbeat {
        status: "online",
        timestamp: jiff::Timestamp::now().to_string(),
        active_tasks: api.service.active_count(),
    })
}

/// Whether work may be given to this server.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// Always `ready`.
    status: &'static str,
    /// Runs under way.
    active_runs: usize,
}

/// Whether work may be given to this server: the journal can be read, its writer lives, and the
/// server is not stopping. 503 otherwise. Needs no key.
#[utoipa::path(tag = "health", responses((status = 200, body = Readiness)))]
#[get("/ready")]
pub async fn ready(api: Data<Api>) -> Result<Json<Readiness>, Problem> {
    if api.service.is_closing() {
        return Err(Problem::busy(
            "E_SHUTTING_DOWN",
            "the server is stopping",
            5,
        ));
    }
    if !api.probes.journal.takes_writes() {
        return Err(Problem::busy(
            "E_STORAGE",
            "the journal's writer does not answer",
            5,
        ));
    }
    api.read(|reader| reader.runs(1)).await?;
    Ok(Json(Readiness {
        status: "ready",
        active_runs: api.service.active_count(),
    }))
}

/// Counters and gauges in the text format of OpenMetrics 1.0, for Prometheus.
#[utoipa::path(tag = "health", security(("api_key" = ["read"]), ("bearer" = ["read"])),
    responses((status = 200, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text")))]
#[get("/metrics")]
pub async fn metrics(
    _caller: Caller<Read>,
    api: Data<Api>,
    metrics: Data<RunMetrics>,
) -> Result<HttpResponse, Problem> {
    let standing = api.read(|reader| reader.standing()).await?;
    let text = metrics.text(&api, &standing).map_err(Problem::internal)?;
    Ok(HttpResponse::Ok()
        .insert_header((
            CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ))
        .body(text))
}
