//! Time as a budget: it is the clock of the question, and nobody who could wait is turned away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use orket::storage::{Journal, JournalOptions};
use orket::system::System;
use orket_actors::clock::VirtualClock;
use orket_actors::port::store::{Op, Store};
use orket_actors::runtime::Shutdown;
use orket_core::policy::{Amounts, Limits, Scope, Unit};
use serde_json::{Value, json};

use crate::lab::{Lab, agree, events_until, on_actix, run_to_end, write_and_hand_in};
use crate::support::{self, AT, write};
use crate::witness::{attempts, card, ended, has, is, told, waiting};

/// Lets a virtual clock run as fast as it can while the future is awaited.
async fn flying<T>(clock: &Arc<VirtualClock>, future: impl Future<Output = T>) -> T {
    let flies = Arc::new(AtomicBool::new(true));
    let (time, goes) = (Arc::clone(clock), Arc::clone(&flies));
    actix_rt::spawn(async move {
        while goes.load(Ordering::Relaxed) {
            time.advance(Duration::from_millis(1));
            tokio::task::yield_now().await;
        }
    });
    let done = future.await;
    flies.store(false, Ordering::Relaxed);
    done
}

/// A lab whose epic may take so long; only the whole turn has a clock, of `turn_ms`.
fn lab(seconds: &str, turn_ms: u64) -> Lab {
    let mut lab = Lab::new();
    let key = "budget_wall_sec".to_owned();
    lab.settings.modes.insert(key, seconds.to_owned());
    let clocks = &mut lab.settings.clocks;
    clocks.connect_ms = 0;
    clocks.first_token_ms = 0;
    clocks.idle_ms = 0;
    clocks.turn_ms = turn_ms;
    lab
}

fn coder(more: &Value) -> Value {
    let mut reply = json!({"when": {"role": "coder"}, "calls": write_and_hand_in("agent_output/{{issue_id}}.txt")});
    for (name, value) in more.as_object().unwrap() {
        reply[name] = value.clone();
    }
    reply
}

fn guard() -> Value {
    json!({"when": {"role": "integrity_guard"}, "calls": agree()})
}

fn wall(system: &System) -> (u64, u64) {
    let lines = system.reader().budgets("build-1", None).unwrap();
    let line = lines
        .iter()
        .find(|it| it.scope == "epic" && it.unit == Unit::Wall)
        .unwrap();
    (line.spent, line.reserved)
}

/// Nobody could ask anything when the turn's clock was longer than the budget, and without a clock
/// nothing was set aside at all.
#[test]
fn what_is_left_of_the_time_is_the_question_s_clock() {
    for turn_ms in [1_800_000, 0] {
        let lab = lab("60", turn_ms);
        let silent = coder(&json!({"fault": "stall_before_first"}));
        let cards = json!([
            card("A", json!({"max_retries": 0})),
            card("B", json!({"depends_on": ["A"]}))
        ]);
        let first = coder(&json!({"times": 1}));
        lab.epic("slow", cards, json!({"replies": [first, guard(), silent]}));
        let clock = Arc::new(VirtualClock::default());
        on_actix(async {
            let mut options = lab.options();
            options.clock = Arc::clone(&clock) as _;
            let system = System::start(options).await.expect("starts");
            let mut events = system.runtime.subscribe();
            let new = lab.new_run("slow", "run-1", "build-1");
            system.runtime.start_run(new).await.expect("started");
            let begins = events_until(&mut events, |it| is(it, "turn_start", "B"));
            flying(&clock, begins).await;
            let report = flying(&clock, ended(&system, "run-1")).await;
            // A is asked and done. B's model is silent until the time is up; then nobody is asked.
            let b = &report.cards[1];
            assert_eq!(b.status, "waiting_for_developer", "{}", told(&report));
            assert_eq!(b.code.as_deref(), Some("E_BUDGET"));
            assert_eq!(wall(&system), (60_000, 0));
            let stalled = attempts(&system, "run-1")
                .into_iter()
                .filter(|(_, steps)| has(steps, "stalled"))
                .count();
            assert_eq!(stalled, 1);
            let failed = b.note.contains("60 wall_sec");
            assert!(failed, "{}", told(&report));
            system.stop(Shutdown::Graceful).await.expect("stops");
        });
    }
}

/// The first question sets all the time aside. The others wait for what it does not need instead of
/// asking a person for more.
#[test]
fn cards_at_once_wait_for_what_others_have_set_aside() {
    let lab = lab("100000", 0);
    let cards: Vec<Value> = (0..8).map(|n| card(&format!("W-{n}"), json!({}))).collect();
    lab.epic(
        "many",
        json!(cards),
        json!({"replies": [coder(&json!({})), guard()]}),
    );
    let clock = Arc::new(VirtualClock::default());
    on_actix(async {
        let mut options = lab.options();
        options.clock = Arc::clone(&clock) as _;
        let system = System::start(options).await.expect("starts");
        let mut events = system.runtime.subscribe();
        let run = run_to_end(&system, lab.new_run("many", "run-1", "build-1"));
        let report = flying(&clock, run).await;
        assert_eq!(report.status, "done", "{}", told(&report));
        let (spent, set_aside) = wall(&system);
        assert!(spent <= 100_000_000, "{spent}");
        assert_eq!(set_aside, 0);
        let waited = waiting(&mut events);
        assert!(waited.iter().any(|it| it.event == "budget_waiting"));
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}

/// A crash cuts a question off: until somebody looks it took no longer than that, and never longer
/// than it was given.
#[tokio::test]
async fn a_question_cut_off_by_a_crash_took_no_longer_than_until_it_was_found() {
    for (found_after_ms, took_ms) in [(5_000, 5_000), (7_200_000, 1_800_000), (-3_000, 0)] {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), JournalOptions::default()).unwrap();
        for write in support::run_with_open_turns("crash", 1, 1) {
            journal.submit(write).await.unwrap();
        }
        let scope = Scope {
            kind: "epic".to_owned(),
            id: "build".to_owned(),
            limits: Limits {
                wall_ms: Some(3_600_000),
                ..Limits::default()
            },
        };
        let reserve = Op::Reserve {
            turn: 1,
            scopes: vec![scope],
            amounts: Amounts {
                tokens: 300,
                wall_ms: 1_800_000,
                ..Amounts::default()
            },
            at_ms: AT,
        };
        journal.submit(write(vec![reserve])).await.unwrap();
        journal.close().unwrap();
        drop(journal);

        let journal = Journal::open(folder.path(), JournalOptions::default()).unwrap();
        let abandoned = Op::CloseTurn {
            turn: 1,
            status: "abandoned",
            code: None,
            prompt_tokens: 0,
            output_tokens: 0,
            at_ms: AT + found_after_ms,
        };
        journal.submit(write(vec![abandoned])).await.unwrap();
        let lines = journal.reader().budgets("build", None).unwrap();
        let of = |unit| {
            let line = lines.iter().find(|it| it.unit == unit).unwrap();
            (line.spent, line.reserved)
        };
        assert_eq!(of(Unit::Wall), (took_ms, 0));
        assert_eq!(of(Unit::Tokens), (300, 0));
        journal.close().unwrap();
    }
}
