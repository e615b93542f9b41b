//! One card: what it is, what happened to it, and what was said of it.

use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel::sqlite::Sqlite;
use orket_actors::port::store::{CardRow, StoreError};
use orket_core::card_life::GUARD_TERMINAL;
use orket_core::status::CardStatus;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Reader;
use super::issue_row::{IssueRow, LISTED, Listed, issue_row};
use crate::storage::schema::{card_definitions, card_events, cards, comments};

/// A card with what only its plan says.
#[derive(Debug, Clone)]
pub struct CardDetail {
    /// As it is listed.
    pub listed: IssueRow,
    /// The rest of it.
    pub plan: PlannedCard,
    /// Attempts made, all turns together.
    pub attempts: u32,
}

/// What is shown of a card's plan beyond its columns. What cannot be read is left empty.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct PlannedCard {
    /// Longer text.
    pub description: String,
    /// What must be fulfilled.
    pub requirements: String,
    /// The asset's `params`.
    pub params: Map<String, Value>,
    /// Labels.
    pub labels: Vec<String>,
    /// References.
    pub references: Vec<String>,
    /// The card whose turn asked for it.
    pub created_by: Option<String>,
}

/// An entry of a card's audit.
#[derive(Debug, Clone, Queryable)]
pub struct HistoryRow {
    /// Rises with every entry of the data folder.
    pub seq: i64,
    /// `status`, or what else happened.
    pub kind: String,
    /// With `status`: from.
    pub from: Option<String>,
    /// With `status`: to.
    pub to: Option<String>,
    /// With `status`: why, as a word.
    pub reason: Option<String>,
    /// With `status`: who.
    pub by: Option<String>,
    /// More of it, JSON text.
    pub data_json: Option<String>,
    /// When, milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
}

/// Which entries of a card's audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryKind {
    /// All of them.
    Everything,
    /// What its guard did.
    Guard,
}

/// How often what happened between a card and its guard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GuardCounts {
    /// It was given to the guard.
    pub awaiting_guard_review: u64,
    /// The guard agreed.
    pub guard_approved: u64,
    /// The guard refused it for good.
    pub guard_rejected: u64,
    /// The guard wanted changes.
    pub guard_requested_changes: u64,
    /// It was given up: refused too often, or twice for the same reason.
    pub terminal_failures: u64,
}

/// A comment on a card.
#[derive(Debug, Clone, Queryable)]
pub struct CommentRow {
    /// Its number.
    pub id: i64,
    /// Who said it.
    pub author: String,
    /// What.
    pub content: String,
    /// When, milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
}

/// The statuses that a guard's part in a card's history is made of.
const OF_THE_GUARD: [CardStatus; 4] = [
    CardStatus::AwaitingGuardReview,
    CardStatus::GuardApproved,
    CardStatus::GuardRejected,
    CardStatus::GuardRequestedChanges,
];

#[derive(Default, Deserialize)]
#[serde(default)]
struct Life {
    attempts: u32,
}

impl Reader {
    /// One card.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn card_detail(&self, row: CardRow) -> Result<Option<CardDetail>, StoreError> {
        let stored = self.query(|connection| {
            cards::table
                .inner_join(card_definitions::table)
                .filter(cards::row.eq(row))
                .select((LISTED, card_definitions::plan_json))
                .first::<(Listed, String)>(connection)
                .optional()
        })?;
        Ok(stored.map(|(listed, plan)| {
            let (.., life) = &listed.0;
            let life: Life = serde_json::from_str(life).unwrap_or_default();
            CardDetail {
                attempts: life.attempts,
                listed: issue_row(listed),
                plan: serde_json::from_str(&plan).unwrap_or_default(),
            }
        }))
    }

    /// The audit of a card after entry `after`, oldest first, at most `limit` entries.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn card_history(
        &self,
        card: CardRow,
        kind: HistoryKind,
        after: i64,
        limit: i64,
    ) -> Result<Vec<HistoryRow>, StoreError> {
        self.query(|connection| {
            let mut query = card_events::table
                .filter(card_events::card.eq(card).and(card_events::seq.gt(after)))
                .order(card_events::seq)
                .limit(limit)
                .select((
                    card_events::seq,
                    card_events::kind,
                    card_events::from_status,
                    card_events::to_status,
                    card_events::reason,
                    card_events::by_whom,
                    card_events::data_json,
                    card_events::at,
                ))
                .into_boxed::<Sqlite>();
            if kind == HistoryKind::Guard {
                query = query.filter(of_the_guard());
            }
            query.load(connection)
        })
    }

    /// What happened between a card and its guard, counted.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn guard_counts(&self, card: CardRow) -> Result<GuardCounts, StoreError> {
        let counted = self.query(|connection| {
            card_events::table
                .filter(card_events::card.eq(card))
                .filter(of_the_guard())
                .group_by((card_events::to_status, card_events::reason))
                .select((card_events::to_status, card_events::reason, count_star()))
                .load::<(Option<String>, Option<String>, i64)>(connection)
        })?;
        let mut counts = GuardCounts::default();
        for (to, reason, count) in counted {
            let count = u64::try_from(count).unwrap_or(0);
            let place = match to.as_deref().map(str::parse::<CardStatus>) {
                _ if reason.as_deref() == Some(GUARD_TERMINAL) => &mut counts.terminal_failures,
                Some(Ok(CardStatus::AwaitingGuardReview)) => &mut counts.awaiting_guard_review,
                Some(Ok(CardStatus::GuardApproved)) => &mut counts.guard_approved,
                Some(Ok(CardStatus::GuardRejected)) => &mut counts.guard_rejected,
                Some(Ok(CardStatus::GuardRequestedChanges)) => &mut counts.guard_requested_changes,
                Some(_) | None => continue,
            };
            *place = place.saturating_add(count);
        }
        Ok(counts)
    }

    /// The comments on a card after comment `after`, oldest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn card_comments(
        &self,
        card: CardRow,
        after: i64,
        limit: i64,
    ) -> Result<Vec<CommentRow>, StoreError> {
        self.query(|connection| {
            comments::table
                .filter(comments::card.eq(card).and(comments::id.gt(after)))
                .order(comments::id)
                .limit(limit)
                .select((
                    comments::id,
                    comments::author,
                    comments::content,
                    comments::at,
                ))
                .load(connection)
        })
    }
}

type OfTheGuard = Box<
    dyn BoxableExpression<card_events::table, Sqlite, SqlType = diesel::sql_types::Nullable<Bool>>,
>;

/// Entries that are a guard's part of a card's audit.
fn of_the_guard() -> OfTheGuard {
    let [first, second, third, fourth] = OF_THE_GUARD.map(CardStatus::as_str);
    Box::new(
        card_events::to_status
            .eq(first)
            .or(card_events::to_status.eq(second))
            .or(card_events::to_status.eq(third))
            .or(card_events::to_status.eq(fourth))
            .or(card_events::reason.eq(GUARD_TERMINAL)),
    )
}
