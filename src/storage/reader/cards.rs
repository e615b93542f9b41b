//! Cards in lists, their audit and what people must decide about them.

mod one_page;

use std::collections::{BTreeMap, HashMap, HashSet};

use diesel::dsl::{InnerJoin, IntoBoxed, count_star};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use orket_actors::port::store::{GATE_PENDING, GateRecord, StoreError};
use orket_core::card_life::CardLife;

use self::one_page::OnePage;
use super::views::{CardSummary, EventRow, GateRow, StatusRow};
use super::{PAGE, Reader, from_json, from_word, number};
use crate::storage::schema::{card_definitions, card_events, cards, gates, turns};

/// Row, run, build, card, position, tokens, updated, life, kind, seat, summary.
type Stored = (
    i64,
    String,
    String,
    String,
    i64,
    i64,
    i64,
    String,
    String,
    String,
    String,
);

const SUMMARISED: (
    cards::row,
    cards::run_id,
    cards::build_id,
    cards::card_id,
    cards::position,
    cards::tokens,
    cards::updated_at,
    cards::life_json,
    card_definitions::kind,
    card_definitions::seat,
    card_definitions::summary,
) = (
    cards::row,
    cards::run_id,
    cards::build_id,
    cards::card_id,
    cards::position,
    cards::tokens,
    cards::updated_at,
    cards::life_json,
    card_definitions::kind,
    card_definitions::seat,
    card_definitions::summary,
);

