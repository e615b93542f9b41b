//! The chain over a card's steps, as they are stored.

use orket_core::chain::{Linked, StoredLink, Walk};

use super::{Evidence, Problem};
use crate::storage::reader::{StoredAttempt, StoredStep};

/// Walks on along one attempt; `walk` comes from the attempts before it at the same card.
pub(super) fn check(
    walk: &mut Walk,
    attempt: &StoredAttempt,
    steps: &[StoredStep],
    evidence: &mut Evidence,
) {
    for step in steps {
        let stored = StoredLink {
            row: Linked {
                turn: step.turn,
                seq: step.seq,
                at_ms: step.at_ms,
                body: &step.body,
            },
            link: step.link.as_deref(),
        };
        if let Err(broken) = walk.step(&stored) {
            let problem = Problem::of_attempt("chain", attempt, broken.to_string());
            evidence.problems.push(problem.at(Some(step)));
        }
    }
    if let Err(broken) = walk.end(attempt.ended_ms.is_some(), attempt.head.as_deref()) {
        let problem = Problem::of_attempt("chain", attempt, broken.to_string());
        evidence.problems.push(problem.at(steps.last()));
    }
    evidence.steps += steps.len();
}

/// Goes on behind an attempt whose steps were removed in good order: from the link that it keeps of its
/// last step.
pub(super) fn skip(walk: &mut Walk, attempt: &StoredAttempt) {
    let last = StoredLink {
        row: Linked {
            turn: attempt.row,
            seq: 0,
            at_ms: 0,
            body: &[],
        },
        link: attempt.head.as_deref(),
    };
    // That it does not follow is known: what it followed from is gone.
    let _ = walk.step(&last);
}
