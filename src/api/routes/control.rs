//! Starting, halting and going on with runs; gates and budgets. These routes are the command line's,
//! too: it speaks them over the owner's socket.

use actix_web::web::{Bytes, Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, get, post};
use orket_actors::port::store::GateDecision;
use orket_actors::runtime::RunReport;
use orket_core::ids::RunId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::run_active::request_key;
use super::shapes::RunReportShape;
use crate::api::Api;
use crate::api::body::{LARGEST, Raw};
use crate::api::caller::{Admin, Caller, Read, Run};
use crate::api::check::Check;
use crate::api::problem::{FieldProblem, Problem, glimpse};
use crate::api::state::blocking;
use crate::api::workspace::below;
use crate::owner::ports::{BudgetView, GateView};
use crate::owner::service::{Refusal, Service};
use crate::owner::wire::{
    DecideRequest, Decision, ForkRequest, GrantRequest, Health, ResumeRequest, ShutdownRequest,
    StartRequest, Started,
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(owner)
        .service(start)
        .service(resume)
        .service(fork)
        .service(halt)
        .service(budget)
        .service(grant)
        .service(gates)
        .service(decide)
        .service(shutdown);
}

/// What was begun is finished even when the client leaves meanwhile.
pub(super) async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::spawn(work).await {
        Ok(result) => Ok(result?),
        Err(error) => Err(Problem::internal(format!("a request broke: {error}"))),
    }
}

/// A typed body; nothing, or `null`, is the default where that is allowed.
fn typed<T: DeserializeOwned>(body: &Bytes, default: Option<T>) -> Result<T, Problem> {
    if let Some(default) = default
        && (body.is_empty() || body.as_ref() == b"null")
    {
        return Ok(default);
    }
    let invalid = |msg: String, input| {
        Problem::fields(&[FieldProblem {
            kind: "value_error".to_owned(),
            loc: vec![json!("body")],
            msg,
            input,
            ctx: None,
        }])
    };
    let fields = crate::api::body::object(body)?;
    let fields = serde_json::Value::Object(fields);
    T::deserialize(&fields).map_err(|error| invalid(error.to_string(), glimpse(&fields)))
}

/// The run of a path: its id, the beginning of it, or `last`.
pub(super) async fn run_of(service: &Service, text: &str) -> Result<RunId, Problem> {
    let row = service.resolve(text).await?;
    RunId::new(row.run_id).map_err(Problem::internal)
}

/// The process that owns the data folder: its version, its id, and what it works on.
#[utoipa::path(tag = "runs", security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = Health)))]
#[get("/v1/owner")]
pub async fn owner(_caller: Caller<Read>, api: Data<Api>) -> Json<Health> {
    Json(api.service.health().await)
}

/// Start an epic, a rock or a card; attach to it, or go on with it, where that is what is meant. Over
/// the network a workspace is a folder below the project's `workspace/`, by its path from there.
#[utoipa::path(tag = "runs", request_body = StartRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names this request, for 7 days: sent again with the same key it comes to the same run")), security(("api_key" = ["run"]), ("bearer" = ["run"])),
    responses((status = 200, body = Started)))]
#[post("/v1/runs")]
pub async fn start(
    caller: Caller<Run>,
    api: Data<Api>,
    http: HttpRequest,
    body: Raw<LARGEST>,
) -> Result<Json<Started>, Problem> {
    let mut request: StartRequest = typed(&body.0, None)?;
    let key = request_key(&http, &caller, &[&digest_of(&request)?])?;
    if !caller.is_local
        && let Some(wished) = request.workspace.take()
    {
        let root = api.root.clone();
        let folder = blocking(move || below(&root, &wished)).await??;
        request.workspace = Some(folder);
    }
    let service = api.service.clone();
    Ok(Json(
        detached(async move { service.start_as(request, false, key).await }).await?,
    ))
}

fn digest_of(request: &StartRequest) -> Result<String, Problem> {
    serde_json::to_string(request).map_err(Problem::internal)
}

