//! The looks of a run, from made-up lines.

use orket_actors::port::event::RuntimeEvent;
use orket_actors::runtime::{CardReport, RunReport};
use serde_json::{Value, json};

use super::view::View;
use super::{plain, screen};
use crate::owner::wire::Line;

fn event(seq: u64, name: &str, card: Option<&str>, data: Value) -> Line {
    Line::Event(RuntimeEvent {
        seq,
        at_ms: 1_000_000 + i64::try_from(seq).unwrap() * 1_000,
        event: name.to_owned(),
        role: "coder".to_owned(),
        run_id: Some("3f2a9c0d1e4b".to_owned()),
        issue_id: card.map(str::to_owned),
        workspace: None,
        data,
        shown: orket_actors::port::event::Shown::default(),
    })
}

fn card(id: &str, status: &str) -> CardReport {
    CardReport {
        id: id.to_owned(),
        summary: String::new(),
        seat: "coder".to_owned(),
        status: status.to_owned(),
        attempts: 0,
        tokens: 0,
        code: None,
        note: String::new(),
    }
}

fn snapshot(cards: Vec<CardReport>) -> Line {
    Line::Snapshot {
        report: RunReport {
            run_id: "3f2a9c0d1e4b".to_owned(),
            build_id: "build-demo".to_owned(),
            epic: "demo".to_owned(),
            status: "running".to_owned(),
            cards,
            elapsed_ms: 0,
        },
    }
}

fn story() -> Vec<Line> {
    vec![
        snapshot(
            ["REQ-1", "CODE-1", "CODE-2"]
                .map(|id| card(id, "ready"))
                .into(),
        ),
        event(
            1,
            "session_start",
            None,
            json!({"epic": "demo", "build_id": "build-demo", "cards_total": 3}),
        ),
        event(
            2,
            "orchestrator_dispatch",
            Some("REQ-1"),
            json!({"seat": "analyst", "turn": 1, "attempt": 1, "status": "in_progress"}),
        ),
        event(
            3,
            "turn_phase",
            Some("REQ-1"),
            json!({"phase": "first_token"}),
        ),
        event(
            4,
            "tool_call_start",
            Some("REQ-1"),
            json!({"tool": "write_file"}),
        ),
        event(
            5,
            "tool_call_result",
            Some("REQ-1"),
            json!({"tool": "write_file", "ok": true}),
        ),
        event(
            6,
            "turn_complete",
            Some("REQ-1"),
            json!({"duration_ms": 2_400, "tokens": {"total_tokens": 1_234}}),
        ),
        event(
            7,
            "card_status",
            Some("REQ-1"),
            json!({"from": "code_review", "to": "done", "reason": "tool_call", "by": "integrity_guard"}),
        ),
        event(
            8,
            "orchestrator_dispatch",
            Some("CODE-1"),
            json!({"seat": "coder", "turn": 1, "attempt": 1, "status": "in_progress"}),
        ),
        event(
            9,
            "turn_failed",
            Some("CODE-1"),
            json!({"code": "E_MODEL_SERVER", "error": "500 from\nthe server", "retry_in_ms": 750}),
        ),
        event(
            10,
            "orchestrator_dispatch",
            Some("CODE-1"),
            json!({"seat": "coder", "turn": 1, "attempt": 2, "status": "in_progress"}),
        ),
        event(
            11,
            "turn_stalled",
            Some("CODE-1"),
            json!({"phase": "idle", "silent_ms": 61_000}),
        ),
        event(
            12,
            "card_status",
            Some("CODE-1"),
            json!({"from": "in_progress", "to": "blocked", "reason": "retries_exhausted"}),
        ),
        event(
            13,
            "dependency_block_propagated",
            None,
            json!({"updates": ["CODE-2"]}),
        ),
        Line::Lagged { missed: 7 },
        Line::Beat,
        event(
            14,
            "session_end",
            None,
            json!({"status": "terminal_failure"}),
        ),
    ]
}