impl Reader {
    /// The cards of a run, in the epic's order: those that belong to it, and those it worked on
    /// before a later run took them over.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn run_cards(&self, run_id: &str) -> Result<Vec<CardSummary>, StoreError> {
        let mut found = self.own_cards(run_id)?;
        let own: HashSet<i64> = found.iter().map(|card| card.row).collect();
        let mut taken_over = self.query(|connection| {
            turns::table
                .filter(turns::run_id.eq(run_id))
                .select(turns::card)
                .distinct()
                .load::<i64>(connection)
        })?;
        taken_over.retain(|card| !own.contains(card));
        found.extend(self.card_summaries(&taken_over)?);
        found.sort_by_key(|summary| (summary.position, summary.row));
        Ok(found)
    }

    /// The cards that belong to a run now, by their rows, page by page. The statements stay prepared,
    /// which those that name each card cannot.
    fn own_cards(&self, run_id: &str) -> Result<Vec<CardSummary>, StoreError> {
        let mut found: Vec<CardSummary> = Vec::new();
        loop {
            let after = found.last().map_or(i64::MIN, |card| card.row);
            let stored = self.query(|connection| {
                let of_run = cards::table
                    .inner_join(card_definitions::table)
                    .filter(cards::run_id.eq(run_id).and(cards::row.gt(after)))
                    .order(cards::row)
                    .select(SUMMARISED);
                OnePage(of_run).load::<Stored>(connection)
            })?;
            let Some(last) = stored.last().map(|card| card.0) else {
                return Ok(found);
            };
            let attempts = self.query(|connection| {
                let page = cards::table
                    .filter(cards::run_id.eq(run_id))
                    .filter(cards::row.gt(after).and(cards::row.le(last)))
                    .select(cards::row);
                turns::table
                    .filter(turns::card.eq_any(page))
                    .group_by(turns::card)
                    .select((turns::card, count_star()))
                    .load::<(i64, i64)>(connection)
            })?;
            let is_last = i64::try_from(stored.len()).is_ok_and(|length| length < PAGE);
            let attempts: HashMap<i64, i64> = attempts.into_iter().collect();
            for card in stored {
                let count = attempts.get(&card.0).copied().unwrap_or(0);
                found.push(summary(card, count)?);
            }
            if is_last {
                return Ok(found);
            }
        }
    }

    pub(super) fn card_summaries_of_build(
        &self,
        build_id: &str,
    ) -> Result<Vec<CardSummary>, StoreError> {
        let rows = self.query(|connection| {
            cards::table
                .filter(cards::build_id.eq(build_id))
                .select(cards::row)
                .load::<i64>(connection)
        })?;
        self.card_summaries(&rows)
    }

    fn card_summaries(&self, rows: &[i64]) -> Result<Vec<CardSummary>, StoreError> {
        let mut summaries = Vec::with_capacity(rows.len());
        for page in rows.chunks(500) {
            let (stored, attempts) = self.query(|connection| {
                let stored = cards::table
                    .inner_join(card_definitions::table)
                    .filter(cards::row.eq_any(page))
                    .select(SUMMARISED)
                    .load::<Stored>(connection)?;
                let attempts = turns::table
                    .filter(turns::card.eq_any(page))
                    .group_by(turns::card)
                    .select((turns::card, count_star()))
                    .load::<(i64, i64)>(connection)?;
                Ok((stored, attempts))
            })?;
            let attempts: HashMap<i64, i64> = attempts.into_iter().collect();
            for card in stored {
                let count = attempts.get(&card.0).copied().unwrap_or(0);
                summaries.push(summary(card, count)?);
            }
        }
        summaries.sort_by_key(|summary| (summary.position, summary.row));
        Ok(summaries)
    }

    /// The audit of a run after entry `after_seq`, oldest first, at most `limit` entries.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn events(
        &self,
        run_id: &str,
        after_seq: i64,
        limit: u32,
    ) -> Result<Vec<EventRow>, StoreError> {
        type Event = (
            i64,
            String,
            Option<i64>,
            String,
            Option<String>,
            Option<String>,
            Option<String>,
            Option<String>,
            Option<String>,
            i64,
        );
        let (events, ids) = self.query(|connection| {
            let events = card_events::table
                .filter(
                    card_events::run_id
                        .eq(run_id)
                        .and(card_events::seq.gt(after_seq)),
                )
                .order(card_events::seq)
                .limit(i64::from(limit))
                .load::<Event>(connection)?;
            let mut rows: Vec<i64> = events.iter().filter_map(|event| event.2).collect();
            rows.sort_unstable();
            rows.dedup();
            let mut ids = BTreeMap::new();
            for page in rows.chunks(500) {
                ids.extend(
                    cards::table
                        .filter(cards::row.eq_any(page))
                        .select((cards::row, cards::card_id))
                        .load::<(i64, String)>(connection)?,
                );
            }
            Ok((events, ids))
        })?;
        events
            .into_iter()
            .map(
                |(seq, run_id, card, kind, from, to, reason, by, data, at_ms)| {
                    Ok(EventRow {
                        seq,
                        run_id,
                        card,
                        card_id: card.and_then(|row| ids.get(&row).cloned()),
                        kind,
                        from,
                        to,
                        reason,
                        by,
                        data: data.map_or(Ok(serde_json::Value::Null), |text| {
                            from_json("an event's data", &text)
                        })?,
                        at_ms,
                    })
                },
            )
            .collect()
    }

    /// The audited changes of a card's status, oldest first, whichever run made them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn status_changes(&self, card: i64) -> Result<Vec<StatusRow>, StoreError> {
        type Row = (
            String,
            Option<String>,
            Option<String>,
            Option<String>,
            Option<String>,
        );
        let rows = self.query(|connection| {
            card_events::table
                .filter(
                    card_events::card
                        .eq(card)
                        .and(card_events::kind.eq("status")),
                )
                .order(card_events::seq)
                .select((
                    card_events::run_id,
                    card_events::from_status,
                    card_events::to_status,
                    card_events::reason,
                    card_events::by_whom,
                ))
                .load::<Row>(connection)
        })?;
        Ok(rows
            .into_iter()
            .map(|(run_id, from, to, reason, by)| StatusRow {
                run_id,
                from: from.unwrap_or_default(),
                to: to.unwrap_or_default(),
                reason: reason.unwrap_or_default(),
                by: by.unwrap_or_default(),
            })
            .collect())
    }

    /// What people must decide (`Some("pending")`) or have decided, oldest first. The run is the one
    /// that has the card now.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn gates(&self, status: Option<&str>) -> Result<Vec<GateRow>, StoreError> {
        let stored = self.gates_where(|gates| match status {
            Some(status) => gates.filter(gates::status.eq(status.to_owned())),
            None => gates,
        })?;
        stored.into_iter().map(with_its_run).collect()
    }

    /// The gates of a run's cards, oldest first, for whoever carries it out.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn gates_of_run(&self, run_id: &str) -> Result<Vec<GateRecord>, StoreError> {
        let stored = self.gates_where(|gates| gates.filter(cards::run_id.eq(run_id.to_owned())))?;
        Ok(stored.into_iter().map(gate_record).collect())
    }

    /// The gates of a build's cards, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn gates_of_build(&self, build_id: &str) -> Result<Vec<GateRecord>, StoreError> {
        let stored =
            self.gates_where(|gates| gates.filter(cards::build_id.eq(build_id.to_owned())))?;
        Ok(stored.into_iter().map(gate_record).collect())
    }

    /// Pending gates whose time had run out at `now_ms`, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn expired_gates(&self, now_ms: i64) -> Result<Vec<GateRecord>, StoreError> {
        let stored = self.gates_where(|gates| {
            gates
                .filter(gates::status.eq(GATE_PENDING))
                .filter(gates::expires_at.le(now_ms))
        })?;
        Ok(stored.into_iter().map(gate_record).collect())
    }

    /// One gate as whoever decides it needs it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    pub fn gate_record(&self, id: i64) -> Result<Option<GateRecord>, StoreError> {
        let stored = self.gates_where(|gates| gates.filter(gates::id.eq(id)))?;
        Ok(stored.into_iter().next().map(gate_record))
    }

    /// Gates with the run that has their card now, oldest first.
    fn gates_where(
        &self,
        narrow: impl FnOnce(Gates) -> Gates,
    ) -> Result<Vec<(StoredGate, String)>, StoreError> {
        self.query(|connection| {
            narrow(gates::table.inner_join(cards::table).into_boxed())
                .order(gates::id)
                .select((gates::all_columns, cards::run_id))
                .load(connection)
        })
    }
}

