//! Runs that wait for their turn: kept whole, replaced until they begin, begun once.

use std::sync::Arc;

use orket::storage::{Journal, JournalOptions};
use orket_actors::port::queue::{QueueOp, QueuedRun, RockPlace};
use orket_actors::port::store::{Op, RunStatus, Store, StoreError};
use orket_core::ids::RunId;
use serde_json::json;

mod support {
    pub mod journal;
}
use support::journal::*;

fn id(text: &str) -> RunId {
    RunId::new(text).unwrap()
}

fn place(order: u32, needs: &[&str]) -> RockPlace {
    RockPlace {
        rock: "tower".to_owned(),
        build: "rock-tower".to_owned(),
        order,
        needs: needs.iter().map(ToString::to_string).collect(),
    }
}

fn put(run: &str, epic: &str, cards: &[&str], at: RockPlace, at_ms: i64) -> Op {
    Op::Queue(QueueOp::Put {
        plan: Arc::new(plan(run, &format!("rock-tower.{epic}"), epic)),
        cards: cards.iter().map(|it| card(it)).collect(),
        place: at,
        at_ms,
    })
}

#[tokio::test]
async fn a_run_waits_as_it_was_put_and_begins_once() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), JournalOptions::default()).unwrap();
    let reader = journal.reader();
    journal
        .submit(write(vec![
            put("first", "base", &["A-1"], place(0, &[]), AT),
            put("second", "upper", &["B-1", "B-2"], place(1, &["base"]), AT),
        ]))
        .await
        .unwrap();
    let rock = || {
        let runs = reader.rock_runs("rock-tower").unwrap().into_iter();
        runs.map(|run| (run.run_id.to_string(), run.status, run.place))
            .collect::<Vec<_>>()
    };
    let queued = RunStatus::Queued;
    assert_eq!(
        rock(),
        [
            ("first".to_owned(), queued, place(0, &[])),
            ("second".to_owned(), queued, place(1, &["base"]))
        ]
    );
    assert_eq!(reader.unfinished_rocks().unwrap(), ["rock-tower"]);
    assert_eq!(
        reader.rock_build_of("second").unwrap().unwrap(),
        "rock-tower"
    );
    assert!(
        reader.running_runs().unwrap().is_empty(),
        "nobody takes them over"
    );
    // Until it begins, what it will do may change; its id stays.
    journal
        .submit(write(vec![put(
            "second",
            "upper",
            &["B-3"],
            place(2, &[]),
            AT + 10,
        )]))
        .await
        .unwrap();
    let waiting = reader.queued_run("second").unwrap();
    let expected = QueuedRun {
        plan: plan("second", "rock-tower.upper", "upper"),
        cards: vec![card("B-3")],
    };
    assert_eq!(waiting, Some(expected));
    let begin = |at_ms| {
        write(vec![
            Op::Queue(QueueOp::Begin {
                run_id: id("second"),
                at_ms,
            }),
            insert_cards("second", "rock-tower.upper", 1, 1),
        ])
    };
    journal.submit(begin(AT + 10)).await.unwrap();
    let begun = reader.find_run("second").unwrap();
    assert_eq!(
        (begun.status, begun.started_ms),
        (RunStatus::Running, AT + 11),
        "newer than those that were put with it"
    );
    assert!(!reader.has_not_begun("second").unwrap());
    for again in [
        begin(AT + 20),
        write(vec![put(
            "second",
            "upper",
            &["B-4"],
            place(1, &[]),
            AT + 20,
        )]),
    ] {
        let refused = journal.submit(again).await;
        assert!(
            matches!(refused, Err(StoreError::Conflict(_))),
            "{refused:?}"
        );
    }
    // What is said of one that waits does not touch one that has begun.
    let settle = |status| {
        Op::Queue(QueueOp::Settle {
            run_id: id("second"),
            status,
            why: "not begun".to_owned(),
            at_ms: AT + 25,
        })
    };
    journal
        .submit(write(vec![settle(RunStatus::Failed)]))
        .await
        .unwrap();
    let begun = reader.find_run("second").unwrap();
    assert_eq!((begun.status, begun.ended_ms), (RunStatus::Running, None));
    // One that was stopped waits again, with all that it has.
    let halted = Op::SetRun {
        run_id: id("second"),
        status: RunStatus::Halted,
        summary: json!({}),
        at_ms: AT + 30,
    };
    let again = Op::Queue(QueueOp::Again {
        run_id: id("second"),
        place: place(1, &["base"]),
    });
    journal.submit(write(vec![halted, again])).await.unwrap();
    let waits = reader.find_run("second").unwrap();
    assert_eq!((waits.status, waits.ended_ms), (queued, None));
    assert_eq!(reader.run_cards("second").unwrap().len(), 1);
    assert_eq!(reader.queued_run("second").unwrap(), None);
    journal
        .submit(write(vec![settle(RunStatus::Skipped)]))
        .await
        .unwrap();
    let skipped = reader.find_run("second").unwrap();
    assert_eq!(skipped.status, RunStatus::Skipped);
    assert_eq!(skipped.summary["failure_reason"], "not begun");
    journal.close().unwrap();
}
