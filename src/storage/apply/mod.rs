//! One write as SQL: the guard, then each change in order. Every statement here is a typed diesel
//! query, so the connection prepares it once and keeps it.

mod archive;
mod budget;
mod card;
mod hot_statements;
mod known;
mod queue;
mod run;
mod shared_text;
mod statement;
mod step_insert;
mod turn;

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use orket_actors::port::store::{Guard, Op, StoreError};
use serde::Serialize;

use super::schema::{cards, turns};
use super::step_text::StepText;
use super::writer::Order;

pub(super) use self::known::Known;

/// Why a write was not applied. Something of it may have been, so its transaction or savepoint
/// must be rolled back.
#[derive(Debug)]
pub(super) enum Failure {
    /// For its own sake; others are not concerned.
    Refused(StoreError),
    /// The database does not work.
    Broken(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let own_fault = match &error {
            Error::DatabaseError(kind, info) => {
                matches!(
                    kind,
                    DatabaseErrorKind::UniqueViolation
                        | DatabaseErrorKind::ForeignKeyViolation
                        | DatabaseErrorKind::NotNullViolation
                        | DatabaseErrorKind::CheckViolation
                ) || info.message().contains("too big")
            }
            Error::NotFound
            | Error::InvalidCString(_)
            | Error::QueryBuilderError(_)
            | Error::SerializationError(_)
            | Error::DeserializationError(_) => true,
            _ => false,
        };
        if own_fault {
            Self::Refused(StoreError::Conflict(error.to_string()))
        } else {
            Self::Broken(error.to_string())
        }
    }
}

impl Failure {
    /// The same failure, saying what it is about.
    fn about(self, what: impl FnOnce() -> String) -> Self {
        match self {
            Self::Refused(StoreError::Conflict(reason)) => {
                conflict(format!("{}: {reason}", what()))
            }
            other @ (Self::Refused(_) | Self::Broken(_)) => other,
        }
    }
}

fn conflict(reason: String) -> Failure {
    Failure::Refused(StoreError::Conflict(reason))
}

/// Adds what a failure is about.
trait About<T> {
    fn about(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T> About<T> for QueryResult<T> {
    fn about(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure::from(error).about(what))
    }
}

/// The steps of a write as they are stored, in their order, as far as somebody made them already.
trait Texts<'t>: Iterator<Item = Option<&'t StepText>> {}

impl<'t, T: Iterator<Item = Option<&'t StepText>>> Texts<'t> for T {}

/// An open transaction and how many bytes of JSON went into it.
pub(super) struct Transaction<'a> {
    pub(super) connection: &'a mut SqliteConnection,
    pub(super) known: &'a mut Known,
    pub(super) bytes: usize,
}