/// Gates joined to their cards.
type Gates = IntoBoxed<'static, InnerJoin<gates::table, cards::table>, Sqlite>;

/// A gate with the run that has its card now.
fn with_its_run((gate, run_id): (StoredGate, String)) -> Result<GateRow, StoreError> {
    gate_row(StoredGate { run_id, ..gate })
}

/// A row of `gates`.
#[derive(Queryable)]
struct StoredGate {
    id: i64,
    run_id: String,
    card: i64,
    card_id: String,
    seat: String,
    request_type: String,
    reason: String,
    payload_json: String,
    status: String,
    resolution_json: Option<String>,
    created_at: i64,
    resolved_at: Option<i64>,
    digest: Option<String>,
    expires_at: Option<i64>,
    spent_at: Option<i64>,
    decided_by: Option<String>,
}

/// The run is the one that the card belongs to now.
fn gate_record((gate, run_id): (StoredGate, String)) -> GateRecord {
    let reason = gate
        .resolution_json
        .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
        .and_then(|value| value.get("reason")?.as_str().map(str::to_owned));
    GateRecord {
        id: gate.id,
        run_id,
        card: gate.card,
        request_type: gate.request_type,
        payload: serde_json::from_str(&gate.payload_json).unwrap_or_default(),
        digest: gate.digest,
        status: gate.status,
        expires_at_ms: gate.expires_at,
        spent: gate.spent_at.is_some(),
        decided_by: gate.decided_by,
        reason,
    }
}

fn gate_row(gate: StoredGate) -> Result<GateRow, StoreError> {
    let resolution = gate
        .resolution_json
        .map(|text| from_json("a gate's resolution", &text))
        .transpose()?;
    Ok(GateRow {
        id: gate.id,
        run_id: gate.run_id,
        card: gate.card,
        card_id: gate.card_id,
        seat: gate.seat,
        request_type: gate.request_type,
        reason: gate.reason,
        payload: from_json("a gate's payload", &gate.payload_json)?,
        status: gate.status,
        resolution,
        created_ms: gate.created_at,
        resolved_ms: gate.resolved_at,
        digest: gate.digest,
        expires_ms: gate.expires_at,
        spent_ms: gate.spent_at,
        decided_by: gate.decided_by,
    })
}

fn summary(stored: Stored, attempts: i64) -> Result<CardSummary, StoreError> {
    let (row, run_id, build_id, card_id, position, tokens, updated_ms, life, kind, seat, summary) =
        stored;
    let life: CardLife = from_json("a card's life", &life)?;
    Ok(CardSummary {
        row,
        run_id,
        build_id,
        position: number("a card's position", position)?,
        card_id,
        kind: from_word("a card's kind", &kind)?,
        summary,
        seat,
        status: life.status,
        wait_reason: life.wait_reason,
        code: life.code,
        note: life.note,
        turn: life.turn,
        // Those that a fork took over are in the other run's journal.
        attempts: number::<u32>("a count of attempts", attempts)?.max(life.attempts),
        retries: life.retries,
        tokens: number("a count of tokens", tokens)?,
        updated_ms,
    })
}
