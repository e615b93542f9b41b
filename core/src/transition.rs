//! The status table: what may follow what, and who may say so. It binds agents, the scheduler and
//! operators alike.
//!
//! The tables are those of the reference system (`core.md` §1.2). Two steps that its scheduler took
//! outside its own table are written down here as the scheduler's own and audited like all others.

use crate::status::{CardKind, CardStatus, WaitReason};

/// The role that may finish a card or speak for the guard.
pub const GUARD_ROLE: &str = "integrity_guard";

/// Who asks for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor<'a> {
    /// A model's tool call, with the roles of its seat.
    Agent {
        /// The roles of the seat.
        roles: &'a [String],
    },
    /// The runtime: dispatch, retry, dependency blocks, promotion of `guard_approved`.
    Scheduler,
    /// A person.
    Operator,
}

/// Why a change is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The table has no such step.
    #[error(
        "a card of type `{kind}` cannot go from `{from}` to `{to}`; from `{from}` it may go to: {allowed}"
    )]
    NotInTable {
        /// The kind of card.
        kind: CardKind,
        /// Where it stands.
        from: CardStatus,
        /// Where it was to go.
        to: CardStatus,
        /// Where it may go, comma-separated.
        allowed: String,
    },
    /// `blocked` and `waiting_for_developer` must say why.
    #[error("`{0}` needs a wait_reason: resource, dependency, review, input or system")]
    WaitReasonMissing(CardStatus),
    /// Only the guard may do this.
    #[error("only a seat with the role `{GUARD_ROLE}` may set `{0}`")]
    GuardOnly(CardStatus),
}

/// The statuses that the table allows after `from`.
#[must_use]
pub fn allowed(kind: CardKind, from: CardStatus) -> &'static [CardStatus] {
    use CardStatus as S;
    match kind {
        CardKind::Issue => match from {
            S::Ready => &[S::InProgress, S::Canceled, S::Archived],
            S::InProgress => &[
                S::Blocked,
                S::WaitingForDeveloper,
                S::ReadyForTesting,
                S::CodeReview,
                S::Canceled,
                S::Archived,
            ],
            S::Blocked | S::WaitingForDeveloper => &[S::InProgress, S::Canceled, S::Archived],
            S::ReadyForTesting => &[S::CodeReview, S::InProgress, S::Canceled, S::Archived],
            S::CodeReview => &[
                S::Done,
                S::InProgress,
                S::ReadyForTesting,
                S::AwaitingGuardReview,
                S::GuardApproved,
                S::GuardRejected,
                S::GuardRequestedChanges,
                S::Archived,
            ],
            S::AwaitingGuardReview => &[
                S::GuardApproved,
                S::GuardRejected,
                S::GuardRequestedChanges,
                S::Done,
                S::Blocked,
                S::Archived,
            ],
            S::GuardRequestedChanges => &[
                S::InProgress,
                S::CodeReview,
                S::AwaitingGuardReview,
                S::Canceled,
                S::Archived,
            ],
            S::GuardRejected => &[S::Blocked, S::InProgress, S::Canceled, S::Archived],
            S::GuardApproved => &[S::Done, S::Archived],
            S::Done | S::Canceled => &[S::Archived],
            S::Archived => &[],
        },
        CardKind::Epic => match from {
            S::Ready => &[S::InProgress, S::Canceled, S::Archived],
            S::InProgress => &[S::CodeReview, S::Done, S::Canceled, S::Archived],
            S::CodeReview => &[S::Done, S::InProgress, S::Archived],
            S::Done | S::Canceled => &[S::Archived],
            _ => &[],
        },
        CardKind::Rock => match from {
            S::Ready => &[S::InProgress, S::Canceled, S::Archived],
            S::InProgress => &[S::Done, S::Canceled, S::Archived],
            S::Done | S::Canceled => &[S::Archived],
            _ => &[],
        },
        CardKind::Utility | CardKind::App => &[],
    }
}

/// What only the runtime may do beyond the table, each because the table has no word for it:
/// blocking a card that never started or is under review, sending one back to work or to the
/// queue (retry, recovery, resume), and letting a review wait for a person and go on after that.
#[must_use]
pub fn scheduler_may_also(from: CardStatus, to: CardStatus) -> bool {
    use CardStatus as S;
    match to {
        S::Blocked => matches!(
            from,
            S::Ready | S::CodeReview | S::ReadyForTesting | S::GuardRequestedChanges
        ),
        S::InProgress => matches!(from, S::AwaitingGuardReview),
        S::CodeReview => matches!(from, S::AwaitingGuardReview),
        S::WaitingForDeveloper => matches!(from, S::AwaitingGuardReview),
        S::AwaitingGuardReview => matches!(from, S::WaitingForDeveloper),
        S::Ready => matches!(
            from,
            S::InProgress
                | S::Blocked
                | S::WaitingForDeveloper
                | S::GuardRejected
                | S::GuardRequestedChanges
                | S::ReadyForTesting
                | S::CodeReview
                | S::AwaitingGuardReview
        ),
        _ => false,
    }
}

