//! Several runs, and several people, at one owner: what is started twice runs once, what is started
//! side by side stays apart, what is halted stands still and goes on where it stood.

mod lab;
mod witness;

use std::sync::Arc;

use futures_util::future::{join, join3};
use lab::{Lab, agree, events_until, on_actix, run_to_end, statuses};
use orket::system::System;
use orket_actors::port::event::RuntimeEvent;
use orket_actors::runtime::{RuntimeError, Shutdown};
use orket_core::ids::BuildId;
use serde_json::{Value, json};
use witness::{attempt_lines, attempts, card, each_once, ended, journal, prompts, run_id};

fn small(events: &[Arc<RuntimeEvent>]) -> Vec<(u64, String)> {
    events
        .iter()
        .map(|event| (event.seq, event.event.clone()))
        .collect()
}

#[test]
fn an_epic_started_twice_at_once_and_again_later_runs_once() {
    let lab = Lab::new();
    let ids = ["A", "B", "C"];
    lab.epic(
        "twice",
        json!([
            card("A", json!({})),
            card("B", json!({"depends_on": ["A"]})),
            card("C", json!({}))
        ]),
        json!({"replies": each_once(&ids)}),
    );
    on_actix(async {
        let system = System::start(lab.options()).await.expect("starts");
        let runtime = &system.runtime;
        let (mut one, mut two) = (runtime.subscribe(), runtime.subscribe());
        let (first, second) = join(
            runtime.start_run(lab.new_run("twice", "run-1", "build-1")),
            runtime.start_run(lab.new_run("twice", "run-2", "build-1")),
        )
        .await;
        assert_eq!((first, second), (Ok(run_id("run-1")), Ok(run_id("run-1"))));
        let is_over = |event: &RuntimeEvent| event.event == "session_end";
        let is_turn = |event: &RuntimeEvent| event.event == "turn_start";
        let mut seen = events_until(&mut one, is_turn).await;
        let third = runtime
            .start_run(lab.new_run("twice", "run-3", "build-1"))
            .await;
        assert_eq!(third, Ok(run_id("run-1")), "it is under way still");
        let reports = join3(
            ended(&system, "run-1"),
            ended(&system, "run-1"),
            ended(&system, "run-1"),
        )
        .await;
        assert!(reports.0 == reports.1 && reports.1 == reports.2);
        assert_eq!(statuses(&reports.0), ["A: done", "B: done", "C: done"]);

        seen.extend(events_until(&mut one, is_over).await);
        assert_eq!(small(&seen), small(&events_until(&mut two, is_over).await));
        assert_eq!(system.reader().runs(10).expect("runs").len(), 1);
        let expected: Vec<String> = ids
            .iter()
            .flat_map(|id| {
                [
                    format!("{id} 1/1 coder succeeded"),
                    format!("{id} 2/1 integrity_guard succeeded"),
                ]
            })
            .collect();
        assert_eq!(attempt_lines(&system, "run-1"), expected);

        // A run of a build that is finished has nothing to do, and does nothing.
        let before = journal(&system, "run-1");
        let again = run_to_end(&system, lab.new_run("twice", "run-4", "build-1")).await;
        assert_eq!(
            (again.status.as_str(), again.cards),
            ("done", reports.0.cards)
        );
        assert_eq!(attempts(&system, "run-4").len(), 0);
        assert_eq!(journal(&system, "run-1"), before);
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}

/// An epic whose every text holds a word of its own.
fn spoken_epic(lab: &Lab, name: &str, word: &str) {
    let chatty = |id: &str, role: &str, calls: Value| {
        let calls: Vec<String> = calls
            .as_array()
            .expect("calls")
            .iter()
            .map(ToString::to_string)
            .collect();
        json!({"when": {"issue": id, "role": role}, "times": 1,
               "content": format!("I speak of {word}.\n{}", calls.join("\n"))})
    };
    let write = |id: &str| {
        json!([
            {"tool": "write_file", "args": {"path": format!("agent_output/{id}.txt"), "content": word}},
            {"tool": "add_issue_comment", "args": {"comment": format!("a comment of {word}")}},
            {"tool": "update_issue_status", "args": {"status": "code_review"}}
        ])
    };
    let about = |id: &str, more: Value| {
        let mut card = card(id, more);
        card["description"] = json!(format!("It is about {word}."));
        card
    };
    let replies: Vec<Value> = ["I-1", "I-2", "I-3"]
        .iter()
        .flat_map(|id| {
            [
                chatty(id, "coder", write(id)),
                chatty(id, "integrity_guard", agree()),
            ]
        })
        .collect();
    lab.epic(
        name,
        json!([
            about("I-1", json!({})),
            about("I-2", json!({"depends_on": ["I-1"]})),
            about("I-3", json!({"depends_on": ["I-2"]}))
        ]),
        json!({"replies": replies}),
    );
}

#[test]
fn two_epics_at_once_share_no_word_and_no_folder() {
    let lab = Lab::new();
    spoken_epic(&lab, "ships", "galleons");
    spoken_epic(&lab, "trees", "sycamores");
    on_actix(async {
        let system = System::start(lab.options()).await.expect("starts");
        let at = |epic: &str| {
            let mut new = lab.new_run(epic, &format!("run-{epic}"), &format!("build-{epic}"));
            new.plan.workspace = lab
                .path()
                .join("workspace")
                .join(epic)
                .to_string_lossy()
                .into_owned();
            new
        };
        let reports = join(
            run_to_end(&system, at("ships")),
            run_to_end(&system, at("trees")),
        )
        .await;
        for (epic, own, others, report) in [
            ("ships", "galleons", "sycamores", reports.0),
            ("trees", "sycamores", "galleons", reports.1),
        ] {
            assert_eq!(
                statuses(&report),
                ["I-1: done", "I-2: done", "I-3: done"],
                "{report:#?}"
            );
            for id in ["I-1", "I-2", "I-3"] {
                let asked = prompts(&system, &report.run_id, id);
                assert_eq!(asked.len(), 2, "{id} of {epic}");
                assert!(
                    asked.iter().all(|text| text.contains(own)),
                    "{id} of {epic}"
                );
                assert!(
                    asked.iter().all(|text| !text.contains(others)),
                    "{id} of {epic}: {asked:#?}"
                );
                let file = format!("workspace/{epic}/agent_output/{id}.txt");
                assert_eq!(
                    std::fs::read_to_string(lab.path().join(file)).expect("written"),
                    own
                );
            }
            // The second card is told what the first one said, and only that.
            assert!(
                prompts(&system, &report.run_id, "I-2")[0].contains(&format!("I speak of {own}"))
            );
        }
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}

#[test]
fn a_build_run_again_leaves_what_is_done_alone() {
    let lab = Lab::new();
    let mut replies =
        vec![json!({"when": {"issue": "B", "role": "coder"}, "times": 1, "fault": "connect"})];
    replies.extend(each_once(&["A", "B", "C"]));
    lab.epic(
        "build",
        json!([
            card("A", json!({})),
            card("B", json!({"depends_on": ["A"]})),
            card("C", json!({"depends_on": ["B"]}))
        ]),
        json!({"replies": replies}),
    );
    on_actix(async {
        let system = System::start(lab.options()).await.expect("starts");
        let mut new = lab.new_run("build", "run-1", "build-1");
        new.plan.max_model_retries = 0;
        let report = run_to_end(&system, new).await;
        assert_eq!(statuses(&report), ["A: done", "B: blocked", "C: blocked"]);
        let build = BuildId::new("build-1").expect("an id");
        let rows = |system: &System| {
            let cards = system.reader().build_cards(&build).expect("cards");
            cards
                .iter()
                .map(|card| (card.row, card.plan.id.to_string()))
                .collect::<Vec<_>>()
        };
        let before = rows(&system);

        // Counts of a scenario are kept by run: the first answer to B is a fault in this one too.
        let report = run_to_end(&system, lab.new_run("build", "run-2", "build-1")).await;
        assert_eq!(statuses(&report), ["A: done", "B: done", "C: done"]);
        let spent: Vec<u32> = report.cards.iter().map(|card| card.attempts).collect();
        assert_eq!(spent, [2, 4, 2]);
        assert_eq!(rows(&system), before, "the rows are the same, not copies");
        assert!(
            attempt_lines(&system, "run-2")
                .iter()
                .all(|line| !line.starts_with("A "))
        );

        // The first run has no cards left: they are the second one's.
        let old = system.runtime.resume(run_id("run-1")).await;
        assert!(matches!(old, Err(RuntimeError::Over(_, _))), "{old:?}");
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}
