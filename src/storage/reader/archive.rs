//! Cards that somebody asks to archive, or to take out again.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use orket_actors::port::store::{CardRow, RunStatus, StoreError};
use orket_core::status::{CardKind, CardStatus};
use serde::Deserialize;

use super::{PAGE, Reader, from_word};
use crate::storage::schema::{card_definitions, card_events, cards, runs};

/// The most cards that are found by words, newest first; those archived before count for themselves.
pub const MOST_RELATED: usize = 500;

/// Which cards are meant. Each of the three adds to the others.
#[derive(Debug, Clone, Default)]
pub struct ArchiveWish {
    /// These, of the newest build that has each; `BUILD/CARD` names the build.
    pub card_ids: Vec<String>,
    /// All of this build.
    pub build_id: Option<String>,
    /// Those with one of these texts in id, build, title or note, whichever their case.
    pub related: Vec<String>,
    /// Archived cards are sought, to take them out; the others are found only to be told apart.
    pub to_take_out: bool,
}

/// A card that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveCard {
    /// Its row.
    pub row: CardRow,
    /// The card.
    pub card_id: String,
    /// Its build.
    pub build_id: String,
    /// The run it belongs to.
    pub run_id: String,
    /// What kind it is.
    pub kind: CardKind,
    /// How it stands.
    pub status: CardStatus,
    /// Whether its run is under way.
    pub is_under_way: bool,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct ArchiveFound {
    /// Each card once.
    pub cards: BTreeMap<CardRow, ArchiveCard>,
    /// Ids that no card has.
    pub missing: Vec<String>,
    /// The build has no card.
    pub build_is_missing: bool,
    /// More cards are related than were looked at.
    pub more_related: bool,
}

/// Row, card, build, run, kind, status, the run's status.
type Stored = (i64, String, String, String, String, String, String);

/// Row, id, build, status, title, note, life.
type Related = (i64, String, String, String, String, String, String);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Life {
    note: String,
}

