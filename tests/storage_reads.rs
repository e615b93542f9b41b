//! What was written is read back unchanged, by the runtime and by people.

use std::path::Path;
use std::sync::Arc;

use orket::storage::{Journal, JournalOptions};
use orket_actors::port::store::{Op, RunStatus, StatusChange, StepRow, Store};
use orket_core::failure::{Failure, FailureClass};
use orket_core::ids::{BuildId, CardId, RunId};
use orket_core::model::{Message, ModelName, ModelOptions, Speaker};
use orket_core::stall::Phase;
use orket_core::status::{CardStatus, WaitReason};
use orket_core::tool::{EffectClass, ToolCall, ToolResult};
use orket_core::turn::{CommandReport, Purpose, Step, TurnOutcome, VerifyReport, Violation};
use serde_json::json;

mod support {
    pub mod journal;
}
use support::journal::*;

fn open(folder: &Path) -> Arc<Journal> {
    Journal::open(folder, JournalOptions::default()).unwrap()
}

fn id(text: &str) -> RunId {
    RunId::new(text).unwrap()
}

#[tokio::test]
async fn a_run_reads_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let steps = all_steps();
    let mut blocked = life(CardStatus::Blocked);
    blocked.wait_reason = Some(WaitReason::System);
    blocked.note = "stalled; `orket resume R` goes on".to_owned();
    blocked.code = Some("E_TURN_STALLED".to_owned());
    (blocked.turn, blocked.attempt, blocked.retries) = (2, 3, 1);
    (blocked.recoveries, blocked.tokens) = (1, 1_234_567);
    blocked.refusal = Some("no".to_owned());
    blocked.last_reply = "\u{0}odd \"text\"\n".to_owned();
    let comment = |key: &str, content: &str| Op::Comment {
        card: 2,
        author: "coder".to_owned(),
        content: content.to_owned(),
        key: key.to_owned(),
        at_ms: AT + 5,
    };
    journal
        .submit(write(vec![
            insert_run("R", "B", "golden"),
            insert_cards("R", "B", 1, 3),
            open_turn("R", 7, 2, 0),
            Op::Steps {
                turn: 7,
                steps: steps
                    .iter()
                    .zip(0..)
                    .map(|(step, seq)| StepRow {
                        seq,
                        at_ms: AT,
                        step: Arc::new(step.clone()),
                    })
                    .collect(),
            },
            comment("k1", "first"),
            comment("k2", "second"),
            comment("k1", "the first again"),
            Op::SetCard {
                row: 2,
                life: Box::new(blocked.clone()),
                fence: Some(4),
                changes: Vec::new(),
                at_ms: AT + 9,
            },
        ]))
        .await
        .unwrap();
    let run = journal.load_run(id("R")).await.unwrap().unwrap();
    assert_eq!(*run.plan, plan("R", "B", "golden"));
    assert_eq!((run.status, run.started_ms), (RunStatus::Running, AT));
    let cards: Vec<_> = run
        .cards
        .iter()
        .map(|card| (card.row, card.position, card.fence, &*card.plan, &card.life))
        .collect();
    let ready = life(CardStatus::Ready);
    let plans = [card("C-1"), card("C-2"), card("C-3")];
    assert_eq!(
        cards,
        vec![
            (1, 0, 0, &plans[0], &ready),
            (2, 1, 4, &plans[1], &blocked),
            (3, 2, 0, &plans[2], &ready),
        ]
    );
    let comments: Vec<_> = run.cards[1]
        .comments
        .iter()
        .map(|comment| {
            (
                comment.author.as_str(),
                comment.content.as_str(),
                comment.at_ms,
            )
        })
        .collect();
    assert_eq!(
        comments,
        vec![("coder", "first", AT + 5), ("coder", "second", AT + 5)]
    );
    let [turn] = run.open_turns.as_slice() else {
        panic!("one open attempt, not {:?}", run.open_turns);
    };
    assert_eq!(
        (turn.row, turn.card, turn.fence, turn.turn, turn.attempt),
        (7, 2, 4, 1, 1)
    );
    let read: Vec<Step> = turn.steps.iter().map(|step| (**step).clone()).collect();
    assert_eq!(read, steps);
    assert_eq!(journal.highest_rows().await.unwrap(), (3, 7));
    assert_eq!(journal.running_runs().await.unwrap(), vec![id("R")]);
    assert!(journal.load_run(id("other")).await.unwrap().is_none());
    let build = BuildId::new("B").unwrap();
    assert_eq!(journal.build_cards(build).await.unwrap().len(), 3);
}

