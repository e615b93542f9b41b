//! Archiving cards and taking them out again as SQL. Whether a card may be was decided before; here it is held to what
//! was decided on, in the transaction that archives it.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use orket_actors::port::store::{CardRow, GATE_PENDING, GateDecision, RunStatus, StatusChange};
use orket_core::card_life::{CardLife, Change};
use orket_core::ids::RunId;
use orket_core::status::{CardStatus, WaitReason};
use serde_json::{Value, json};

use super::{Failure, Transaction, conflict};
use crate::storage::schema::{card_events, cards, gates, runs, turns};

/// What a card waited for when it was put away, in the data of its entry in the audit.
const WAITED_FOR: &str = "waited_for";

/// Cards that a person moves.
struct Moved<'a> {
    /// Which, and how each stood.
    cards: &'a [(CardRow, CardStatus)],
    /// The audit's word for it.
    kind: &'static str,
    by: &'a str,
    reason: &'a str,
    at_ms: i64,
}

impl Transaction<'_> {
    pub(super) fn archive(
        &mut self,
        found: &[(CardRow, CardStatus)],
        by: &str,
        reason: &str,
        at_ms: i64,
    ) -> Result<(), Failure> {
        self.end_what_is_open(found, by, at_ms)?;
        let change = |_, life: &mut CardLife, _, changes: &mut Vec<Change>| {
            let waited_for = life.wait_reason;
            life.archive(changes);
            waited_for
        };
        let moved = Moved {
            cards: found,
            kind: "card_archived",
            by,
            reason,
            at_ms,
        };
        self.move_cards(&moved, |status, known| status == known, change)
    }

    pub(super) fn unarchive(
        &mut self,
        found: &[(CardRow, CardStatus)],
        by: &str,
        reason: &str,
        at_ms: i64,
    ) -> Result<(), Failure> {
        let mut waits = HashMap::new();
        for (row, stood) in found {
            let (from, waited_for) = self.before_archive(*row)?;
            if from != *stood {
                return Err(conflict(format!(
                    "card row {row} was `{from}` when it was archived"
                )));
            }
            waits.insert(*row, waited_for);
        }
        let change = |row: CardRow, life: &mut CardLife, stood, changes: &mut Vec<Change>| {
            let waited_for = waits.get(&row).copied().flatten();
            life.unarchive(stood, waited_for, changes);
            None
        };
        let moved = Moved {
            cards: found,
            kind: "card_unarchived",
            by,
            reason,
            at_ms,
        };
        self.move_cards(&moved, |status, _| status == CardStatus::Archived, change)
    }

    /// Changes the life of each card, with a new fence and what the audit says of it.
    fn move_cards(
        &mut self,
        moved: &Moved<'_>,
        is_expected: impl Fn(CardStatus, CardStatus) -> bool,
        change: impl Fn(CardRow, &mut CardLife, CardStatus, &mut Vec<Change>) -> Option<WaitReason>,
    ) -> Result<(), Failure> {
        // Most cards of one write are of one run.
        let mut looked_at: Option<RunId> = None;
        for (row, known) in moved.cards {
            let (run, status, fence, life) = cards::table
                .find(row)
                .select((cards::run_id, cards::status, cards::fence, cards::life_json))
                .first::<(String, String, i64, String)>(self.connection)
                .optional()?
                .ok_or_else(|| conflict(format!("there is no card row {row}")))?;
            if !status
                .parse()
                .is_ok_and(|status| is_expected(status, *known))
            {
                return Err(conflict(format!("card row {row} is `{status}` by now")));
            }
            let run_id = match looked_at.take() {
                Some(known) if known.as_str() == run => known,
                _ => self.run_at_rest(run)?,
            };
            let mut life: CardLife = serde_json::from_str(&life)
                .map_err(|error| conflict(format!("the life of card row {row}: {error}")))?;
            let mut changes = Vec::new();
            let waited_for = change(*row, &mut life, *known, &mut changes);
            let life_json = self.json(&life)?;
            let fence = fence.saturating_add(1);
            diesel::update(cards::table.find(row))
                .set((
                    cards::status.eq(life.status.as_str()),
                    cards::wait_reason.eq(life.wait_reason.map(WaitReason::as_str)),
                    cards::fence.eq(fence),
                    cards::updated_at.eq(moved.at_ms),
                    cards::life_json.eq(&life_json),
                ))
                .execute(self.connection)?;
            self.known.fenced(*row, fence);
            for change in changes {
                let change = StatusChange {
                    from: change.from,
                    to: change.to,
                    reason: change.reason.to_owned(),
                    by: "operator".to_owned(),
                };
                self.status_event(*row, &change, moved.at_ms)?;
            }
            let mut data = json!({"by": moved.by, "reason": moved.reason});
            if let (Some(waited_for), Some(data)) = (waited_for, data.as_object_mut()) {
                data.insert(WAITED_FOR.to_owned(), json!(waited_for));
            }
            self.card_event(&run_id, Some(*row), moved.kind, &data, moved.at_ms)?;
            looked_at = Some(run_id);
        }
        Ok(())
    }

    /// How a card stood when it was last put away, and what it waited for then.
    fn before_archive(
        &mut self,
        row: CardRow,
    ) -> Result<(CardStatus, Option<WaitReason>), Failure> {
        let of_card = card_events::table.filter(card_events::card.eq(row));
        let from = of_card
            .filter(card_events::to_status.eq(CardStatus::Archived.as_str()))
            .order(card_events::seq.desc())
            .select(card_events::from_status)
            .first::<Option<String>>(self.connection)
            .optional()?
            .flatten()
            .and_then(|word| word.parse().ok())
            .ok_or_else(|| conflict(format!("no record says how card row {row} stood")))?;
        let data = of_card
            .filter(card_events::kind.eq("card_archived"))
            .order(card_events::seq.desc())
            .select(card_events::data_json)
            .first::<Option<String>>(self.connection)
            .optional()?
            .flatten();
        let waited_for = data
            .and_then(|text| serde_json::from_str::<Value>(&text).ok())
            .and_then(|data| data.get(WAITED_FOR)?.as_str()?.parse().ok());
        Ok((from, waited_for))
    }

    /// The run's id, when nothing of it is under way.
    fn run_at_rest(&mut self, run: String) -> Result<RunId, Failure> {
        let status = runs::table
            .find(&run)
            .select(runs::status)
            .first::<String>(self.connection)?;
        if status == RunStatus::Running.as_str() {
            return Err(conflict(format!("run `{run}` is under way")));
        }
        RunId::new(run).map_err(|error| conflict(error.to_string()))
    }

    /// Nobody goes on with the attempts at these cards, and nobody has to answer what they asked. Of
    /// both there are few, whatever the number of cards.
    fn end_what_is_open(
        &mut self,
        found: &[(CardRow, CardStatus)],
        by: &str,
        at_ms: i64,
    ) -> Result<(), Failure> {
        let rows: HashSet<CardRow> = found.iter().map(|(row, _)| *row).collect();
        let open = turns::table
            .filter(turns::ended_at.is_null())
            .select((turns::row, turns::card))
            .load::<(i64, i64)>(self.connection)?;
        for (turn, _) in open.iter().filter(|(_, card)| rows.contains(card)) {
            self.close_turn(*turn, "abandoned", None, 0, 0, at_ms)?;
        }
        let pending = gates::table
            .filter(gates::status.eq(GATE_PENDING))
            .select((gates::id, gates::card))
            .load::<(i64, i64)>(self.connection)?;
        for (gate, _) in pending.iter().filter(|(_, card)| rows.contains(card)) {
            let reason = "its card was archived";
            self.decide_gate(*gate, GateDecision::Expired, by, reason, at_ms)?;
        }
        Ok(())
    }
}