#[test]
fn a_pipe_gets_a_line_for_each_event_worth_one() {
    let mut view = View::default();
    let mut text = String::new();
    for line in story() {
        if let Some(words) = plain::line(&line, &view) {
            text.push_str(&words);
            text.push('\n');
        }
        view.take(&line);
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_terminal_gets_one_line_a_card() {
    let mut view = View::default();
    let mut frames = String::new();
    for (count, line) in story().iter().enumerate() {
        view.take(line);
        view.since = Some(1_000_000);
        if matches!(count, 3 | 4 | 10 | 16) {
            let now = 1_000_000 + i64::try_from(count).unwrap() * 1_500;
            frames.push_str(&screen::lines(&view, 100, 24, now, false).join("\n"));
            frames.push_str("\n--\n");
        }
    }
    insta::assert_snapshot!(frames);
}

#[test]
fn a_small_terminal_never_gets_more_lines_than_it_has() {
    let mut view = View::default();
    let ids: Vec<String> = (1..=200).map(|number| format!("CARD-{number}")).collect();
    view.take(&snapshot(
        ids.iter()
            .enumerate()
            .map(|(place, id)| card(id, if place < 50 { "done" } else { "ready" }))
            .collect(),
    ));
    for id in &ids[50..56] {
        view.take(&event(
            1,
            "orchestrator_dispatch",
            Some(id),
            json!({"seat": "coder", "turn": 1, "attempt": 1, "status": "in_progress"}),
        ));
    }
    for height in 1..40 {
        for width in [1, 20, 80] {
            let lines = screen::lines(&view, width, height, 2_000_000, false);
            assert!(
                lines.len() < height.max(4),
                "{} lines of {height}",
                lines.len()
            );
            assert!(
                lines
                    .iter()
                    .all(|line| line.chars().count() < width.max(20))
            );
        }
    }
    let lines = screen::lines(&view, 80, 10, 2_000_000, false);
    insta::assert_snapshot!(lines[1..].join("\n"));
}

#[test]
fn what_comes_before_the_first_card_is_shown() {
    let stage = |seq, name: &str, mut data: Value| {
        data["stage"] = json!(name.rsplit_once('_').map_or(name, |(stage, _)| stage));
        event(seq, name, None, data)
    };
    let told = |name: &str, data: Value| event(9, name, None, data);
    let story = [
        told(
            "team_selection_decision",
            json!({"stage": "small_project", "builder_seat": "coder", "reviewer_seat": "critic"}),
        ),
        told(
            "team_policy_auto_injected_code_reviewer",
            json!({"stage": "reviewer_injected", "seat": "auto_code_reviewer"}),
        ),
        told(
            "idesign_architect_decision_respected",
            json!({"stage": "structural_governance", "issue_count": 9}),
        ),
        stage(1, "scaffolder_started", json!({})),
        stage(
            2,
            "scaffolder_completed",
            json!({"created": ["a", "b"], "kept": ["c"]}),
        ),
        told(
            "dependency_manager_skipped_policy",
            json!({"stage": "dependency_manager", "reason": "disable_dependency_manager"}),
        ),
        stage(3, "deployment_planner_started", json!({})),
        stage(
            4,
            "deployment_planner_failed",
            json!({"code": "E_STAGE_DEPLOYMENT", "error": "`x` is a folder"}),
        ),
    ];
    let mut view = View::default();
    view.take(&snapshot(Vec::new()));
    view.since = Some(0);
    let mut text = String::new();
    for line in story {
        let words = plain::line(&line, &view).unwrap_or_else(|| "-".to_owned());
        view.take(&line);
        text.push_str(&format!("{words} | {}\n", view.stage));
    }
    text.push_str(&screen::lines(&view, 80, 4, 0, false).join("\n"));
    insta::assert_snapshot!(text);
}