/// Go on with a run that was halted, interrupted or left cards unfinished.
#[utoipa::path(tag = "runs", params(("id" = String, Path, description = "The run, the beginning of its id, or `last`")),
    request_body(content = Option<ResumeRequest>), security(("api_key" = ["run"]), ("bearer" = ["run"])),
    responses((status = 200, body = Started)))]
#[post("/v1/runs/{id}/resume")]
pub async fn resume(
    _caller: Caller<Run>,
    api: Data<Api>,
    id: Path<String>,
    body: Raw<LARGEST>,
) -> Result<Json<Started>, Problem> {
    let request = typed(&body.0, Some(ResumeRequest::default()))?;
    let run = run_of(&api.service, &id).await?;
    let service = api.service.clone();
    Ok(Json(
        detached(async move { service.resume(run, request).await }).await?,
    ))
}

/// Begin a new run where a turn of another began.
#[utoipa::path(tag = "runs", params(("id" = String, Path, description = "The run, the beginning of its id, or `last`")),
    request_body = ForkRequest, security(("api_key" = ["run"]), ("bearer" = ["run"])),
    responses((status = 200, body = Started)))]
#[post("/v1/runs/{id}/fork")]
pub async fn fork(
    _caller: Caller<Run>,
    api: Data<Api>,
    id: Path<String>,
    body: Raw<LARGEST>,
) -> Result<Json<Started>, Problem> {
    let request: ForkRequest = typed(&body.0, None)?;
    let (service, run) = (api.service.clone(), id.into_inner());
    Ok(Json(
        detached(async move { service.fork(&run, request).await }).await?,
    ))
}

/// Stop a run: what is under way is cancelled. Answers when the ledger says `halted`.
#[utoipa::path(tag = "runs", params(("id" = String, Path, description = "The run, the beginning of its id, or `last`")),
    security(("api_key" = ["run"]), ("bearer" = ["run"])), responses((status = 200, body = RunReportShape)))]
#[post("/v1/runs/{id}/halt")]
pub async fn halt(
    _caller: Caller<Run>,
    api: Data<Api>,
    id: Path<String>,
) -> Result<Json<RunReport>, Problem> {
    let run = run_of(&api.service, &id).await?;
    let service = api.service.clone();
    Ok(Json(
        detached(async move { service.halt(run).await }).await?,
    ))
}

/// What a run may spend, has spent and has set aside.
#[utoipa::path(tag = "budgets", params(("id" = String, Path, description = "The run, the beginning of its id, or `last`")),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = BudgetView)))]
#[get("/v1/runs/{id}/budget")]
pub async fn budget(
    _caller: Caller<Read>,
    api: Data<Api>,
    id: Path<String>,
) -> Result<Json<BudgetView>, Problem> {
    Ok(Json(api.service.budget(&id).await?))
}

/// Let a run spend more; what waited for it goes on.
#[utoipa::path(tag = "budgets", params(("id" = String, Path, description = "The run, the beginning of its id, or `last`")),
    request_body = GrantRequest, security(("api_key" = ["run"]), ("bearer" = ["run"])),
    responses((status = 200, body = BudgetView)))]
#[post("/v1/runs/{id}/budget")]
pub async fn grant(
    caller: Caller<Run>,
    api: Data<Api>,
    id: Path<String>,
    body: Raw<LARGEST>,
) -> Result<Json<BudgetView>, Problem> {
    let mut request: GrantRequest = typed(&body.0, None)?;
    request.by = signed(request.by, &caller);
    let (service, run) = (api.service.clone(), id.into_inner());
    Ok(Json(
        detached(async move { service.grant(&run, request).await }).await?,
    ))
}

/// Who decides: the name given, and the key it came with.
pub(super) fn signed(by: String, caller: &Caller<Run>) -> String {
    match (by.trim(), caller.name.as_ref()) {
        _ if caller.is_local => by,
        ("", key) => key.to_owned(),
        (by, key) => format!("{by} (key {key})"),
    }
}

