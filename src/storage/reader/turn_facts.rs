//! What is to be known of many attempts at once without reading their steps whole: which model was
//! asked, what was called; and what ties the cards of a run to each other.

use std::collections::HashMap;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use orket_actors::port::store::{StoreError, TurnRow};
use orket_core::plan::CardPlan;
use orket_core::turn::Step;

use super::{Reader, from_json};
use crate::storage::schema::{card_definitions, turn_steps};

/// Attempts whose steps are looked at with one query.
const AT_ONCE: usize = 200;
/// A model is asked within the first steps of an attempt, if at all.
const FIRST_STEPS: i64 = 8;

/// A card of a run and what it is tied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TiedCard {
    /// The card.
    pub card_id: String,
    /// Its title.
    pub summary: String,
    /// Its seat.
    pub seat: String,
    /// Its status.
    pub status: String,
    /// Cards that must be done before.
    pub depends_on: Vec<String>,
    /// The card whose turn asked for it.
    pub created_by: Option<String>,
}

impl Reader {
    /// The model that each of these attempts asked first; those that asked none are left out.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn models_of(&self, turns: &[TurnRow]) -> Result<HashMap<TurnRow, String>, StoreError> {
        let mut models = HashMap::new();
        for page in turns.chunks(AT_ONCE) {
            let found = self.query(|connection| {
                turn_steps::table
                    .filter(turn_steps::turn.eq_any(page))
                    .filter(turn_steps::seq.le(FIRST_STEPS))
                    .filter(turn_steps::body_json.like(r#"{"kind":"model_requested"%"#))
                    .order((turn_steps::turn, turn_steps::seq))
                    .select((
                        turn_steps::turn,
                        sql::<Nullable<Text>>(
                            "CASE WHEN json_valid(body_json) THEN json_extract(body_json, '$.model') END",
                        ),
                    ))
                    .load::<(TurnRow, Option<String>)>(connection)
            })?;
            for (turn, model) in found {
                if let Some(model) = model {
                    models.entry(turn).or_insert(model);
                }
            }
        }
        Ok(models)
    }

    /// What these attempts called and how it came back, attempt by attempt and in order. Hand it a
    /// few hundred at a time.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn calls_of(&self, turns: &[TurnRow]) -> Result<Vec<(TurnRow, Step)>, StoreError> {
        let mut calls = Vec::new();
        for page in turns.chunks(AT_ONCE) {
            let found = self.query(|connection| {
                turn_steps::table
                    .filter(turn_steps::turn.eq_any(page))
                    .filter(turn_steps::body_json.like(r#"{"kind":"call_%"#))
                    .order((turn_steps::turn, turn_steps::seq))
                    .select((turn_steps::turn, turn_steps::body_json))
                    .load::<(TurnRow, String)>(connection)
            })?;
            for (turn, body) in found {
                calls.push((turn, from_json("a step", &body)?));
            }
        }
        Ok(calls)
    }

    /// The cards of a run in the epic's order: those of [`Reader::run_cards`], or those that wait with
    /// it for their turn.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn tied_cards(&self, run_id: &str) -> Result<Vec<TiedCard>, StoreError> {
        if let Some(queued) = self.queued_run(run_id)? {
            return Ok(queued.cards.iter().map(waiting).collect());
        }
        let cards = self.run_cards(run_id)?;
        let rows: Vec<i64> = cards.iter().map(|card| card.row).collect();
        let mut ties = HashMap::new();
        for page in rows.chunks(500) {
            let found = self.query(|connection| {
                card_definitions::table
                    .filter(card_definitions::card.eq_any(page))
                    .select((
                        card_definitions::card,
                        sql::<Text>("json_extract(plan_json, '$.depends_on', '$.created_by')"),
                    ))
                    .load::<(i64, String)>(connection)
            })?;
            for (row, text) in found {
                let tie: (Option<Vec<String>>, Option<String>) =
                    from_json("a card's definition", &text)?;
                ties.insert(row, tie);
            }
        }
        Ok(cards
            .into_iter()
            .map(|card| {
                let (depends_on, created_by) = ties.remove(&card.row).unwrap_or_default();
                TiedCard {
                    card_id: card.card_id,
                    summary: card.summary,
                    seat: card.seat,
                    status: card.status.as_str().to_owned(),
                    depends_on: depends_on.unwrap_or_default(),
                    created_by,
                }
            })
            .collect())
    }
}

/// A card of a run that has not begun.
fn waiting(plan: &CardPlan) -> TiedCard {
    TiedCard {
        card_id: plan.id.to_string(),
        summary: plan.summary.clone(),
        seat: plan.seat.clone(),
        status: orket_core::status::CardStatus::Ready.as_str().to_owned(),
        depends_on: plan.depends_on.iter().map(ToString::to_string).collect(),
        created_by: plan.created_by.as_ref().map(ToString::to_string),
    }
}
