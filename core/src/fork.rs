//! Where a card stood before one of its turns, from the attempts that are recorded of it.

use crate::card_life::{Budgets, CardLife};
use crate::plan::CardPlan;
use crate::status::CardStatus;
use crate::turn::{Purpose, TurnOutcome};

/// One attempt of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// Work or review.
    pub purpose: Purpose,
    /// The card's turn, from 1.
    pub turn: u32,
    /// How it ended; `None` where its process died in it.
    pub outcome: Option<TurnOutcome>,
    /// Tokens read and written.
    pub tokens: u64,
}

/// The life of a card after these attempts, standing as `status`: the audit knows it better than the
/// attempts, since operators and the scheduler change it too. It stands between two turns.
#[must_use]
pub fn life_after(
    card: &CardPlan,
    past: &[Past],
    budgets: &Budgets,
    status: CardStatus,
) -> CardLife {
    let mut life = CardLife::default();
    for attempt in past {
        life.claim(attempt.purpose);
        life.tokens = life.tokens.saturating_add(attempt.tokens);
        if let Some(outcome) = &attempt.outcome {
            life.conclude(card, attempt.purpose, outcome, budgets, "");
        }
    }
    life.turn = past.last().map_or(0, |attempt| attempt.turn);
    life.attempt = 0;
    life.recoveries = 0;
    if life.status != status {
        life.status = status;
        life.wait_reason = None;
    }
    if !status.is_settled() {
        life.code = None;
        life.note.clear();
    }
    life
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backoff::Backoff;
    use crate::failure::{Failure, FailureClass};
    use crate::policy::GuardLoopPolicy;

    fn card() -> CardPlan {
        let json = serde_json::json!({
            "id": "C-1", "kind": "issue", "summary": "a card", "seat": "coder",
            "priority": 2.0, "max_retries": 3, "contract": {}, "review_contract": {},
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_card_stands_between_its_turns_with_what_it_spent_and_said() {
        let failed = Failure::new(FailureClass::Contract, "nothing was written");
        let past = |purpose, turn, outcome| Past {
            purpose,
            turn,
            outcome,
            tokens: 10,
        };
        let done = TurnOutcome::Succeeded {
            status: CardStatus::CodeReview,
            wait_reason: None,
            summary: "written".to_owned(),
            through: Vec::new(),
            objection: None,
        };
        let attempts = [
            past(Purpose::Work, 1, None),
            past(
                Purpose::Work,
                1,
                Some(TurnOutcome::Failed { failure: failed }),
            ),
            past(Purpose::Work, 1, Some(done)),
        ];
        let guard_loop = GuardLoopPolicy::default();
        let cx = crate::turn::some_context();
        let budgets = Budgets {
            plan: &cx.plan,
            guard_loop: &guard_loop,
            backoff: Backoff::default(),
            max_model_retries: 5,
        };
        let life = life_after(&card(), &attempts, &budgets, CardStatus::CodeReview);
        let expected = CardLife {
            status: CardStatus::CodeReview,
            turn: 1,
            attempts: 3,
            retries: 1,
            last_reply: "written".to_owned(),
            tokens: 30,
            ..CardLife::default()
        };
        assert_eq!(life, expected);
        assert_eq!(
            life_after(&card(), &[], &budgets, CardStatus::Ready),
            CardLife::default()
        );
    }
}
