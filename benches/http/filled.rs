//! The journal that both servers read: many cards in one run that is over, and a run of the usual size.

use std::path::Path;
use std::sync::Arc;

use orket::storage::{Journal, JournalOptions};
use orket_actors::port::store::{Op, RunStatus, StepRow, Store};
use orket_core::ids::RunId;
use orket_core::status::CardStatus;
use orket_core::turn::{Step, TurnOutcome};
use serde_json::json;

use super::journal;

/// The run of the usual size.
pub const RUN: &str = "usual";
/// Its cards; each had two turns.
const CARDS: u32 = 20;

/// A journal with so many cards in one run that is over, and the usual one.
pub fn fill(database: &Path, cards: u32) {
    let journal = Journal::open(database, JournalOptions::default()).expect("opened");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let submit = async |ops: Vec<Op>| {
            journal.submit(journal::write(ops)).await.expect("written");
        };
        submit(vec![journal::insert_run("big", "build-big", "big")]).await;
        let mut first = 1;
        while first <= cards {
            let count = 1_000.min(cards - first + 1);
            let op = journal::insert_cards("big", "build-big", i64::from(first), count);
            submit(vec![op]).await;
            first += count;
        }
        submit(vec![over("big")]).await;
        submit(usual(i64::from(cards) + 1)).await;
        submit(vec![over(RUN)]).await;
    });
    journal.close().expect("closed");
}

fn over(run: &str) -> Op {
    Op::SetRun {
        run_id: RunId::new(run).expect("an id"),
        status: RunStatus::Done,
        summary: json!({}),
        at_ms: journal::AT + 60_000,
    }
}

/// A run whose cards, from row `first`, were each written in one turn and reviewed in another one.
fn usual(first: i64) -> Vec<Op> {
    let mut ops = vec![
        journal::insert_run(RUN, "build-usual", "usual"),
        journal::insert_cards(RUN, "build-usual", first, CARDS),
    ];
    let cards = first..first + i64::from(CARDS);
    for (place, card) in cards.flat_map(|card| [card, card]).enumerate() {
        let turn = i64::try_from(place).expect("few") + 1;
        let at_ms = journal::AT + turn;
        ops.push(journal::open_turn(RUN, turn, card, turn));
        ops.push(journal::steps(turn, 0..5));
        ops.push(Op::Steps {
            turn,
            steps: vec![StepRow {
                seq: 5,
                at_ms,
                step: Arc::new(Step::TurnFinished {
                    outcome: TurnOutcome::Succeeded {
                        status: CardStatus::CodeReview,
                        wait_reason: None,
                        summary: "It is written, and says what it was asked to say. ".repeat(4),
                        through: Vec::new(),
                        objection: None,
                    },
                }),
            }],
        });
        ops.push(Op::CloseTurn {
            turn,
            status: "succeeded",
            code: None,
            prompt_tokens: 900,
            output_tokens: 120,
            at_ms,
        });
    }
    ops
}
