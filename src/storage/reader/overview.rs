//! How everything stands at once: all runs, how many cards of each have which status, and the cards of a
//! build that matter most. The counts come from an index alone, so that a journal of a hundred thousand
//! cards is counted in milliseconds.

use std::collections::{BTreeMap, HashMap};

use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use orket_actors::port::store::{GATE_PENDING, StoreError};
use orket_core::status::{CardStatus, WaitReason};
use serde::Deserialize;

use super::runs::run_status;
use super::{BareRun, Pooled, Reader, from_word, number, unreadable};
use crate::storage::schema::{card_definitions, cards, gates, runs};

/// All runs, and how their cards stand.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    /// Newest first.
    pub runs: Vec<BareRun>,
    /// How many cards of each run have which status.
    pub counts: HashMap<String, BTreeMap<CardStatus, u64>>,
}

/// A card as a board lists it.
#[derive(Debug, Clone, PartialEq)]
pub struct OverviewCard {
    /// The card.
    pub card_id: String,
    /// Its place in the epic.
    pub position: i64,
    /// Its title.
    pub summary: String,
    /// Its seat.
    pub seat: String,
    /// Larger is sooner.
    pub priority: f64,
    /// Its status.
    pub status: CardStatus,
    /// Why it waits.
    pub wait_reason: Option<WaitReason>,
    /// The code of what blocked it.
    pub code: Option<String>,
    /// Why it is not done, in words.
    pub note: String,
}

/// Card, position, status, wait reason, title, seat, priority, life.
type Row = (
    String,
    i64,
    String,
    Option<String>,
    String,
    String,
    f64,
    String,
);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Life {
    code: Option<String>,
    note: String,
}

const COLUMNS: (
    cards::card_id,
    cards::position,
    cards::status,
    cards::wait_reason,
    card_definitions::summary,
    card_definitions::seat,
    card_definitions::priority,
    cards::life_json,
) = (
    cards::card_id,
    cards::position,
    cards::status,
    cards::wait_reason,
    card_definitions::summary,
    card_definitions::seat,
    card_definitions::priority,
    cards::life_json,
);

impl Reader {
    /// All runs, newest first, and how their cards stand.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn overview(&self) -> Result<Overview, StoreError> {
        type Run = (
            String,
            String,
            String,
            Option<String>,
            String,
            i64,
            Option<i64>,
        );
        let stored = self.query(|connection| {
            runs::table
                .select((
                    runs::run_id,
                    runs::build_id,
                    runs::epic,
                    runs::target,
                    runs::status,
                    runs::started_at,
                    runs::ended_at,
                ))
                .order((runs::started_at.desc(), runs::run_id.desc()))
                .load::<Run>(connection)
        })?;
        let mut overview = Overview::default();
        for (run_id, build_id, epic, target, status, started_ms, ended_ms) in stored {
            overview.runs.push(BareRun {
                status: run_status(&status)?,
                run_id,
                build_id,
                epic,
                target,
                started_ms,
                ended_ms,
            });
        }
        let counted = self.query(|connection| {
            cards::table
                .group_by((cards::run_id, cards::status))
                .select((cards::run_id, cards::status, count_star()))
                .load::<(String, String, i64)>(connection)
        })?;
        for (run, status, count) in counted {
            let status: CardStatus = from_word("a card's status", &status)?;
            let of_run = overview.counts.entry(run).or_default();
            of_run.insert(status, number("a count", count)?);
        }
        Ok(overview)
    }

    /// All cards of a build, in the epic's order.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn all_cards_of_build(&self, build: &str) -> Result<Vec<OverviewCard>, StoreError> {
        let rows = self.query(|connection| {
            cards::table
                .inner_join(card_definitions::table)
                .filter(cards::build_id.eq(build))
                .select(COLUMNS)
                .load::<Row>(connection)
        })?;
        let mut found: Vec<OverviewCard> = rows.into_iter().map(card).collect::<Result<_, _>>()?;
        found.sort_by(|a, b| (a.position, &a.card_id).cmp(&(b.position, &b.card_id)));
        Ok(found)
    }

    /// The first cards of a run that have this status, oldest first, at most `most`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn cards_with_status(
        &self,
        run: &str,
        status: CardStatus,
        most: usize,
    ) -> Result<Vec<OverviewCard>, StoreError> {
        let rows = self.query(|connection| {
            cards::table
                .inner_join(card_definitions::table)
                .filter(cards::run_id.eq(run).and(cards::status.eq(status.as_str())))
                .order(cards::row)
                .limit(i64::try_from(most).unwrap_or(i64::MAX))
                .select(COLUMNS)
                .load::<Row>(connection)
        })?;
        rows.into_iter().map(card).collect()
    }

    /// Gates that wait for a decision, oldest first, at most `most`: number, card, kind, reason.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn pending_gates(
        &self,
        most: usize,
    ) -> Result<Vec<(i64, String, String, String)>, StoreError> {
        self.query(|connection| {
            gates::table
                .filter(gates::status.eq(GATE_PENDING))
                .order(gates::id)
                .limit(i64::try_from(most).unwrap_or(i64::MAX))
                .select((
                    gates::id,
                    gates::card_id,
                    gates::request_type,
                    gates::reason,
                ))
                .load(connection)
        })
    }

    /// Watches for changes of the journal, whoever makes them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when no connection is free.
    pub fn changes(&self) -> Result<Changes, StoreError> {
        Ok(Changes {
            connection: self.connection()?,
            seen: None,
        })
    }
}

/// See [`Reader::changes`]. Holds a connection, and no lock.
pub struct Changes {
    connection: Pooled,
    seen: Option<i64>,
}

impl Changes {
    /// Whether anybody wrote since this was asked last; true the first time.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn any(&mut self) -> Result<bool, StoreError> {
        let version = sql::<BigInt>("PRAGMA data_version")
            .get_result::<i64>(&mut *self.connection)
            .map_err(unreadable)?;
        Ok(self.seen.replace(version) != Some(version))
    }
}

fn card(row: Row) -> Result<OverviewCard, StoreError> {
    let (card_id, position, status, wait_reason, summary, seat, priority, life) = row;
    let status: CardStatus = from_word("a card's status", &status)?;
    // What a card that goes on has behind it is of no interest.
    let life: Life = if status.is_settled() && !status.is_finished() {
        serde_json::from_str(&life).unwrap_or_default()
    } else {
        Life::default()
    };
    let wait_reason = wait_reason.map(|word| from_word("a wait reason", &word));
    Ok(OverviewCard {
        card_id,
        position,
        summary,
        seat,
        priority,
        status,
        wait_reason: wait_reason.transpose()?,
        code: life.code,
        note: life.note,
    })
}
