//! Whether what every prompt of a card holds fits the context window at all. What else comes to it is
//! cut to fit; the card itself never is.

use super::seats::Seats;
use super::{Context, Findings};
use crate::message::{Brief, first, tokens};
use crate::plan::CardPlan;
use crate::policy::RunPolicy;
use crate::status::CardStatus;
use crate::turn::Purpose;

pub(super) fn check<S>(
    context: &Context<'_, S>,
    seats: &Seats,
    cards: &[CardPlan],
    policy: &RunPolicy,
    findings: &mut Findings,
) {
    let window = policy.prompts.context_tokens;
    if window == 0 {
        return;
    }
    let size = |card: &CardPlan, purpose: Purpose| {
        let (seat, contract, status) = match purpose {
            Purpose::Work => (&card.seat, &card.contract, CardStatus::InProgress),
            Purpose::Review => (
                seats.guard.as_ref()?,
                &card.review_contract,
                CardStatus::AwaitingGuardReview,
            ),
        };
        let prompt = first(&Brief {
            seat: seats.plans.get(seat)?,
            card,
            contract,
            purpose,
            status,
            turn: 1,
            attempt: 1,
            epic_title: &context.epic.asset.card.name,
            comments: &[],
            refusal: None,
            verify: None,
            history: &[],
            unshown: 0,
            dependencies: &[],
            remembered: None,
            missing_reads: &[],
            context_tokens: 0,
        });
        Some(prompt.iter().map(|it| tokens(&it.content)).sum::<usize>())
    };
    let sizes = cards.iter().map(|card| {
        let both = [Purpose::Work, Purpose::Review];
        let most = both.into_iter().filter_map(|turn| size(card, turn)).max();
        (most.unwrap_or_default(), &card.id)
    });
    let window = usize::try_from(window).unwrap_or(usize::MAX);
    let over: Vec<_> = sizes.filter(|(size, _)| *size > window).collect();
    if let Some((size, card)) = over.iter().max() {
        let message = format!(
            "the window of {window} tokens is too small for the prompts of {} cards; that of `{card}` has \
             at least {size}: raise ORKET_CONTEXT_TOKENS, or num_ctx of the environment's params where \
             that bounds it",
            over.len()
        );
        findings.warn(&context.environment.file, "context_tokens", message);
    }
}