/// What only a person may do beyond the table: give a card that was put away the status back that it
/// had. The table has no word for it, since nothing follows `archived` by itself.
#[must_use]
pub fn operator_may_also(kind: CardKind, from: CardStatus, to: CardStatus) -> bool {
    from == CardStatus::Archived && allowed(kind, to).contains(&CardStatus::Archived)
}

/// Checks one change of status.
///
/// Order of the checks: the table, the wait reason, the guard's privileges.
///
/// # Errors
///
/// A [`Refusal`] that says what is allowed instead.
pub fn check(
    kind: CardKind,
    from: CardStatus,
    to: CardStatus,
    wait_reason: Option<WaitReason>,
    actor: Actor<'_>,
) -> Result<(), Refusal> {
    let in_table = allowed(kind, from).contains(&to);
    let scheduler_step =
        kind == CardKind::Issue && actor == Actor::Scheduler && scheduler_may_also(from, to);
    let operator_step = actor == Actor::Operator && operator_may_also(kind, from, to);
    if !in_table && !scheduler_step && !operator_step {
        let names: Vec<_> = allowed(kind, from).iter().map(|s| s.as_str()).collect();
        return Err(Refusal::NotInTable {
            kind,
            from,
            to,
            allowed: if names.is_empty() {
                "nothing".to_owned()
            } else {
                names.join(", ")
            },
        });
    }
    if matches!(to, CardStatus::Blocked | CardStatus::WaitingForDeveloper) && wait_reason.is_none()
    {
        return Err(Refusal::WaitReasonMissing(to));
    }
    let guards_own = kind == CardKind::Issue
        && matches!(
            to,
            CardStatus::Done
                | CardStatus::GuardApproved
                | CardStatus::GuardRejected
                | CardStatus::GuardRequestedChanges
        );
    if guards_own {
        let may = match actor {
            Actor::Agent { roles } => roles.iter().any(|role| role == GUARD_ROLE),
            // The runtime only completes what the guard approved.
            Actor::Scheduler => from == CardStatus::GuardApproved && to == CardStatus::Done,
            Actor::Operator => true,
        };
        if !may {
            return Err(Refusal::GuardOnly(to));
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "transition_storm.rs"]
mod storm;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_status_may_follow_itself() {
        for kind in CardKind::ALL {
            for status in CardStatus::ALL {
                assert!(!allowed(*kind, *status).contains(status), "{kind} {status}");
                assert!(!scheduler_may_also(*status, *status), "{status}");
            }
        }
    }

    #[test]
    fn only_the_guard_finishes_a_card() {
        let coder = ["coder".to_owned()];
        let guard = ["coder".to_owned(), GUARD_ROLE.to_owned()];
        let step = |roles: &[String]| {
            check(
                CardKind::Issue,
                CardStatus::CodeReview,
                CardStatus::Done,
                None,
                Actor::Agent { roles },
            )
        };
        assert_eq!(step(&coder), Err(Refusal::GuardOnly(CardStatus::Done)));
        assert_eq!(step(&guard), Ok(()));
    }

    #[test]
    fn blocked_says_why() {
        let blocked = |reason| {
            check(
                CardKind::Issue,
                CardStatus::InProgress,
                CardStatus::Blocked,
                reason,
                Actor::Agent { roles: &[] },
            )
        };
        assert_eq!(
            blocked(None),
            Err(Refusal::WaitReasonMissing(CardStatus::Blocked))
        );
        assert_eq!(blocked(Some(WaitReason::Input)), Ok(()));
    }

    #[test]
    fn the_table_reads_like_the_reference() {
        let mut lines = String::new();
        for kind in [CardKind::Issue, CardKind::Epic, CardKind::Rock] {
            for from in CardStatus::ALL {
                let to: Vec<_> = allowed(kind, *from).iter().map(|s| s.as_str()).collect();
                lines.push_str(&format!("{kind} {from} -> {}\n", to.join(" ")));
            }
        }
        insta::assert_snapshot!(lines);
    }
}
