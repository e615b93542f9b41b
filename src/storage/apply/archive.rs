//! Archiving cards as SQL. Whether a card may be archived was decided before; here it is held to what
//! was decided on, in the transaction that archives it.

use std::collections::HashSet;

use diesel::prelude::*;
use orket_actors::port::store::{CardRow, GATE_PENDING, GateDecision, RunStatus, StatusChange};
use orket_core::card_life::CardLife;
use orket_core::ids::RunId;
use orket_core::status::CardStatus;
use serde_json::json;

use super::{Failure, Transaction, conflict};
use crate::storage::schema::{cards, gates, runs, turns};

impl Transaction<'_> {
    pub(super) fn archive(
        &mut self,
        found: &[(CardRow, CardStatus)],
        by: &str,
        reason: &str,
        at_ms: i64,
    ) -> Result<(), Failure> {
        self.end_what_is_open(found, by, at_ms)?;
        let data = json!({"by": by, "reason": reason});
        // Most cards of one write are of one run.
        let mut looked_at: Option<RunId> = None;
        for (row, from) in found {
            let (run, status, fence, life) = cards::table
                .find(row)
                .select((cards::run_id, cards::status, cards::fence, cards::life_json))
                .first::<(String, String, i64, String)>(self.connection)
                .optional()?
                .ok_or_else(|| conflict(format!("there is no card row {row}")))?;
            if status != from.as_str() {
                return Err(conflict(format!("card row {row} is `{status}` by now")));
            }
            let run_id = match looked_at.take() {
                Some(known) if known.as_str() == run => known,
                _ => self.run_at_rest(run)?,
            };
            let mut life: CardLife = serde_json::from_str(&life)
                .map_err(|error| conflict(format!("the life of card row {row}: {error}")))?;
            let mut changes = Vec::new();
            life.archive(&mut changes);
            let life_json = self.json(&life)?;
            let fence = fence.saturating_add(1);
            diesel::update(cards::table.find(row))
                .set((
                    cards::status.eq(life.status.as_str()),
                    cards::wait_reason.eq(None::<&str>),
                    cards::fence.eq(fence),
                    cards::updated_at.eq(at_ms),
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
                self.status_event(*row, &change, at_ms)?;
            }
            self.card_event(&run_id, Some(*row), "card_archived", &data, at_ms)?;
            looked_at = Some(run_id);
        }
        Ok(())
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
