//! The evidence of a run: its rows as they are stored, damaged ones too.
//!
//! Nothing is understood here that need not be: a step whose text is no text any more, or a link of
//! another length, is for whoever judges the record to name.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};
use orket_actors::port::store::{CardRow, StoreError, TurnRow};

use super::shared_texts::NotWhole;
use super::{PAGE, Reader};
use crate::storage::schema::{
    card_definitions, card_events, cards, comments, queued_cards, removed_records, runs,
    turn_steps, turns,
};

/// One step as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredStep {
    /// The order in which steps were written.
    pub id: i64,
    /// The attempt's row.
    pub turn: TurnRow,
    /// Its place in the attempt.
    pub seq: i64,
    /// When, milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    /// Its JSON text, which may name a text that is stored by itself.
    pub body: Vec<u8>,
    /// Its link.
    pub link: Option<Vec<u8>>,
    /// The whole of it, where it names one; or why that could not be found.
    whole: Result<Option<String>, NotWhole>,
}

impl StoredStep {
    /// Its JSON text with what it names in its place.
    ///
    /// # Errors
    ///
    /// In words: it is no text, or what it names is gone or was changed.
    pub fn text(&self) -> Result<&str, String> {
        match &self.whole {
            Ok(Some(whole)) => Ok(whole),
            Ok(None) => std::str::from_utf8(&self.body).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The kind that its JSON names; nothing when that cannot be read.
    #[must_use]
    pub fn kind(&self) -> Option<String> {
        #[derive(serde::Deserialize)]
        struct Kind {
            kind: String,
        }
        let read: Result<Kind, _> = serde_json::from_slice(&self.body);
        read.ok().map(|it| it.kind)
    }
}

type Columns = (i64, i64, i64, i64, Vec<u8>, Option<Vec<u8>>);

/// One attempt as stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct StoredAttempt {
    /// Its row.
    pub row: TurnRow,
    /// Its card.
    pub card: CardRow,
    /// Who owns it.
    pub fence: i64,
    /// `open`, `succeeded`, `failed`, `stalled` or `abandoned`.
    pub status: String,
    /// The card's turn, from 1.
    pub turn: i64,
    /// The try, from 1.
    pub attempt: i64,
    /// When it began.
    pub started_ms: i64,
    /// When it ended.
    pub ended_ms: Option<i64>,
    /// Tokens read.
    pub prompt_tokens: i64,
    /// Tokens written.
    pub output_tokens: i64,
    /// The failure's code.
    pub code: Option<String>,
    /// The seat.
    pub seat: String,
    /// The role.
    pub role: String,
    /// The card's id.
    pub card_id: String,
    /// The run that began it.
    pub run_id: String,
    /// The link of its last step, once it has ended.
    pub head: Option<Vec<u8>>,
}

/// One card as stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct StoredCard {
    /// Its row.
    pub row: CardRow,
    /// The run it belongs to now.
    pub run_id: String,
    /// Its build.
    pub build_id: String,
    /// Its id.
    pub card_id: String,
    /// Its status.
    pub status: String,
    /// Why it waits.
    pub wait_reason: Option<String>,
    /// The turn it is at.
    pub turn: i64,
    /// The tries at this turn.
    pub attempt: i64,
    /// Tokens spent.
    pub tokens: i64,
    /// How it stands, as JSON.
    pub life: String,
    /// What it is: kind, seat, title, and its definition as JSON.
    pub definition: Option<(String, String, String, String)>,
}

/// One comment as stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct StoredComment {
    /// What makes it the only one of its kind.
    pub key: String,
    /// The role that made it.
    pub author: String,
    /// Its text.
    pub content: String,
}

