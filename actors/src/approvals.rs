//! What became of the questions that a parked turn asked, and the end of those nobody answered.

use std::sync::Arc;

use orket_core::policy::ApprovalRequest;
use orket_core::turn::Decided;
use serde_json::json;

use crate::event_bus::About;
use crate::port::store::{
    BUDGET, BudgetGrant, CardRow, GATE_PENDING, GateDecision, GateRecord, Guard, Op, Shortage,
    StoreError, Write,
};
use crate::run_actor::LookAtGates;
use crate::world::World;

/// How the questions of one turn stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Some of them are not decided.
    Waits,
    /// All of them are approved, or one is not.
    Decided(Decided),
}

/// Looks for the gate of each request: the newest of its card and digest that was not spent.
#[must_use]
pub fn standing(requests: &[ApprovalRequest], card: CardRow, gates: &[GateRecord]) -> Standing {
    let mut used: Vec<&GateRecord> = Vec::new();
    for request in requests {
        let found = gates.iter().rev().find(|gate| {
            gate.card == card
                && !gate.spent
                && gate.digest.as_deref() == Some(&request.digest)
                && !used.iter().any(|it| it.id == gate.id)
        });
        match found {
            Some(gate) => used.push(gate),
            None => return Standing::Waits,
        }
    }
    used.sort_by_key(|gate| gate.id);
    let refused = used.iter().find(|gate| {
        gate.status == GateDecision::Rejected.as_str()
            || gate.status == GateDecision::Expired.as_str()
    });
    let approved = GateDecision::Approved.as_str();
    if refused.is_none() && used.iter().any(|gate| gate.status != approved) {
        return Standing::Waits;
    }
    let speaks = refused.or(used.first()).copied();
    Standing::Decided(Decided {
        gates: used
            .iter()
            .filter(|gate| gate.status != GATE_PENDING)
            .map(|gate| gate.id)
            .collect(),
        approved: refused.is_none(),
        by: speaks
            .and_then(|gate| gate.decided_by.clone())
            .unwrap_or_default(),
        reason: speaks
            .and_then(|gate| gate.reason.clone())
            .unwrap_or_default(),
    })
}

/// The last question of this kind about a card; `gates` are oldest first.
#[must_use]
pub fn newest_gate<'a>(
    gates: &'a [GateRecord],
    card: CardRow,
    request_type: &str,
) -> Option<&'a GateRecord> {
    let mut newest_first = gates.iter().rev();
    newest_first.find(|gate| gate.card == card && gate.request_type == request_type)
}

/// Expires the gates whose time has run out, and tells their runs.
///
/// # Errors
///
/// When the journal cannot be used.
pub(crate) async fn expire(world: &Arc<World>) -> Result<(), StoreError> {
    let at_ms = world.clock.wall_ms();
    for gate in world.store.expired_gates(at_ms).await? {
        let reason = "nobody decided in time";
        decide(world, &gate, GateDecision::Expired, "the clock", reason).await?;
    }
    Ok(())
}

/// What a decision changes: the gate and, where it is about a budget and the answer is yes, what may
/// be spent.
#[must_use]
pub fn decision_ops(
    gate: &GateRecord,
    decision: GateDecision,
    by: &str,
    reason: &str,
    at_ms: i64,
) -> Vec<Op> {
    let mut ops = vec![Op::DecideGate {
        gate: gate.id,
        decision,
        by: by.to_owned(),
        reason: reason.to_owned(),
        at_ms,
    }];
    if decision == GateDecision::Approved
        && gate.request_type == BUDGET
        && let Ok(shortage) = serde_json::from_value::<Shortage>(gate.payload.clone())
    {
        let grant = BudgetGrant {
            amount: shortage.missing(),
            scope: shortage.scope,
            scope_id: shortage.scope_id,
            unit: shortage.unit,
        };
        ops.push(Op::Grant { grant, at_ms });
    }
    ops
}

