//! Whether a call may move the card: its own card, a known status, a step of the table.

use super::{GateScope, RULE_ARGUMENTS, RULE_OTHER_CARD, RULE_TRANSITION, clip, refuse};
use crate::status::{CardStatus, WaitReason};
use crate::tool::ToolCall;
use crate::transition::{self, Actor, Refusal};
use crate::turn::Violation;

/// The status that an `update_issue_status` call asks for, and its wait reason; `None` when the
/// status is no known word. A wait reason that is no known word counts as absent.
#[must_use]
pub fn status_asked(call: &ToolCall) -> Option<(CardStatus, Option<WaitReason>)> {
    let status = call.text("status")?.parse().ok()?;
    let reason = call.text("wait_reason").and_then(|word| word.parse().ok());
    Some((status, reason))
}

/// Checks an `update_issue_status` call against this card and the status table.
pub(super) fn check(call: &ToolCall, scope: &GateScope<'_>) -> Result<(), Violation> {
    let own = scope.card.id.as_str();
    if let Some(id) = call
        .text("issue_id")
        .filter(|id| !id.is_empty() && *id != own)
    {
        let message = format!(
            "update_issue_status: {:?} is another card; this turn may only move `{own}`, so leave issue_id out",
            clip(id)
        );
        return Err(refuse(RULE_OTHER_CARD, message, id));
    }
    let word = call.text("status").unwrap_or_default();
    let to: CardStatus = word
        .parse()
        .map_err(|_| unknown("status", word, options(scope)))?;
    let reason = match call
        .text("wait_reason")
        .filter(|word| !word.trim().is_empty())
    {
        None => None,
        Some(word) => Some(word.parse::<WaitReason>().map_err(|_| {
            let known: Vec<&str> = WaitReason::ALL.iter().map(|r| r.as_str()).collect();
            unknown("wait_reason", word, known.join(", "))
        })?),
    };
    let actor = Actor::Agent {
        roles: &scope.seat.roles,
    };
    transition::check(scope.card.kind, scope.status, to, reason, actor).map_err(|refusal| {
        let (what, may) = match &refusal {
            Refusal::NotInTable { from, to, .. } => (
                format!("the card is `{from}` and cannot become `{to}`"),
                Some(options(scope)),
            ),
            Refusal::GuardOnly(_) => (refusal.to_string(), Some(options(scope))),
            Refusal::WaitReasonMissing(_) => (refusal.to_string(), None),
        };
        let hint = may.map_or(String::new(), |may| format!("; this seat may set: {may}"));
        refuse(
            RULE_TRANSITION,
            format!("update_issue_status: {what}{hint}"),
            word,
        )
    })
}

fn unknown(what: &str, word: &str, known: String) -> Violation {
    let message = format!(
        "update_issue_status: {:?} is no {what}; use one of: {known}",
        clip(word)
    );
    refuse(RULE_ARGUMENTS, message, word)
}

/// The statuses that this seat may set now.
fn options(scope: &GateScope<'_>) -> String {
    let actor = Actor::Agent {
        roles: &scope.seat.roles,
    };
    let may = |to: &&CardStatus| {
        let reason = Some(WaitReason::Input);
        transition::check(scope.card.kind, scope.status, **to, reason, actor).is_ok()
    };
    let names: Vec<&str> = transition::allowed(scope.card.kind, scope.status)
        .iter()
        .filter(may)
        .map(|status| status.as_str())
        .collect();
    if names.is_empty() {
        format!("nothing, the card is `{}`", scope.status)
    } else {
        names.join(", ")
    }
}
