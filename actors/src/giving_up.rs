//! The end of what cannot be carried out: a run whose actors do not survive, and the whole system.
//!
//! Nothing is left open and nobody waits in vain: open attempts are closed, unfinished cards say why
//! and which command goes on, the run is `failed`, and whoever waits is told.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt as _;
use orket_core::card_life::CardLife;
use orket_core::failure::FailureClass;
use orket_core::ids::RunId;
use orket_core::plan::CardPlan;
use orket_core::run::{Run, RunEnd};
use orket_core::status::{CardStatus, WaitReason};
use serde_json::json;

use crate::ending::put_down;
use crate::event_bus::About;
use crate::port::store::{Guard, Op, RunRecord, RunStatus, StoreError, Write};
use crate::run_actor::Leave;
use crate::runtime::report_of;
use crate::turn_actor::audit;
use crate::world::{RunStage, World, lock};

/// The code of everything that ends here.
pub const CODE: &str = "E_ACTOR_PANIC";

/// Puts down everything of a run that is under way in this process. What its attempts had on their
/// way to the journal is there when this resolves, or never will be.
///
/// # Errors
///
/// When the journal cannot be written.
pub(crate) async fn put_run_down(
    world: &Arc<World>,
    run_id: &RunId,
    restarts: u32,
    why: &str,
) -> Result<(), StoreError> {
    let (scope, actor) = {
        let mut runs = world.runs();
        let Some(entry) = runs.get_mut(run_id) else {
            return Ok(());
        };
        (Arc::clone(&entry.scope), entry.actor.take())
    };
    // Nothing of it may begin a new turn while the old ones are put down.
    scope.winding_down.cancel();
    scope.cancel.cancel();
    if let Some(actor) = actor {
        // An error means that it is gone already.
        let _ = actor.send(Leave).await;
    }
    for lease in world.leases.all() {
        if let Some(lease) = lease.upgrade()
            && lease.of.plan.run_id == *run_id
        {
            put_down(world, &lease).await;
        }
    }
    let barrier = Op::CardEvent {
        run_id: run_id.clone(),
        card: None,
        kind: "run_revived".to_owned(),
        data: json!({"restarts": restarts, "reason": why}),
        at_ms: world.clock.wall_ms(),
    };
    submit(world, vec![barrier]).await
}

/// Writes that a run failed and by which code, unless it is over, or all that was left to write is how
/// it ended. Nothing of it may be under way.
///
/// # Errors
///
/// When the journal cannot be used.
pub(crate) async fn fail_run(
    world: &World,
    run_id: &RunId,
    code: &'static str,
    why: &str,
) -> Result<RunRecord, StoreError> {
    let found = world.store.load_run(run_id.clone()).await?;
    let Some(mut record) = found else {
        return Err(StoreError::Conflict(format!(
            "run {run_id} is not in the journal"
        )));
    };
    if record.status.is_over() {
        return Ok(record);
    }
    let graph: Vec<(&CardPlan, CardStatus)> = record
        .cards
        .iter()
        .map(|card| (card.plan.as_ref(), card.life.status))
        .collect();
    let run = Run::new(
        &graph,
        record.plan.target.as_ref(),
        record.plan.wip_limit_per_seat,
    );
    let status = match run.end() {
        Some(RunEnd::Done) => RunStatus::Done,
        Some(RunEnd::TerminalFailure) => RunStatus::TerminalFailure,
        Some(RunEnd::Incomplete) | None => RunStatus::Failed,
    };
    let at_ms = world.clock.wall_ms();
    // What waits for a person's word may still be gone on with by a resume.
    let parked: Vec<i64> = record
        .cards
        .iter()
        .filter(|card| card.life.is_parked())
        .map(|card| card.row)
        .collect();
    let mut ops: Vec<Op> = record
        .open_turns
        .drain(..)
        .filter(|turn| !parked.contains(&turn.card))
        .map(|turn| Op::CloseTurn {
            turn: turn.row,
            status: "abandoned",
            code: Some(code),
            prompt_tokens: 0,
            output_tokens: 0,
            at_ms,
        })
        .collect();
    for (place, card) in record.cards.iter_mut().enumerate() {
        if card.life.status.is_settled() || !run.is_in_scope(place) {
            continue;
        }
        let mut changes = Vec::new();
        give_card_up(&mut card.life, run_id, code, why, &mut changes);
        card.fence += 1;
        ops.push(Op::SetCard {
            row: card.row,
            life: Box::new(card.life.clone()),
            fence: Some(card.fence),
            changes: audit(&changes, "scheduler"),
            at_ms,
        });
    }
    ops.push(Op::SetRun {
        run_id: run_id.clone(),
        status,
        summary: json!({"failure_class": code, "failure_reason": why}),
        at_ms,
    });
    submit(world, ops).await?;
    record.status = status;
    Ok(record)
}

