//! The chain over a card's steps.

use orket_actors::port::store::StoreError;
use orket_core::chain::{Content, Link, Linked};

use super::{Evidence, Problem};
use crate::storage::Reader;
use crate::storage::reader::{CardSummary, StoredEnd, StoredStep};

/// Walks the chain of one card from its root to its end. After a break it goes on from what is
/// stored, so that each break is named once and where it is.
pub(super) fn check(
    reader: &Reader,
    card: &CardSummary,
    evidence: &mut Evidence,
) -> Result<(), StoreError> {
    let mut before = Link::root(card.row);
    for end in reader.chain_ends(card.row)? {
        evidence.attempts += 1;
        let mut problem = |step: Option<&StoredStep>, message: String| {
            evidence.problems.push(about(card, &end, step, message));
        };
        let mut unlinked = 0;
        let steps = reader.stored_steps(end.turn)?;
        for step in &steps {
            let Some(stored) = step.link else {
                unlinked += 1;
                continue;
            };
            let expected = before.next(Content::of(&Linked {
                turn: step.turn,
                seq: step.seq,
                at_ms: step.at_ms,
                body: &step.body,
            }));
            if stored != expected {
                let message = "the step, or one before it, is not what was written: its link does \
                               not follow";
                problem(Some(step), message.to_owned());
            }
            before = stored;
        }
        if end.ended
            && let Some(head) = end.head
            && unlinked == 0
            && head != before
        {
            let message =
                "steps at the end of the attempt are missing, or its last link was changed";
            problem(steps.last(), message.to_owned());
            before = head;
        }
        evidence.steps += steps.len();
        evidence.unlinked_steps += unlinked;
    }
    Ok(())
}

fn about(
    card: &CardSummary,
    end: &StoredEnd,
    step: Option<&StoredStep>,
    message: String,
) -> Problem {
    Problem {
        kind: "chain",
        issue_id: card.card_id.clone(),
        turn: Some(end.number),
        attempt: Some(end.attempt),
        step: step.map(|it| it.seq),
        what: step.map(|it| it.kind.clone()),
        message,
    }
}