#[tokio::test]
async fn ten_thousand_cards_are_one_write() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let begun = std::time::Instant::now();
    journal
        .submit(write(vec![
            insert_run("R", "B", "epic"),
            insert_cards("R", "B", 1, 10_000),
        ]))
        .await
        .unwrap();
    // About 0.1 s with optimisation; this bound only catches something quadratic.
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    let run = journal.load_run(id("R")).await.unwrap().unwrap();
    let rows: Vec<i64> = run.cards.iter().map(|card| card.row).collect();
    assert_eq!(rows, (1..=10_000).collect::<Vec<_>>());
    let shown = journal.reader().run_cards("R").unwrap();
    assert_eq!(shown.len(), 10_000);
    assert_eq!(shown[9_999].card_id, "C-10000");
}

#[tokio::test]
async fn what_people_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let reader = journal.reader();
    let mut first = plan("run-a1", "build-1", "golden");
    first.title = "Golden".to_owned();
    let change = StatusChange {
        from: CardStatus::Ready,
        to: CardStatus::InProgress,
        reason: "turn_dispatch".to_owned(),
        by: "scheduler".to_owned(),
    };
    let mut done = life(CardStatus::Done);
    (done.turn, done.tokens) = (2, 42);
    let set_run = |status, summary, at_ms| Op::SetRun {
        run_id: id("run-a1"),
        status,
        summary,
        at_ms,
    };
    journal
        .submit(write(vec![
            Op::InsertRun {
                plan: Arc::new(first),
                at_ms: AT,
            },
            insert_cards("run-a1", "build-1", 1, 2),
            open_turn("run-a1", 1, 1, 1),
            steps(1, 0..2),
            Op::CloseTurn {
                turn: 1,
                status: "succeeded",
                code: None,
                prompt_tokens: 30,
                output_tokens: 12,
                at_ms: AT + 100,
            },
            Op::SetCard {
                row: 1,
                life: Box::new(done),
                fence: Some(1),
                changes: vec![change],
                at_ms: AT + 100,
            },
            open_turn("run-a1", 2, 2, 1),
            Op::CardEvent {
                run_id: id("run-a1"),
                card: Some(2),
                kind: "retry".to_owned(),
                data: json!({"attempt": 1}),
                at_ms: AT + 150,
            },
            Op::OpenGate {
                digest: None,
                expires_at_ms: None,
                request_type: "unknown_outcome".to_owned(),
                run_id: id("run-a1"),
                card: 2,
                card_id: CardId::new("C-2").unwrap(),
                seat: "coder".to_owned(),
                reason: "it may have happened".to_owned(),
                payload: json!({"tool": "pay"}),
                at_ms: AT + 160,
            },
            set_run(RunStatus::Done, json!({"a": 1, "b": [2]}), AT + 200),
            set_run(RunStatus::Halted, json!({"b": null, "c": "x"}), AT + 300),
        ]))
        .await
        .unwrap();
    // Another run continues the build and takes its cards over.
    let mut second = plan("run-b2", "build-1", "golden");
    second.title = "Golden".to_owned();
    journal
        .submit(write(vec![
            Op::InsertRun {
                plan: Arc::new(second),
                at_ms: AT + 1_000,
            },
            Op::AdoptCards {
                run_id: id("run-b2"),
                rows: vec![1, 2],
            },
        ]))
        .await
        .unwrap();
    insta::assert_json_snapshot!(json!({
        "runs": reader.runs(10).unwrap(),
        "cards of the old run": reader.run_cards("run-a1").unwrap(),
        "turns": reader.turns("run-a1", None).unwrap(),
        "events": reader.events("run-a1", 0, 10).unwrap(),
        "gates": reader.gates(Some("pending")).unwrap(),
        "builds": reader.builds_of("golden").unwrap(),
    }));
    let ids = |turns: Vec<orket::storage::reader::TurnSummary>| {
        turns.into_iter().map(|turn| turn.row).collect::<Vec<_>>()
    };
    assert_eq!(ids(reader.turns("run-a1", Some("C-2")).unwrap()), vec![2]);
    assert_eq!(reader.events("run-a1", 1, 10).unwrap().len(), 1);
    assert_eq!(reader.gates(None).unwrap().len(), 1);
    assert_eq!(reader.gates(Some("approved")).unwrap().len(), 0);
    let board = reader.board().unwrap();
    assert_eq!(board.len(), 1);
    assert_eq!(
        (board[0].build.run_id.as_str(), board[0].build.unfinished),
        ("run-b2", 1)
    );
    assert_eq!(board[0].cards.len(), 2);
    let unfinished = reader.unfinished_run_of_build("build-1").unwrap().unwrap();
    assert_eq!(unfinished.run_id, "run-b2");
    let found = |prefix: &str| {
        reader
            .find_run(prefix)
            .map(|run| run.run_id)
            .map_err(|error| error.to_string())
    };
    assert_eq!(found("run-a"), Ok("run-a1".to_owned()));
    assert_eq!(found("run-b2"), Ok("run-b2".to_owned()));
    assert_eq!(
        found("run-"),
        Err("`run-` may be any of: run-a1, run-b2; type more of it".to_owned())
    );
    assert_eq!(
        found("x"),
        Err("there is no run `x`; `orket runs` lists them".to_owned())
    );
}

