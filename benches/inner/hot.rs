//! The three paths that work takes most: each is one function, so that time and instructions are counted of
//! the same.

use std::hint::black_box;
use std::sync::Arc;

use orket::storage::step_text::StepText;
use orket_actors::port::store::StepRow;
use orket_core::chain::Link;
use orket_core::turn::{Judged, Next, ReplyVerdict, Step, Turn, TurnOutcome};
use orket_core::webhook::delivery::{self, Event};
use orket_webhook::signature::Presented;

use super::delivery::Delivery;
use super::golden::Golden;

/// 2026-01-01T00:00:00Z.
const AT_MS: i64 = 1_767_225_600_000;
/// No step of these is longer.
const MOST: usize = 32 * 1024;

/// A whole turn of the machine, each step of it as the journal stores it and linked to the one before.
pub fn turn(golden: &Golden) -> Link {
    let mut before = Link::root(7);
    let mut seq = 0;
    let outcome = walk(golden, |step| {
        let row = StepRow {
            seq,
            at_ms: AT_MS,
            step: Arc::new(step),
        };
        let text = StepText::within(MOST, 11, &row).expect("a step that is not too long");
        before = before.next(text.content);
        seq += 1;
        black_box(text.body);
    });
    assert!(matches!(outcome, TurnOutcome::Succeeded { .. }));
    before
}

/// A whole turn of the machine.
pub fn walk(golden: &Golden, mut each: impl FnMut(Step)) -> TurnOutcome {
    let (mut turn, mut decision) = Turn::begin(Arc::clone(&golden.context)).expect("a seat");
    loop {
        decision.steps.into_iter().for_each(&mut each);
        decision = match decision.next {
            Next::Ask => {
                black_box(turn.request().expect("a seat"));
                turn.replied(golden.reply.clone()).expect("a seat")
            }
            Next::Call { call, .. } => turn.called(golden.result(&call)).expect("a call"),
            Next::Finish(outcome) => return outcome,
            Next::Verify(_) | Next::Park(_) => panic!("this turn has nothing of the kind"),
        };
    }
}

/// A talkative answer read, and held against the gate and its contract.
pub fn answer(golden: &Golden, turn: &Turn) -> Judged {
    let judged = turn.judge(black_box(&golden.talkative)).expect("a seat");
    assert_eq!(judged.verdict, ReplyVerdict::Meets);
    judged
}

/// The signature of a delivery checked, and its body read for what something follows from.
pub fn delivery(delivery: &Delivery) -> Event {
    let presented = Presented::new(Some(delivery.signature.as_bytes()), None);
    delivery
        .secrets
        .check(presented, black_box(&delivery.body))
        .expect("our signature");
    let fields = delivery::payload(&delivery.body).expect("a payload");
    black_box(delivery::repository(&fields).expect("a repository"));
    delivery::event(Some("pull_request_approved"), &fields).expect("an event")
}
