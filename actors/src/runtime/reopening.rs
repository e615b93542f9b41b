//! Which cards are made ready when a stopped run goes on, or a new run takes over its build.

use std::collections::HashSet;

use orket_core::card_life::CardLife;
use orket_core::failure::FailureClass;
use serde_json::json;

use crate::approvals::newest_gate;
use crate::port::store::{
    BUDGET, CardRow, GATE_PENDING, GUARD_PAYLOAD, GateDecision, GateRecord, Op, RunRecord,
    RunStatus, UNKNOWN_OUTCOME,
};
use crate::turn_actor::audit;

/// Which cards of a run that goes on are made ready again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reopen {
    /// All that did not finish, with fresh budgets.
    All,
    /// Cards with a call of unknown outcome that a person allowed to be made again.
    Released,
    /// None: only what a person decided goes on.
    Nothing,
}

/// What is to be said of a card that may have done something which must not be done twice.
pub(super) enum UnknownOutcome {
    /// It has not.
    None,
    /// It has, and a person allowed it to be made again; the approval's number.
    Released(i64),
    /// It has, and nobody did.
    Waits,
}

pub(super) fn unknown_outcome(
    life: &CardLife,
    card: CardRow,
    gates: &[GateRecord],
) -> UnknownOutcome {
    if life.code.as_deref() != Some(FailureClass::UnknownOutcome.code()) {
        return UnknownOutcome::None;
    }
    match newest_gate(gates, card, UNKNOWN_OUTCOME) {
        Some(gate) if gate.status == GateDecision::Approved.as_str() && !gate.spent => {
            UnknownOutcome::Released(gate.id)
        }
        Some(_) | None => UnknownOutcome::Waits,
    }
}

/// Whether a card's question about its budget is still asked, or was answered with yes. After a no it
/// may ask again.
pub(super) fn waits_for_a_budget(life: &CardLife, card: CardRow, gates: &[GateRecord]) -> bool {
    life.is_over_budget()
        && newest_gate(gates, card, BUDGET).is_some_and(|gate| {
            gate.status == GATE_PENDING || gate.status == GateDecision::Approved.as_str()
        })
}

/// Whether a question about what a card's guard meant is still asked, or its answer not yet heeded.
pub(super) fn waits_for_the_guard(life: &CardLife, card: CardRow, gates: &[GateRecord]) -> bool {
    life.is_guard_unclear()
        && newest_gate(gates, card, GUARD_PAYLOAD).is_some_and(|gate| !gate.spent)
}

/// The changes that make a stopped run go on: only what is left is made ready.
pub(super) fn reopening(
    record: &RunRecord,
    gates: &[GateRecord],
    reopen: Reopen,
    at_ms: i64,
) -> Vec<Op> {
    let open: HashSet<i64> = record.open_turns.iter().map(|turn| turn.card).collect();
    let mut ops = vec![Op::SetRun {
        run_id: record.plan.run_id.clone(),
        status: RunStatus::Running,
        summary: json!({"resumed_at_ms": at_ms}),
        at_ms,
    }];
    let everything = match reopen {
        Reopen::Nothing => return ops,
        Reopen::Released => false,
        Reopen::All => true,
    };
    let mut released = Vec::new();
    for card in &record.cards {
        match unknown_outcome(&card.life, card.row, gates) {
            UnknownOutcome::None if everything => {}
            UnknownOutcome::None | UnknownOutcome::Waits => continue,
            UnknownOutcome::Released(gate) => released.push(gate),
        }
        let parked = card.life.is_parked() && open.contains(&card.row);
        if parked
            || waits_for_a_budget(&card.life, card.row, gates)
            || waits_for_the_guard(&card.life, card.row, gates)
        {
            // What a person decided is read by the run itself.
            continue;
        }
        let mut life = card.life.clone();
        let mut changes = Vec::new();
        let changed = if open.contains(&card.row) && !life.status.is_settled() {
            // A card with an open attempt goes on in the middle of it. That an operator stopped it
            // there was no crash.
            std::mem::take(&mut life.recoveries) > 0
        } else {
            life.reopen(&mut changes)
        };
        if changed {
            ops.push(Op::SetCard {
                row: card.row,
                life: Box::new(life),
                fence: None,
                changes: audit(&changes, "operator"),
                at_ms,
            });
        }
    }
    if !released.is_empty() {
        ops.push(Op::SpendGates {
            gates: released,
            at_ms,
        });
    }
    ops
}
