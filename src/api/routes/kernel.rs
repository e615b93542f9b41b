//! The kernel: runs of supplied turns, and what runs report against each other.

use actix_web::post;
use actix_web::web::{Data, Json};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::api::Api;
use crate::api::body::{LARGEST, Object};
use crate::api::caller::{Caller, Read, Run};
use crate::api::problem::Problem;
use crate::api::state::blocking;
use crate::assets::DiskThenEmbedded;
use crate::kernel::capability::{POLICY, Policy};
use crate::kernel::compare::{STRUCTURAL, compare as compare_runs};
use crate::kernel::lifecycle::{Lifecycle, run};
use crate::kernel::replay::replay as look_at;
use crate::kernel::report::Report;
use crate::kernel::request::TurnRequestShape;
use crate::kernel::store::OpenError;
use orket_core::asset::AssetSource;

mod request;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(lifecycle).service(compare).service(replay);
}

/// Runs that are executed at once, each on a thread of its own, and those that wait for it.
static AT_WORK: Semaphore = Semaphore::const_new(4);
static ADMITTED: Semaphore = Semaphore::const_new(64);

/// A run to be executed, for the schema.
#[expect(dead_code, reason = "read field by field; this is its schema")]
#[derive(Debug, ToSchema)]
#[schema(as = KernelLifecycleRequest)]
pub struct LifecycleRequest {
    /// What the run is part of.
    #[schema(min_length = 1)]
    pub workflow_id: String,
    /// Its turns, in order; at most 1,000.
    pub execute_turn_requests: Vec<TurnRequestShape>,
    /// How it ends: `PASS`, which is the default, or `FAIL`.
    pub finish_outcome: Option<String>,
    /// More of how it starts.
    pub start_request: Option<StartRequestShape>,
}

/// How a run starts, for the schema.
#[expect(dead_code, reason = "read field by field; this is its schema")]
#[derive(Debug, ToSchema)]
#[schema(as = KernelStartRequest)]
pub struct StartRequestShape {
    /// `kernel_api/v1`.
    pub contract_version: Option<String>,
    /// Counts before the one beside it.
    pub workflow_id: Option<String>,
    /// The folder below `<workspace>/.orket/kernel/`: one name; `.orket_kernel` when there is none.
    pub workspace_root: Option<String>,
    /// The run to go on with; a new one when there is none.
    pub run_id: Option<String>,
    /// `local_only` when there is none.
    pub visibility_mode: Option<String>,
}

/// Execute a run of supplied turns: check each, decide about its tool call, stage what it brings,
/// promote it. A turn that fails does not stop those after it; it says so in its result (200).
#[utoipa::path(tag = "kernel", request_body = LifecycleRequest,
    security(("api_key" = ["run"]), ("bearer" = ["run"])), responses((status = 200, body = Lifecycle)))]
#[post("/v1/kernel/lifecycle")]
pub async fn lifecycle(
    caller: Caller<Run>,
    api: Data<Api>,
    body: Object<LARGEST>,
) -> Result<Json<Lifecycle>, Problem> {
    let is_admin = caller.is_admin;
    let request = request::read(body.0)?;
    let busy = || {
        Problem::busy(
            "E_KERNEL_BUSY",
            "the kernel has too much to do at the moment",
            1,
        )
    };
    let admitted = ADMITTED.try_acquire().map_err(|_full| busy())?;
    let at_work = AT_WORK.acquire().await.map_err(Problem::internal)?;
    let workspace = api.workspace.clone();
    let assets = DiskThenEmbedded::new(&api.root);
    // What was begun is finished even when the client leaves meanwhile, and counts until then.
    let executed = blocking(move || {
        let _held = (admitted, at_work);
        let policy = if request.turns.iter().any(calls_a_tool) {
            policy(&assets)?
        } else {
            Policy::default()
        };
        run(&workspace, &request, &policy, is_admin).map_err(|error| match error {
            OpenError::NoFolder => request::no_folder(&request.root),
            OpenError::Busy => busy(),
            OpenError::Io(error) => Problem::busy(
                "E_STORAGE",
                format!("the kernel's folder cannot be used: {error}"),
                5,
            ),
        })
    })
    .await?;
    Ok(Json(executed?))
}

