//! The ends of the chains, kept between transactions so that linking a step costs no query.
//!
//! What a transaction adds counts only once it is committed: a rolled-back step was never linked.

use std::collections::HashMap;

use diesel::prelude::*;
use orket_actors::port::store::{CardRow, StepRow, TurnRow};
use orket_core::chain::{Content, Link, Linked};

use super::{Failure, Transaction};
use crate::storage::schema::{turn_steps, turns};

/// Ends that are remembered; past this they are read from the journal again.
const REMEMBERED: usize = 16_384;

/// Where the chain of an attempt's card stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) struct End {
    card: CardRow,
    link: Link,
}

/// See the module.
#[derive(Debug, Default)]
pub(in crate::storage) struct Chain {
    turns: HashMap<TurnRow, End>,
    cards: HashMap<CardRow, Link>,
    /// What the transaction under way replaced, to be put back if it is rolled back.
    undo: Vec<Undo>,
}

#[derive(Debug)]
enum Undo {
    Turn(TurnRow, Option<End>),
    Card(CardRow, Option<Link>),
}

impl Chain {
    /// The transaction is committed.
    pub(in crate::storage) fn committed(&mut self) {
        self.undo.clear();
        if self.turns.len() > REMEMBERED {
            self.turns.clear();
        }
        if self.cards.len() > REMEMBERED {
            self.cards.clear();
        }
    }

    /// The transaction is rolled back.
    pub(in crate::storage) fn rolled_back(&mut self) {
        self.back_to(0);
    }

    /// How much of the transaction there is, for [`Self::back_to`].
    pub(super) fn mark(&self) -> usize {
        self.undo.len()
    }

    /// Forgets what came after `mark`.
    pub(super) fn back_to(&mut self, mark: usize) {
        while self.undo.len() > mark {
            match self.undo.pop() {
                Some(Undo::Turn(turn, Some(end))) => {
                    self.turns.insert(turn, end);
                }
                Some(Undo::Turn(turn, None)) => {
                    self.turns.remove(&turn);
                }
                Some(Undo::Card(card, Some(link))) => {
                    self.cards.insert(card, link);
                }
                Some(Undo::Card(card, None)) => {
                    self.cards.remove(&card);
                }
                None => {}
            }
        }
    }

    fn at(&mut self, turn: TurnRow, end: End) {
        let before = self.turns.insert(turn, end);
        self.undo.push(Undo::Turn(turn, before));
    }

    fn close(&mut self, turn: TurnRow, end: End) {
        let before = self.turns.remove(&turn);
        self.undo.push(Undo::Turn(turn, before));
        let before = self.cards.insert(end.card, end.link);
        self.undo.push(Undo::Card(end.card, before));
    }
}

impl Transaction<'_> {
    /// A new attempt's chain goes on from its card's.
    pub(super) fn open_chain(&mut self, turn: TurnRow, card: CardRow) -> Result<(), Failure> {
        let link = self.card_link(card, turn)?;
        let end = End { card, link };
        self.chain.at(turn, end);
        Ok(())
    }

    /// The link of a step that is about to be inserted. An attempt that is not there gets one that
    /// means nothing; the insert fails.
    pub(super) fn link(
        &mut self,
        turn: TurnRow,
        step: &StepRow,
        content: Content,
    ) -> Result<Link, Failure> {
        let Some(before) = self.end(turn)? else {
            return Ok(Link::root(0));
        };
        let link = before.link.next(&Linked {
            turn,
            seq: step.seq,
            at_ms: step.at_ms,
            content,
        });
        let end = End { link, ..before };
        self.chain.at(turn, end);
        Ok(link)
    }

    /// The last link of an attempt that ends.
    pub(super) fn close_chain(&mut self, turn: TurnRow) -> Result<Option<Link>, Failure> {
        let Some(end) = self.end(turn)? else {
            return Ok(None);
        };
        self.chain.close(turn, end);
        Ok(Some(end.link))
    }

    fn end(&mut self, turn: TurnRow) -> Result<Option<End>, Failure> {
        if let Some(end) = self.chain.turns.get(&turn) {
            return Ok(Some(*end));
        }
        let card = turns::table
            .find(turn)
            .select(turns::card)
            .first::<i64>(self.connection)
            .optional()?;
        let Some(card) = card else {
            return Ok(None);
        };
        let last = turn_steps::table
            .filter(turn_steps::turn.eq(turn))
            .order(turn_steps::id.desc())
            .select(turn_steps::link)
            .first::<Option<Vec<u8>>>(self.connection)
            .optional()?
            .flatten();
        let link = match last.and_then(|bytes| Link::from_bytes(&bytes)) {
            Some(link) => link,
            None => self.card_link(card, turn)?,
        };
        Ok(Some(End { card, link }))
    }

    /// Where the attempts at a card before `turn` left its chain.
    fn card_link(&mut self, card: CardRow, turn: TurnRow) -> Result<Link, Failure> {
        if let Some(link) = self.chain.cards.get(&card) {
            return Ok(*link);
        }
        let last = turns::table
            .filter(turns::card.eq(card).and(turns::row.lt(turn)))
            .filter(turns::head.is_not_null())
            .order(turns::row.desc())
            .select(turns::head)
            .first::<Option<Vec<u8>>>(self.connection)
            .optional()?
            .flatten();
        Ok(last
            .and_then(|bytes| Link::from_bytes(&bytes))
            .unwrap_or_else(|| Link::root(card)))
    }
}
