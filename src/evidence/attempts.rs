//! Whether the attempts at a card are all there, and their rows say what their steps say.

use orket_actors::ending::FOREIGN_STEPS;
use orket_core::card_life::CardLife;
use orket_core::failure::FailureClass;
use orket_core::turn::{Derived, Step, TurnOutcome};

use super::cards::Began;
use super::{Evidence, Problem};
use crate::storage::reader::{StoredAttempt, StoredCard, StoredStep};

/// Whether the attempts follow one another without a gap, from how the card began to where it is.
pub(super) fn all_there(
    card: &StoredCard,
    began: &Began,
    life: &CardLife,
    attempts: &[StoredAttempt],
    evidence: &mut Evidence,
) {
    let (mut turn, mut number) = (i64::from(began.turn), 0);
    for attempt in attempts {
        let follows = match (attempt.turn - turn, attempt.attempt) {
            (0, next) => next == number + 1 && number > 0,
            (1, 1) => true,
            _ => false,
        };
        if !follows {
            let message = format!(
                "before it comes turn {turn} attempt {number}; what lies between is not in the journal"
            );
            let problem = Problem::of_attempt("attempt", attempt, message);
            evidence.problems.push(problem);
        }
        (turn, number) = (attempt.turn, attempt.attempt);
    }
    // The number of the try is 0 between turns.
    let (at_turn, at_try) = (i64::from(life.turn), i64::from(life.attempt));
    let made = u32::try_from(attempts.len()).unwrap_or(u32::MAX);
    let short = began
        .attempts
        .is_some_and(|before| made.saturating_add(before) < life.attempts);
    if at_turn != turn || (at_try != number && at_try != 0) || short {
        let message = format!(
            "the card is at turn {at_turn} attempt {at_try} after {} attempts, and the last of {made} \
             that are recorded is turn {turn} attempt {number}",
            life.attempts
        );
        let problem = Problem::of_card("attempt", &card.card_id, message);
        evidence.problems.push(problem);
    }
    if let Some(open) = attempts.last().filter(|it| it.ended_ms.is_none())
        && at_try == 0
    {
        let message = "it is open, and the card is through with that turn";
        let problem = Problem::of_attempt("attempt", open, message);
        evidence.problems.push(problem);
    }
}

/// Whether the row of an attempt says what its steps say.
pub(super) fn row(
    card: &StoredCard,
    attempt: &StoredAttempt,
    (stored, steps): (&[StoredStep], &[std::sync::Arc<Step>]),
    derived: Option<&Derived>,
    evidence: &mut Evidence,
) {
    let mut differs = |column: &str, row: &str, due: &str| {
        if row != due {
            let message = format!("its row has {column} `{row}`, and its steps `{due}`");
            let problem = Problem::of_attempt("attempt", attempt, message);
            evidence.problems.push(problem);
        }
    };
    if let Some(Step::TurnStarted {
        seat,
        role,
        turn,
        attempt: number,
        ..
    }) = steps.first().map(AsRef::as_ref)
    {
        differs("seat", &attempt.seat, seat);
        differs("role", &attempt.role, role);
        differs("turn", &attempt.turn.to_string(), &turn.to_string());
        differs("attempt", &attempt.attempt.to_string(), &number.to_string());
    }
    differs("card", &attempt.card_id, &card.card_id);
    let end = steps.last().and_then(|step| match step.as_ref() {
        Step::TurnFinished { outcome } => Some(outcome),
        _ => None,
    });
    // One that was stopped from outside, with the watchdog's words or with none, is not accounted for.
    let by_itself = stored
        .last()
        .is_some_and(|last| last.seq < i64::from(FOREIGN_STEPS));
    let stalled = steps
        .iter()
        .any(|step| matches!(**step, Step::Stalled { .. }));
    match end {
        None if attempt.ended_ms.is_none() => differs("status", &attempt.status, "open"),
        // Which code it was given up with, no step says.
        None => differs("status", &attempt.status, "abandoned"),
        Some(outcome) => {
            let (status, code) = match outcome {
                TurnOutcome::Succeeded { .. } => ("succeeded", ""),
                TurnOutcome::Failed { failure } => {
                    let is_stall = failure.class == FailureClass::Stalled || stalled;
                    let status = if is_stall { "stalled" } else { "failed" };
                    (status, failure.code())
                }
            };
            let row_status = if attempt.ended_ms.is_some() {
                &attempt.status
            } else {
                "open"
            };
            differs("status", row_status, status);
            differs("code", attempt.code.as_deref().unwrap_or_default(), code);
        }
    }
    let spent = match derived {
        Some(derived) if end.is_some() && by_itself => derived.usage,
        Some(_) => orket_core::model::Usage::default(),
        None => return,
    };
    for (column, row, due) in [
        ("prompt_tokens", attempt.prompt_tokens, spent.prompt_tokens),
        ("output_tokens", attempt.output_tokens, spent.output_tokens),
    ] {
        differs(column, &row.to_string(), &due.unwrap_or(0).to_string());
    }
}