/// Blocks a card that cannot be carried out. Work that only waits for its review stays done.
fn give_card_up(
    life: &mut CardLife,
    run_id: &RunId,
    code: &'static str,
    why: &str,
    changes: &mut Vec<orket_core::card_life::Change>,
) {
    let note = format!("{why}; `orket resume {run_id}` tries again");
    life.release(changes);
    match life.status {
        CardStatus::CodeReview | CardStatus::ReadyForTesting | CardStatus::GuardApproved => {
            life.code = Some(code.to_owned());
            life.note = note;
        }
        CardStatus::Ready
        | CardStatus::InProgress
        | CardStatus::Blocked
        | CardStatus::WaitingForDeveloper
        | CardStatus::AwaitingGuardReview
        | CardStatus::GuardRejected
        | CardStatus::GuardRequestedChanges
        | CardStatus::Done
        | CardStatus::Canceled
        | CardStatus::Archived => life.block(WaitReason::System, code, note, changes),
    }
}

/// The last word of a run that has no actor to say it.
pub(crate) fn tell_end(
    world: &World,
    run_id: &RunId,
    record: Option<&RunRecord>,
    status: RunStatus,
) {
    let Some(entry) = world.runs().remove(run_id) else {
        return;
    };
    let mut report = report_of(run_id, record, status);
    if let Some(record) = record {
        let elapsed = world.clock.wall_ms().saturating_sub(record.started_ms);
        report.elapsed_ms = u64::try_from(elapsed).unwrap_or(0);
    }
    world.events.emit(
        "session_end",
        About {
            run: Some(run_id.as_str()),
            workspace: record.map(|record| record.plan.workspace.as_str()),
            role: "supervisor",
            ..About::default()
        },
        json!({"run_id": run_id.as_str(), "status": report.status, "issue_count": report.cards.len(), "elapsed_ms": report.elapsed_ms}),
    );
    entry.report.send_replace(Some(report));
}

/// The journal cannot be written: whoever waits is told how the run stands, and that the next start
/// goes on with it, for it stays `running`.
pub(crate) async fn leave_run(world: &World, run_id: &RunId, error: &StoreError) {
    tracing::error!(run = %run_id, %error, "a run is left to the next start");
    let mut record = world.store.load_run(run_id.clone()).await.ok().flatten();
    let cards = record.iter_mut().flat_map(|record| &mut record.cards);
    for card in cards.filter(|card| !card.life.status.is_settled()) {
        card.life.code = Some(FailureClass::Storage.code().to_owned());
        card.life.note = format!("{error}; `orket resume {run_id}` goes on from what is journaled");
    }
    tell_end(world, run_id, record.as_ref(), RunStatus::Failed);
}

/// The actors cannot be kept alive: every run is ended in good order, and nothing new begins.
pub(crate) async fn give_system_up(world: Arc<World>, why: String) {
    tracing::error!(code = CODE, why, "orket stops in good order");
    world.stopping.store(true, Ordering::Release);
    *lock(&world.giving_up) = Some(why.clone());
    // One that is just being written is given up by whoever hands it over.
    let ids: Vec<RunId> = world
        .runs()
        .iter()
        .filter(|(_, entry)| entry.stage != RunStage::Announced)
        .map(|(id, _)| id.clone())
        .collect();
    for id in ids {
        give_run_up(&world, &id, &why).await;
    }
    world.broken.send_replace(Some(why));
}

/// Ends a run that nobody will carry out any more.
pub(crate) async fn give_run_up(world: &Arc<World>, id: &RunId, why: &str) {
    let end = AssertUnwindSafe(end_run(world, id, why)).catch_unwind();
    let record = end
        .await
        .unwrap_or_else(|_panic| Err(StoreError::Panicked("while a run was given up".to_owned())));
    match record {
        Ok(record) => tell_end(world, id, Some(&record), record.status),
        Err(error) => leave_run(world, id, &error).await,
    }
}

async fn end_run(world: &Arc<World>, id: &RunId, why: &str) -> Result<RunRecord, StoreError> {
    put_run_down(world, id, 0, why).await?;
    fail_run(world, id, CODE, why).await
}

async fn submit(world: &World, ops: Vec<Op>) -> Result<(), StoreError> {
    let write = Write {
        guard: Guard::None,
        flush: None,
        ops,
    };
    world.store.submit(write).await
}
