//! What a turn spends: set aside before a question, settled with the step that tells how much it was.
//!
//! Time is set aside as far as there is any: the question gets what is left as its clock. What others
//! have set aside is waited for as long as they are at work; who lacks more than that parks.

use std::sync::{Arc, Weak};
use std::time::Duration;

use actix::prelude::*;
use orket_core::failure::{Failure, FailureClass};
use orket_core::model::ModelRequest;
use orket_core::policy::{Amounts, MOST_AMOUNT, Scope, Spent, Unit};
use orket_core::stall::{Clocks, Phase};
use orket_core::turn::{Step, TurnOutcome};
use serde_json::json;

use super::TurnActor;
use crate::exit::ExitStatus;
use crate::lease::LeaseOf;
use crate::port::store::{BUDGET, Guard, Op, Shortage, StoreError, Write};

/// The event of a question that cost more than what was set aside for it.
pub(super) const EXCEEDED: &str = "budget_exceeded";
/// The event of a question that waits for others to give back what they have set aside.
const WAITING: &str = "budget_waiting";
/// A question with less time than this is not asked, unless the turn's own clock is shorter still.
const LEAST_TIME_MS: u64 = 1_000;
/// How often a question that waits for others looks whether it can be asked.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

impl TurnActor {
    /// Sets aside the most that the question can cost, then asks it; parks the card when somebody has
    /// too little left.
    pub(super) fn reserve(&mut self, request: &ModelRequest, ctx: &mut Context<Self>) {
        let of = &self.start.lease.of;
        let mut most = of.plan.policy.budget.most(request, of.plan.clocks.turn_ms);
        if most.wall_ms == 0 && limits_time(&scopes(of)) {
            // Without a clock a question could take all there is.
            most.wall_ms = MOST_AMOUNT;
        }
        self.set_aside(most, most.wall_ms, ctx);
    }

    /// Sets `most` aside, but only `wall_ms` of its time.
    fn set_aside(&mut self, most: Amounts, wall_ms: u64, ctx: &mut Context<Self>) {
        let of = &self.start.lease.of;
        let amounts = Amounts { wall_ms, ..most };
        let scopes = scopes(of);
        let time = limits_time(&scopes).then_some(wall_ms);
        // From here on it may hold something itself.
        self.start.lease.stand_by(false);
        let write = self.start.world.store.submit(Write {
            guard: Guard::Turn(of.turn_row, of.fence),
            flush: None,
            ops: vec![Op::Reserve {
                turn: of.turn_row,
                scopes,
                amounts,
                at_ms: self.start.world.clock.wall_ms(),
            }],
        });
        self.committing = true;
        ctx.spawn(write.into_actor(self).map(move |written, act, ctx| {
            act.committing = false;
            match written {
                Ok(()) => {
                    act.reserved = Some(amounts);
                    act.go_on();
                    act.start.lease.give_time(time);
                    act.ask(ctx);
                }
                Err(StoreError::OverBudget(shortage)) => act.lacks(most, shortage, ctx),
                Err(StoreError::Fenced) if act.start.lease.has_ended() => {
                    act.end(ExitStatus::Killed, ctx)
                }
                Err(error) => act.end(ExitStatus::Failed(error.to_string()), ctx),
            }
        }));
    }

    /// There is less than `most`: less time will do; what others have set aside may come back; else a
    /// person must decide.
    fn lacks(&mut self, most: Amounts, mut shortage: Box<Shortage>, ctx: &mut Context<Self>) {
        let mut needed = shortage.asked;
        if shortage.unit == Unit::Wall {
            needed = LEAST_TIME_MS.min(most.wall_ms);
            if shortage.left() >= needed {
                return self.set_aside(most, shortage.left(), ctx);
            }
            let clock = self.start.lease.of.plan.clocks.turn_ms;
            shortage.asked = if clock == 0 {
                Clocks::default().turn_ms
            } else {
                clock
            };
        }
        if shortage.may_pass(needed) {
            if self.others_are_at_work() {
                return self.stand_by(most, &shortage, ctx);
            }
            if !std::mem::replace(&mut self.was_alone, true) {
                // Whoever held it may have given it back before the refusal was read. Twice in a row it
                // is held by nobody who works here: by a run that a crash cut off.
                return self.set_aside(most, most.wall_ms, ctx);
            }
        }
        self.go_on();
        let failure = Failure::new(FailureClass::Budget, shortage.to_string());
        self.shortage = Some(shortage);
        self.give_up(failure, ctx);
    }

    /// Whether another attempt that spends from the same budgets may still give something back.
    fn others_are_at_work(&self) -> bool {
        let own = &self.start.lease;
        let leases = self.start.world.leases.all();
        let mut others = leases.iter().filter_map(Weak::upgrade);
        others.any(|it| !Arc::ptr_eq(&it, own) && !it.stands_by() && share(&it.of, &own.of))
    }