impl Transaction<'_> {
    /// Applies a write. `false`: its guard does not hold, and nothing was applied.
    pub(super) fn apply(&mut self, order: &Order) -> Result<bool, Failure> {
        let write = &order.write;
        let mut ops = write.ops.as_slice();
        let mut texts = order.texts.iter().map(Option::as_ref);
        match (write.guard, ops.split_first()) {
            // The hottest write, a step of an attempt: its guard is part of its insert.
            (Guard::Turn(row, fence), Some((Op::Steps { turn, steps }, rest)))
                if *turn == row && !steps.is_empty() =>
            {
                let mark = self.known.mark();
                if !self.guarded_steps(row, fence, steps, &mut texts)? {
                    self.known.back_to(mark);
                    return Ok(false);
                }
                ops = rest;
            }
            (guard, _) => {
                if !self.holds(guard)? {
                    return Ok(false);
                }
            }
        }
        for op in ops {
            self.apply_op(op, &mut texts)?;
        }
        Ok(true)
    }

    /// The same; a refused write leaves nothing behind in the transaction.
    pub(super) fn apply_with_savepoint(&mut self, order: &Order) -> Result<bool, Failure> {
        let mut bytes = self.bytes;
        let mark = self.known.mark();
        let known = &mut *self.known;
        #[expect(
            clippy::disallowed_methods,
            reason = "within the writer's immediate transaction this is a savepoint"
        )]
        let applied = self.connection.transaction(|connection| {
            let mut inner = Transaction {
                connection,
                known,
                bytes,
            };
            let applied = inner.apply(order);
            bytes = inner.bytes;
            applied
        });
        self.bytes = bytes;
        if !matches!(applied, Ok(true)) {
            self.known.back_to(mark);
        }
        applied
    }

    /// Looks instead of updating: nobody else can write between this and the end of the immediate
    /// transaction.
    ///
    /// `get_result`, not `first`: SQLite prepares a statement anew whenever a value is bound to its `LIMIT`.
    fn holds(&mut self, guard: Guard) -> Result<bool, Failure> {
        let found = match guard {
            Guard::None => return Ok(true),
            Guard::Turn(row, fence) => turns::table
                .filter(
                    turns::row
                        .eq(row)
                        .and(turns::fence.eq(fence))
                        .and(turns::ended_at.is_null()),
                )
                .select(turns::row)
                .get_result::<i64>(self.connection),
            Guard::Card(row, fence) => cards::table
                .filter(cards::row.eq(row).and(cards::fence.eq(fence)))
                .select(cards::row)
                .get_result::<i64>(self.connection),
        };
        Ok(found.optional()?.is_some())
    }

    fn apply_op<'t>(&mut self, op: &Op, texts: &mut impl Texts<'t>) -> Result<(), Failure> {
        match op {
            Op::InsertRun { plan, at_ms } => self.insert_run(plan, *at_ms),
            Op::KeepRequest {
                request,
                run_id,
                at_ms,
            } => self.keep_request(request, run_id, *at_ms),
            Op::Queue(change) => self.queue(change),
            Op::SetRun {
                run_id,
                status,
                summary,
                at_ms,
            } => self.set_run(run_id, *status, summary, *at_ms),
            Op::InsertCards {
                run_id,
                build_id,
                cards,
                at_ms,
            } => self.insert_cards(run_id, build_id, cards, *at_ms),
            Op::AdoptCards { run_id, rows } => self.adopt_cards(run_id, rows),
            Op::SetCard {
                row,
                life,
                fence,
                changes,
                at_ms,
            } => self.set_card(*row, life, *fence, changes, *at_ms),
            Op::OpenTurn {
                row,
                card,
                run_id,
                card_id,
                fence,
                turn,
                attempt,
                seat,
                role,
                at_ms,
            } => self.open_turn(
                *row, *card, run_id, card_id, *fence, *turn, *attempt, seat, role, *at_ms,
            ),
            Op::Steps { turn, steps } => self.steps(*turn, steps, texts),
            Op::FenceTurn { turn, fence } => self.fence_turn(*turn, *fence),
            Op::CloseTurn {
                turn,
                status,
                code,
                prompt_tokens,
                output_tokens,
                at_ms,
            } => self.close_turn(*turn, status, *code, *prompt_tokens, *output_tokens, *at_ms),
            Op::Comment {
                card,
                author,
                content,
                key,
                at_ms,
            } => self.comment(*card, author, content, key, *at_ms),
            Op::OpenGate {
                digest,
                expires_at_ms,
                request_type,
                run_id,
                card,
                card_id,
                seat,
                reason,
                payload,
                at_ms,
            } => self.open_gate(
                request_type,
                run_id,
                *card,
                card_id,
                seat,
                reason,
                payload,
                (digest.as_deref(), *expires_at_ms),
                *at_ms,
            ),
            Op::DecideGate {
                gate,
                decision,
                by,
                reason,
                at_ms,
            } => self.decide_gate(*gate, *decision, by, reason, *at_ms),
            Op::Reserve {
                turn,
                scopes,
                amounts,
                at_ms,
            } => self.reserve(*turn, scopes, amounts, *at_ms),
            Op::Settle {
                turn,
                actual,
                at_ms,
            } => self.settle(*turn, Some(*actual), *at_ms),
            Op::Grant { grant, at_ms } => self.grant(grant, *at_ms),
            Op::SpendGates { gates, at_ms } => self.spend_gates(gates, *at_ms),
            Op::Archive {
                cards,
                by,
                reason,
                at_ms,
            } => self.archive(cards, by, reason, *at_ms),
            Op::Unarchive {
                cards,
                by,
                reason,
                at_ms,
            } => self.unarchive(cards, by, reason, *at_ms),
            Op::CardEvent {
                run_id,
                card,
                kind,
                data,
                at_ms,
            } => self.card_event(run_id, *card, kind, data, *at_ms),
        }
    }

    /// `value` as JSON text.
    fn json(&mut self, value: &impl Serialize) -> Result<String, Failure> {
        let text = serde_json::to_string(value)
            .map_err(|error| conflict(format!("a value has no JSON form: {error}")))?;
        self.bytes = self.bytes.saturating_add(text.len());
        Ok(text)
    }
}

/// SQLite's integers are signed; a count beyond them is as good as the largest.
fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