/// Two runs, for the schema.
#[expect(dead_code, reason = "read field by field; this is its schema")]
#[derive(Debug, ToSchema)]
#[schema(as = KernelCompareRequest)]
pub struct CompareRequest {
    /// The one that is expected.
    pub run_a: RunShape,
    /// The other one.
    pub run_b: RunShape,
    /// `structural_parity`, which is the default.
    pub compare_mode: Option<String>,
}

/// A run as it reports itself, for the schema.
#[expect(dead_code, reason = "read field by field; this is its schema")]
#[derive(Debug, ToSchema)]
#[schema(as = KernelReportedRun)]
pub struct RunShape {
    /// Its name.
    pub run_id: Option<String>,
    /// The contract it is of.
    pub contract_version: Option<String>,
    /// The schema it is of.
    pub schema_version: Option<String>,
    /// `{turn_id, turn_result_digest}` each.
    #[schema(value_type = Option<Vec<Object>>)]
    pub turn_digests: Option<Vec<Value>>,
    /// `{turn_id, stage, outcome}` each.
    #[schema(value_type = Option<Vec<Object>>)]
    pub stage_outcomes: Option<Vec<Value>>,
    /// `{code, stage, location}` each, and whatever else issues have.
    #[schema(value_type = Option<Vec<Object>>)]
    pub issues: Option<Vec<Value>>,
    /// Lines of text.
    pub events: Option<Vec<String>>,
}

/// Compare two runs as they report themselves. Empty and malformed ones are equal to nothing.
#[utoipa::path(tag = "kernel", request_body = CompareRequest,
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = Report)))]
#[post("/v1/kernel/compare")]
pub async fn compare(
    _caller: Caller<Read>,
    _api: Data<Api>,
    body: Object<LARGEST>,
) -> Result<Json<Report>, Problem> {
    let mut fields = body.check();
    let (run_a, run_b) = (
        fields.required_object("run_a"),
        fields.required_object("run_b"),
    );
    if fields
        .text("compare_mode")
        .is_some_and(|mode| mode != STRUCTURAL)
    {
        fields.problem("compare_mode", "enum", "must be structural_parity", None);
    }
    fields.finish()?;
    Ok(Json(blocking(move || compare_runs(&run_a, &run_b)).await?))
}

/// A descriptor, for the schema.
#[expect(dead_code, reason = "read field by field; this is its schema")]
#[derive(Debug, ToSchema)]
#[schema(as = KernelReplayRequest)]
pub struct ReplayRequest {
    /// `run_id`, `workflow_id`, `contract_version`, `schema_version`, `policy_profile_ref`,
    /// `model_profile_ref`, `runtime_profile_ref`, `trace_ref`, `state_ref`.
    #[schema(value_type = Object)]
    pub run_descriptor: Map<String, Value>,
}

/// Look whether the descriptor of a run says all that replaying it would need. Nothing is replayed.
#[utoipa::path(tag = "kernel", request_body = ReplayRequest,
    security(("api_key" = ["read"]), ("bearer" = ["read"])), responses((status = 200, body = Report)))]
#[post("/v1/kernel/replay")]
pub async fn replay(
    _caller: Caller<Read>,
    _api: Data<Api>,
    body: Object<LARGEST>,
) -> Result<Json<Report>, Problem> {
    let mut fields = body.check();
    let descriptor = fields.required_object("run_descriptor");
    fields.finish()?;
    Ok(Json(look_at(&descriptor)))
}

fn calls_a_tool(turn: &Map<String, Value>) -> bool {
    turn.get("turn_input")
        .and_then(|input| input.get("tool_call"))
        .is_some()
}

fn policy(assets: &DiskThenEmbedded) -> Result<Policy, Problem> {
    let text = assets
        .read(POLICY)
        .unwrap_or_else(|| Err("it is not there".to_owned()));
    text.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()))
        .map_err(|error| {
            Problem::conflict("E_ASSETS", format!("{POLICY} cannot be used: {error}"))
                .hint("put it right, or remove it: without it the one in the binary counts")
        })
}
