//! What a board lays over its assets: the newest run of each build of an epic, and how the cards of a
//! build stand.

use std::collections::HashSet;

use diesel::prelude::*;
use orket_actors::port::store::{RunStatus, StoreError};
use orket_core::card_life::CardLife;
use orket_core::plan::CardPlan;
use orket_core::status::{CardStatus, WaitReason};

use super::runs::run_status;
use super::{PAGE, Reader, from_json};
use crate::storage::schema::{card_definitions, cards, runs};

/// The newest runs of an epic that are looked through; a build none of whose runs is among them is
/// too old for a board.
const LOOKED_AT: i64 = 5_000;

/// The newest run of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRun {
    /// The run.
    pub run_id: String,
    /// The build.
    pub build_id: String,
    /// How the run stands.
    pub status: RunStatus,
    /// The card it is for, when it is for one alone.
    pub target: Option<String>,
    /// When it started, milliseconds since 1970-01-01 UTC.
    pub started_ms: i64,
    /// When it ended.
    pub ended_ms: Option<i64>,
}

/// How a card of a build stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardCard {
    /// The card.
    pub card_id: String,
    /// Its place in the epic.
    pub position: i64,
    /// Its status.
    pub status: CardStatus,
    /// Why it waits.
    pub wait_reason: Option<WaitReason>,
    /// In words: why it is not done.
    pub note: String,
    /// The code of what blocked it.
    pub code: Option<String>,
    /// Failed attempts forgiven so far.
    pub retries: u32,
}

impl Reader {
    /// The newest run of each build of an epic, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn newest_of_builds(&self, epic: &str) -> Result<Vec<BuildRun>, StoreError> {
        type Row = (String, String, String, Option<String>, i64, Option<i64>);
        let stored = self.query(|connection| {
            runs::table
                .filter(runs::epic.eq(epic))
                .order((runs::started_at.desc(), runs::run_id.desc()))
                .limit(LOOKED_AT)
                .select((
                    runs::run_id,
                    runs::build_id,
                    runs::status,
                    runs::target,
                    runs::started_at,
                    runs::ended_at,
                ))
                .load::<Row>(connection)
        })?;
        let mut seen = HashSet::new();
        stored
            .into_iter()
            .filter(|run| seen.insert(run.1.clone()))
            .map(|(run_id, build_id, status, target, started_ms, ended_ms)| {
                Ok(BuildRun {
                    status: run_status(&status)?,
                    run_id,
                    build_id,
                    target,
                    started_ms,
                    ended_ms,
                })
            })
            .collect()
    }

    /// How the cards of a build stand, in the epic's order; none while its run is queued.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn cards_of_build(&self, build_id: &str) -> Result<Vec<BoardCard>, StoreError> {
        let mut found: Vec<BoardCard> = Vec::new();
        let mut after = String::new();
        loop {
            let page = self.query(|connection| {
                cards::table
                    .filter(cards::build_id.eq(build_id).and(cards::card_id.gt(&after)))
                    .order(cards::card_id)
                    .limit(PAGE)
                    .select((cards::card_id, cards::position, cards::life_json))
                    .load::<(String, i64, String)>(connection)
            })?;
            let Some((last, _, _)) = page.last() else {
                break;
            };
            after.clone_from(last);
            for (card_id, position, life) in page {
                let life: CardLife = from_json("a card's life", &life)?;
                found.push(BoardCard {
                    card_id,
                    position,
                    status: life.status,
                    wait_reason: life.wait_reason,
                    note: life.note,
                    code: life.code,
                    retries: life.retries,
                });
            }
        }
        found.sort_by(|a, b| (a.position, &a.card_id).cmp(&(b.position, &b.card_id)));
        Ok(found)
    }

    /// What some cards of a build are, as they were planned, in the order of their ids.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn plans_of_cards(
        &self,
        build_id: &str,
        ids: &[&str],
    ) -> Result<Vec<CardPlan>, StoreError> {
        let mut plans = Vec::with_capacity(ids.len());
        for page in ids.chunks(500) {
            let stored = self.query(|connection| {
                cards::table
                    .inner_join(card_definitions::table)
                    .filter(
                        cards::build_id
                            .eq(build_id)
                            .and(cards::card_id.eq_any(page)),
                    )
                    .order(cards::card_id)
                    .select(card_definitions::plan_json)
                    .load::<String>(connection)
            })?;
            for text in stored {
                plans.push(from_json("a card's plan", &text)?);
            }
        }
        Ok(plans)
    }
}
