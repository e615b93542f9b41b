//! What has to come with a guard's refusal: why, what is wrong, and what is to be done.

use serde_json::Value;

use super::objection::refusals;
use super::{Answer, Contract, GUARD_PAYLOAD};
use crate::contract::check::{cut, violation};
use crate::gate::status_asked;
use crate::status::{CardStatus, WaitReason};
use crate::tool::ToolCall;
use crate::tool_call::guard_payload;
use crate::turn::Violation;

/// What a refusal's object must hold, each not empty.
pub const PAYLOAD_KEYS: [&str; 3] = ["rationale", "violations", "remediation_actions"];

/// Whether a status sends the card back or stops it.
pub(super) const fn refuses(status: CardStatus) -> bool {
    matches!(
        status,
        CardStatus::Blocked | CardStatus::GuardRejected | CardStatus::GuardRequestedChanges
    )
}

impl Contract {
    /// Whether a refusal comes with its reasons. They stand in an object of their own, or in the
    /// arguments of the call that refuses.
    pub(super) fn check_rejection(&self, answer: &Answer<'_>, lacks: &mut Vec<Violation>) {
        if !self.rejection_payload {
            return;
        }
        let calls: Vec<_> = refusals(answer.calls).collect();
        // The last one is where the card would stand.
        let Some(call) = calls.last() else { return };
        let given = guard_payload(answer.text).and_then(|value| match value {
            Value::Object(object) => Some(object),
            _ => None,
        });
        let has = |key: &&str| {
            let spoken = given.as_ref().and_then(|object| object.get(*key));
            spoken.is_some_and(is_filled) || call.args.get(*key).is_some_and(is_filled)
        };
        let missing: Vec<&str> = PAYLOAD_KEYS.into_iter().filter(|key| !has(key)).collect();
        if !missing.is_empty() {
            let keys: Vec<&str> = given
                .iter()
                .flatten()
                .map(|(key, _)| key.as_str())
                .collect();
            let evidence = match keys.as_slice() {
                [] => "no such object".to_owned(),
                _ => cut(&format!("given: {}", keys.join(", "))),
            };
            let message = format!(
                "the card is refused without its reasons; give also: {}",
                missing.join(", ")
            );
            lacks.push(violation(GUARD_PAYLOAD, message, evidence));
        }
        let waits = |call: &&ToolCall| status_asked(call).and_then(|(_, reason)| reason);
        let on_others = |call: &&ToolCall| waits(call) == Some(WaitReason::Dependency);
        if calls.iter().any(on_others) && !answer.waits_for_others {
            let message = "the wait_reason is `dependency`, but nothing that this card depends on \
                           is open; give another reason";
            let evidence = "wait_reason: dependency".to_owned();
            lacks.push(violation(GUARD_PAYLOAD, message.to_owned(), evidence));
        }
    }
}

fn is_filled(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(items) => items.iter().any(is_filled),
        Value::Object(fields) => fields.values().any(is_filled),
        Value::Bool(_) | Value::Number(_) => true,
        Value::Null => false,
    }
}