impl Reader {
    /// The cards that are meant.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn to_archive(&self, wish: &ArchiveWish) -> Result<ArchiveFound, StoreError> {
        let mut found = ArchiveFound::default();
        for id in &wish.card_ids {
            let row = match id.split_once('/') {
                Some((build, card)) => self.find_card(card, Some(build), None)?,
                None => self.find_card(id, None, None)?,
            };
            match row {
                Some(row) => self.look_up(&mut found, &[row])?,
                None => found.missing.push(id.clone()),
            }
        }
        if let Some(build) = &wish.build_id {
            let rows = self.query(|connection| {
                cards::table
                    .filter(cards::build_id.eq(build))
                    .select(cards::row)
                    .load::<i64>(connection)
            })?;
            found.build_is_missing = rows.is_empty();
            self.look_up(&mut found, &rows)?;
        }
        if !wish.related.is_empty() {
            let rows = self.related(wish, &mut found.more_related)?;
            self.look_up(&mut found, &rows)?;
        }
        Ok(found)
    }

    fn look_up(&self, found: &mut ArchiveFound, rows: &[i64]) -> Result<(), StoreError> {
        for page in rows.chunks(500) {
            let stored = self.query(|connection| {
                cards::table
                    .inner_join(card_definitions::table)
                    .inner_join(runs::table.on(runs::run_id.eq(cards::run_id)))
                    .filter(cards::row.eq_any(page))
                    .select((
                        cards::row,
                        cards::card_id,
                        cards::build_id,
                        cards::run_id,
                        card_definitions::kind,
                        cards::status,
                        runs::status,
                    ))
                    .load::<Stored>(connection)
            })?;
            for (row, card_id, build_id, run_id, kind, status, run_status) in stored {
                let card = ArchiveCard {
                    row,
                    card_id,
                    build_id,
                    run_id,
                    kind: from_word("a card's kind", &kind)?,
                    status: from_word("a card's status", &status)?,
                    is_under_way: run_status == RunStatus::Running.as_str(),
                };
                found.cards.insert(row, card);
            }
        }
        Ok(())
    }

    /// Looks through all cards, newest first, page by page. Texts are compared as they are: nothing in
    /// them stands for anything else.
    fn related(&self, wish: &ArchiveWish, is_more: &mut bool) -> Result<Vec<i64>, StoreError> {
        let texts: Vec<String> = wish
            .related
            .iter()
            .map(|text| text.to_lowercase())
            .collect();
        let (mut sought, mut others) = (Vec::new(), Vec::new());
        let mut before = i64::MAX;
        loop {
            let page = self.query(|connection| {
                cards::table
                    .inner_join(card_definitions::table)
                    .filter(cards::row.lt(before))
                    .order(cards::row.desc())
                    .limit(PAGE)
                    .select((
                        cards::row,
                        cards::card_id,
                        cards::build_id,
                        cards::status,
                        card_definitions::summary,
                        card_definitions::note,
                        cards::life_json,
                    ))
                    .load::<Related>(connection)
            })?;
            let Some(last) = page.last() else {
                break;
            };
            before = last.0;
            for card in page.iter().filter(|card| is_related(card, &texts)) {
                let is_archived = card.3 == CardStatus::Archived.as_str();
                let is_sought = is_archived == wish.to_take_out;
                let rows = if is_sought { &mut sought } else { &mut others };
                if rows.len() < MOST_RELATED {
                    rows.push(card.0);
                } else if is_sought {
                    *is_more = true;
                }
            }
            if *is_more {
                break;
            }
        }
        sought.extend(others);
        Ok(sought)
    }

    /// How archived cards stood when each was last put away; a card whose record does not say so is
    /// missing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn stood_before_archive(
        &self,
        rows: &[CardRow],
    ) -> Result<HashMap<CardRow, CardStatus>, StoreError> {
        let mut stood = HashMap::new();
        for page in rows.chunks(500) {
            let found = self.query(|connection| {
                card_events::table
                    .filter(card_events::card.eq_any(page))
                    .filter(card_events::to_status.eq(CardStatus::Archived.as_str()))
                    .order(card_events::seq)
                    .select((card_events::card, card_events::from_status))
                    .load::<(Option<i64>, Option<String>)>(connection)
            })?;
            // The last one counts.
            for (row, from) in found {
                if let (Some(row), Some(from)) = (row, from) {
                    stood.insert(row, from_word("a card's status", &from)?);
                }
            }
        }
        Ok(stood)
    }

    /// The card with this id: of this build, of this run's build, or of the newest build that has it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn find_card(
        &self,
        card_id: &str,
        build_id: Option<&str>,
        session_id: Option<&str>,
    ) -> Result<Option<CardRow>, StoreError> {
        self.query(|connection| {
            let mut query = cards::table
                .filter(cards::card_id.eq(card_id))
                .select(cards::row)
                .order(cards::row.desc())
                .limit(1)
                .into_boxed::<Sqlite>();
            if let Some(run) = session_id {
                let of_run = runs::table
                    .find(run)
                    .select(runs::build_id)
                    .first::<String>(connection)
                    .optional()?;
                match of_run {
                    Some(build) if build_id.is_none_or(|wished| wished == build) => {
                        query = query.filter(cards::build_id.eq(build));
                    }
                    Some(_) | None => return Ok(None),
                }
            } else if let Some(build) = build_id {
                query = query.filter(cards::build_id.eq(build));
            }
            query.first(connection).optional()
        })
    }
}

fn is_related(card: &Related, texts: &[String]) -> bool {
    let (_, id, build, _, summary, note, life) = card;
    // A note that is not there need not be read.
    let life: Life = if life.contains("\"note\"") {
        serde_json::from_str(life).unwrap_or_default()
    } else {
        Life::default()
    };
    [id, build, summary, note, &life.note].iter().any(|field| {
        let field = field.to_lowercase();
        texts.iter().any(|text| field.contains(text.as_str()))
    })
}
