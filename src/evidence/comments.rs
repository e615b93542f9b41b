//! Whether the comments on a card are those that its attempts made, and those its fork took over.

use orket_actors::port::store::StoreError;
use orket_core::turn::{LedgerEffect, Step};

use super::cards::Began;
use super::{Evidence, Problem};
use crate::storage::Reader;
use crate::storage::reader::{StoredAttempt, StoredCard, StoredComment};

/// What the comments of a card must be.
#[derive(Default)]
pub(super) struct Expected {
    /// What its first attempt found there; `None` while nobody has looked.
    found: Option<Vec<(String, String)>>,
    /// Those of its attempts.
    made: Vec<(Option<u32>, Option<u32>, StoredComment)>,
    /// Some attempt could not be derived, so that others may have been made.
    open: bool,
}

impl Expected {
    /// What an attempt began with.
    pub(super) fn begins(&mut self, first: Option<&Step>) {
        if let Some(Step::TurnStarted {
            given: Some(given), ..
        }) = first
            && self.found.is_none()
        {
            self.found = Some(given.comments.clone());
        }
    }

    /// What an attempt that ended well made.
    pub(super) fn makes(&mut self, attempt: &StoredAttempt, ledger: &[LedgerEffect]) {
        for effect in ledger {
            if let LedgerEffect::Comment { content, key } = effect {
                let comment = StoredComment {
                    key: key.clone(),
                    author: attempt.role.clone(),
                    content: content.clone(),
                };
                let turn = u32::try_from(attempt.turn).ok();
                let number = u32::try_from(attempt.attempt).ok();
                self.made.push((turn, number, comment));
            }
        }
    }

    /// An attempt of which nobody knows what it made.
    pub(super) fn lacks_some(&mut self) {
        self.open = true;
    }

    /// Compares them with what is there.
    pub(super) fn check(
        self,
        reader: &Reader,
        card: &StoredCard,
        began: &Began,
        evidence: &mut Evidence,
    ) -> Result<(), StoreError> {
        let all = reader.stored_comments(card.row)?;
        let (taken, made): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| {
            ["fork:", "imported:"]
                .iter()
                .any(|prefix| it.key.starts_with(prefix))
        });
        let mut problem = |turn, attempt, message: &str| {
            evidence.problems.push(Problem {
                turn,
                attempt,
                ..Problem::of_card("comment", &card.card_id, message)
            });
        };
        for (turn, attempt, due) in &self.made {
            match made.iter().find(|it| it.key == due.key) {
                Some(found) if found == due => {}
                Some(_) => problem(*turn, *attempt, "the comment is not what the attempt made"),
                None => problem(*turn, *attempt, "a comment that it made is not there"),
            }
        }
        let due = |it: &StoredComment| self.made.iter().any(|(_, _, due)| due.key == it.key);
        if !self.open && made.iter().any(|it| !due(it)) {
            problem(None, None, "there is a comment that no attempt made");
        }
        let texts: Vec<_> = taken
            .into_iter()
            .map(|it| (it.author, it.content))
            .collect();
        let as_found = self.found.is_none_or(|found| found == texts);
        let as_many = began.comments.is_none_or(|many| many == texts.len());
        if !as_found || !as_many {
            problem(
                None,
                None,
                "the comments from before its first attempt are not those that were there then",
            );
        }
        Ok(())
    }
}
