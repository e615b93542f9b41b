//! A run with all it needs to go on.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::prelude::*;
use orket_actors::port::store::{
    CardRecord, CardRow, CommentRecord, LoadedCard, OpenTurnRecord, RunRecord, RunStatus,
    StoreError,
};
use orket_core::card_life::CardLife;
use orket_core::ids::{BuildId, RunId};
use orket_core::plan::{CardPlan, RunPlan};

use super::{Reader, damaged, from_json, number};
use crate::storage::schema::{
    card_definitions, cards, comments, run_plans, runs, turn_steps, turns,
};

/// Row, position, fence, definition, life.
type StoredCard = (i64, i64, i64, String, String);
/// Card, author, content, time.
type StoredComment = (i64, String, String, i64);
/// Row, card, fence, turn, attempt.
type StoredTurn = (i64, i64, i64, i64, i64);

impl Reader {
    /// A run with its cards, their comments and its open attempts, all as of one moment. The JSON
    /// is read after that moment's snapshot is given back.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn load_run(&self, run_id: &RunId) -> Result<Option<RunRecord>, StoreError> {
        let id = run_id.as_str();
        let stored = self.snapshot(|connection| {
            let run = runs::table
                .inner_join(run_plans::table)
                .filter(runs::run_id.eq(id))
                .select((runs::status, runs::started_at, run_plans::plan_json))
                .first::<(String, i64, String)>(connection)
                .optional()?;
            let Some(run) = run else {
                return Ok(None);
            };
            let cards = cards::table
                .inner_join(card_definitions::table)
                .filter(cards::run_id.eq(id))
                .select((
                    cards::row,
                    cards::position,
                    cards::fence,
                    card_definitions::plan_json,
                    cards::life_json,
                ))
                .load::<StoredCard>(connection)?;
            let comments = comments::table
                .inner_join(cards::table)
                .filter(cards::run_id.eq(id))
                .order(comments::id)
                .select((
                    comments::card,
                    comments::author,
                    comments::content,
                    comments::at,
                ))
                .load::<StoredComment>(connection)?;
            let open = turns::table
                .inner_join(cards::table)
                .filter(cards::run_id.eq(id).and(turns::ended_at.is_null()))
                .order(turns::row)
                .select((
                    turns::row,
                    turns::card,
                    turns::fence,
                    turns::turn,
                    turns::attempt,
                ))
                .load::<StoredTurn>(connection)?;
            let mut open_turns = Vec::with_capacity(open.len());
            for turn in open {
                let steps = turn_steps::table
                    .filter(turn_steps::turn.eq(turn.0))
                    .order(turn_steps::seq)
                    .select(turn_steps::body_json)
                    .load::<String>(connection)?;
                open_turns.push((turn, steps));
            }
            Ok(Some((run, cards, comments, open_turns)))
        })?;
        let Some(((status, started_ms, plan), cards, comments, open_turns)) = stored else {
            return Ok(None);
        };
        Ok(Some(RunRecord {
            plan: Arc::new(from_json::<RunPlan>("a run's plan", &plan)?),
            status: RunStatus::parse(&status)
                .ok_or_else(|| damaged("a run's status", format!("`{status}`")))?,
            started_ms,
            cards: card_records(cards, comments)?,
            open_turns: open_turns
                .into_iter()
                .map(|(turn, steps)| self.open_turn(turn, &steps))
                .collect::<Result<_, _>>()?,
        }))
    }

    /// One card with its comments and its open attempts, all as of one moment.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn load_card(&self, row: CardRow) -> Result<Option<LoadedCard>, StoreError> {
        let stored = self.snapshot(|connection| {
            let card = cards::table
                .inner_join(card_definitions::table)
                .filter(cards::row.eq(row))
                .select((
                    cards::row,
                    cards::position,
                    cards::fence,
                    card_definitions::plan_json,
                    cards::life_json,
                ))
                .first::<StoredCard>(connection)
                .optional()?;
            let Some(card) = card else {
                return Ok(None);
            };
            let comments = comments::table
                .filter(comments::card.eq(row))
                .order(comments::id)
                .select((
                    comments::card,
                    comments::author,
                    comments::content,
                    comments::at,
                ))
                .load::<StoredComment>(connection)?;
            let open = turns::table
                .filter(turns::card.eq(row).and(turns::ended_at.is_null()))
                .order(turns::row)
                .select((
                    turns::row,
                    turns::card,
                    turns::fence,
                    turns::turn,
                    turns::attempt,
                ))
                .load::<StoredTurn>(connection)?;
            let mut open_turns = Vec::with_capacity(open.len());
            for turn in open {
                let steps = turn_steps::table
                    .filter(turn_steps::turn.eq(turn.0))
                    .order(turn_steps::seq)
                    .select(turn_steps::body_json)
                    .load::<String>(connection)?;
                open_turns.push((turn, steps));
            }
            Ok(Some((card, comments, open_turns)))
        })?;
        let Some((card, comments, open_turns)) = stored else {
            return Ok(None);
        };
        let record = card_records(vec![card], comments)?.pop();
        let open = open_turns
            .into_iter()
            .map(|(turn, steps)| self.open_turn(turn, &steps))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(record.map(|record| (record, open)))
    }

    /// The cards of a build, in the epic's order.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn build_cards(&self, build_id: &BuildId) -> Result<Vec<CardRecord>, StoreError> {
        let id = build_id.as_str();
        let (cards, comments) = self.snapshot(|connection| {
            let cards = cards::table
                .inner_join(card_definitions::table)
                .filter(cards::build_id.eq(id))
                .select((
                    cards::row,
                    cards::position,
                    cards::fence,
                    card_definitions::plan_json,
                    cards::life_json,
                ))
                .load::<StoredCard>(connection)?;
            let comments = comments::table
                .inner_join(cards::table)
                .filter(cards::build_id.eq(id))
                .order(comments::id)
                .select((
                    comments::card,
                    comments::author,
                    comments::content,
                    comments::at,
                ))
                .load::<StoredComment>(connection)?;
            Ok((cards, comments))
        })?;
        card_records(cards, comments)
    }

    fn open_turn(
        &self,
        stored: StoredTurn,
        steps: &[String],
    ) -> Result<OpenTurnRecord, StoreError> {
        let (row, card, fence, turn, attempt) = stored;
        Ok(OpenTurnRecord {
            row,
            card,
            fence,
            turn: number("a turn's number", turn)?,
            attempt: number("an attempt's number", attempt)?,
            steps: steps
                .iter()
                .map(|body| Ok(Arc::new(self.step(body)?)))
                .collect::<Result<_, StoreError>>()?,
        })
    }
}

fn card_records(
    cards: Vec<StoredCard>,
    comments: Vec<StoredComment>,
) -> Result<Vec<CardRecord>, StoreError> {
    let mut by_card: HashMap<i64, Vec<CommentRecord>> = HashMap::new();
    for (card, author, content, at_ms) in comments {
        by_card.entry(card).or_default().push(CommentRecord {
            author,
            content,
            at_ms,
        });
    }
    let mut records = cards
        .into_iter()
        .map(|(row, position, fence, plan, life)| {
            Ok(CardRecord {
                row,
                position: number("a card's position", position)?,
                fence,
                plan: Arc::new(from_json::<CardPlan>("a card's definition", &plan)?),
                life: from_json::<CardLife>("a card's life", &life)?,
                comments: by_card.remove(&row).unwrap_or_default(),
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    records.sort_by_key(|card| (card.position, card.row));
    Ok(records)
}
