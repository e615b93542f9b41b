//! What a run sees of its project's memory, and what it leaves behind. A memory that cannot be used
//! is told and done without: the work itself does not depend on it.

use std::collections::HashMap;
use std::sync::Arc;

use orket_core::canonical;
use orket_core::card_life::CardLife;
use orket_core::memory::buffer::RecordWrite;
use orket_core::memory::recall::{
    Origin, Remembered, Search, VisibilityMode, decision, query, query_fingerprint,
};
use orket_core::plan::{CardPlan, RunPlan};
use serde_json::json;

use crate::event_bus::About;
use crate::port::memory::{Commit, MemoryFault, Recall};
use crate::world::{RunScope, World};

/// Fixes the snapshot that the run sees, before its first card.
pub(crate) async fn open(world: &World, scope: &RunScope, plan: &RunPlan) {
    let policy = &plan.policy.memory;
    if policy.visibility == VisibilityMode::Off {
        return;
    }
    let (project, run_id) = (policy.project.clone(), plan.run_id.to_string());
    match world
        .memory
        .open(project, run_id, world.clock.wall_ms())
        .await
    {
        Ok(snapshot) => scope.see_snapshot(snapshot),
        Err(fault) => tell_fault(world, plan, "it begins without what was remembered", &fault),
    }
}

/// Looks up what concerns a card, before a turn on it.
pub(crate) async fn recall(
    world: &World,
    scope: &RunScope,
    plan: &RunPlan,
    card: &CardPlan,
) -> Option<Remembered> {
    let policy = &plan.policy.memory;
    let began_with = scope.snapshot()?;
    let nothing = Remembered {
        visibility: policy.visibility,
        snapshot: began_with,
        search: None,
    };
    let query = query(card);
    let is_empty = policy.visibility.holds_still() && began_with == 0;
    if is_empty || query.is_empty() || policy.max_results == 0 {
        return Some(nothing);
    }
    let recall = Recall {
        project: policy.project.clone(),
        at: policy.visibility.holds_still().then_some(began_with),
        query: query.clone(),
        limit: policy.max_results,
    };
    match world.memory.recall(recall).await {
        Ok(found) => Some(Remembered {
            snapshot: found.snapshot,
            search: Some(Search {
                query_fingerprint: query_fingerprint(&query),
                candidates: found.candidates,
                records: found.records,
            }),
            ..nothing
        }),
        Err(fault) => {
            tell_fault(
                world,
                plan,
                "a turn goes on without what was remembered",
                &fault,
            );
            Some(nothing)
        }
    }
}

/// What cards that ended well leave behind; of two on the same matter the later one.
pub(crate) fn decisions<'a>(
    plan: &RunPlan,
    cards: impl Iterator<Item = (&'a CardPlan, &'a CardLife)>,
) -> Vec<RecordWrite> {
    if !plan.policy.memory.visibility.writes() {
        return Vec::new();
    }
    let origin = Origin::of(plan);
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut writes: Vec<RecordWrite> = Vec::new();
    for write in cards.filter_map(|(card, life)| decision(origin, card, life)) {
        let known = places.get(&write.key);
        if let Some(earlier) = known.and_then(|place| writes.get_mut(*place)) {
            *earlier = write;
        } else {
            places.insert(write.key.clone(), writes.len());
            writes.push(write);
        }
    }
    writes
}

/// Commits what the run leaves behind; the run is at its end.
pub(crate) async fn leave_behind(world: Arc<World>, plan: Arc<RunPlan>, writes: Vec<RecordWrite>) {
    let commit = commit_of(&world, &plan, writes);
    match world.memory.commit(commit).await {
        Ok(records) => tell(&world, &plan, records),
        Err(fault) => tell_fault(&world, &plan, "what it decided is not remembered", &fault),
    }
}

/// Adds a card's decision at once, where nothing is held back.
pub(crate) async fn add(world: Arc<World>, plan: Arc<RunPlan>, writes: Vec<RecordWrite>) {
    let commit = commit_of(&world, &plan, writes);
    match world.memory.add(commit).await {
        Ok(records) => tell(&world, &plan, records),
        // It is tried again when the run ends.
        Err(fault) => tell_fault(&world, &plan, "a decision is not remembered yet", &fault),
    }
}

fn commit_of(world: &World, plan: &RunPlan, writes: Vec<RecordWrite>) -> Commit {
    let policy = serde_json::to_string(&plan.policy).unwrap_or_default();
    Commit {
        project: plan.policy.memory.project.clone(),
        run_id: plan.run_id.to_string(),
        policy_set_id: canonical::sha256_hex(policy.as_bytes()),
        writes,
        at_ms: world.clock.wall_ms(),
    }
}

fn tell(world: &World, plan: &RunPlan, records: usize) {
    if records > 0 {
        let project = &plan.policy.memory.project;
        let data = json!({"run_id": plan.run_id.as_str(), "project": project, "records": records});
        world.events.emit("memory_committed", about(plan), data);
    }
}

fn tell_fault(world: &World, plan: &RunPlan, what: &str, fault: &MemoryFault) {
    tracing::warn!(run = %plan.run_id, %fault, what, "the project memory cannot be used");
    let data = json!({"run_id": plan.run_id.as_str(), "error": fault.to_string(), "effect": what});
    world.events.emit("memory_unavailable", about(plan), data);
}

fn about(plan: &RunPlan) -> About<'_> {
    About {
        run: Some(plan.run_id.as_str()),
        card: None,
        workspace: Some(&plan.workspace),
        role: "orchestrator",
    }
}
