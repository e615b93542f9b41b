//! Whether the cards of a run are there, and are what they say of themselves.

use std::collections::HashSet;

use orket_actors::port::store::StoreError;
use orket_core::card_life::CardLife;
use orket_core::plan::{CardPlan, RunPlan};
use orket_core::status::CardStatus;
use serde::Deserialize;

use super::{Evidence, Problem};
use crate::storage::Reader;
use crate::storage::reader::StoredCard;

/// How a card stood before its first attempt in the journal: as every card begins, or as a fork took
/// it over.
#[derive(Debug, Default)]
pub(super) struct Began {
    pub(super) status: Option<CardStatus>,
    /// The turn it was at.
    pub(super) turn: u32,
    /// Attempts made before; `None` where an earlier version forked it without saying.
    pub(super) attempts: Option<u32>,
    /// Comments taken over; `None` likewise.
    pub(super) comments: Option<usize>,
}

#[derive(Deserialize)]
struct Mark {
    status: CardStatus,
    turn: u32,
    attempts: Option<u32>,
    comments: Option<usize>,
}

impl Began {
    pub(super) fn of(
        reader: &Reader,
        card: &StoredCard,
    ) -> Result<Result<Self, Problem>, StoreError> {
        let Some(text) = reader.fork_mark(card.row)? else {
            return Ok(Ok(Self {
                attempts: Some(0),
                comments: Some(0),
                ..Self::default()
            }));
        };
        Ok(match serde_json::from_str::<Mark>(&text) {
            Ok(mark) => Ok(Self {
                status: Some(mark.status),
                turn: mark.turn,
                attempts: mark.attempts,
                comments: mark.comments,
            }),
            Err(error) => {
                let message = format!("how its fork took it over cannot be read: {error}");
                Err(Problem::of_card("card", &card.card_id, message))
            }
        })
    }
}

/// Whether every card of the plan is there, and every card that attempts were made at.
pub(super) fn all_there(
    reader: &Reader,
    plan: &RunPlan,
    evidence: &mut Evidence,
) -> Result<(), StoreError> {
    let run_id = plan.run_id.as_str();
    let mut gone = reader.lost_cards(run_id)?;
    // The cards of a run that waits for its turn are not laid out yet.
    if !reader.has_not_begun(run_id)? {
        let there = ids(reader, plan.build_id.as_str())?;
        let planned = plan.cards.iter().map(|card| card.as_str());
        gone.extend(planned.filter(|id| !there.contains(*id)).map(str::to_owned));
    }
    gone.sort_unstable();
    gone.dedup();
    for card_id in gone {
        let message = "the run has this card, and the journal does not";
        let problem = Problem::of_card("card", &card_id, message);
        evidence.problems.push(problem);
    }
    Ok(())
}

/// The cards of a build.
pub(super) fn ids(reader: &Reader, build_id: &str) -> Result<HashSet<String>, StoreError> {
    Ok(reader.card_ids_of_build(build_id)?.into_iter().collect())
}

/// How the card stands, where its columns and its life agree.
pub(super) fn life(card: &StoredCard, evidence: &mut Evidence) -> Option<CardLife> {
    let mut problem = |message: String| {
        let problem = Problem::of_card("card", &card.card_id, message);
        evidence.problems.push(problem);
    };
    let life: CardLife = match serde_json::from_str(&card.life) {
        Ok(life) => life,
        Err(error) => {
            problem(format!("how it stands cannot be read: {error}"));
            return None;
        }
    };
    let columns = (
        card.status.as_str(),
        card.wait_reason.as_deref(),
        card.turn,
        card.attempt,
        card.tokens,
    );
    let of_life = (
        life.status.as_str(),
        life.wait_reason.map(|reason| reason.as_str()),
        i64::from(life.turn),
        i64::from(life.attempt),
        i64::try_from(life.tokens).unwrap_or(i64::MAX),
    );
    if columns != of_life {
        problem(
            "its row and its life differ in status, reason to wait, turn, attempt or tokens"
                .to_owned(),
        );
    }
    Some(life)
}

/// Whether the columns of a card's definition are those of its plan.
pub(super) fn definition(card: &StoredCard, plan: &CardPlan, evidence: &mut Evidence) {
    let is_same = card
        .definition
        .as_ref()
        .is_some_and(|(kind, seat, summary, _)| {
            (kind.as_str(), seat, summary) == (plan.kind.as_str(), &plan.seat, &plan.summary)
        });
    if !is_same || plan.id.as_str() != card.card_id {
        let message = "its definition differs from its id, kind, seat or title";
        let problem = Problem::of_card("card", &card.card_id, message);
        evidence.problems.push(problem);
    }
}
