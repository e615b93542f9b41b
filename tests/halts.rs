//! A halt settles everything at once, wherever each card stands, and a resume runs what is left.

mod lab;
mod witness;

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join;
use lab::{DEADLINE, Lab, events_until, on_actix, run_to_end, statuses};
use orket::system::System;
use orket_actors::port::event::RuntimeEvent;
use orket_actors::runtime::{NewRun, RuntimeError, Shutdown};
use orket_core::ids::RunId;
use orket_core::tool::EffectClass;
use serde_json::{Value, json};
use witness::{
    attempt_lines, attempts, card, each_once, ended, has, is, journal, offer_script, run_id,
    steps_of, told, waiting,
};

async fn started(system: &System, new: NewRun) -> RunId {
    system.runtime.start_run(new).await.expect("started")
}

fn alive(pid_file: &Path) -> bool {
    witness::alive(&std::fs::read_to_string(pid_file).expect("a pid"))
}

/// Sleeps for a minute the first time, and not at all the second.
fn nap_once(name: &str) -> String {
    format!(
        "test -f {name}.slept && exit 0; touch {name}.slept; echo $$ > {name}.pid.new; mv {name}.pid.new {name}.pid; exec sleep 60"
    )
}

/// Five cards, each of them cut off somewhere else by a halt: D is done, T is at its verifier, N in
/// the middle of a tool call after a reply, S in the middle of a reply, B backs off, W waits for a
/// permit, L for S.
fn halted_everywhere(lab: &mut Lab) {
    // B would come back by itself only long after this test.
    lab.settings.retry.base_ms = 600_000;
    lab.settings.retry.max_ms = 600_000;
    let mut replies = vec![
        json!({"when": {"issue": "B", "role": "coder"}, "times": 1, "fault": "http_500"}),
        json!({"when": {"issue": "S", "role": "coder", "attempt": 1}, "times": 1, "content": "word ".repeat(400), "chunk_chars": 5, "chunk_delay_ms": 150}),
        json!({"when": {"issue": "N", "role": "coder"}, "times": 1, "calls": [
            {"tool": "write_file", "args": {"path": "agent_output/N.txt", "content": "n"}},
            {"tool": "nap", "args": {}},
            {"tool": "update_issue_status", "args": {"status": "code_review"}}]}),
    ];
    replies.extend(each_once(&["D", "T", "N", "S", "B", "W", "L"]));
    let verify = json!({"verify": [{"command": ["sh", "-c", nap_once("T")]}]});
    lab.epic(
        "halted",
        json!([
            card("D", json!({"priority": 9.0})),
            card("B", json!({"priority": 8.0, "depends_on": ["D"]})),
            card(
                "T",
                json!({"priority": 7.0, "depends_on": ["D"], "params": verify})
            ),
            card("N", json!({"priority": 6.0, "depends_on": ["D"]})),
            card("S", json!({"priority": 5.0, "depends_on": ["D"]})),
            card("W", json!({"priority": 1.0, "depends_on": ["D"]})),
            card("L", json!({"depends_on": ["S"]})),
        ]),
        json!({"replies": replies}),
    );
}

