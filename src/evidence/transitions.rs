//! Whether a card's recorded changes of status follow from one another and are in the table.

use orket_actors::port::store::StoreError;
use orket_core::plan::RunPlan;
use orket_core::status::CardStatus;
use orket_core::transition::{self, Actor};

use super::{Evidence, Problem};
use crate::storage::Reader;
use crate::storage::reader::CardSummary;

/// Walks the audit of one card from its first status to the one it has.
pub(super) fn check(
    reader: &Reader,
    plan: &RunPlan,
    card: &CardSummary,
    evidence: &mut Evidence,
) -> Result<(), StoreError> {
    let mut problem = |message: String| {
        evidence.problems.push(Problem {
            kind: "transition",
            issue_id: card.card_id.clone(),
            turn: None,
            attempt: None,
            step: None,
            what: None,
            message,
        });
    };
    let mut now: Option<CardStatus> = None;
    let mut looked_at = 0;
    for change in reader.status_changes(card.row)? {
        looked_at += 1;
        let (Ok(from), Ok(to)) = (
            change.from.parse::<CardStatus>(),
            change.to.parse::<CardStatus>(),
        ) else {
            problem(format!(
                "`{}` -> `{}` names an unknown status",
                change.from, change.to
            ));
            continue;
        };
        if let Some(now) = now
            && now != from
        {
            problem(format!(
                "the card was `{now}`, and the next change is from `{from}` to `{to}`"
            ));
        }
        now = Some(to);
        let by_runtime = matches!(change.by.as_str(), "scheduler" | "operator");
        let roles = roles_of(plan, &change.by);
        let actor = if by_runtime {
            Actor::Scheduler
        } else {
            Actor::Agent { roles: &roles }
        };
        // Which reason a card waited for is checked when it is set; the audit has no place for it.
        let reason = Some(orket_core::status::WaitReason::System);
        if let Err(refusal) = transition::check(card.kind, from, to, reason, actor) {
            problem(format!("by {} ({}): {refusal}", change.by, change.reason));
        }
    }
    if let Some(now) = now
        && now != card.status
    {
        problem(format!(
            "the last recorded change is to `{now}`, and the card is `{}`",
            card.status
        ));
    }
    evidence.transitions += looked_at;
    Ok(())
}

/// The audit names the role that speaks; permissions are those of all roles of its seat.
fn roles_of(plan: &RunPlan, role: &str) -> Vec<String> {
    let mut roles: Vec<String> = plan
        .seats
        .values()
        .filter(|seat| seat.role == role)
        .flat_map(|seat| seat.roles.iter().cloned())
        .collect();
    roles.push(role.to_owned());
    roles
}
