//! The evidence of a run: its steps as they are stored, with their links.

use diesel::prelude::*;
use orket_actors::port::store::{CardRow, StoreError, TurnRow};
use orket_core::chain::Link;

use super::{PAGE, Reader, damaged, number};
use crate::storage::schema::{turn_steps, turns};

/// One step as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredStep {
    /// The order in which steps were written.
    pub id: i64,
    /// The attempt's row.
    pub turn: TurnRow,
    /// Its place in the attempt.
    pub seq: u32,
    /// When, milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// Its kind, as its JSON has it; empty when that cannot be read.
    pub kind: String,
    /// Its JSON text.
    pub body: String,
    /// Its link; steps of earlier versions have none.
    pub link: Option<Link>,
}

/// An attempt and where its chain ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEnd {
    /// Its row.
    pub turn: TurnRow,
    /// The card's turn, from 1.
    pub number: u32,
    /// The try, from 1.
    pub attempt: u32,
    /// Whether it has ended.
    pub ended: bool,
    /// The link of its last step.
    pub head: Option<Link>,
}

impl Reader {
    /// The attempts at a card in the order in which they were made, whichever run made them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn chain_ends(&self, card: CardRow) -> Result<Vec<StoredEnd>, StoreError> {
        type Row = (i64, i64, i64, Option<i64>, Option<Vec<u8>>);
        let rows = self.query(|connection| {
            turns::table
                .filter(turns::card.eq(card))
                .order(turns::row)
                .select((
                    turns::row,
                    turns::turn,
                    turns::attempt,
                    turns::ended_at,
                    turns::head,
                ))
                .load::<Row>(connection)
        })?;
        rows.into_iter()
            .map(|(turn, number_of, attempt, ended_at, head)| {
                Ok(StoredEnd {
                    turn,
                    number: number("a turn's number", number_of)?,
                    attempt: number("an attempt's number", attempt)?,
                    ended: ended_at.is_some(),
                    head: head
                        .map(|bytes| link("the head of an attempt", &bytes))
                        .transpose()?,
                })
            })
            .collect()
    }

    /// The steps of an attempt in the order in which they were written.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn stored_steps(&self, turn: TurnRow) -> Result<Vec<StoredStep>, StoreError> {
        type Row = (i64, i64, i64, i64, String, Option<Vec<u8>>);
        let mut steps: Vec<StoredStep> = Vec::new();
        loop {
            let after = steps.last().map_or(i64::MIN, |step| step.id);
            let page = self.query(|connection| {
                turn_steps::table
                    .filter(turn_steps::turn.eq(turn).and(turn_steps::id.gt(after)))
                    .order(turn_steps::id)
                    .limit(PAGE)
                    .select((
                        turn_steps::id,
                        turn_steps::turn,
                        turn_steps::seq,
                        turn_steps::at,
                        turn_steps::body_json,
                        turn_steps::link,
                    ))
                    .load::<Row>(connection)
            })?;
            if page.is_empty() {
                return Ok(steps);
            }
            for (id, turn, seq, at_ms, body, stored) in page {
                steps.push(StoredStep {
                    id,
                    turn,
                    seq: number("a step's place", seq)?,
                    at_ms,
                    kind: kind(&body),
                    body,
                    link: stored
                        .map(|bytes| link("a step's link", &bytes))
                        .transpose()?,
                });
            }
        }
    }
}

/// The kind that a step's JSON names; empty when it is damaged.
fn kind(body: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Kind {
        kind: String,
    }
    serde_json::from_str(body).map_or_else(|_| String::new(), |Kind { kind }| kind)
}

fn link(what: &str, bytes: &[u8]) -> Result<Link, StoreError> {
    Link::from_bytes(bytes).ok_or_else(|| damaged(what, "it does not have 32 bytes".to_owned()))
}
