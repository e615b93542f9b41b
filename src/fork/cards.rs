//! How each card of a fork stands.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use orket_actors::card_actor::budgets;
use orket_actors::port::store::{CardRecord, CardRow, CommentRecord, StoreError};
use orket_actors::runtime::{BegunCard, ForkStart};
use orket_core::fork::{Past, life_after};
use orket_core::plan::{CardPlan, RunPlan};
use orket_core::status::CardStatus;

use super::point::Point;
use super::record::Attempt;
use super::workspace::Written;
use crate::storage::Reader;
use crate::storage::reader::Moment;

type Parts = (Vec<Arc<CardPlan>>, ForkStart, Vec<Written>);

/// What the answer is found in.
pub(super) struct Standing<'a> {
    pub(super) reader: &'a Reader,
    pub(super) plan: &'a RunPlan,
    pub(super) point: &'a Point,
    pub(super) moments: &'a [Moment],
    pub(super) statuses: &'a HashMap<CardRow, CardStatus>,
}

/// A card that does not begin from nothing.
struct Kept {
    begun: BegunCard,
    files: Vec<(i64, Written)>,
    created: Vec<String>,
}

impl Standing<'_> {
    /// The cards that take part, how those stand that are kept, and the files of these.
    pub(super) fn of(&self, all: Vec<CardRecord>) -> Result<Parts, StoreError> {
        let mut kept: HashMap<&str, Kept> = HashMap::new();
        for card in &all {
            if let Some(found) = self.kept(card)? {
                kept.insert(card.plan.id.as_str(), found);
            }
        }
        // A created card is there when the turn that created it is kept, and so on down.
        let mut present: HashSet<&str> = HashSet::new();
        let mut left: Vec<&str> = all
            .iter()
            .filter(|card| card.plan.created_by.is_none())
            .map(|card| card.plan.id.as_str())
            .collect();
        while let Some(id) = left.pop() {
            if present.insert(id)
                && let Some(card) = kept.get(id)
            {
                let known = |created: &String| {
                    let same = |card: &&CardRecord| card.plan.id.as_str() == created;
                    all.iter().find(same).map(|card| card.plan.id.as_str())
                };
                left.extend(card.created.iter().filter_map(known));
            }
        }
        let mut start = ForkStart::default();
        let mut files = Vec::new();
        let mut cards = Vec::new();
        for card in all
            .iter()
            .filter(|card| present.contains(card.plan.id.as_str()))
        {
            cards.push(Arc::clone(&card.plan));
            if let Some(found) = kept.remove(card.plan.id.as_str()) {
                start.cards.insert(card.plan.id.clone(), found.begun);
                files.extend(found.files);
            }
        }
        files.sort_by_key(|(order, _)| *order);
        let files = files.into_iter().map(|(_, written)| written).collect();
        Ok((cards, start, files))
    }

    /// How a card stood; `None` when it begins from nothing.
    fn kept(&self, card: &CardRecord) -> Result<Option<Kept>, StoreError> {
        let is_point = card.row == self.point.card.row;
        let begun = &self.point.begun;
        let (before, after): (Vec<&Moment>, Vec<&Moment>) = self
            .moments
            .iter()
            .filter(|it| it.card == card.row)
            .partition(|it| it.first < begun.first);
        let ready = CardStatus::Ready;
        let status = self.statuses.get(&card.row).copied().unwrap_or(ready);
        let had_ended = before.iter().all(|it| it.ended && it.last < begun.first);
        let is_kept = is_point || (status.is_settled() && had_ended && !before.is_empty());
        if !is_kept {
            return Ok(None);
        }
        let mut past: Vec<Past> = Vec::with_capacity(before.len());
        let (mut files, mut created) = (Vec::new(), Vec::new());
        for moment in before {
            let attempt = Attempt::read(self.reader, moment)?;
            past.push(attempt.past(moment));
            files.extend(attempt.files);
            created.extend(attempt.created);
        }
        let next = after.first();
        let mut life = if next.is_none() && card.life.status == status {
            card.life.clone()
        } else {
            life_after(&card.plan, &past, &budgets(self.plan), status)
        };
        let mut comments: Vec<CommentRecord> = card.comments.clone();
        if let Some(next) = next {
            match Attempt::read(self.reader, next)?.given {
                // All comments that there were then.
                Some(given) => {
                    comments.truncate(given.comments.len());
                    life.refusal = given.refusal;
                }
                None => comments.retain(|comment| comment.at_ms <= next.started_ms),
            }
        }
        Ok(Some(Kept {
            begun: BegunCard { life, comments },
            files,
            created,
        }))
    }
}
