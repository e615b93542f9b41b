//! What is known of open attempts: who owns them, and where the chain of their card ends. Kept between
//! transactions, so that neither guarding a step nor linking it costs a query. The one writer is the
//! only one who changes either.
//!
//! What a transaction changes is undone when it is rolled back.

use std::sync::Arc;

use diesel::prelude::*;
use orket_actors::port::store::{CardRow, StepRow, TurnRow};
use orket_core::chain::{Content, Link};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Failure, Transaction};
use crate::storage::schema::{budget_reservations, turn_steps, turns};
use crate::storage::step_text::Digest;

/// Attempts and cards that are remembered; past this they are read from the journal again.
const REMEMBERED: usize = 16_384;

/// An open attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Attempt {
    card: CardRow,
    fence: i64,
    /// The number of its run in [`Known::runs`].
    run: usize,
    /// The last link of its card's chain.
    link: Link,
}

/// A card.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Card {
    /// The last link that an ended attempt left.
    link: Option<Link>,
    /// Its newest attempt.
    newest: Option<TurnRow>,
}

/// See the module.
#[derive(Debug, Default)]
pub(in crate::storage) struct Known {
    attempts: FxHashMap<TurnRow, Attempt>,
    cards: FxHashMap<CardRow, Card>,
    /// The runs that began them.
    runs: Vec<Arc<str>>,
    run_numbers: FxHashMap<Arc<str>, usize>,
    /// The texts that runs are known to have.
    texts: FxHashSet<(usize, Digest)>,
    /// Whether attempts may have set something aside; `None` until somebody looked.
    reserves: Option<bool>,
    /// What the transaction under way replaced, to be put back if it is rolled back.
    undo: Vec<Undo>,
}

#[derive(Debug)]
enum Undo {
    Attempt(TurnRow, Option<Attempt>),
    Card(CardRow, Option<Card>),
}

impl Known {
    /// The transaction is committed.
    pub(in crate::storage) fn committed(&mut self) {
        self.undo.clear();
        if self.attempts.len() > REMEMBERED
            || self.cards.len() > REMEMBERED
            || self.texts.len() > REMEMBERED
        {
            let reserves = self.reserves;
            self.forget();
            self.reserves = reserves;
        }
    }

    /// Some attempt sets something aside.
    pub(super) fn reserves(&mut self) {
        self.reserves = Some(true);
    }

    /// The transaction is rolled back.
    pub(in crate::storage) fn rolled_back(&mut self) {
        self.back_to(0);
    }

    /// Nobody knows what became of the transaction: everything is read again.
    pub(in crate::storage) fn forget(&mut self) {
        *self = Self::default();
    }

    /// How much of the transaction there is, for [`Self::back_to`].
    pub(super) fn mark(&self) -> usize {
        self.undo.len()
    }

    /// A run begins or goes on: what it had may have been removed in between.
    pub(super) fn forget_texts(&mut self) {
        self.texts.clear();
    }

    /// Forgets what came after `mark`.
    pub(super) fn back_to(&mut self, mark: usize) {
        // Some may have been inserted since; whether they are there is found out again.
        self.forget_texts();
        while self.undo.len() > mark {
            match self.undo.pop() {
                Some(Undo::Attempt(turn, Some(before))) => {
                    self.attempts.insert(turn, before);
                }
                Some(Undo::Attempt(turn, None)) => {
                    self.attempts.remove(&turn);
                }
                Some(Undo::Card(card, Some(before))) => {
                    self.cards.insert(card, before);
                }
                Some(Undo::Card(card, None)) => {
                    self.cards.remove(&card);
                }
                None => {}
            }
        }
    }

    /// The attempt is as this now.
    fn set(&mut self, turn: TurnRow, attempt: Attempt) {
        let before = self.attempts.insert(turn, attempt);
        self.undo.push(Undo::Attempt(turn, before));
    }

    /// The chain of an attempt that is known goes on.
    fn advance(&mut self, turn: TurnRow, link: Link) {
        if let Some(attempt) = self.attempts.get_mut(&turn) {
            self.undo.push(Undo::Attempt(turn, Some(*attempt)));
            attempt.link = link;
        }
    }

    fn set_card(&mut self, row: CardRow, card: Card) {
        let before = self.cards.insert(row, card);
        self.undo.push(Undo::Card(row, before));
    }

    fn card(&self, row: CardRow) -> Card {
        self.cards.get(&row).copied().unwrap_or_default()
    }

    /// An attempt is the newest of its card.
    fn opened(&mut self, turn: TurnRow, attempt: Attempt) {
        let card = Card {
            newest: Some(turn),
            ..self.card(attempt.card)
        };
        self.set_card(attempt.card, card);
        self.set(turn, attempt);
    }

    /// The card's fence is raised, and with it that of its open attempt. An older attempt that was
    /// never closed keeps the fence it had, and is refused.
    pub(super) fn fenced(&mut self, card: CardRow, fence: i64) {
        if let Some(turn) = self.card(card).newest {
            self.fence_attempt(turn, fence);
        }
    }