    fn stand_by(&mut self, most: Amounts, shortage: &Shortage, ctx: &mut Context<Self>) {
        self.was_alone = false;
        let lease = &self.start.lease;
        lease.stand_by(true);
        if self.standing_by.is_none() {
            let since = self.start.world.clock.now_ms();
            self.standing_by = Some((since, lease.stop_the_clock()));
            self.emit(WAITING, json!(shortage));
        }
        // Not all at one time: they would take each other for being at work.
        let row = u64::try_from(self.start.lease.of.turn_row).unwrap_or(0);
        let wait = LOOK_AGAIN + Duration::from_millis(row.wrapping_mul(37) % 100);
        let nap = self.start.world.clock.sleep(wait);
        ctx.spawn(nap.into_actor(self).map(move |(), act, ctx| {
            if act.start.scope.is_winding_down() {
                act.end(ExitStatus::Killed, ctx)
            } else {
                act.set_aside(most, most.wall_ms, ctx)
            }
        }));
    }

    /// The wait is over; the turn's clock does not count it.
    fn go_on(&mut self) {
        self.was_alone = false;
        if let Some((since, started)) = self.standing_by.take() {
            let waited = self.start.world.clock.now_ms().saturating_sub(since);
            let lease = &self.start.lease;
            lease.start_the_clock(started.saturating_add(waited));
        }
    }

    /// What was set aside is spent with the step that tells how much it was. Of a question that broke
    /// off nobody knows, unless no server took it up.
    pub(super) fn settle(&mut self, steps: &[Arc<Step>], at_ms: i64, ops: &mut Vec<Op>) {
        let Some(most) = self.reserved else {
            return;
        };
        let actual = steps.iter().find_map(|step| match step.as_ref() {
            Step::ModelReplied { reply, .. } => Some(match self.start.turn.model() {
                Ok(model) => {
                    let policy = &self.start.lease.of.plan.policy.budget;
                    Spent::Exactly(policy.spent(&model, most, reply.usage, reply.latency_ms))
                }
                Err(_) => Spent::Unknown,
            }),
            Step::TurnFinished {
                outcome: TurnOutcome::Failed { failure },
                ..
            } => Some(if failure.unheard {
                Spent::Unheard
            } else {
                Spent::Unknown
            }),
            _ => None,
        });
        let Some(actual) = actual else {
            return;
        };
        self.reserved = None;
        self.start.lease.give_time(None);
        let of = &self.start.lease.of;
        ops.push(Op::Settle {
            turn: of.turn_row,
            actual,
            at_ms,
        });
        if let Spent::Exactly(spent) = actual
            && (spent.tokens > most.tokens || spent.micro_usd > most.micro_usd)
        {
            let data = json!({
                "turn": of.turn, "attempt": of.attempt, "set_aside": most, "spent": spent,
            });
            ops.push(Op::CardEvent {
                run_id: of.plan.run_id.clone(),
                card: Some(of.card),
                kind: EXCEEDED.to_owned(),
                data: data.clone(),
                at_ms,
            });
            self.exceeded = Some(data);
        }
    }

    /// The attempt is ended from outside. What its question cost is written down at once: a halted run
    /// holds nothing back. After a stall the watchdog does so.
    pub(super) fn broken_off(&mut self, ctx: &mut Context<Self>) {
        if self.committing {
            return;
        }
        let lease = &self.start.lease;
        if lease.has_ended() || self.reserved.take().is_none() {
            return self.end(ExitStatus::Killed, ctx);
        }
        let actual = match lease.phase() {
            // The connection was not there yet.
            Phase::Queued | Phase::Connect => Spent::Unheard,
            Phase::FirstToken
            | Phase::Idle
            | Phase::Turn
            | Phase::ToolIdle
            | Phase::Tool
            | Phase::Run
            | Phase::Repeat => Spent::Unknown,
        };
        let write = self.start.world.store.submit(Write {
            guard: Guard::Turn(lease.of.turn_row, lease.of.fence),
            flush: None,
            ops: vec![Op::Settle {
                turn: lease.of.turn_row,
                actual,
                at_ms: self.start.world.clock.wall_ms(),
            }],
        });
        self.committing = true;
        // Should it fail, the end of the attempt settles it.
        ctx.spawn(
            write
                .into_actor(self)
                .map(|_, act, ctx| act.end(ExitStatus::Killed, ctx)),
        );
    }

    /// The gate of a turn that ended for want of something to spend is about that.
    pub(super) fn about_the_budget(&self, mut opened: Op) -> Op {
        if let Some(shortage) = &self.shortage
            && let Op::OpenGate {
                request_type,
                payload,
                ..
            } = &mut opened
        {
            BUDGET.clone_into(request_type);
            *payload = json!(shortage);
        }
        opened
    }
}

/// Where a question of this attempt counts.
fn scopes(of: &LeaseOf) -> Vec<Scope> {
    of.plan.policy.budget.scopes(
        of.plan.build_id.as_str(),
        of.plan.rock.as_deref(),
        &of.plan.epic,
        &of.card_id,
    )
}

fn limits_time(scopes: &[Scope]) -> bool {
    scopes.iter().any(|scope| scope.limits.wall_ms.is_some())
}

/// Whether two attempts spend from one budget.
fn share(one: &LeaseOf, other: &LeaseOf) -> bool {
    one.plan.build_id == other.plan.build_id
        || (one.plan.rock.is_some() && one.plan.rock == other.plan.rock)
}
