//! What SQL the writer really sends, seen through diesel's instrumentation. A test binary of its
//! own, because the instrumentation is one for the whole process.

use std::sync::{Mutex, PoisonError};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use orket::storage::{Journal, JournalOptions};
use orket_actors::port::store::{Guard, Op, Store};
use orket_core::status::CardStatus;

mod support {
    pub mod journal;
}
use support::journal::*;

#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Query(String),
    Prepared(String),
}

/// What the thread named `orket-writer` did.
static SEEN: Mutex<Vec<Seen>> = Mutex::new(Vec::new());

fn watch() -> Option<Box<dyn Instrumentation>> {
    Some(Box::new(|event: InstrumentationEvent<'_>| {
        if std::thread::current().name() != Some("orket-writer") {
            return;
        }
        let seen = match event {
            InstrumentationEvent::StartQuery { query, .. } => Seen::Query(
                query
                    .to_string()
                    .split(" -- binds")
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_owned(),
            ),
            InstrumentationEvent::CacheQuery { sql, .. } => Seen::Prepared(sql.to_owned()),
            _ => return,
        };
        SEEN.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(seen);
    }))
}

/// What was seen, apart from the looks at the WAL, which are no writes and belong outside.
fn take() -> Vec<Seen> {
    let mut seen = std::mem::take(&mut *SEEN.lock().unwrap_or_else(PoisonError::into_inner));
    seen.retain(|one| {
        let (Seen::Query(sql) | Seen::Prepared(sql)) = one;
        sql != "PRAGMA wal_checkpoint(NOOP)"
    });
    seen
}

#[tokio::test]
async fn every_write_is_in_an_immediate_transaction_and_prepared_once() {
    set_default_instrumentation(watch).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), JournalOptions::default()).unwrap();
    for write in run_with_open_turns("R", 2, 1) {
        journal.submit(write).await.unwrap();
    }
    let life = |n: u32| {
        let mut life = life(CardStatus::InProgress);
        life.attempt = n;
        Box::new(life)
    };
    let round = |n: u32| {
        let turn = i64::from(n) + 10;
        vec![
            write(vec![open_turn("R", turn, 1, 5)]),
            guarded(Guard::Turn(turn, 5), vec![steps(turn, 0..1)]),
            guarded(Guard::Turn(turn, 5), vec![steps(turn, 1..4)]),
            guarded(
                Guard::Turn(turn, 5),
                vec![
                    steps(turn, 4..5),
                    Op::CloseTurn {
                        turn,
                        status: "succeeded",
                        code: None,
                        prompt_tokens: 1,
                        output_tokens: 1,
                        at_ms: AT,
                    },
                    Op::SetCard {
                        row: 1,
                        life: life(n),
                        fence: None,
                        changes: Vec::new(),
                        at_ms: AT,
                    },
                ],
            ),
        ]
    };
    for write in round(0) {
        journal.submit(write).await.unwrap();
    }
    take();
    for n in 1..20 {
        for write in round(n) {
            journal.submit(write).await.unwrap();
        }
    }
    let seen = take();
    let mut inside = false;
    for one in &seen {
        match one {
            Seen::Prepared(sql) => panic!("prepared again: {sql}"),
            Seen::Query(sql) if sql == "BEGIN IMMEDIATE" => inside = true,
            Seen::Query(sql) if sql == "COMMIT" => inside = false,
            Seen::Query(sql) => {
                assert!(inside, "outside of a transaction: {sql}");
                assert!(!sql.starts_with("BEGIN"), "deferred: {sql}");
            }
        }
    }
    let count = |wanted: &str| {
        seen.iter()
            .filter(|one| matches!(one, Seen::Query(sql) if sql.starts_with(wanted)))
            .count()
    };
    assert_eq!(count("BEGIN IMMEDIATE"), 19 * 4);
    assert_eq!(count("COMMIT"), 19 * 4);
    assert_eq!(count("SAVEPOINT"), 0);
    // A guarded step is one statement.
    assert_eq!(count("INSERT INTO `turn_steps`"), 19 * 5);
    assert_eq!(count("SELECT"), 0);
}