    /// An attempt has another fence.
    pub(super) fn fence_attempt(&mut self, turn: TurnRow, fence: i64) {
        if let Some(attempt) = self.attempts.get(&turn).copied() {
            self.set(turn, Attempt { fence, ..attempt });
        }
    }

    fn run_number(&mut self, run_id: &str) -> usize {
        if let Some(number) = self.run_numbers.get(run_id) {
            return *number;
        }
        let run_id: Arc<str> = Arc::from(run_id);
        let number = self.runs.len();
        self.runs.push(Arc::clone(&run_id));
        self.run_numbers.insert(run_id, number);
        number
    }

    /// The run of an open attempt, unless it is known to have this text.
    pub(super) fn unkept(&self, turn: TurnRow, digest: Digest) -> Option<Arc<str>> {
        let run = self.attempts.get(&turn)?.run;
        if self.texts.contains(&(run, digest)) {
            return None;
        }
        self.runs.get(run).map(Arc::clone)
    }

    /// The run of an open attempt has this text.
    pub(super) fn kept(&mut self, turn: TurnRow, digest: Digest) {
        if let Some(attempt) = self.attempts.get(&turn) {
            self.texts.insert((attempt.run, digest));
        }
    }

    fn closed(&mut self, turn: TurnRow, attempt: Attempt) {
        let before = self.attempts.remove(&turn);
        self.undo.push(Undo::Attempt(turn, before));
        let card = Card {
            link: Some(attempt.link),
            ..self.card(attempt.card)
        };
        self.set_card(attempt.card, card);
    }
}

impl Transaction<'_> {
    /// Whether some attempt may have set something aside: where nothing is limited, ends of attempts
    /// need not ask.
    pub(super) fn may_have_reserved(&mut self) -> Result<bool, Failure> {
        if let Some(known) = self.known.reserves {
            return Ok(known);
        }
        let any = budget_reservations::table
            .select(budget_reservations::turn)
            .first::<i64>(self.connection)
            .optional()?
            .is_some();
        self.known.reserves = Some(any);
        Ok(any)
    }

    /// A new attempt's chain goes on from its card's.
    pub(super) fn open_chain(
        &mut self,
        turn: TurnRow,
        card: CardRow,
        fence: i64,
        run_id: &str,
    ) -> Result<(), Failure> {
        let link = self.card_link(card, turn)?;
        let run = self.known.run_number(run_id);
        let attempt = Attempt {
            card,
            fence,
            run,
            link,
        };
        self.known.opened(turn, attempt);
        Ok(())
    }

    /// Whether an attempt is open and owned by `fence`.
    pub(super) fn is_owned(&mut self, turn: TurnRow, fence: i64) -> Result<bool, Failure> {
        Ok(self.attempt(turn)?.is_some_and(|it| it.fence == fence))
    }

    /// Whether an attempt is open.
    pub(super) fn is_open(&mut self, turn: TurnRow) -> Result<bool, Failure> {
        Ok(self.attempt(turn)?.is_some())
    }

    /// The link of a step that is about to be inserted.
    pub(super) fn link(
        &mut self,
        turn: TurnRow,
        step: &StepRow,
        content: Content,
    ) -> Result<Link, Failure> {
        let Some(attempt) = self.attempt(turn)? else {
            return Err(super::conflict(format!(
                "step {} of attempt row {turn}: there is no such open attempt",
                step.seq
            )));
        };
        let link = attempt.link.next(content);
        self.known.advance(turn, link);
        Ok(link)
    }

    /// The last link of an attempt that ends.
    pub(super) fn close_chain(&mut self, turn: TurnRow) -> Result<Option<Link>, Failure> {
        let Some(attempt) = self.attempt(turn)? else {
            return Ok(None);
        };
        self.known.closed(turn, attempt);
        Ok(Some(attempt.link))
    }

    /// An open attempt, from memory or the journal.
    fn attempt(&mut self, turn: TurnRow) -> Result<Option<Attempt>, Failure> {
        if let Some(attempt) = self.known.attempts.get(&turn) {
            return Ok(Some(*attempt));
        }
        let found = turns::table
            .filter(turns::row.eq(turn).and(turns::ended_at.is_null()))
            .select((turns::card, turns::fence, turns::run_id))
            .first::<(i64, i64, String)>(self.connection)
            .optional()?;
        let Some((card, fence, run_id)) = found else {
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
        let run = self.known.run_number(&run_id);
        let attempt = Attempt {
            card,
            fence,
            run,
            link,
        };
        self.known.opened(turn, attempt);
        Ok(Some(attempt))
    }

    /// Where the attempts at a card before `turn` left its chain.
    fn card_link(&mut self, card: CardRow, turn: TurnRow) -> Result<Link, Failure> {
        if let Some(link) = self.known.card(card).link {
            return Ok(link);
        }
        let last = turns::table
            .filter(turns::card.eq(card).and(turns::row.lt(turn)))
            .filter(turns::head.is_not_null())
            .order(turns::row.desc())
            .select(turns::head)
            .get_result::<Option<Vec<u8>>>(self.connection)
            .optional()?
            .flatten();
        Ok(last
            .and_then(|bytes| Link::from_bytes(&bytes))
            .unwrap_or_else(|| Link::root(card)))
    }
}
