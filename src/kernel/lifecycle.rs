//! A run from its start to its finish: its turns in order, none left out when one fails. Blocks.

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::CONTRACT_VERSION;
use super::capability::Policy;
use super::name::{RootName, RunName, TurnNumber};
use super::request::is_promotion;
use super::result::TurnResult;
use super::store::{OpenError, Root};
use super::turn::{Surroundings, execute};
use super::words::Outcome;

/// What is to be run. Everything in it was looked at.
#[derive(Debug)]
pub struct Request {
    /// Where.
    pub root: RootName,
    /// The run to go on with; a new one when none is named.
    pub run: Option<RunName>,
    /// What is said of who sees it.
    pub visibility_mode: String,
    /// The turns, in order.
    pub turns: Vec<Map<String, Value>>,
    /// How the caller has it end.
    pub finish_outcome: Outcome,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KernelLifecycle)]
pub struct Lifecycle {
    /// How it began.
    pub start: Start,
    /// Its turns, in order.
    pub turns: Vec<TurnResult>,
    /// How it ended.
    pub finish: Finish,
}

/// How a run began.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KernelStart)]
pub struct Start {
    /// `kernel_api/v1`.
    pub contract_version: &'static str,
    /// What identifies the run.
    pub run_handle: RunHandle,
}

/// What identifies a run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KernelRunHandle)]
pub struct RunHandle {
    /// `kernel_api/v1`.
    pub contract_version: &'static str,
    /// The run.
    #[schema(example = "run-0a1b2c3d")]
    pub run_id: String,
    /// Who sees it.
    #[schema(example = "local_only")]
    pub visibility_mode: String,
    /// The folder below `<workspace>/.orket/kernel/`.
    #[schema(example = ".orket_kernel")]
    pub workspace_root: String,
}

/// How a run ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KernelFinish)]
pub struct Finish {
    /// `kernel_api/v1`.
    pub contract_version: &'static str,
    /// The run.
    pub run_id: String,
    /// As the caller has it end.
    pub outcome: Outcome,
    /// How many turns were executed.
    pub turns_executed: u64,
    /// How many of them came through.
    pub turns_passed: u64,
    /// Always empty.
    pub events: Vec<String>,
}

/// Runs it.
///
/// # Errors
///
/// When its root cannot be worked in; then nothing was executed.
pub fn run(
    workspace: &Path,
    request: &Request,
    policy: &Policy,
    is_admin: bool,
) -> Result<Lifecycle, OpenError> {
    let mut root = Root::open(workspace, &request.root)?;
    let run = request.run.clone().unwrap_or_else(|| unused_name(&root));
    let around = Surroundings {
        run: &run,
        begin: root.begin(first_to_promote(&request.turns)),
        policy,
        is_admin,
    };
    let turns: Vec<TurnResult> = request
        .turns
        .iter()
        .map(|turn| execute(turn, &mut root, &around))
        .collect();
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let passed = turns
        .iter()
        .filter(|turn| turn.outcome == Outcome::Pass)
        .count();
    Ok(Lifecycle {
        start: Start {
            contract_version: CONTRACT_VERSION,
            run_handle: RunHandle {
                contract_version: CONTRACT_VERSION,
                run_id: run.as_str().to_owned(),
                visibility_mode: request.visibility_mode.clone(),
                workspace_root: request.root.as_str().to_owned(),
            },
        },
        finish: Finish {
            contract_version: CONTRACT_VERSION,
            run_id: run.as_str().to_owned(),
            outcome: request.finish_outcome,
            turns_executed: count(turns.len()),
            turns_passed: count(passed),
            events: Vec::new(),
        },
        turns,
    })
}

/// Eight digits are few: a name that was used before would go on with another run.
fn unused_name(root: &Root) -> RunName {
    let mut run = RunName::mint();
    for _ in 0..8 {
        if !root.knows(&run) {
            break;
        }
        run = RunName::mint();
    }
    run
}

fn first_to_promote(turns: &[Map<String, Value>]) -> Option<TurnNumber> {
    let first = turns.iter().find(|turn| is_promotion(turn))?;
    TurnNumber::of(first.get("turn_id")?.as_str()?)
}
