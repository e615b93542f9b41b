//! How a build stood at one moment of its record: what a fork begins from.

use std::sync::Arc;

use diesel::prelude::*;
use orket_actors::port::store::{CardRow, StoreError, TurnRow};
use orket_core::plan::CardPlan;

use super::{Reader, from_json};
use crate::storage::schema::{card_definitions, turns};

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
}
