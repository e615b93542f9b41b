//! Cards, their audit, their comments and gates as SQL.

use std::sync::Arc;

use diesel::prelude::*;
use orket_actors::port::store::{CardRow, GateDecision, StatusChange};
use orket_core::card_life::CardLife;
use orket_core::ids::{BuildId, CardId, RunId};
use orket_core::plan::CardPlan;
use orket_core::status::CardStatus;
use orket_core::verify::Scenario;
use serde::Serialize;
use serde_json::Value;

use super::hot_statements::{AttemptFenceUpdate, LifeUpdate, StatusEventInsert};
use super::{About, Failure, Transaction, conflict, count};
use crate::storage::schema::{card_definitions, card_events, cards, comments, gates};

impl Transaction<'_> {
    pub(super) fn insert_cards(
        &mut self,
        run_id: &RunId,
        build_id: &BuildId,
        new: &[(CardRow, u32, Arc<CardPlan>, CardLife)],
        at_ms: i64,
    ) -> Result<(), Failure> {
        for (row, position, plan, life) in new {
            let life_json = self.json(life)?;
            let plan_json = self.json(plan)?;
            let depends_on_json = self.json(&plan.depends_on)?;
            let verification_json = self.json(&Verification::of(plan))?;
            let what = || format!("card `{}` of build `{build_id}`", plan.id);
            diesel::insert_into(cards::table)
                .values((
                    cards::row.eq(row),
                    cards::run_id.eq(run_id.as_str()),
                    cards::build_id.eq(build_id.as_str()),
                    cards::card_id.eq(plan.id.as_str()),
                    cards::position.eq(i64::from(*position)),
                    cards::fence.eq(0_i64),
                    cards::status.eq(life.status.as_str()),
                    cards::wait_reason.eq(life.wait_reason.map(|reason| reason.as_str())),
                    cards::turn.eq(i64::from(life.turn)),
                    cards::attempt.eq(i64::from(life.attempt)),
                    cards::tokens.eq(count(life.tokens)),
                    cards::updated_at.eq(at_ms),
                    cards::life_json.eq(&life_json),
                ))
                .execute(self.connection)
                .about(what)?;
            diesel::insert_into(card_definitions::table)
                .values((
                    card_definitions::card.eq(row),
                    card_definitions::created_at.eq(at_ms),
                    card_definitions::kind.eq(plan.kind.as_str()),
                    card_definitions::seat.eq(&plan.seat),
                    card_definitions::summary.eq(&plan.summary),
                    card_definitions::note.eq(&plan.note),
                    card_definitions::priority.eq(plan.priority),
                    card_definitions::max_retries.eq(i64::from(plan.max_retries)),
                    card_definitions::depends_on_json.eq(&depends_on_json),
                    card_definitions::verification_json.eq(&verification_json),
                    card_definitions::plan_json.eq(&plan_json),
                ))
                .execute(self.connection)
                .about(what)?;
        }
        Ok(())
    }

    pub(super) fn adopt_cards(&mut self, run_id: &RunId, rows: &[CardRow]) -> Result<(), Failure> {
        for row in rows {
            let changed = diesel::update(cards::table.find(row))
                .set(cards::run_id.eq(run_id.as_str()))
                .execute(self.connection)
                .about(|| format!("card row {row}, run `{run_id}`"))?;
            found(changed, *row)?;
        }
        Ok(())
    }

    pub(super) fn set_card(
        &mut self,
        row: CardRow,
        life: &CardLife,
        fence: Option<i64>,
        changes: &[StatusChange],
        at_ms: i64,
    ) -> Result<(), Failure> {
        let life_json = self.json(life)?;
        let changed = if life.status == CardStatus::Archived {
            self.archive_card(row, life, fence, &life_json, at_ms)
        } else {
            let update = LifeUpdate {
                status: life.status.as_str(),
                wait_reason: life.wait_reason.map(|reason| reason.as_str()),
                turn: i64::from(life.turn),
                attempt: i64::from(life.attempt),
                tokens: count(life.tokens),
                updated_at: at_ms,
                life_json: &life_json,
                fence,
                row,
            };
            update.execute(self.connection)
        };
        let changed = changed.about(|| format!("card row {row}"))?;
        // Whoever read the card before it was archived is told.
        if changed == 0 && self.is_archived(row)? {
            return Err(conflict(format!("card row {row} is archived")));
        }
        found(changed, row)?;
        if let Some(fence) = fence {
            let update = AttemptFenceUpdate { fence, card: row };
            update.execute(self.connection)?;
            self.known.fenced(row, fence);
        }
        for change in changes {
            self.status_event(row, change, at_ms)?;
        }
        Ok(())
    }

    /// A card's life as it is archived, from whatever it was.
    fn archive_card(
        &mut self,
        row: CardRow,
        life: &CardLife,
        fence: Option<i64>,
        life_json: &str,
        at_ms: i64,
    ) -> QueryResult<usize> {
        let new = (
            cards::status.eq(life.status.as_str()),
            cards::wait_reason.eq(life.wait_reason.map(|reason| reason.as_str())),
            cards::turn.eq(i64::from(life.turn)),
            cards::attempt.eq(i64::from(life.attempt)),
            cards::tokens.eq(count(life.tokens)),
            cards::updated_at.eq(at_ms),
            cards::life_json.eq(life_json),
            fence.map(|fence| cards::fence.eq(fence)),
        );
        diesel::update(cards::table.find(row))
            .set(new)
            .execute(self.connection)
    }

    fn is_archived(&mut self, row: CardRow) -> Result<bool, Failure> {
        let status = cards::table
            .find(row)
            .select(cards::status)
            .first::<String>(self.connection)
            .optional()?;
        Ok(status.is_some_and(|status| status == CardStatus::Archived.as_str()))
    }

    /// The run is the one the card belongs to now.
    pub(super) fn status_event(
        &mut self,
        row: CardRow,
        change: &StatusChange,
        at_ms: i64,
    ) -> Result<(), Failure> {
        let event = StatusEventInsert {
            from: change.from.as_str(),
            to: change.to.as_str(),
            reason: &change.reason,
            by: &change.by,
            at: at_ms,
            row,
        };
        event
            .execute(self.connection)
            .about(|| format!("audit of card row {row}"))?;
        Ok(())
    }

    pub(super) fn card_event(
        &mut self,
        run_id: &RunId,
        card: Option<CardRow>,
        kind: &str,
        data: &Value,
        at_ms: i64,
    ) -> Result<(), Failure> {
        // A test arms a fault by an event's kind, and so has a write that panics by itself.
        orket_actors::fault::point(kind);
        let data_json = self.json(data)?;
        diesel::insert_into(card_events::table)
            .values((
                card_events::run_id.eq(run_id.as_str()),
                card_events::card.eq(card),
                card_events::kind.eq(kind),
                card_events::data_json.eq(&data_json),
                card_events::at.eq(at_ms),
            ))
            .execute(self.connection)
            .about(|| format!("event `{kind}` of run `{run_id}`"))?;
        Ok(())
    }

    pub(super) fn comment(
        &mut self,
        card: CardRow,
        author: &str,
        content: &str,
        key: &str,
        at_ms: i64,
    ) -> Result<(), Failure> {
        diesel::insert_into(comments::table)
            .values((
                comments::card.eq(card),
                comments::key.eq(key),
                comments::author.eq(author),
                comments::content.eq(content),
                comments::at.eq(at_ms),
            ))
            .on_conflict(comments::key)
            .do_nothing()
            .execute(self.connection)
            .about(|| format!("comment on card row {card}"))?;
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of the op")]
    pub(super) fn open_gate(
        &mut self,
        request_type: &str,
        run_id: &RunId,
        card: CardRow,
        card_id: &CardId,
        seat: &str,
        reason: &str,
        payload: &Value,
        (digest, expires_at_ms): (Option<&str>, Option<i64>),
        at_ms: i64,
    ) -> Result<(), Failure> {
        let payload_json = self.json(payload)?;
        diesel::insert_into(gates::table)
            .values((
                gates::run_id.eq(run_id.as_str()),
                gates::card.eq(card),
                gates::card_id.eq(card_id.as_str()),
                gates::seat.eq(seat),
                gates::request_type.eq(request_type),
                gates::reason.eq(reason),
                gates::payload_json.eq(&payload_json),
                gates::status.eq("pending"),
                gates::created_at.eq(at_ms),
                gates::digest.eq(digest),
                gates::expires_at.eq(expires_at_ms),
            ))
            .execute(self.connection)
            .about(|| format!("gate for card `{card_id}`"))?;
        Ok(())
    }

    pub(super) fn decide_gate(
        &mut self,
        gate: i64,
        decision: GateDecision,
        by: &str,
        reason: &str,
        at_ms: i64,
    ) -> Result<(), Failure> {
        let resolution = self.json(&serde_json::json!({"reason": reason}))?;
        let pending = gates::table.filter(gates::id.eq(gate).and(gates::status.eq("pending")));
        let changed = diesel::update(pending)
            .set((
                gates::status.eq(decision.as_str()),
                gates::resolution_json.eq(&resolution),
                gates::resolved_at.eq(at_ms),
                gates::decided_by.eq(by),
            ))
            .execute(self.connection)
            .about(|| format!("gate {gate}"))?;
        if changed == 0 {
            return Err(conflict(format!("gate {gate} is not pending")));
        }
        Ok(())
    }

    pub(super) fn spend_gates(&mut self, ids: &[i64], at_ms: i64) -> Result<(), Failure> {
        for id in ids {
            let unspent = gates::table.filter(
                gates::id
                    .eq(id)
                    .and(gates::status.ne("pending"))
                    .and(gates::spent_at.is_null()),
            );
            let changed = diesel::update(unspent)
                .set(gates::spent_at.eq(at_ms))
                .execute(self.connection)
                .about(|| format!("gate {id}"))?;
            if changed == 0 {
                return Err(conflict(format!(
                    "gate {id} is not decided, or was used before"
                )));
            }
        }
        Ok(())
    }
}

/// A card's fixture as lists show it; how its last run ended is in the steps.
#[derive(Serialize)]
struct Verification<'a> {
    fixture_path: Option<&'a str>,
    scenarios: &'a [Scenario],
    last_run: Option<()>,
}

impl<'a> Verification<'a> {
    fn of(plan: &'a CardPlan) -> Self {
        let fixture = plan.fixture.as_ref();
        Self {
            fixture_path: fixture.map(|fixture| fixture.path.as_str()),
            scenarios: fixture.map_or(&[], |fixture| fixture.scenarios.as_slice()),
            last_run: None,
        }
    }
}

fn found(changed: usize, row: CardRow) -> Result<(), Failure> {
    if changed == 0 {
        Err(conflict(format!("there is no card row {row}")))
    } else {
        Ok(())
    }
}
