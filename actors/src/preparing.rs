//! What happens between the start of a run and its first card: stages, one after another. Each is
//! durable before the next begins, so that a run taken up later does only what is left.

use std::path::PathBuf;
use std::sync::Arc;

use orket_core::plan::RunPlan;
use orket_core::stages::{Outcome, Stage, StagePlan};
use serde_json::{Map, Value, json};

use crate::event_bus::About;
use crate::port::store::{FlushFolder, Guard, Op, StoreError, Write};
use crate::remembering;
use crate::world::{RunScope, World};

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Prepared {
    /// The first card may start.
    Ready,
    /// The run is to stop; what is left is for another day.
    Stopped,
    /// A stage failed, and why.
    Failed(Stage, String),
}

/// Fixes what the run sees of its project's memory, and carries out its stages that are not durable
/// yet.
///
/// # Errors
///
/// When the journal cannot be used.
pub(crate) async fn prepare(
    world: Arc<World>,
    scope: Arc<RunScope>,
    plan: Arc<RunPlan>,
) -> Result<Prepared, StoreError> {
    remembering::open(&world, &scope, &plan).await;
    let stages = &plan.policy.project.stages;
    if stages.is_empty() {
        return Ok(Prepared::Ready);
    }
    let kinds: Vec<&'static str> = stages
        .iter()
        .flat_map(|stage| stage.stage.settled_events())
        .collect();
    let settled = world.store.run_events(plan.run_id.clone(), kinds).await?;
    for stage in stages {
        let events = stage.stage.settled_events();
        if settled.iter().any(|event| events.contains(&event.as_str())) {
            continue;
        }
        if scope.is_winding_down() {
            return Ok(Prepared::Stopped);
        }
        if let Some(reason) = carry_out(&world, &plan, stage).await? {
            return Ok(Prepared::Failed(stage.stage, reason));
        }
    }
    Ok(Prepared::Ready)
}

/// One stage, made durable and told; why it failed, if it did.
async fn carry_out(
    world: &World,
    plan: &RunPlan,
    stage: &StagePlan,
) -> Result<Option<String>, StoreError> {
    let mut data: Map<String, Value> = stage.facts.clone();
    data.insert("run_id".to_owned(), json!(plan.run_id.as_str()));
    data.insert("stage".to_owned(), json!(stage.stage.as_str()));
    let mut flush = None;
    let mut failed = None;
    let outcome = if let Some(reason) = &stage.skipped {
        data.insert("reason".to_owned(), json!(reason));
        Outcome::Skipped
    } else if stage.touches_files() {
        tell(world, plan, &format!("{}_started", stage.stage), &data);
        let workspace = PathBuf::from(&plan.workspace);
        match world.tools.prepare(workspace.clone(), stage.clone()).await {
            Ok(report) => {
                // On disk before it is durable that they are.
                flush = Some(FlushFolder(Arc::new(workspace)));
                data.insert("folders".to_owned(), json!(report.folders));
                data.insert("created".to_owned(), json!(report.created));
                data.insert("kept".to_owned(), json!(report.kept));
                Outcome::Completed
            }
            Err(error) => {
                data.insert("code".to_owned(), json!(stage.stage.code()));
                data.insert("error".to_owned(), json!(error.to_string()));
                failed = Some(error.to_string());
                Outcome::Failed
            }
        }
    } else {
        Outcome::Completed
    };
    let event = stage.stage.event(outcome);
    let entry = Op::CardEvent {
        run_id: plan.run_id.clone(),
        card: None,
        kind: event.to_owned(),
        data: Value::Object(data.clone()),
        at_ms: world.clock.wall_ms(),
    };
    world
        .store
        .submit(Write {
            guard: Guard::None,
            flush,
            ops: vec![entry],
        })
        .await?;
    tell(world, plan, event, &data);
    Ok(failed)
}

fn tell(world: &World, plan: &RunPlan, event: &str, data: &Map<String, Value>) {
    world.events.emit(
        event,
        About {
            run: Some(plan.run_id.as_str()),
            card: None,
            workspace: Some(&plan.workspace),
            role: "orchestrator",
        },
        Value::Object(data.clone()),
    );
}
