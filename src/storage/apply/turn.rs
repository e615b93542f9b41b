//! Attempts and their steps as SQL.

use diesel::prelude::*;
use orket_actors::port::store::{CardRow, StepRow, TurnRow};
use orket_core::ids::{CardId, RunId};

use super::hot_statements::{AttemptEnd, AttemptInsert};
use super::step_insert::StepInsert;
use super::{About, Failure, Texts, Transaction, conflict, count};
use crate::storage::schema::turns;
use crate::storage::step_text::StepText;

impl Transaction<'_> {
    /// Steps of an attempt that must own `fence`; `false` when it does not. Who owns it is known here,
    /// since only this writer changes that.
    pub(super) fn guarded_steps<'t>(
        &mut self,
        turn: TurnRow,
        fence: i64,
        steps: &[StepRow],
        texts: &mut impl Texts<'t>,
    ) -> Result<bool, Failure> {
        let Some((first, rest)) = steps.split_first() else {
            return Ok(true);
        };
        if !self.is_owned(turn, fence)? {
            return Ok(false);
        }
        self.step(turn, first, texts.next().flatten())?;
        for step in rest {
            self.step(turn, step, texts.next().flatten())?;
        }
        Ok(true)
    }

    /// A step of an attempt that is known to exist; `text` is the step as stored, if somebody made it
    /// already.
    fn step(
        &mut self,
        turn: TurnRow,
        step: &StepRow,
        text: Option<&StepText>,
    ) -> Result<(), Failure> {
        let made;
        let text = match text {
            Some(text) => text,
            None => {
                made = StepText::within(usize::MAX, turn, step)
                    .ok_or_else(|| conflict(format!("step {} has no JSON form", step.seq)))?;
                &made
            }
        };
        self.bytes = self.bytes.saturating_add(text.body.len());
        let link = self.link(turn, step, text.content)?;
        if let Some(digest) = text.shared {
            self.keep_text(turn, digest, &step.step)?;
        }
        let row = StepInsert {
            turn,
            seq: i64::from(step.seq),
            at: step.at_ms,
            body_json: &text.body,
            link: link.as_bytes(),
        };
        row.execute(self.connection)
            .about(|| format!("step {} of attempt row {turn}", step.seq))?;
        Ok(())
    }

    /// Steps without a guard.
    pub(super) fn steps<'t>(
        &mut self,
        turn: TurnRow,
        steps: &[StepRow],
        texts: &mut impl Texts<'t>,
    ) -> Result<(), Failure> {
        if !self.is_open(turn)? {
            return Err(conflict(format!("there is no attempt row {turn}")));
        }
        for step in steps {
            self.step(turn, step, texts.next().flatten())?;
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
        let attempt = AttemptInsert {
            row,
            card,
            fence,
            turn: i64::from(turn),
            attempt: i64::from(attempt),
            started_at: at_ms,
            seat,
            role,
            card_id: card_id.as_str(),
            run_id: run_id.as_str(),
        };
        attempt
            .execute(self.connection)
            .about(|| format!("attempt row {row} of card `{card_id}`"))?;
        self.open_chain(row, card, fence, run_id.as_str())
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
        let end = AttemptEnd {
            head: head.as_ref().map(|link| link.as_bytes().as_slice()),
            status,
            code,
            prompt_tokens: count(prompt_tokens),
            output_tokens: count(output_tokens),
            ended_at: at_ms,
            row: turn,
        };
        let changed = end.execute(self.connection)?;
        open(changed, turn)
    }
}

fn open(changed: usize, turn: TurnRow) -> Result<(), Failure> {
    if changed == 0 {
        Err(conflict(format!("there is no open attempt row {turn}")))
    } else {
        Ok(())
    }
}
