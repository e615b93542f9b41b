//! Attempts and their steps.

use std::sync::Arc;

use diesel::prelude::*;
use orket_actors::port::store::{StepRow, StoreError, TurnRow};

use super::views::TurnSummary;
use super::{PAGE, Reader, number};
use crate::storage::schema::{turn_steps, turns};

#[derive(Queryable)]
struct StoredTurn {
    row: i64,
    card: i64,
    _fence: i64,
    status: String,
    turn: i64,
    attempt: i64,
    started_at: i64,
    ended_at: Option<i64>,
    prompt_tokens: i64,
    output_tokens: i64,
    code: Option<String>,
    seat: String,
    role: String,
    card_id: String,
    run_id: String,
    _head: Option<Vec<u8>>,
}

impl Reader {
    /// How many steps the journal holds.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn count_steps(&self) -> Result<u64, StoreError> {
        let count =
            self.snapshot(|connection| turn_steps::table.count().get_result::<i64>(connection))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// The attempts made in a run, oldest first; with `card_id`, only those at that card.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn turns(
        &self,
        run_id: &str,
        card_id: Option<&str>,
    ) -> Result<Vec<TurnSummary>, StoreError> {
        let mut summaries: Vec<TurnSummary> = Vec::new();
        let mut after = (String::new(), i64::MIN);
        loop {
            // Keyset over the index (run_id, card_id, row).
            let page = self.query(|connection| {
                let mut query = turns::table
                    .filter(turns::run_id.eq(run_id))
                    .order((turns::card_id, turns::row))
                    .limit(PAGE)
                    .into_boxed();
                query = match card_id {
                    Some(card_id) => query
                        .filter(turns::card_id.eq(card_id))
                        .filter(turns::row.gt(after.1)),
                    None => query
                        .filter(turns::card_id.ge(&after.0))
                        .filter(turns::card_id.gt(&after.0).or(turns::row.gt(after.1))),
                };
                query.load::<StoredTurn>(connection)
            })?;
            let Some(last) = page.last() else {
                break;
            };
            after = (last.card_id.clone(), last.row);
            for turn in page {
                summaries.push(summary(turn)?);
            }
        }
        summaries.sort_by_key(|turn| turn.row);
        Ok(summaries)
    }

    /// The steps of an attempt, in order.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn steps(&self, turn: TurnRow) -> Result<Vec<StepRow>, StoreError> {
        let mut steps: Vec<StepRow> = Vec::new();
        loop {
            let after = steps.last().map_or(-1, |step| i64::from(step.seq));
            let page = self.query(|connection| {
                turn_steps::table
                    .filter(turn_steps::turn.eq(turn).and(turn_steps::seq.gt(after)))
                    .order(turn_steps::seq)
                    .limit(PAGE)
                    .select((turn_steps::seq, turn_steps::at, turn_steps::body_json))
                    .load::<(i64, i64, String)>(connection)
            })?;
            if page.is_empty() {
                return Ok(steps);
            }
            for (seq, at_ms, body) in page {
                steps.push(StepRow {
                    seq: number("a step's place", seq)?,
                    at_ms,
                    step: Arc::new(self.step(&body)?),
                });
            }
        }
    }
}

fn summary(stored: StoredTurn) -> Result<TurnSummary, StoreError> {
    Ok(TurnSummary {
        row: stored.row,
        card: stored.card,
        card_id: stored.card_id,
        run_id: stored.run_id,
        turn: number("a turn's number", stored.turn)?,
        attempt: number("an attempt's number", stored.attempt)?,
        seat: stored.seat,
        role: stored.role,
        status: stored.status,
        code: stored.code,
        prompt_tokens: number("a count of tokens", stored.prompt_tokens)?,
        output_tokens: number("a count of tokens", stored.output_tokens)?,
        started_ms: stored.started_at,
        ended_ms: stored.ended_at,
    })
}
