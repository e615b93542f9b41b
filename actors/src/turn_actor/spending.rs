//! What a turn spends: set aside before a question, settled with the step that tells how much it was.

use std::sync::Arc;

use actix::prelude::*;
use orket_core::failure::{Failure, FailureClass};
use orket_core::model::ModelRequest;
use orket_core::policy::Amounts;
use orket_core::turn::{Step, TurnOutcome};
use serde_json::json;

use super::TurnActor;
use crate::exit::ExitStatus;
use crate::port::store::{BUDGET, Guard, Op, StoreError, Write};

impl TurnActor {
    /// Sets aside the most that the question can cost, then asks it; parks the card when somebody has
    /// too little left.
    pub(super) fn reserve(&mut self, request: &ModelRequest, ctx: &mut Context<Self>) {
        let of = &self.start.lease.of;
        let policy = &of.plan.policy.budget;
        let most = policy.most(request, of.plan.clocks.turn_ms);
        let reserve = Op::Reserve {
            turn: of.turn_row,
            scopes: policy.scopes(
                of.plan.build_id.as_str(),
                of.plan.rock.as_deref(),
                &of.plan.epic,
                &of.card_id,
            ),
            amounts: most,
            at_ms: self.start.world.clock.wall_ms(),
        };
        let write = self.start.world.store.submit(Write {
            guard: Guard::Turn(of.turn_row, of.fence),
            flush: None,
            ops: vec![reserve],
        });
        self.committing = true;
        ctx.spawn(write.into_actor(self).map(move |written, act, ctx| {
            act.committing = false;
            match written {
                Ok(()) => {
                    act.reserved = Some(most);
                    act.ask(ctx);
                }
                Err(StoreError::OverBudget(shortage)) => {
                    let failure = Failure::new(FailureClass::Budget, shortage.to_string());
                    act.shortage = Some(shortage);
                    act.give_up(failure, ctx);
                }
                Err(StoreError::Fenced) if act.start.lease.has_ended() => {
                    act.end(ExitStatus::Killed, ctx)
                }
                Err(error) => act.end(ExitStatus::Failed(error.to_string()), ctx),
            }
        }));
    }

    /// What was set aside is spent with the step that tells how much it was. A question that never
    /// reached the model costs nothing; of one that broke off nobody knows, and it costs all.
    pub(super) fn settle(&mut self, steps: &[Arc<Step>], at_ms: i64, ops: &mut Vec<Op>) {
        let Some(most) = self.reserved else {
            return;
        };
        let of = &self.start.lease.of;
        let model = self.start.turn.request().map(|request| request.model);
        let actual = steps.iter().find_map(|step| match step.as_ref() {
            Step::ModelReplied { reply, .. } => Some(match &model {
                Ok(model) => {
                    let policy = &of.plan.policy.budget;
                    policy.spent(model, most, reply.usage, reply.latency_ms)
                }
                Err(_) => most,
            }),
            Step::TurnFinished {
                outcome: TurnOutcome::Failed { failure },
                ..
            } => match failure.class {
                FailureClass::ModelConnect
                | FailureClass::ModelRateLimited
                | FailureClass::ModelRefused => Some(Amounts {
                    turns: 1,
                    ..Amounts::default()
                }),
                _ => Some(most),
            },
            _ => None,
        });
        if actual.is_some() {
            self.reserved = None;
            ops.push(Op::Settle {
                turn: of.turn_row,
                actual,
                at_ms,
            });
        }
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
