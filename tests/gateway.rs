//! Who may ask a model when: permits, order, and what happens when an endpoint does not answer.

mod lab;
mod witness;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use lab::{Lab, events_until, on_actix, run_to_end, write_and_hand_in};
use orket::system::System;
use orket_actors::clock::VirtualClock;
use orket_actors::runtime::Shutdown;
use orket_core::stall::Clocks;
use serde_json::{Value, json};
use witness::{
    agrees, attempt_lines, attempts, card, each_once, ended, is, run_id, steps_of, told, waiting,
    works,
};

#[test]
fn never_more_turns_are_under_way_than_there_are_permits() {
    let lab = Lab::new();
    let ids: Vec<String> = (0..12).map(|n| format!("P-{n}")).collect();
    let cards: Vec<Value> = ids.iter().map(|id| card(id, json!({}))).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut replies = each_once(&ids);
    for reply in &mut replies {
        reply["first_chunk_delay_ms"] = json!(10);
    }
    lab.epic("permits", json!(cards), json!({"replies": replies}));
    on_actix(async {
        let mut options = lab.options();
        options.actors.max_turns = Some(3);
        let system = System::start(options).await.expect("starts");
        let mut events = system.runtime.subscribe();
        // Two runs at one endpoint share its permits.
        let reports = join_all([1, 2].map(|n| {
            run_to_end(
                &system,
                lab.new_run("permits", &format!("run-{n}"), &format!("build-{n}")),
            )
        }))
        .await;
        assert!(
            reports.iter().all(|report| report.status == "done"),
            "{reports:#?}"
        );
        let mut seen = waiting(&mut events);
        seen.sort_by_key(|event| event.seq);
        let (mut now, mut most) = (0_i32, 0);
        for event in seen {
            match event.event.as_str() {
                "turn_start" => now += 1,
                "turn_complete" | "turn_failed" => now -= 1,
                _ => {}
            }
            most = most.max(now);
        }
        assert_eq!((now, most), (0, 3));
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}

#[test]
fn reviews_go_first_then_what_matters_and_unblocks_most() {
    let lab = Lab::new();
    let ids = ["first", "high", "low", "unblocks", "x", "y", "z"];
    let mut replies = vec![
        // While this one answers, the others queue up.
        json!({"when": {"issue": "first", "role": "coder"}, "times": 1, "first_chunk_delay_ms": 150, "calls": write_and_hand_in("agent_output/first.txt")}),
    ];
    replies.extend(each_once(&ids));
    lab.epic(
        "order",
        json!([
            card("first", json!({"priority": 9.0})),
            card("low", json!({"priority": 1.0})),
            card("high", json!({"priority": 3.0})),
            card("unblocks", json!({"priority": 2.0})),
            card("x", json!({"priority": 0.4, "depends_on": ["unblocks"]})),
            card("y", json!({"priority": 0.3, "depends_on": ["unblocks"]})),
            card("z", json!({"priority": 0.2, "depends_on": ["unblocks"]})),
        ]),
        json!({"replies": replies}),
    );
    on_actix(async {
        let mut options = lab.options();
        options.actors.max_turns = Some(1);
        // On one thread the cards ask in the order they are started in.
        options.actors.arbiters = 0;
        let system = System::start(options).await.expect("starts");
        run_to_end(&system, lab.new_run("order", "run-1", "build-1")).await;
        let order: Vec<String> = attempts(&system, "run-1")
            .into_iter()
            .map(|(turn, _)| {
                format!(
                    "{}{}",
                    turn.card_id,
                    if turn.role == "coder" { "" } else { " review" }
                )
            })
            .collect();
        assert_eq!(
            order,
            [
                "first",
                "first review",
                "unblocks",
                "unblocks review",
                "high",
                "high review",
                "low",
                "low review",
                "x",
                "x review",
                "y",
                "y review",
                "z",
                "z review",
            ]
        );
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}

/// Lets a virtual clock run as fast as it can, until it is told to stop.
struct FlyingTime {
    clock: Arc<VirtualClock>,
    flies: Arc<AtomicBool>,
}

impl FlyingTime {
    fn new() -> Self {
        Self {
            clock: Arc::new(VirtualClock::default()),
            flies: Arc::new(AtomicBool::new(false)),
        }
    }

    fn fly(&self) {
        self.flies.store(true, Ordering::Relaxed);
        let (clock, flies) = (Arc::clone(&self.clock), Arc::clone(&self.flies));
        actix_rt::spawn(async move {
            while flies.load(Ordering::Relaxed) {
                clock.advance(Duration::from_millis(1));
                tokio::task::yield_now().await;
            }
        });
    }

    fn land(&self) {
        self.flies.store(false, Ordering::Relaxed);
    }
}

/// No clock runs out while time flies.
fn endless() -> Clocks {
    Clocks {
        connect_ms: 0,
        first_token_ms: 0,
        idle_ms: 0,
        turn_ms: 0,
        tool_idle_ms: 0,
        tool_ms: 0,
        run_ms: 0,
        repeat_chars: 0,
    }
}

#[test]
fn an_endpoint_that_never_answered_fails_fast() {
    let mut lab = Lab::new();
    lab.settings.clocks = endless();
    lab.settings.max_model_retries = 1;
    let ids: Vec<String> = (0..30).map(|n| format!("C-{n}")).collect();
    let cards: Vec<Value> = ids.iter().map(|id| card(id, json!({}))).collect();
    let dead = json!({"when": {"role": "coder"}, "fault": "connect"});
    lab.epic("dead", json!(cards), json!({"replies": [dead]}));
    let time = FlyingTime::new();
    on_actix(async {
        let mut options = lab.options();
        options.actors.max_turns = Some(2);
        options.clock = Arc::clone(&time.clock) as _;
        let system = System::start(options).await.expect("starts");
        let mut events = system.runtime.subscribe();
        time.fly();
        let new = lab.new_run("dead", "run-1", "build-1");
        system.runtime.start_run(new).await.expect("started");
        let report = ended(&system, "run-1").await;
        time.land();
        assert_eq!(report.status, "terminal_failure");
        for card in &report.cards {
            assert_eq!(
                (card.status.as_str(), card.code.as_deref()),
                ("blocked", Some("E_MODEL_CONNECT"))
            );
        }
        let waited_for = "has not answered once; is it running, and is its address right?";
        let hints = report
            .cards
            .iter()
            .filter(|card| card.note.contains(waited_for))
            .count();
        assert!(hints > 15, "{}", told(&report));
        let tried = attempts(&system, "run-1").len();
        assert!(
            (5..15).contains(&tried),
            "{tried} attempts at an address that is wrong"
        );
        let tripped = waiting(&mut events);
        assert!(
            tripped
                .iter()
                .any(|event| event.event == "model_endpoint_unavailable")
        );
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}

#[test]
fn an_endpoint_that_answered_before_is_waited_for_even_when_its_probe_is_halted() {
    let mut lab = Lab::new();
    lab.settings.clocks = endless();
    let ids = ["FIRST", "A", "B", "C", "D", "E", "F"];
    let mut replies = vec![works("FIRST"), agrees("FIRST")];
    // Five failures in a row open the breaker.
    replies.push(json!({"when": {"role": "coder"}, "times": 5, "fault": "connect"}));
    replies.extend(each_once(&ids[1..]));
    let cards: Vec<Value> = ids
        .iter()
        .map(|id| {
            card(
                id,
                if *id == "FIRST" {
                    json!({})
                } else {
                    json!({"depends_on": ["FIRST"]})
                },
            )
        })
        .collect();
    lab.epic("waited", json!(cards), json!({"replies": replies}));
    // Most urgent of all, and it never gets its answer.
    lab.epic(
        "probe",
        json!([card("PROBE", json!({"priority": 99.0}))]),
        json!({"default": {"content": "", "fault": "stall_before_first"}}),
    );
    let time = FlyingTime::new();
    on_actix(async {
        let mut options = lab.options();
        options.actors.max_turns = Some(1);
        options.clock = Arc::clone(&time.clock) as _;
        let system = System::start(options).await.expect("starts");
        let runtime = &system.runtime;
        let mut events = runtime.subscribe();
        // With its own time standing still, the first run gets to where its breaker opens: retries
        // of cards that failed wait for time to pass.
        let new = lab.new_run("waited", "run-1", "build-1");
        runtime.start_run(new).await.expect("started");
        events_until(&mut events, |event| {
            event.event == "model_endpoint_unavailable"
        })
        .await;
        let new = lab.new_run("probe", "run-probe", "build-probe");
        runtime.start_run(new).await.expect("started");
        events_until(&mut events, |event| is_start_of(event, "run-probe")).await;
        time.fly();
        events_until(&mut events, |event| is(event, "turn_start", "PROBE")).await;
        time.land();
        let report = runtime.halt(run_id("run-probe")).await.expect("halts");
        assert_eq!(report.status, "halted");
        time.fly();
        let report = ended(&system, "run-1").await;
        time.land();
        assert_eq!(report.status, "done", "{}", told(&report));
        // Nobody but the five was turned away: the others waited.
        let failed = attempt_lines(&system, "run-1");
        assert_eq!(
            failed
                .iter()
                .filter(|line| line.ends_with("failed E_MODEL_CONNECT"))
                .count(),
            5
        );
        assert_eq!(
            steps_of(&system, "run-1", "model_replied")
                .values()
                .sum::<usize>(),
            14
        );
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}

fn is_start_of(event: &orket_actors::port::event::RuntimeEvent, run: &str) -> bool {
    event.event == "session_start" && event.run_id.as_deref() == Some(run)
}

#[test]
fn an_endpoint_that_asks_for_rest_gets_it_from_everybody() {
    let mut lab = Lab::new();
    lab.settings.clocks = endless();
    lab.settings.max_model_retries = 1;
    let ids: Vec<String> = (0..20).map(|n| format!("C-{n}")).collect();
    let cards: Vec<Value> = ids.iter().map(|id| card(id, json!({}))).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    // It is too busy for the first six questions, each time for three seconds.
    let mut replies = vec![json!({
        "when": {"role": "coder"}, "times": 6, "fault": "http_429", "retry_after_ms": 3_000,
    })];
    replies.extend(each_once(&ids));
    lab.epic("busy", json!(cards), json!({"replies": replies}));
    let time = FlyingTime::new();
    on_actix(async {
        let mut options = lab.options();
        options.actors.max_turns = Some(1);
        options.clock = Arc::clone(&time.clock) as _;
        let system = System::start(options).await.expect("starts");
        let mut events = system.runtime.subscribe();
        let new = lab.new_run("busy", "run-1", "build-1");
        time.fly();
        system.runtime.start_run(new).await.expect("started");
        let report = ended(&system, "run-1").await;
        time.land();
        assert_eq!(report.status, "done", "{}", told(&report));
        let seen = waiting(&mut events);
        let refused = seen.iter().filter(|event| {
            event.event == "turn_failed" && event.data.to_string().contains("E_MODEL_RATE_LIMITED")
        });
        assert_eq!(refused.count(), 6);
        let rests = seen
            .iter()
            .filter(|event| event.event == "model_endpoint_rests");
        assert_eq!(rests.count(), 6, "each question was asked after a rest");
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}
