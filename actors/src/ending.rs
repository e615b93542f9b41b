//! The end of a stalled attempt.
//!
//! In this order: raise the fence, and with the same commit journal the stall and what it means for
//! the card; write the checkpoint; cancel the work; see it gone; tell the card. Only the card starts
//! a new attempt.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use futures_util::FutureExt;
use orket_core::card_life::{CardLife, Conclusion};
use orket_core::failure::{Failure, FailureClass};
use orket_core::policy::Spent;
use orket_core::stall::Phase;
use orket_core::turn::{Step, TurnOutcome, written_files};
use serde_json::json;

use crate::card_actor::budgets;
use crate::event_bus::About;
use crate::fault;
use crate::lease::Lease;
use crate::port::record::TurnRecord;
use crate::port::store::{Guard, Op, StepRow, StoreError, Write};
use crate::turn_actor::{add_next_command, audit, gate};
use crate::world::World;

/// How long the work of a stalled attempt may take to go away before its card is blocked instead of
/// tried again.
const GONE_WITHIN: Duration = Duration::from_secs(20);
/// Steps that others than the attempt itself append are numbered from here: they come after all of
/// its own and cannot collide with one that is still on its way.
pub const FOREIGN_STEPS: u32 = 1_000_000;

/// An attempt was ended by the watchdog.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct AttemptStalled {
    /// Its row.
    pub turn_row: i64,
    /// The card's fence now.
    pub fence: i64,
    /// Why.
    pub failure: Failure,
    /// The card's life now and what follows, as it was journaled together with the stall; `None`
    /// when that failed and the journal must be asked.
    pub concluded: Option<(CardLife, Conclusion)>,
    /// Nothing of the old attempt is left.
    pub gone: bool,
}

/// Ends a stalled attempt; also used for a reply that only repeats itself.
///
/// Until its writes are through it counts as work of the attempt, from the call on: a run that is
/// halted at this moment must not be settled before them.
pub fn end_stalled(
    world: Arc<World>,
    lease: Arc<Lease>,
    phase: Phase,
    silent_ms: u64,
) -> impl Future<Output = ()> {
    let token = lease.tracker.token();
    async move {
        if !lease.end() {
            return;
        }
        let ended = AssertUnwindSafe(journal_stall(&world, &lease, phase, silent_ms))
            .catch_unwind()
            .await;
        let mut stalled = ended.unwrap_or_else(|_panic| {
            not_journaled(
                &lease,
                Failure::new(
                    FailureClass::Panic,
                    "the watchdog's work on it ended in a panic",
                ),
            )
        });
        drop(token);
        stalled.gone = put_down(&world, &lease).await;
        lease.card.do_send(stalled);
    }
}

/// Raises the fence, and with the same commit journals the stall and what it means for the card: a
/// crash while the old work is being ended must neither repeat it nor forget its gate.
async fn journal_stall(
    world: &World,
    lease: &Lease,
    phase: Phase,
    silent_ms: u64,
) -> AttemptStalled {
    let of = &lease.of;
    let (partial, chunks, bytes) = lease.received();
    let failure = stall_failure(lease, phase, silent_ms);
    let outcome = TurnOutcome::Failed {
        failure: failure.clone(),
    };
    let steps = [
        Arc::new(Step::Stalled {
            phase,
            silent_ms,
            chunks,
            bytes,
            partial,
        }),
        Arc::new(Step::TurnFinished {
            outcome: outcome.clone(),
        }),
    ];
    let at_ms = world.clock.wall_ms();
    let fence = of.fence + 1;
    let mut life = of.life.clone();
    life.note_written(written_files(&lease.steps()));
    let seed = format!(
        "{}:{}:{}:{}",
        of.plan.run_id, of.card_id, of.turn, of.attempt
    );
    let conclusion = life.conclude(
        &of.card_plan,
        of.purpose,
        &outcome,
        &budgets(&of.plan),
        &seed,
    );
    add_next_command(&mut life, &of.plan);
    fault::point("watchdog.before_fence");
    let ops = ending_ops(lease, &steps, &failure, (&life, &conclusion), at_ms);
    let written = world
        .store
        .submit(Write {
            guard: Guard::Turn(of.turn_row, of.fence),
            flush: None,
            ops,
        })
        .await;
    fault::point("watchdog.after_fence");
    if let Err(error) = written {
        // Fenced: somebody else ended it. Anything else: the work is stopped all the same, and the
        // card goes on from what the journal holds.
        tracing::warn!(card = %of.card_id, %error, "a stall could not be journaled");
        return not_journaled(
            lease,
            match error {
                StoreError::Fenced => Failure::new(
                    FailureClass::Fenced,
                    "the attempt ended by itself meanwhile",
                ),
                other => Failure::new(FailureClass::Storage, other.to_string()),
            },
        );
    }
    world.events.emit(
        "turn_stalled",
        About {
            run: Some(of.plan.run_id.as_str()),
            card: Some(of.card_id.as_str()),
            workspace: Some(&of.plan.workspace),
            role: &of.role,
        },
        json!({
            "phase": phase.as_str(), "silent_ms": silent_ms, "chunks": chunks, "bytes": bytes,
            "turn_index": of.turn, "attempt": of.attempt,
        }),
    );
    let mut all = lease.steps();
    all.extend(steps);
    world.projector.project(record(lease, all, at_ms)).await;
    AttemptStalled {
        turn_row: of.turn_row,
        fence,
        failure,
        concluded: Some((life, conclusion)),
        gone: false,
    }
}

