//! What was said in the turns of a run, and how many there were.

use diesel::dsl::{count_star, max};
use diesel::prelude::*;
use orket_actors::port::store::StoreError;
use orket_core::turn::{Step, TurnOutcome};

use super::{Reader, number};
use crate::storage::schema::{turn_steps, turns};

/// What a seat said in a turn that ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The turn's place among those of the run that ended well, from 0.
    pub place: u64,
    /// The role.
    pub role: String,
    /// The card.
    pub card_id: String,
    /// The reply, cut as later prompts show it.
    pub text: String,
}

impl Reader {
    /// How many attempts of a run ended well.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn turns_that_ended_well(&self, run_id: &str) -> Result<u64, StoreError> {
        let count = self.query(|connection| {
            turns::table
                .filter(turns::run_id.eq(run_id).and(turns::status.eq("succeeded")))
                .select(count_star())
                .first::<i64>(connection)
        })?;
        number("a count", count)
    }

    /// When an attempt of a run last ended.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn last_turn_ms(&self, run_id: &str) -> Result<Option<i64>, StoreError> {
        self.query(|connection| {
            turns::table
                .filter(turns::run_id.eq(run_id))
                .select(max(turns::ended_at))
                .first::<Option<i64>>(connection)
        })
    }

    /// What was said in the turns of a run that ended well, oldest first: the newest `most` of them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn transcript(&self, run_id: &str, most: u32) -> Result<Vec<Said>, StoreError> {
        let count = self.turns_that_ended_well(run_id)?;
        let mut ended = self.query(|connection| {
            turns::table
                .filter(turns::run_id.eq(run_id).and(turns::status.eq("succeeded")))
                .order((turns::ended_at.desc(), turns::row.desc()))
                .limit(i64::from(most))
                .select((turns::row, turns::role, turns::card_id))
                .load::<(i64, String, String)>(connection)
        })?;
        ended.reverse();
        let unsaid = count.saturating_sub(u64::try_from(ended.len()).unwrap_or(u64::MAX));
        let last_steps = self.query(|connection| {
            ended
                .iter()
                .map(|(row, _, _)| {
                    turn_steps::table
                        .filter(turn_steps::turn.eq(row))
                        .order(turn_steps::seq.desc())
                        .select(turn_steps::body_json)
                        .first::<String>(connection)
                        .optional()
                })
                .collect::<QueryResult<Vec<_>>>()
        })?;
        Ok(ended
            .into_iter()
            .zip(last_steps)
            .zip(unsaid..)
            .map(|(((_, role, card_id), step), place)| {
                // One that is damaged does not hide the others.
                let step = step.and_then(|text| serde_json::from_str(&text).ok());
                let text = match step {
                    Some(Step::TurnFinished {
                        outcome: TurnOutcome::Succeeded { summary, .. },
                    }) => summary,
                    _ => String::new(),
                };
                Said {
                    place,
                    role,
                    card_id,
                    text,
                }
            })
            .collect())
    }
}
