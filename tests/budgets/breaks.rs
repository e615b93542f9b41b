//! What a question costs that did not end well, and what follows when one costs too much.

use orket::system::System;
use orket_actors::port::store::GateDecision;
use orket_actors::runtime::Shutdown;
use orket_core::policy::Unit;
use serde_json::{Value, json};

use crate::lab::{Lab, agree, events_until, on_actix, run_to_end, write_and_hand_in};
use crate::witness::{card, ended, run_id, told, waiting};

/// Spent and set aside of one unit of the epic.
fn epic(system: &System, unit: Unit) -> (u64, u64) {
    let lines = system.reader().budgets("build-1", None).unwrap();
    let line = lines
        .iter()
        .find(|it| it.scope == "epic" && it.unit == unit)
        .unwrap();
    (line.spent, line.reserved)
}

fn limited(key: &str, amount: &str) -> Lab {
    let mut lab = Lab::new();
    lab.settings.modes.insert(key.to_owned(), amount.to_owned());
    lab
}

fn coder(more: &Value) -> Value {
    let mut reply = json!({"when": {"role": "coder"}, "calls": write_and_hand_in("agent_output/{{issue_id}}.txt"),
        "usage": {"prompt_tokens": 10, "output_tokens": 5}});
    for (name, value) in more.as_object().unwrap() {
        reply[name] = value.clone();
    }
    reply
}

fn guard() -> Value {
    json!({"when": {"role": "integrity_guard"}, "calls": agree(), "usage": {"prompt_tokens": 10, "output_tokens": 5}})
}

