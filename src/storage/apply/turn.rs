//! Attempts and their steps as SQL.

use diesel::prelude::*;
use orket_actors::port::store::{CardRow, StepRow, TurnRow};
use orket_core::chain::{Content, Link, Linked};
use orket_core::ids::{CardId, RunId};

use super::step_insert::StepInsert;
use super::{About, Failure, Transaction, conflict, count};
use crate::storage::schema::turns;
use crate::storage::writer::EarlyStep;

impl Transaction<'_> {
    /// Steps of an attempt that must own `fence`; `false` when it does not. `early` is the first
    /// one as stored, if somebody made it already.
    pub(super) fn guarded_steps(
        &mut self,
        turn: TurnRow,
        fence: i64,
        steps: &[StepRow],
        early: Option<&EarlyStep>,
    ) -> Result<bool, Failure> {
        let Some((first, rest)) = steps.split_first() else {
            return Ok(true);
        };
        if !self.first_step(turn, fence, first, early)? {
            return Ok(false);
        }
        for step in rest {
            self.step(turn, step)?;
        }
        Ok(true)
    }

    /// A step of an attempt that must own `fence`: who owns it is known here, since only this writer
    /// changes that.
    fn first_step(
        &mut self,
        turn: TurnRow,
        fence: i64,
        step: &StepRow,
        early: Option<&EarlyStep>,
    ) -> Result<bool, Failure> {
        let made;
        let (body, content) = match early {
            Some(early) => {
                self.bytes = self.bytes.saturating_add(early.body.len());
                (&early.body, early.content)
            }
            None => {
                made = self.json(&*step.step)?;
                (&made, content_of(turn, step, &made))
            }
        };
        let Some(link) = self.guarded_link(turn, fence, content)? else {
            return Ok(false);
        };
        self.insert_step(turn, step, body, link)?;
        Ok(true)
    }

    /// A step of an attempt that is known to exist.
    fn step(&mut self, turn: TurnRow, step: &StepRow) -> Result<(), Failure> {
        let body = self.json(&*step.step)?;
        let content = content_of(turn, step, &body);
        let link = self.link(turn, step, content)?;
        self.insert_step(turn, step, &body, link)
    }

    fn insert_step(
        &mut self,
        turn: TurnRow,
        step: &StepRow,
        body: &str,
        link: Link,
    ) -> Result<(), Failure> {
        let row = StepInsert {
            turn,
            seq: i64::from(step.seq),
            at: step.at_ms,
            body_json: body,
            link: link.as_bytes(),
        };
        row.execute(self.connection)
            .about(|| format!("step {} of attempt row {turn}", step.seq))?;
        Ok(())
    }

    /// Steps without a guard.
    pub(super) fn steps(&mut self, turn: TurnRow, steps: &[StepRow]) -> Result<(), Failure> {
        turns::table
            .find(turn)
            .select(turns::row)
            .first::<i64>(self.connection)
            .optional()?
            .ok_or_else(|| conflict(format!("there is no attempt row {turn}")))?;
        for step in steps {
            self.step(turn, step)?;
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of the op")]
    pub(super) fn open_turn(
        &mut self,
        row: TurnRow,
        card: CardRow,
        run_id: &RunId,
        card_id: &CardId,
        fence: i64,
        turn: u32,
        attempt: u32,
        seat: &str,
        role: &str,
        at_ms: i64,
    ) -> Result<(), Failure> {
        diesel::insert_into(turns::table)
            .values((
                turns::row.eq(row),
                turns::card.eq(card),
                turns::fence.eq(fence),
                turns::status.eq("open"),
                turns::turn.eq(i64::from(turn)),
                turns::attempt.eq(i64::from(attempt)),
                turns::started_at.eq(at_ms),
                turns::prompt_tokens.eq(0_i64),
                turns::output_tokens.eq(0_i64),
                turns::seat.eq(seat),
                turns::role.eq(role),
                turns::card_id.eq(card_id.as_str()),
                turns::run_id.eq(run_id.as_str()),
            ))
            .execute(self.connection)
            .about(|| format!("attempt row {row} of card `{card_id}`"))?;
        self.open_chain(row, card, fence)
    }

    pub(super) fn fence_turn(&mut self, turn: TurnRow, fence: i64) -> Result<(), Failure> {
        let changed =
            diesel::update(turns::table.filter(turns::row.eq(turn).and(turns::ended_at.is_null())))
                .set(turns::fence.eq(fence))
                .execute(self.connection)?;
        self.known.fence_attempt(turn, fence);
        open(changed, turn)
    }

    pub(super) fn close_turn(
        &mut self,
        turn: TurnRow,
        status: &str,
        code: Option<&str>,
        prompt_tokens: u64,
        output_tokens: u64,
        at_ms: i64,
    ) -> Result<(), Failure> {
        self.settle(turn, None, at_ms)?;
        let head = self.close_chain(turn)?;
        let changed =
            diesel::update(turns::table.filter(turns::row.eq(turn).and(turns::ended_at.is_null())))
                .set((
                    turns::head.eq(head.as_ref().map(|link| link.as_bytes().as_slice())),
                    turns::status.eq(status),
                    turns::code.eq(code),
                    turns::prompt_tokens.eq(count(prompt_tokens)),
                    turns::output_tokens.eq(count(output_tokens)),
                    turns::ended_at.eq(Some(at_ms)),
                ))
                .execute(self.connection)?;
        open(changed, turn)
    }
}

/// What is linked of a step: all of its row.
pub(in crate::storage) fn content_of(turn: TurnRow, step: &StepRow, body: &str) -> Content {
    Content::of(&Linked {
        turn,
        seq: i64::from(step.seq),
        at_ms: step.at_ms,
        body: body.as_bytes(),
    })
}

fn open(changed: usize, turn: TurnRow) -> Result<(), Failure> {
    if changed == 0 {
        Err(conflict(format!("there is no open attempt row {turn}")))
    } else {
        Ok(())
    }
}