impl Reader {
    /// The cards that a run is about: those that belong to it, and those it worked on before a later
    /// run took them over.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn stored_cards(&self, run_id: &str) -> Result<Vec<StoredCard>, StoreError> {
        self.snapshot(|connection| {
            let touched = turns::table
                .filter(turns::run_id.eq(run_id))
                .select(turns::card)
                .distinct()
                .load::<CardRow>(connection)?;
            let own = cards::table
                .filter(cards::run_id.eq(run_id))
                .select(cards::row)
                .load::<CardRow>(connection)?;
            let mut rows = [touched, own].concat();
            rows.sort_unstable();
            rows.dedup();
            let mut found = Vec::with_capacity(rows.len());
            for page in rows.chunks(500) {
                found.extend(
                    cards::table
                        .left_join(card_definitions::table)
                        .filter(cards::row.eq_any(page))
                        .order(cards::row)
                        .select((
                            cards::row,
                            cards::run_id,
                            cards::build_id,
                            cards::card_id,
                            cards::status,
                            cards::wait_reason,
                            cards::turn,
                            cards::attempt,
                            cards::tokens,
                            cards::life_json,
                            (
                                card_definitions::kind,
                                card_definitions::seat,
                                card_definitions::summary,
                                card_definitions::plan_json,
                            )
                                .nullable(),
                        ))
                        .load::<StoredCard>(connection)?,
                );
            }
            Ok(found)
        })
    }

    /// The ids of all cards of a build.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn card_ids_of_build(&self, build_id: &str) -> Result<Vec<String>, StoreError> {
        self.query(|connection| {
            cards::table
                .filter(cards::build_id.eq(build_id))
                .select(cards::card_id)
                .load(connection)
        })
    }

    /// The runs of a build that have begun, by when they did.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn begun_runs(&self, build_id: &str) -> Result<Vec<(i64, String)>, StoreError> {
        self.query(|connection| {
            runs::table
                .filter(runs::build_id.eq(build_id))
                .filter(runs::run_id.ne_all(queued_cards::table.select(queued_cards::run_id)))
                .order((runs::started_at, runs::run_id))
                .select((runs::started_at, runs::run_id))
                .load(connection)
        })
    }

    /// Cards that attempts of a run were made at, and that are gone.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn lost_cards(&self, run_id: &str) -> Result<Vec<String>, StoreError> {
        self.query(|connection| {
            turns::table
                .left_join(cards::table)
                .filter(
                    turns::run_id
                        .eq(run_id)
                        .and(cards::row.nullable().is_null()),
                )
                .order(turns::card_id)
                .select(turns::card_id)
                .distinct()
                .load(connection)
        })
    }

    /// The attempts at a card in the order in which they were made, whichever run made them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn stored_attempts(&self, card: CardRow) -> Result<Vec<StoredAttempt>, StoreError> {
        self.query(|connection| {
            turns::table
                .filter(turns::card.eq(card))
                .order(turns::row)
                .load(connection)
        })
    }

    /// The steps of an attempt in the order in which they were written.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn stored_steps(&self, turn: TurnRow) -> Result<Vec<StoredStep>, StoreError> {
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
                        // As bytes: one that is damaged need not be a text any more.
                        sql::<Binary>("CAST(body_json AS BLOB)"),
                        turn_steps::link,
                    ))
                    .load::<Columns>(connection)
            })?;
            if page.is_empty() {
                return Ok(steps);
            }
            steps.extend(page.into_iter().map(|(id, turn, seq, at_ms, body, link)| {
                let whole = match std::str::from_utf8(&body) {
                    Ok(text) => self.whole(text),
                    Err(_) => Ok(None),
                };
                StoredStep {
                    id,
                    turn,
                    seq,
                    at_ms,
                    body,
                    link,
                    whole,
                }
            }));
        }
    }

    /// The comments on a card, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn stored_comments(&self, card: CardRow) -> Result<Vec<StoredComment>, StoreError> {
        self.query(|connection| {
            comments::table
                .filter(comments::card.eq(card))
                .order(comments::id)
                .select((comments::key, comments::author, comments::content))
                .load(connection)
        })
    }

    /// What the audit says of how a card stood when a fork began, or when it was imported; nothing for
    /// cards that began with their run.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn fork_mark(&self, card: CardRow) -> Result<Option<String>, StoreError> {
        let found = self.query(|connection| {
            card_events::table
                .filter(
                    card_events::card
                        .eq(card)
                        .and(card_events::kind.eq_any(["card_forked", "card_imported"])),
                )
                .order(card_events::seq)
                .select(card_events::data_json)
                .first::<Option<String>>(connection)
                .optional()
        })?;
        Ok(found.map(Option::unwrap_or_default))
    }

    /// What retention removed of a run: when, and its note as JSON text.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn removed_record(&self, run_id: &str) -> Result<Option<(i64, String)>, StoreError> {
        self.query(|connection| {
            // A journal that is only read may be of an older schema.
            let tables = sql::<BigInt>(
                "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'removed_records'",
            )
            .get_result::<i64>(connection)?;
            if tables == 0 {
                return Ok(None);
            }
            removed_records::table
                .find(run_id)
                .select((removed_records::at, removed_records::what_json))
                .first::<(i64, String)>(connection)
                .optional()
        })
    }
}
