//! Cards: lists, one of them, and what happened to it. Cases 43 to 45 of the reference.

use std::sync::Arc;

use orket::storage::{Journal, JournalOptions};
use orket_actors::port::store::{CardRow, Op, RunStatus, StatusChange, Store};
use orket_core::card_life::CardLife;
use orket_core::ids::{BuildId, CardId, RunId};
use orket_core::plan::CardPlan;
use orket_core::status::CardStatus;
use serde_json::{Value, json};

use super::house::{Builder, Server};
use super::journal::{AT, card, insert_run, life, write};

/// A card that is put into a journal.
pub fn seed(row: CardRow, id: &str, status: CardStatus) -> (CardRow, u32, Arc<CardPlan>, CardLife) {
    let plan = CardPlan {
        id: CardId::new(id).unwrap(),
        ..card("C")
    };
    (
        row,
        u32::try_from(row).unwrap(),
        Arc::new(plan),
        life(status),
    )
}

pub fn insert(run: &str, build: &str, cards: Vec<(CardRow, u32, Arc<CardPlan>, CardLife)>) -> Op {
    let at_ms = AT + cards.first().map_or(0, |card| card.0);
    Op::InsertCards {
        run_id: RunId::new(run).unwrap(),
        build_id: BuildId::new(build).unwrap(),
        cards,
        at_ms,
    }
}

pub fn over(run: &str) -> Op {
    Op::SetRun {
        run_id: RunId::new(run).unwrap(),
        status: RunStatus::Done,
        summary: Value::Null,
        at_ms: AT,
    }
}

/// A run of a build that is over, with cards `(row, id, status)`.
pub fn run_with(run: &str, build: &str, cards: &[(CardRow, &str, CardStatus)]) -> Vec<Op> {
    let cards = cards
        .iter()
        .map(|(row, id, status)| seed(*row, id, *status))
        .collect();
    vec![
        insert_run(run, build, "epic"),
        insert(run, build, cards),
        over(run),
    ]
}

fn status(row: CardRow, from: CardStatus, to: CardStatus, reason: &str, by: &str) -> Op {
    Op::SetCard {
        row,
        life: Box::new(life(to)),
        fence: None,
        changes: vec![StatusChange {
            from,
            to,
            reason: reason.to_owned(),
            by: by.to_owned(),
        }],
        at_ms: AT,
    }
}

/// A server over a journal with these changes.
pub fn server_over(ops: Vec<Op>) -> Server {
    start_over(Server::build(), ops)
}

fn start_over(builder: Builder, ops: Vec<Op>) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(
        &folder.path().join(".orket/durable/db"),
        JournalOptions::default(),
    )
    .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(journal.submit(write(ops))).unwrap();
    journal.close().unwrap();
    builder.start_in(folder)
}

fn ids(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

/// All of a list, by its cursors.
pub fn all(server: &Server, path: &str) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("{path}{cursor}"));
        assert_eq!(page.status, 200, "{}", page.text);
        let page = page.json();
        found.extend(ids(&page));
        match page["next_cursor"].as_i64() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[test]
