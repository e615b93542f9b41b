//! Whether a card's recorded changes of status follow from one another, are in the table, and are
//! those that its attempts speak of.

use orket_actors::port::store::StoreError;
use orket_core::status::{CardKind, CardStatus, WaitReason};
use orket_core::transition::{self, Actor};
use orket_core::turn::Step;

use super::plans::Plans;
use super::{Evidence, Problem};
use crate::storage::Reader;
use crate::storage::reader::{StatusRow, StoredAttempt, StoredCard};

/// The status that an attempt found its card with.
pub(super) struct Found {
    turn: i64,
    attempt: i64,
    status: CardStatus,
}

impl Found {
    /// What the first step of an attempt says.
    pub(super) fn by(attempt: &StoredAttempt, first: Option<&Step>) -> Option<Self> {
        let Some(Step::TurnStarted { status, .. }) = first else {
            return None;
        };
        Some(Self {
            turn: attempt.turn,
            attempt: attempt.attempt,
            status: *status,
        })
    }
}

/// Walks the audit of one card from the status it began with to the one it has.
pub(super) fn check(
    reader: &Reader,
    plans: &mut Plans<'_>,
    card: &StoredCard,
    (kind, began): (CardKind, CardStatus),
    found: &[Found],
    evidence: &mut Evidence,
) -> Result<(), StoreError> {
    let mut problem = |message: String| {
        let problem = Problem::of_card("transition", &card.card_id, message);
        evidence.problems.push(problem);
    };
    let mut now = began;
    let mut had = vec![began];
    let changes = reader.status_changes(card.row)?;
    for change in &changes {
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
        if now != from {
            problem(format!(
                "the card was `{now}`, and the next change is from `{from}` to `{to}`"
            ));
        }
        now = to;
        had.push(to);
        if let Err(refusal) = allowed(plans, kind, (from, to), change) {
            problem(format!("by {} ({}): {refusal}", change.by, change.reason));
        }
    }
    if now.as_str() != card.status {
        problem(format!(
            "the last recorded change is to `{now}`, and the card is `{}`",
            card.status
        ));
    }
    if let Some(unheard) = unheard(&had, found) {
        problem(format!(
            "turn {} attempt {} found the card `{}`, of which no change speaks",
            unheard.turn, unheard.attempt, unheard.status
        ));
    }
    evidence.transitions += changes.len();
    Ok(())
}

/// The first attempt whose status does not come in its turn among those the card had.
fn unheard<'a>(had: &[CardStatus], found: &'a [Found]) -> Option<&'a Found> {
    let mut left = had;
    found.iter().find(
        |it| match left.iter().position(|status| *status == it.status) {
            Some(place) => {
                left = left.get(place..).unwrap_or_default();
                false
            }
            None => true,
        },
    )
}

fn allowed(
    plans: &mut Plans<'_>,
    kind: CardKind,
    (from, to): (CardStatus, CardStatus),
    change: &StatusRow,
) -> Result<(), transition::Refusal> {
    let by_runtime = matches!(change.by.as_str(), "scheduler" | "operator");
    let roles = roles_of(plans, change);
    let actor = if change.by == "operator" && from == CardStatus::Archived {
        Actor::Operator
    } else if by_runtime {
        Actor::Scheduler
    } else {
        Actor::Agent { roles: &roles }
    };
    // Which reason a card waited for is checked when it is set; the audit has no place for it.
    transition::check(kind, from, to, Some(WaitReason::System), actor)
}

/// The audit names the role that speaks; permissions are those of all roles of its seat.
fn roles_of(plans: &mut Plans<'_>, change: &StatusRow) -> Vec<String> {
    let mut roles: Vec<String> = match plans.get(&change.run_id) {
        Ok(plan) => plan
            .seats
            .values()
            .filter(|seat| seat.role == change.by)
            .flat_map(|seat| seat.roles.iter().cloned())
            .collect(),
        Err(_) => Vec::new(),
    };
    roles.push(change.by.clone());
    roles
}
