//! What was under way when a command was given. An owner takes up the runs of a dead one before it is
//! asked anything, and may bring such a run to its end meanwhile; without this note the same command
//! would then begin all over with a new build, instead of telling how the run ended.

use std::collections::BTreeSet;

use orket_actors::port::store::RunStatus;

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::owner::builds::{Choice, Wish, choose, choose_rock, epic_build};
use crate::owner::ports::{Found, Records, RunRow};
use crate::owner::service::resolve_run;
use crate::owner::wire::{StartRequest, WorkKind};

/// Writes into `request` which run of the journal it means to watch, if one is under way.
///
/// # Errors
///
/// When the journal cannot be read, or nothing of that name is there.
pub fn note(context: &Context, request: &mut StartRequest) -> Result<(), Failure> {
    if !context.folder.database_folder().exists() {
        return Ok(());
    }
    let records = context.records()?;
    let planner = context.planner();
    let found = match request.kind {
        WorkKind::Epic => Found::Epic,
        WorkKind::Rock => Found::Rock,
        WorkKind::Card => planner.find(&request.name, &request.department)?,
    };
    match found {
        Found::Epic => {
            let epic = planner.epic_name(&request.name, &request.department);
            note_epic(records.as_ref(), &epic, false, request)
        }
        Found::CardOf { epic } => note_epic(records.as_ref(), &epic, true, request),
        Found::Rock => {
            let listed = planner.rock(&request.name, &request.department)?;
            let epics: BTreeSet<String> = listed.into_iter().map(|entry| entry.epic).collect();
            let rock = planner.rock_name(&request.name, &request.department);
            note_rock(records.as_ref(), &rock, epics, request)
        }
    }
}

/// Whether a run of the journal is under way.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn is_under_way(context: &Context, reference: &str) -> Result<bool, Failure> {
    if !context.folder.database_folder().exists() {
        return Ok(false);
    }
    let records = context.records()?;
    // What is wrong with the reference is told where the run is asked for.
    let run = resolve_run(records.as_ref(), reference).ok();
    Ok(run.is_some_and(|run| run.status == RunStatus::Running))
}

fn note_epic(
    records: &dyn Records,
    epic: &str,
    is_card: bool,
    request: &mut StartRequest,
) -> Result<(), Failure> {
    let runs = records.builds_of(epic)?;
    let target = match request.kind {
        WorkKind::Card if is_card => Some(request.name.as_str()),
        WorkKind::Card | WorkKind::Epic | WorkKind::Rock => request.target.as_deref(),
    };
    let wish = Wish {
        epic,
        build_id: request.build_id.as_deref(),
        target,
        target_is_finished: false,
        rest_is_left: false,
    };
    request.under_way = match choose(wish, &runs) {
        Choice::Attach { run_id, .. } => Some(run_id),
        Choice::Wait { .. } | Choice::Resume { .. } | Choice::Start { .. } => None,
    };
    Ok(())
}

/// A rock is meant by its build: that one's epics are gone on with, those that are done stay so.
fn note_rock(
    records: &dyn Records,
    rock: &str,
    epics: BTreeSet<String>,
    request: &mut StartRequest,
) -> Result<(), Failure> {
    if request.build_id.is_some() {
        return Ok(());
    }
    let mut histories: Vec<(String, Vec<RunRow>)> = Vec::new();
    for epic in epics {
        let runs = records.builds_of(&epic)?;
        histories.push((epic, runs));
    }
    let build = choose_rock(rock, None, &histories);
    let is_under_way = histories.iter().any(|(epic, runs)| {
        let own = epic_build(&build, epic);
        runs.iter().any(|run| {
            run.build_id == own && matches!(run.status, RunStatus::Queued | RunStatus::Running)
        })
    });
    if is_under_way {
        request.build_id = Some(build);
    }
    Ok(())
}