fn not_journaled(lease: &Lease, failure: Failure) -> AttemptStalled {
    AttemptStalled {
        turn_row: lease.of.turn_row,
        fence: lease.of.fence,
        failure,
        concluded: None,
        gone: false,
    }
}

fn ending_ops(
    lease: &Lease,
    steps: &[Arc<Step>],
    failure: &Failure,
    (life, conclusion): (&CardLife, &Conclusion),
    at_ms: i64,
) -> Vec<Op> {
    let of = &lease.of;
    let rows = steps
        .iter()
        .zip(FOREIGN_STEPS..)
        .map(|(step, seq)| StepRow {
            seq,
            at_ms,
            step: Arc::clone(step),
        });
    let mut ops = vec![
        Op::Steps {
            turn: of.turn_row,
            steps: rows.collect(),
        },
        Op::Settle {
            turn: of.turn_row,
            actual: if lease.phase() == Phase::Connect {
                Spent::Unheard
            } else {
                Spent::Unknown
            },
            at_ms,
        },
        Op::CloseTurn {
            turn: of.turn_row,
            status: "stalled",
            code: Some(failure.code()),
            prompt_tokens: 0,
            output_tokens: 0,
            at_ms,
        },
        Op::SetCard {
            row: of.card,
            life: Box::new(life.clone()),
            fence: Some(of.fence + 1),
            changes: audit(&conclusion.changes, "scheduler"),
            at_ms,
        },
    ];
    if conclusion.gate {
        ops.push(gate(of, &of.seat, Some(failure), &lease.steps(), at_ms));
    }
    ops
}

/// Cancels the work of an attempt and waits until nothing of it is left; says whether that is so.
pub async fn put_down(world: &World, lease: &Arc<Lease>) -> bool {
    lease.cancel.cancel();
    lease.tracker.close();
    let gone = tokio::select! {
        biased;
        () = lease.tracker.wait() => true,
        () = world.clock.sleep(GONE_WITHIN) => false,
    };
    world.leases.close(lease);
    gone
}

fn stall_failure(lease: &Lease, phase: Phase, silent_ms: u64) -> Failure {
    if let Some(tool) = orket_core::turn::cut_off_effect(&lease.steps()) {
        return orket_core::turn::unknown_outcome(&tool);
    }
    let words = match phase {
        Phase::Connect => "no connection to the model was made",
        Phase::FirstToken => "the model sent no first token",
        Phase::Idle => "the model fell silent in the middle of its reply",
        Phase::Turn if lease.is_out_of_time() => {
            "the question took all the time that its budget had left for it"
        }
        Phase::Turn => "the turn took longer than its clock allows",
        Phase::ToolIdle => "a tool showed no sign of life",
        Phase::Tool => "a tool took longer than its clock allows",
        Phase::Run => "the run took longer than its clock allows",
        Phase::Repeat => "the reply only repeated itself",
        Phase::Queued => "nothing happened",
    };
    Failure::new(
        FailureClass::Stalled,
        format!(
            "{words} ({} clock; silent for {silent_ms} ms)",
            phase.as_str()
        ),
    )
}

/// The record of an attempt as the projector wants it.
#[must_use]
pub fn record(lease: &Lease, steps: Vec<Arc<Step>>, ended_ms: i64) -> TurnRecord {
    let of = &lease.of;
    TurnRecord {
        mode: of.plan.artifacts,
        workspace: Arc::from(of.plan.workspace.as_str()),
        run_id: of.plan.run_id.to_string(),
        issue_id: of.card_id.to_string(),
        role: of.role.clone(),
        turn: of.turn,
        attempt: of.attempt,
        ended_ms,
        plan: Some(Arc::clone(&of.plan)),
        steps,
    }
}