/// What lets scopes spend more, and answers the questions that this answers.
#[must_use]
pub fn grant_ops(gates: &[GateRecord], grants: &[BudgetGrant], by: &str, at_ms: i64) -> Vec<Op> {
    let mut ops: Vec<Op> = grants
        .iter()
        .map(|grant| Op::Grant {
            grant: grant.clone(),
            at_ms,
        })
        .collect();
    for gate in gates {
        if gate.request_type == BUDGET
            && gate.status == GATE_PENDING
            && let Ok(shortage) = serde_json::from_value::<Shortage>(gate.payload.clone())
            && grants.iter().any(|grant| grant.answers(&shortage))
        {
            ops.push(Op::DecideGate {
                gate: gate.id,
                decision: GateDecision::Approved,
                by: by.to_owned(),
                reason: "it may spend more".to_owned(),
                at_ms,
            });
        }
    }
    ops
}

/// Makes a decision durable, shows it, and tells the run if it is under way.
///
/// # Errors
///
/// [`StoreError::Conflict`] when the gate is not pending.
pub(crate) async fn decide(
    world: &Arc<World>,
    gate: &GateRecord,
    decision: GateDecision,
    by: &str,
    reason: &str,
) -> Result<(), StoreError> {
    world
        .store
        .submit(Write {
            guard: Guard::None,
            flush: None,
            ops: decision_ops(gate, decision, by, reason, world.clock.wall_ms()),
        })
        .await?;
    let event = match decision {
        GateDecision::Approved | GateDecision::Rejected => "gate_decided",
        GateDecision::Expired => "gate_expired",
    };
    world.events.emit(
        event,
        About {
            run: Some(&gate.run_id),
            role: "operator",
            ..About::default()
        },
        json!({"request_id": gate.id, "decision": decision.as_str(), "by": by, "reason": reason}),
    );
    let actor = world
        .runs()
        .iter()
        .find(|(id, _)| id.as_str() == gate.run_id)
        .and_then(|(_, entry)| entry.actor.clone());
    if let Some(actor) = actor {
        actor.do_send(LookAtGates);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use orket_core::tool::ToolCall;

    fn gate(id: i64, digest: &str, status: &str) -> GateRecord {
        GateRecord {
            id,
            run_id: "r".to_owned(),
            card: 1,
            request_type: "tool_approval".to_owned(),
            payload: serde_json::Value::Null,
            digest: Some(digest.to_owned()),
            status: status.to_owned(),
            expires_at_ms: None,
            spent: false,
            decided_by: Some("Ada".to_owned()),
            reason: Some("seen".to_owned()),
        }
    }

    fn request(digest: &str) -> ApprovalRequest {
        ApprovalRequest {
            call: ToolCall {
                tool: "t".to_owned(),
                args: serde_json::Map::new(),
            },
            digest: digest.to_owned(),
            reason: String::new(),
        }
    }

    fn approved_ids(standing: Standing) -> Option<(bool, Vec<i64>)> {
        match standing {
            Standing::Waits => None,
            Standing::Decided(decided) => Some((decided.approved, decided.gates)),
        }
    }

    #[test]
    fn all_must_be_approved_and_one_refusal_decides() {
        let two = [request("a"), request("b")];
        let look = |gates: &[GateRecord]| approved_ids(standing(&two, 1, gates));
        let (yes, no, open) = ("approved", "rejected", "pending");
        assert_eq!(look(&[gate(1, "a", yes)]), None);
        assert_eq!(look(&[gate(1, "a", yes), gate(2, "b", open)]), None);
        assert_eq!(
            look(&[gate(1, "a", yes), gate(2, "b", yes)]),
            Some((true, vec![1, 2]))
        );
        assert_eq!(
            look(&[gate(1, "a", no), gate(2, "b", open)]),
            Some((false, vec![1])),
            "what is pending is not used up"
        );
        assert_eq!(
            look(&[gate(1, "a", yes), gate(2, "b", "expired")]),
            Some((false, vec![1, 2]))
        );
    }

    #[test]
    fn a_spent_approval_and_that_of_another_card_count_for_nothing() {
        let spent = GateRecord {
            spent: true,
            ..gate(1, "a", "approved")
        };
        let other = GateRecord {
            card: 2,
            ..gate(2, "a", "approved")
        };
        let one = [request("a")];
        assert_eq!(standing(&one, 1, &[spent, other]), Standing::Waits);
        // Two equal calls need two approvals.
        let twice = [request("a"), request("a")];
        assert_eq!(
            standing(&twice, 1, &[gate(1, "a", "approved")]),
            Standing::Waits
        );
    }
}