/// Questions for a person.
#[derive(Debug, Serialize, ToSchema)]
pub struct Gates {
    /// Oldest first.
    gates: Vec<GateView>,
    /// To go on after the last of these; null at the end.
    next_cursor: Option<i64>,
}

/// What persons must decide, or have decided.
#[utoipa::path(tag = "gates", params(
        ("status" = Option<String>, Query, description = "`pending`, `approved`, `rejected` or `expired`"),
        ("limit" = Option<u64>, Query, description = "At most so many", minimum = 1, maximum = 500),
        ("cursor" = Option<i64>, Query, description = "Those after this one", minimum = 0)),
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = Gates)))]
#[get("/v1/gates")]
pub async fn gates(
    _caller: Caller<Read>,
    api: Data<Api>,
    request: HttpRequest,
) -> Result<Json<Gates>, Problem> {
    let mut query = Check::query(&request)?;
    let status = query.text("status");
    if let Some(status) = &status
        && !["pending", "approved", "rejected", "expired"].contains(&status.as_str())
    {
        query.problem(
            "status",
            "enum",
            "must be pending, approved, rejected or expired",
            None,
        );
    }
    let limit = usize::try_from(query.count("limit", 200, 1, 500)).unwrap_or(500);
    let after = query.count("cursor", 0, 0, i64::MAX.unsigned_abs());
    query.finish()?;
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let mut gates = api.service.gates(status).await?;
    gates.retain(|gate| gate.id > after);
    let is_more = gates.len() > limit;
    gates.truncate(limit);
    let next_cursor = is_more.then(|| gates.last().map(|gate| gate.id)).flatten();
    Ok(Json(Gates { gates, next_cursor }))
}

/// Decide a gate: `approve`, `reject` or `expire`. The run goes on as far as that lets it.
#[utoipa::path(tag = "gates", params(
        ("id" = i64, Path, description = "The gate's number"),
        ("verb" = String, Path, description = "`approve`, `reject` or `expire`")),
    request_body(content = Option<DecideRequest>), security(("api_key" = ["run"]), ("bearer" = ["run"])),
    responses((status = 200, body = Decision)))]
#[post("/v1/gates/{id}/{verb}")]
pub async fn decide(
    caller: Caller<Run>,
    api: Data<Api>,
    path: Path<(i64, String)>,
    body: Raw<LARGEST>,
) -> Result<Json<Decision>, Problem> {
    let (id, verb) = path.into_inner();
    let decision = match verb.as_str() {
        "approve" => GateDecision::Approved,
        "reject" => GateDecision::Rejected,
        "expire" => GateDecision::Expired,
        _ => {
            return Err(Problem::not_found(
                "a gate is approved, rejected or expired",
            ));
        }
    };
    let mut request = typed(&body.0, Some(DecideRequest::default()))?;
    request.by = signed(request.by, &caller);
    let service = api.service.clone();
    Ok(Json(
        detached(async move { service.decide(id, decision, request).await }).await?,
    ))
}

/// That the server is about to stop.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stopping {
    /// Always `stopping`.
    status: &'static str,
}

/// Stop the server in good order; `immediate` cancels what is under way.
#[utoipa::path(tag = "runs", request_body(content = Option<ShutdownRequest>),
    security(("api_key" = ["admin"]), ("bearer" = ["admin"])), responses((status = 202, body = Stopping)))]
#[post("/v1/shutdown")]
pub async fn shutdown(
    _caller: Caller<Admin>,
    api: Data<Api>,
    body: Raw<LARGEST>,
) -> Result<HttpResponse, Problem> {
    let request = typed(&body.0, Some(ShutdownRequest::default()))?;
    api.service.wish_stop(request.immediate);
    Ok(HttpResponse::Accepted().json(Stopping { status: "stopping" }))
}
