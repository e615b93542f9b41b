//! How a build stood at one moment of its record: what a fork begins from.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::dsl::{max, min};
use diesel::prelude::*;
use orket_actors::port::store::{CardRow, StoreError, TurnRow};
use orket_core::plan::CardPlan;
use orket_core::status::CardStatus;

use super::{Reader, from_json, from_word, number};
use crate::storage::schema::{card_definitions, card_events, cards, turn_steps, turns};

/// An attempt and its place in the order in which the journal was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// Its row.
    pub row: TurnRow,
    /// Its card.
    pub card: CardRow,
    /// The run it was made in.
    pub run_id: String,
    /// The card's turn, from 1.
    pub turn: u32,
    /// The role.
    pub role: String,
    /// When it began, milliseconds since 1970-01-01 UTC.
    pub started_ms: i64,
    /// Whether it has ended.
    pub ended: bool,
    /// Tokens read and written.
    pub tokens: u64,
    /// The number of its first step among all steps.
    pub first: i64,
    /// The number of its last step among all steps.
    pub last: i64,
}

impl Reader {
    /// The definition of the card that an attempt was made at.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn card_of_turn(&self, turn: TurnRow) -> Result<Option<Arc<CardPlan>>, StoreError> {
        let text = self.query(|connection| {
            let card: Option<CardRow> = turns::table
                .find(turn)
                .select(turns::card)
                .first(connection)
                .optional()?;
            let Some(card) = card else {
                return Ok(None);
            };
            card_definitions::table
                .find(card)
                .select(card_definitions::plan_json)
                .first::<String>(connection)
                .optional()
        })?;
        text.map(|text| Ok(Arc::new(from_json("a card's definition", &text)?)))
            .transpose()
    }

    /// The attempts at a build's cards that have steps, oldest first, whichever run made them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn moments(&self, build_id: &str) -> Result<Vec<Moment>, StoreError> {
        type Row = (
            i64,
            i64,
            String,
            i64,
            String,
            i64,
            Option<i64>,
            i64,
            i64,
            Option<i64>,
            Option<i64>,
        );
        let rows = self.query(|connection| {
            turns::table
                .inner_join(cards::table)
                .inner_join(turn_steps::table.on(turn_steps::turn.eq(turns::row)))
                .filter(cards::build_id.eq(build_id))
                .group_by((
                    turns::row,
                    turns::card,
                    turns::run_id,
                    turns::turn,
                    turns::role,
                    turns::started_at,
                    turns::ended_at,
                    turns::prompt_tokens,
                    turns::output_tokens,
                ))
                .order(turns::row)
                .select((
                    turns::row,
                    turns::card,
                    turns::run_id,
                    turns::turn,
                    turns::role,
                    turns::started_at,
                    turns::ended_at,
                    turns::prompt_tokens,
                    turns::output_tokens,
                    min(turn_steps::id),
                    max(turn_steps::id),
                ))
                .load::<Row>(connection)
        })?;
        rows.into_iter()
            .map(
                |(row, card, run_id, turn, role, started_ms, ended, read, written, first, last)| {
                    let tokens: u64 = number("a count of tokens", read.saturating_add(written))?;
                    Ok(Moment {
                        row,
                        card,
                        run_id,
                        turn: number("a turn's number", turn)?,
                        role,
                        started_ms,
                        ended: ended.is_some(),
                        tokens,
                        first: first.unwrap_or(i64::MAX),
                        last: last.unwrap_or(i64::MAX),
                    })
                },
            )
            .collect()
    }

    /// The status that each of these cards had been given before this attempt began; those that
    /// nobody had touched are not there. The attempt's own dispatch is the mark in the audit.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn statuses_before(
        &self,
        cards: &[CardRow],
        begun: &Moment,
    ) -> Result<HashMap<CardRow, CardStatus>, StoreError> {
        let rows = self.snapshot(|connection| {
            let own: Option<i64> = card_events::table
                .filter(
                    card_events::card
                        .eq(begun.card)
                        .and(card_events::kind.eq("status"))
                        .and(card_events::reason.eq("turn_dispatch"))
                        .and(card_events::at.eq(begun.started_ms)),
                )
                .select(min(card_events::seq))
                .first(connection)?;
            let mark = match own {
                Some(seq) => seq,
                None => card_events::table
                    .filter(card_events::at.le(begun.started_ms))
                    .select(max(card_events::seq))
                    .first::<Option<i64>>(connection)?
                    .unwrap_or(0)
                    .saturating_add(1),
            };
            let mut changes = Vec::new();
            for page in cards.chunks(500) {
                changes.extend(
                    card_events::table
                        .filter(
                            card_events::kind
                                .eq("status")
                                .and(card_events::seq.lt(mark))
                                .and(card_events::card.eq_any(page.iter().copied().map(Some))),
                        )
                        .order(card_events::seq)
                        .select((card_events::card, card_events::to_status))
                        .load::<(Option<i64>, Option<String>)>(connection)?,
                );
            }
            Ok(changes)
        })?;
        let mut statuses = HashMap::new();
        for (card, status) in rows {
            if let (Some(card), Some(status)) = (card, status) {
                statuses.insert(card, from_word("a card's status", &status)?);
            }
        }
        Ok(statuses)
    }
}