fn cards_are_listed_by_build_run_and_status() {
    use CardStatus::{Done, Ready};
    let mut ops = run_with("R-1", "B-1", &[(1, "I1", Done), (2, "I2", Ready)]);
    ops.extend(run_with(
        "R-2",
        "B-2",
        &[(3, "I3", Done), (4, "I4", Ready), (5, "I5", Done)],
    ));
    let server = server_over(ops);
    let page = server
        .get("/v1/cards?build_id=B-2&status=done&limit=1")
        .json();
    assert_eq!(ids(&page), ["I5"]);
    assert_eq!(
        (&page["count"], &page["limit"], &page["offset"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert_eq!(
        page["filters"],
        json!({"build_id": "B-2", "session_id": null, "status": "done"})
    );
    assert_eq!(
        all(&server, "/v1/cards?build_id=B-2&status=DONE&limit=1"),
        ["I5", "I3"]
    );
    assert_eq!(
        all(&server, "/v1/cards?limit=2"),
        ["I5", "I4", "I3", "I2", "I1"]
    );
    assert_eq!(
        all(&server, "/v1/cards?session_id=R-1&limit=1"),
        ["I2", "I1"]
    );
    assert_eq!(
        all(&server, "/v1/cards?session_id=R-1&build_id=B-2&limit=1"),
        [""; 0]
    );
    assert_eq!(all(&server, "/v1/cards?build_id=B-3&limit=1"), [""; 0]);
    assert_eq!(all(&server, "/v1/cards?status=ready&limit=1"), ["I4", "I2"]);
    let third = server.get("/v1/cards?offset=2&limit=2").json();
    assert_eq!(
        (ids(&third), &third["offset"]),
        (vec!["I3".to_owned(), "I2".to_owned()], &json!(2))
    );
    assert_eq!(
        ids(&server.get("/v1/cards?build_id=B-1&offset=9").json()),
        [""; 0]
    );
    for (query, field, kind) in [
        ("limit=0", "limit", "greater_than_equal"),
        ("limit=501", "limit", "less_than_equal"),
        ("offset=-1", "offset", "greater_than_equal"),
        ("cursor=x", "cursor", "int_parsing"),
        ("status=finished", "status", "enum"),
    ] {
        let answer = server.get(&format!("/v1/cards?{query}"));
        let problem = &answer.json()["detail"][0];
        assert_eq!(
            (answer.status, &problem["type"]),
            (422, &json!(kind)),
            "{query}"
        );
        assert_eq!(problem["loc"], json!(["query", field]), "{query}");
    }
}

#[test]
fn a_listed_card_has_all_columns_of_the_reference() {
    let server = server_over(run_with("R", "B", &[(1, "I1", CardStatus::Blocked)]));
    let row = server.get("/v1/cards").json()["items"][0].clone();
    let created = "2025-06-15T15:06:40.001+00:00";
    let verification = json!({"fixture_path": null, "scenarios": [], "last_run": null});
    let expected = json!({
        "id": "I1", "session_id": "R", "build_id": "B", "seat": "coder", "summary": "Do C",
        "type": "issue", "priority": "2.5", "sprint": null, "status": "blocked", "assignee": null,
        "note": null, "resolution": null, "credits_spent": 0.0, "retry_count": 0, "max_retries": 3,
        "verification_json": verification.to_string(), "metrics_json": "{}", "depends_on_json": "[]",
        "created_at": created, "verification": verification, "metrics": {}, "depends_on": [],
        "wait_reason": null, "code": null, "turn": 0, "tokens": 0, "updated_at": created,
    });
    assert_eq!(row, expected);
    let card = server.get("/v1/cards/I1").json();
    assert_eq!(
        (&card["priority"], &card["created_at"]),
        (&json!(2.5), &json!(created))
    );
    assert_eq!(card["description"], "A longer text.");
    assert_eq!(card["params"], json!({"k": [1, null, "x"]}));
}

#[test]
fn every_card_is_on_one_page() {
    let cards: Vec<_> = (1..=1_203)
        .map(|row| seed(row, &format!("I{row}"), CardStatus::Ready))
        .collect();
    let server = server_over(vec![
        insert_run("R", "B", "epic"),
        insert("R", "B", cards),
        over("R"),
    ]);
    let newest_first: Vec<String> = (1..=1_203).rev().map(|row| format!("I{row}")).collect();
    assert_eq!(all(&server, "/v1/cards?limit=200"), newest_first);
    assert_eq!(all(&server, "/v1/cards?build_id=B&limit=401"), newest_first);
    let last = server.get("/v1/cards?limit=3&offset=1200").json();
    assert_eq!(
        (ids(&last), &last["next_cursor"]),
        (newest_first[1_200..].to_vec(), &Value::Null)
    );
}

#[test]
fn a_card_of_a_run_is_shown_with_its_history() {
    let server = Server::start();
    let run = server.run_done(json!({"path": "model/core/epics/golden_flow.json"}));
    let card = server.get("/v1/cards/GF-1");
    assert_eq!(card.status, 200, "{}", card.text);
    let card = card.json();
    assert_eq!(
        (&card["session_id"], &card["status"]),
        (&json!(run), &json!("done"))
    );
    assert_eq!(
        (&card["priority"], &card["type"]),
        (&json!(3.0), &json!("issue"))
    );
    assert_eq!(card["assignee"], "requirements_analyst");
    assert_eq!(
        server.get("/v1/cards/GF-2").json()["depends_on"],
        json!(["GF-1"])
    );
    let history = server.get("/v1/cards/GF-1/history").json();
    let lines: Vec<&str> = history["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    let (when, first) = lines[0].split_at(18);
    assert_eq!(
        first,
        ": scheduler -> Set Status to 'in_progress' (from 'ready') reason='turn_dispatch'"
    );
    let shape: String = when
        .chars()
        .map(|it| if it.is_ascii_digit() { '0' } else { it })
        .collect();
    assert!(
        ["00/00/0000 00:00AM", "00/00/0000 00:00PM"].contains(&shape.as_str()),
        "{when}"
    );
    // Two lines a page make the same history.
    let (mut pages, mut cursor) = (Vec::new(), 0);
    loop {
        let page = server
            .get(&format!("/v1/cards/GF-1/history?limit=2&cursor={cursor}"))
            .json();
        pages.extend(page["history"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_i64() else {
            break;
        };
        cursor = next;
    }
    assert_eq!(json!(pages), history["history"]);
    let guard = server.get("/v1/cards/GF-1/guard-history").json();
    assert_eq!(guard["summary"]["awaiting_guard_review"], 1);
    assert_eq!(guard["items"][0]["guard_status"], "awaiting_guard_review");
}

#[test]
fn a_comment_is_shown_and_what_no_card_is_called_is_not_found() {
    let comment = |key: &str, content: &str| Op::Comment {
        card: 1,
        author: "coder".to_owned(),
        content: content.to_owned(),
        key: key.to_owned(),
        at_ms: AT,
    };
    let mut ops = run_with("R", "B", &[(1, "I1", CardStatus::Done)]);
    ops.extend([comment("a", "first"), comment("b", "second")]);
    let server = server_over(ops);
    let both = server.get("/v1/cards/I1/comments").json();
    let first = &both["comments"][0];
    assert_eq!(
        (&first["content"], &first["author"]),
        (&json!("first"), &json!("coder"))
    );
    assert_eq!(
        (&first["issue_id"], &first["created_at"]),
        (&json!("I1"), &json!("2025-06-15T15:06:40.000+00:00"))
    );
    let one = server.get("/v1/cards/I1/comments?limit=1").json();
    let rest = server
        .get(&format!(
            "/v1/cards/I1/comments?cursor={}",
            one["next_cursor"]
        ))
        .json();
    assert_eq!(
        (&rest["comments"][0], rest["comments"][1].is_null()),
        (&both["comments"][1], true)
    );
    for path in ["", "/history", "/guard-history", "/comments"] {
        for wrong in ["NOPE", "I1%2F..", "%E2%82%AC"] {
            let answer = server.get(&format!("/v1/cards/{wrong}{path}"));
            assert_eq!(answer.status, 404, "{wrong}{path}");
        }
        let answer = server.get(&format!("/v1/cards/NOPE{path}")).json();
        assert_eq!(answer["detail"], "Card 'NOPE' not found");
        let elsewhere = server.get(&format!("/v1/cards/I1{path}?build_id=other"));
        assert_eq!(elsewhere.status, 404, "{path}");
    }
}

#[test]
fn of_cards_with_one_id_the_newest_build_s_is_meant() {
    let mut ops = run_with("R-1", "B-1", &[(1, "I", CardStatus::Blocked)]);
    ops.extend(run_with("R-2", "B-2", &[(2, "I", CardStatus::Done)]));
    let server = server_over(ops);
    let build = |query: &str| server.get(&format!("/v1/cards/I{query}")).json()["build_id"].clone();
    assert_eq!(build(""), "B-2");
    assert_eq!(build("?build_id=B-1"), "B-1");
    assert_eq!(build("?session_id=R-1"), "B-1");
    assert_eq!(
        server.get("/v1/cards/I?session_id=R-1&build_id=B-2").status,
        404
    );
}

#[test]
fn a_guard_s_history_counts_refusals_and_the_end() {
    use CardStatus::{AwaitingGuardReview, Blocked, CodeReview, GuardRejected};
    let mut ops = run_with("R", "B", &[(1, "I1", CodeReview)]);
    ops.extend([
        status(
            1,
            CodeReview,
            AwaitingGuardReview,
            "turn_dispatch",
            "scheduler",
        ),
        status(
            1,
            AwaitingGuardReview,
            GuardRejected,
            "tool_call",
            "integrity_guard",
        ),
        status(
            1,
            GuardRejected,
            Blocked,
            "guard_terminal_failure",
            "scheduler",
        ),
    ]);
    let server = server_over(ops);
    let guard = server.get("/v1/cards/I1/guard-history").json();
    assert_eq!(
        guard["summary"],
        json!({"awaiting_guard_review": 1, "guard_approved": 0, "guard_rejected": 1,
               "guard_requested_changes": 0, "retry_count": 1, "terminal_failures": 1})
    );
    assert_eq!(guard["count"], 3);
    let end = &guard["items"][2];
    assert_eq!(
        (&end["terminal_failure"], &end["guard_status"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(
        (&end["timestamp"], &end["actor"], &end["action"]),
        (
            &json!("06/15/2025 03:06PM"),
            &json!("scheduler"),
            &json!(
                "Set Status to 'blocked' (from 'guard_rejected') reason='guard_terminal_failure'"
            )
        )
    );
    // The summary is of everything, whatever the page.
    let last = server
        .get(&format!("/v1/cards/I1/guard-history?limit=1&cursor={}", 2))
        .json();
    assert_eq!(
        (&last["count"], &last["summary"]),
        (&json!(1), &guard["summary"])
    );
}

#[test]
fn a_history_is_told_in_the_zone_of_the_operator() {
    let mut ops = run_with("R", "B", &[(1, "I1", CardStatus::Ready)]);
    ops.push(status(
        1,
        CardStatus::Ready,
        CardStatus::InProgress,
        "turn_dispatch",
        "scheduler",
    ));
    let server = start_over(Server::build().env("ORKET_TIMEZONE", "+05:30"), ops);
    let history = server.get("/v1/cards/I1/history").json();
    assert_eq!(
        history["history"],
        json!([
            "06/15/2025 08:36PM: scheduler -> Set Status to 'in_progress' (from 'ready') reason='turn_dispatch'"
        ])
    );
}