/// One step of every kind, with text that is hard to keep.
fn all_steps() -> Vec<Step> {
    let call = ToolCall {
        tool: "write_file".to_owned(),
        args: serde_json::Map::from_iter([
            ("path".to_owned(), json!("a.txt")),
            (
                "content".to_owned(),
                json!("\u{0}\u{1f980}\"\\\r\n\t\u{2028}"),
            ),
        ]),
    };
    vec![
        Step::TurnStarted {
            seat: "coder".to_owned(),
            role: "coder".to_owned(),
            purpose: Purpose::Work,
            turn: 1,
            attempt: 2,
            status: CardStatus::InProgress,
            missing_reads: vec!["x".to_owned()],
            given: None,
        },
        Step::Recovered { recoveries: 1 },
        Step::Verified {
            report: VerifyReport {
                ok: false,
                errors: vec!["no".to_owned()],
                command_results: vec![CommandReport {
                    command_display: "python3 main.py".to_owned(),
                    returncode: -1,
                    stdout: String::new(),
                    stderr: "boom".to_owned(),
                    failure_class: "command_failed".to_owned(),
                    ..CommandReport::default()
                }],
                ..VerifyReport::default()
            },
        },
        Step::ModelRequested {
            round: 0,
            model: ModelName::parse("openai:gpt:4").unwrap(),
            options: ModelOptions {
                temperature: Some(0.1),
                seed: None,
                params: serde_json::Map::from_iter([
                    ("z".to_owned(), json!(1.5e300)),
                    ("a".to_owned(), json!(u64::MAX)),
                ]),
            },
            messages: vec![Message::new(Speaker::System, "be good".repeat(2_000))],
        },
        step_row(3).step.as_ref().clone(),
        Step::Reprompted {
            round: 1,
            violations: vec![Violation {
                reason: "r".to_owned(),
                rule_id: None,
                message: "m".to_owned(),
                evidence: String::new(),
            }],
        },
        Step::CallIntended {
            index: 0,
            call,
            effect: EffectClass::AtMostOnce,
            key: "k".to_owned(),
        },
        Step::CallFinished {
            index: 0,
            result: ToolResult::ok(json!({"path": "/w/a.txt"})),
        },
        Step::Stalled {
            phase: Phase::Idle,
            silent_ms: 60_000,
            chunks: 3,
            bytes: 17,
            partial: "half a rep".to_owned(),
        },
        Step::TurnFinished {
            outcome: TurnOutcome::Failed {
                failure: Failure::new(FailureClass::Stalled, "nothing came"),
            },
        },
    ]
}