#[test]
fn a_server_that_counts_more_than_it_was_allowed_is_booked_told_and_closes_the_epic() {
    let lab = limited("budget_tokens", "60000");
    let liar = coder(&json!({"usage": {"prompt_tokens": 10, "output_tokens": 100_000}}));
    lab.epic(
        "over",
        json!([card("O", json!({}))]),
        json!({"replies": [liar, guard()]}),
    );
    on_actix(async {
        let system = System::start(lab.options()).await.expect("starts");
        let mut events = system.runtime.subscribe();
        let report = run_to_end(&system, lab.new_run("over", "run-1", "build-1")).await;
        assert_eq!(epic(&system, Unit::Tokens), (100_010, 0));
        let journaled = system.reader().events("run-1", 0, 100).unwrap();
        let told_of: Vec<_> = journaled
            .iter()
            .filter(|it| it.kind == "budget_exceeded")
            .collect();
        assert_eq!(told_of.len(), 1, "{journaled:?}");
        let shown = waiting(&mut events);
        let shown = shown.iter().find(|it| it.event == "budget_exceeded");
        let data = &shown.expect("an event").data;
        assert_eq!(data["spent"]["tokens"], 100_010);
        assert!(
            data["set_aside"]["tokens"].as_u64() < Some(60_000),
            "{data}"
        );
        // The guard is not asked; the card waits in its review, and everybody can see that it waits.
        assert_eq!(report.cards[0].status, "waiting_for_developer");
        assert_eq!(report.cards[0].code.as_deref(), Some("E_BUDGET"));

        let gates = system.reader().gates(Some("pending")).unwrap();
        let decision = GateDecision::Approved;
        system
            .runtime
            .decide_gate(gates[0].id, decision, "Ada".to_owned(), String::new())
            .await
            .unwrap();
        let report = ended(&system, "run-1").await;
        assert_eq!(report.status, "done", "{}", told(&report));
        let journaled = system.reader().events("run-1", 0, 100).unwrap();
        let ways: Vec<String> = journaled
            .iter()
            .filter_map(|it| Some(format!("{} > {}", it.from.as_ref()?, it.to.as_ref()?)))
            .collect();
        let wait = [
            "awaiting_guard_review > waiting_for_developer",
            "waiting_for_developer > awaiting_guard_review",
        ];
        assert!(
            ways.windows(2).any(|pair| pair == wait.map(str::to_owned)),
            "{ways:?}"
        );
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}

#[test]
fn a_refused_review_is_had_again_and_its_work_is_not_done_twice() {
    let lab = limited("budget_turns", "1");
    lab.epic(
        "shy",
        json!([card("S", json!({}))]),
        json!({"replies": [coder(&json!({})), guard()]}),
    );
    on_actix(async {
        let system = System::start(lab.options()).await.expect("starts");
        run_to_end(&system, lab.new_run("shy", "run-1", "build-1")).await;
        let gates = system.reader().gates(Some("pending")).unwrap();
        let decision = GateDecision::Rejected;
        system
            .runtime
            .decide_gate(gates[0].id, decision, "Ada".to_owned(), String::new())
            .await
            .unwrap();
        system.runtime.resume(run_id("run-1")).await.unwrap();
        let report = ended(&system, "run-1").await;
        assert_eq!(report.cards[0].status, "waiting_for_developer");
        assert_eq!(epic(&system, Unit::Turns), (1, 0), "{}", told(&report));
        let pending = system.reader().gates(Some("pending")).unwrap();
        assert_eq!(pending.len(), 1);
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}

#[test]
fn a_question_that_no_server_took_up_costs_no_token_and_not_the_whole_clock() {
    for fault in ["connect", "http_500", "http_429"] {
        let lab = limited("budget_tokens", "60000");
        let refused = coder(&json!({"fault": fault, "times": 3}));
        lab.epic(
            "down",
            json!([card("D", json!({}))]),
            json!({"replies": [refused, coder(&json!({})), guard()]}),
        );
        on_actix(async {
            let system = System::start(lab.options()).await.expect("starts");
            let report = run_to_end(&system, lab.new_run("down", "run-1", "build-1")).await;
            assert_eq!(report.status, "done", "{}", told(&report));
            assert_eq!(epic(&system, Unit::Tokens), (30, 0), "{fault}");
            assert_eq!(epic(&system, Unit::Turns), (5, 0), "{fault}");
            let clock = lab.settings.clocks.turn_ms;
            assert!(epic(&system, Unit::Wall).0 < clock, "{fault}");
            system.stop(Shutdown::Graceful).await.expect("stops");
        });
    }
}

/// Of a reply that broke off in the middle nobody knows how long it was.
#[test]
fn a_reply_that_broke_off_costs_all_tokens_that_were_set_aside_and_the_time_it_took() {
    let lab = limited("budget_tokens", "60000");
    let broken = coder(&json!({"fault": "truncate", "times": 1}));
    lab.epic(
        "torn",
        json!([card("T", json!({}))]),
        json!({"replies": [broken, coder(&json!({})), guard()]}),
    );
    on_actix(async {
        let system = System::start(lab.options()).await.expect("starts");
        let report = run_to_end(&system, lab.new_run("torn", "run-1", "build-1")).await;
        assert_eq!(report.status, "done", "{}", told(&report));
        let (tokens, _) = epic(&system, Unit::Tokens);
        assert!(tokens > 4_096 + 30, "{tokens}");
        let (wall, _) = epic(&system, Unit::Wall);
        assert!(wall < lab.settings.clocks.turn_ms, "{wall}");
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}

#[test]
fn a_halted_run_holds_nothing_back() {
    let lab = limited("budget_turns", "40");
    let cards: Vec<Value> = (0..4).map(|n| card(&format!("H-{n}"), json!({}))).collect();
    let slow = coder(&json!({"fault": "stall_mid", "times": 4}));
    lab.epic(
        "stop",
        json!(cards),
        json!({"replies": [slow, coder(&json!({})), guard()]}),
    );
    on_actix(async {
        let system = System::start(lab.options()).await.expect("starts");
        let mut events = system.runtime.subscribe();
        let run = system
            .runtime
            .start_run(lab.new_run("stop", "run-1", "build-1"))
            .await
            .expect("started");
        for _ in 0..4 {
            events_until(&mut events, |it| it.event == "turn_start").await;
        }
        while epic_or_nothing(&system) < (0, 4) {
            tokio::task::yield_now().await;
        }
        system.runtime.halt(run).await.unwrap();
        let report = ended(&system, "run-1").await;
        assert_eq!(report.status, "halted", "{}", told(&report));
        assert_eq!(epic(&system, Unit::Turns), (4, 0));
        let (wall, set_aside) = epic(&system, Unit::Wall);
        assert!(wall < lab.settings.clocks.turn_ms, "{wall}");
        assert_eq!(set_aside, 0);
        let before = wall;
        system.runtime.resume(run_id("run-1")).await.unwrap();
        let report = ended(&system, "run-1").await;
        assert_eq!(report.status, "done", "{}", told(&report));
        assert_eq!(epic(&system, Unit::Turns), (12, 0));
        let (wall, _) = epic(&system, Unit::Wall);
        assert!(wall < before + lab.settings.clocks.turn_ms, "{wall}");
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}

/// Questions spent and set aside, before anybody was asked too.
fn epic_or_nothing(system: &System) -> (u64, u64) {
    let lines = system.reader().budgets("build-1", None).unwrap();
    let line = lines
        .iter()
        .find(|it| it.scope == "epic" && it.unit == Unit::Turns);
    line.map_or((0, 0), |it| (it.spent, it.reserved))
}
