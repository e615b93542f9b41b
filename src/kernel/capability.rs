//! Whether a turn's tool call may be made: what the policy gives to the role and task of the turn.
//!
//! A request can narrow what it may do, never widen it: `permissions`, `allow_tool_call` and
//! `capability_enforcement: false` are heeded only from a key with the scope admin.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::call::Call;
use super::decision::{
    Capabilities, Decision, DecisionOutcome, DecisionRecord, Evidence, Grant, Mode,
};
use super::words::{Code, Stage};
use super::{CONTRACT_VERSION, canonical};

/// Where the policy is, in the project's folder or in the binary.
pub const POLICY: &str = "model/core/contracts/kernel_capability_policy_v1.json";

/// Where the record of a turn's decision is in its result.
pub const RECORD_AT: &str = "/capabilities/decisions_v1_2_1/0";

/// Which role may do what in which task.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The date of it.
    pub policy_version: String,
    /// What everybody may do.
    pub default_permissions: Vec<String>,
    /// By role, then by task.
    pub role_task_permissions: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

/// How a call is judged, before it is put on record.
struct Verdict {
    outcome: DecisionOutcome,
    code: Code,
    reason: &'static str,
    source: &'static str,
}

fn judge(call: &Call, policy: &Policy) -> Verdict {
    let given = policy
        .role_task_permissions
        .get(call.role.as_deref().unwrap_or_default())
        .and_then(|tasks| tasks.get(call.task.as_deref().unwrap_or_default()));
    let (permissions, source) = match (&call.wishes.permissions, given) {
        (Some(asked), _) => (asked, "request:permissions"),
        (None, Some(given)) => (given, "policy:role_task"),
        (None, None) => (&policy.default_permissions, "policy:default"),
    };
    let verdict = |outcome, code, reason| Verdict {
        outcome,
        code,
        reason,
        source,
    };
    let denied = |code, reason| verdict(DecisionOutcome::Denied, code, reason);
    if call.wishes.unenforced {
        let reason = "capabilities are not enforced in this turn";
        return verdict(DecisionOutcome::Skipped, Code::ICapabilitySkipped, reason);
    }
    if !call.is_resolved {
        let reason = "nobody knows which capability the call needs";
        return verdict(
            DecisionOutcome::Unresolved,
            Code::ECapabilityNotResolved,
            reason,
        );
    }
    if !call.declares_side_effects {
        return denied(
            Code::ESideEffectUndeclared,
            "the call has side effects that it does not declare",
        );
    }
    let is_undeclared =
        |declared: &Vec<String>| call.requested.iter().any(|asked| !declared.contains(asked));
    if call.declared.as_ref().is_some_and(is_undeclared) {
        return denied(
            Code::EPermissionDenied,
            "the call asks for permissions that it does not declare",
        );
    }
    if permissions.contains(&call.action) {
        let reason = "the action is among the permissions";
        return verdict(DecisionOutcome::Allowed, Code::IGatekeeperPass, reason);
    }
    if call.wishes.allow {
        return Verdict {
            source: "request:allow_tool_call",
            ..verdict(
                DecisionOutcome::Allowed,
                Code::IGatekeeperPass,
                "an admin allows the call",
            )
        };
    }
    denied(
        Code::ECapabilityDenied,
        "the action is not among the permissions",
    )
}

/// Decides about a call; `Err` is why it may not be made.
pub fn decide(
    call: &Call,
    policy: &Policy,
    run_id: &str,
    turn_id: &str,
) -> (Capabilities, Result<(), (Code, &'static str)>) {
    let verdict = judge(call, policy);
    let evidence = Evidence {
        policy_ref: POLICY,
        capability_source: verdict.source,
        capability_version: policy.policy_version.clone(),
    };
    let is_allowed = verdict.outcome == DecisionOutcome::Allowed;
    let is_skipped = verdict.outcome == DecisionOutcome::Skipped;
    let refused = (!is_allowed && !is_skipped).then_some(verdict.code);
    let record = DecisionRecord {
        decision_id: String::new(),
        contract_version: CONTRACT_VERSION,
        run_id: run_id.to_owned(),
        turn_id: turn_id.to_owned(),
        tool_name: call.resource.clone(),
        action: call.action.clone(),
        ordinal: 0,
        outcome: verdict.outcome,
        stage: Stage::Capability,
        deny_code: refused,
        info_code: is_skipped.then_some(verdict.code),
        reason: verdict.reason,
        provenance: is_allowed.then(|| evidence.clone()),
    };
    let decision = Decision {
        contract_version: CONTRACT_VERSION,
        subject: call.subject.clone(),
        action: call.action.clone(),
        resource: call.resource.clone(),
        result: if is_allowed {
            Grant::Grant
        } else {
            Grant::Deny
        },
        reason_code: verdict.code,
        evidence,
    };
    let capabilities = Capabilities {
        mode: if is_skipped {
            Mode::Disabled
        } else {
            Mode::Enabled
        },
        decisions: if is_skipped {
            Vec::new()
        } else {
            vec![decision]
        },
        decisions_v1_2_1: vec![DecisionRecord {
            decision_id: decision_id(&record),
            ..record
        }],
        denied_count: u64::from(refused.is_some()),
        granted_count: u64::from(is_allowed),
    };
    (
        capabilities,
        refused.map_or(Ok(()), |code| Err((code, verdict.reason))),
    )
}

fn decision_id(record: &DecisionRecord) -> String {
    let fields = json!({
        "contract_version": record.contract_version,
        "run_id": record.run_id,
        "turn_id": record.turn_id,
        "tool_name": record.tool_name,
        "action": record.action,
        "ordinal": record.ordinal,
        "outcome": record.outcome,
        "stage": record.stage,
        "deny_code": record.deny_code,
        "info_code": record.info_code,
        "reason": record.reason,
        "provenance": record.provenance,
    });
    // Texts and one small integer always have a canonical form.
    canonical::digest(&fields).unwrap_or_default()
}

#[cfg(test)]
mod tests;