#[test]
fn a_halt_settles_everything_at_once_and_a_resume_runs_only_what_is_left() {
    let mut lab = Lab::new();
    halted_everywhere(&mut lab);
    lab.epic(
        "other",
        json!([card("O", json!({}))]),
        json!({"replies": each_once(&["O"])}),
    );
    on_actix(async {
        let mut options = lab.options();
        options.actors.max_turns = Some(3);
        // On one thread the cards ask in the order of their scores, so that W comes last.
        options.actors.arbiters = 0;
        let system = System::start(options).await.expect("starts");
        let mut events = system.runtime.subscribe();
        let mut new = lab.new_run("halted", "run-1", "build-1");
        offer_script(&mut new, "nap", EffectClass::Idempotent, &nap_once("N"));
        started(&system, new).await;
        let missing = RefCell::new(vec!["backs off", "verifies", "calls", "streams"]);
        events_until(&mut events, |event| {
            let met = match event.event.as_str() {
                "retry_triggered" if is(event, "retry_triggered", "B") => "backs off",
                "runtime_verifier_started" => "verifies",
                "tool_call_start" if event.data["tool"] == "nap" => "calls",
                "turn_progress" if is(event, "turn_progress", "S") => "streams",
                _ => return false,
            };
            missing.borrow_mut().retain(|what| *what != met);
            missing.borrow().is_empty()
        })
        .await;
        for name in ["T.pid", "N.pid"] {
            wait_for_file(&lab.workspace().join(name)).await;
        }

        let asked = Instant::now();
        let report = system.runtime.halt(run_id("run-1")).await.expect("halts");
        let took = asked.elapsed();
        println!("halt: ledger and session settled after {took:?}");
        assert!(took < Duration::from_secs(5), "{took:?}");
        let row = system.reader().find_run("run-1").expect("the run");
        assert_eq!(
            (report.status.as_str(), row.status.as_str()),
            ("halted", "halted")
        );
        assert_eq!(
            statuses(&report),
            [
                "D: done",
                "B: ready",
                "T: code_review",
                "N: ready",
                "S: ready",
                "W: ready",
                "L: ready"
            ]
        );
        assert!(
            !alive(&lab.workspace().join("T.pid")),
            "the verify command lives on"
        );
        assert!(!alive(&lab.workspace().join("N.pid")), "the tool lives on");
        let halted = journal(&system, "run-1");
        let again = system.runtime.halt(run_id("run-1")).await;
        assert_eq!(
            again,
            Err(RuntimeError::Over("run-1".into(), "halted".into()))
        );

        // Another run is carried out from its start to its end, and nothing of the halted one moves.
        waiting(&mut events);
        run_to_end(&system, lab.new_run("other", "run-other", "build-other")).await;
        let strays: Vec<_> = waiting(&mut events)
            .into_iter()
            .filter(|event| event.run_id.as_deref() == Some("run-1"))
            .collect();
        assert!(strays.is_empty(), "{strays:#?}");
        assert_eq!(journal(&system, "run-1"), halted);

        // Every answer but that to the cut-off stream of S exists once: who asks twice is refused.
        let (one, two) = join(
            system.runtime.resume(run_id("run-1")),
            system.runtime.resume(run_id("run-1")),
        )
        .await;
        let twice = Err(RuntimeError::AlreadyRunning("run-1".into()));
        assert!(
            one == Ok(()) && two == twice || one == twice && two == Ok(()),
            "only one of two may: {one:?}, {two:?}"
        );
        let report = ended(&system, "run-1").await;
        insta::assert_snapshot!("resumed", told(&report));
        assert_eq!(
            attempt_lines(&system, "run-1"),
            [
                "B 1/1 coder failed E_MODEL_SERVER",
                "B 1/2 coder succeeded",
                "B 2/1 integrity_guard succeeded",
                "D 1/1 coder succeeded",
                "D 2/1 integrity_guard succeeded",
                "L 1/1 coder succeeded",
                "L 2/1 integrity_guard succeeded",
                "N 1/1 coder succeeded",
                "N 2/1 integrity_guard succeeded",
                "S 1/1 coder abandoned",
                "S 1/2 coder succeeded",
                "S 2/1 integrity_guard succeeded",
                "T 1/1 coder succeeded",
                "T 2/1 integrity_guard abandoned",
                "T 2/2 integrity_guard succeeded",
                "W 1/1 coder succeeded",
                "W 2/1 integrity_guard succeeded",
            ]
        );
        assert_eq!(steps_of(&system, "run-1", "model_replied")["N"], 2);
        assert_eq!(steps_of(&system, "run-1", "recovered")["N"], 1);
        let over = system.runtime.resume(run_id("run-1")).await;
        assert_eq!(over, Err(RuntimeError::Over("run-1".into(), "done".into())));
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}

async fn wait_for_file(path: &Path) {
    tokio::time::timeout(DEADLINE, async {
        while !path.exists() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("{} did not come", path.display()));
}

#[test]
fn a_run_can_be_halted_before_its_first_actor_lives_and_often() {
    let lab = Lab::new();
    let ids: Vec<String> = (0..30).map(|n| format!("C-{n}")).collect();
    let cards: Vec<Value> = ids.iter().map(|id| card(id, json!({}))).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    // Half of the replies take long enough to be cut off.
    let mut replies = each_once(&ids);
    for reply in replies.iter_mut().step_by(3) {
        reply["first_chunk_delay_ms"] = json!(15);
        reply["times"] = json!(100);
    }
    for reply in &mut replies {
        reply["times"] = json!(100);
    }
    lab.epic("often", json!(cards), json!({"replies": replies}));
    on_actix(async {
        let mut options = lab.options();
        options.actors.max_turns = Some(4);
        let system = System::start(options).await.expect("starts");
        let mut events = system.runtime.subscribe();
        started(&system, lab.new_run("often", "run-1", "build-1")).await;
        let report = system
            .runtime
            .halt(run_id("run-1"))
            .await
            .expect("halts at once");
        assert_eq!(report.status, "halted");
        let is_over = |event: &RuntimeEvent| event.event == "session_end";
        events_until(&mut events, is_over).await;
        // More often than a turn may be taken up after crashes: to halt is no crash.
        let mut halts = 0;
        loop {
            assert!(system.runtime.resume(run_id("run-1")).await.is_ok());
            let turns = Cell::new(0);
            events_until(&mut events, |event| {
                turns.set(turns.get() + usize::from(event.event == "turn_complete"));
                turns.get() > 1 || event.event == "session_end"
            })
            .await;
            let report = match system.runtime.halt(run_id("run-1")).await {
                Ok(report) => report,
                Err(RuntimeError::Over(_, _)) => break,
                Err(other) => panic!("{other}"),
            };
            halts += 1;
            events_until(&mut events, is_over).await;
            assert!(halts < 60, "{}", told(&report));
            if report.status == "done" {
                break;
            }
            assert_eq!(report.status, "halted", "{report:#?}");
            let moving = ["in_progress", "awaiting_guard_review", "blocked"];
            assert!(
                report
                    .cards
                    .iter()
                    .all(|card| !moving.contains(&card.status.as_str())),
                "{report:#?}"
            );
        }
        println!("done after {halts} halts");
        let report = ended(&system, "run-1").await;
        assert_eq!(report.status, "done", "{report:#?}");
        for (turn, steps) in attempts(&system, "run-1") {
            assert!(
                steps
                    .iter()
                    .filter(|step| step.kind() == "model_requested")
                    .count()
                    <= 1,
                "{turn:?}"
            );
            assert!(
                turn.status == "succeeded" || turn.status == "abandoned",
                "{turn:?}"
            );
            // An attempt with a stored reply is never given up.
            assert!(
                turn.status == "succeeded" || !has(&steps, "model_replied"),
                "{turn:?}"
            );
        }
        assert!(
            steps_of(&system, "run-1", "model_replied")
                .values()
                .all(|replies| *replies == 2)
        );
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}
