//! What a guard's turn tells: the events that dashboards know, and the gate for answers that cannot
//! be used.

use std::sync::Arc;

use orket_core::status::CardStatus;
use orket_core::turn::{Purpose, Step, TurnOutcome, Violation};
use serde_json::json;

use super::{TurnActor, TurnEnded};
use crate::port::store::{GUARD_PAYLOAD, Op};

impl TurnActor {
    /// What a guard decided, in the events that dashboards know.
    pub(super) fn show_guard(&self, ended: &TurnEnded) {
        let of = &self.start.lease.of;
        if of.purpose != Purpose::Review {
            return;
        }
        if ended.life.is_guard_unclear() {
            let seat = json!(of.seat);
            let reason = ended.failure.as_ref().map(|it| it.message.as_str());
            self.emit(
                "guard_payload_invalid",
                json!({"seat": seat, "reason": reason}),
            );
            self.emit(
                "gate_request_created",
                json!({"seat": seat, "request_type": GUARD_PAYLOAD}),
            );
        }
        let steps = self.start.lease.steps();
        let Some(Step::TurnFinished {
            outcome: TurnOutcome::Succeeded {
                status, objection, ..
            },
        }) = steps.last().map(AsRef::as_ref)
        else {
            return;
        };
        let event = match status {
            CardStatus::Done | CardStatus::GuardApproved => "guard_approved",
            CardStatus::Blocked | CardStatus::GuardRejected => "guard_rejected",
            CardStatus::InProgress
            | CardStatus::GuardRequestedChanges
            | CardStatus::ReadyForTesting => "guard_requested_changes",
            CardStatus::Ready
            | CardStatus::WaitingForDeveloper
            | CardStatus::CodeReview
            | CardStatus::AwaitingGuardReview
            | CardStatus::Canceled
            | CardStatus::Archived => return,
        };
        self.emit(event, json!({"seat": of.seat, "review_payload": objection}));
    }
}

/// The longest part of a guard's answer that its gate shows, in characters.
const GUARD_SAID: usize = 4_000;

/// The same gate about what a guard said.
pub(super) fn about_the_guard(mut opened: Op, steps: &[Arc<Step>]) -> Op {
    if let Op::OpenGate {
        request_type,
        payload,
        ..
    } = &mut opened
    {
        let mut said = String::new();
        let mut violations = &[] as &[Violation];
        for step in steps {
            match step.as_ref() {
                Step::ModelReplied { reply, .. } => {
                    let calls = orket_core::tool_call::render(&reply.calls);
                    said = format!("{}\n{calls}", reply.text).trim().to_owned();
                }
                Step::Reprompted { violations: of, .. } => violations = of,
                _ => {}
            }
        }
        GUARD_PAYLOAD.clone_into(request_type);
        let said: String = said.chars().take(GUARD_SAID).collect();
        *payload = json!({"guard_said": said, "violations": violations});
    }
    opened
}
