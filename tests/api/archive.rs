//! Putting cards away. Cases 46, 47 and 88 of the reference.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;

use orket_core::card_life::CardLife;
use orket_core::plan::CardPlan;
use orket_core::status::{CardKind, CardStatus};
use serde_json::{Value, json};

use super::cards::{all, insert, over, run_with, seed, server_over};
use super::house::Server;
use super::journal::insert_run;

fn archive(server: &Server, body: Value) -> Value {
    let answer = server.post("/v1/cards/archive", body);
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

#[test]
fn archiving_needs_to_be_told_which_cards() {
    let server = Server::start();
    let nothing = [
        json!({}),
        json!({"card_ids": [], "build_id": "", "related_tokens": null}),
        json!({"card_ids": [" "], "reason": "old"}),
    ];
    for body in nothing {
        let answer = server.post("/v1/cards/archive", body);
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (400, &json!("E_BAD_REQUEST"))
        );
    }
    for (body, kind) in [
        (json!({"card_ids": "I1"}), "list_type"),
        (json!({"card_ids": [1]}), "string_type"),
        (json!({"related_tokens": ["ab"]}), "string_too_short"),
        (
            json!({"related_tokens": ["abc", " x "]}),
            "string_too_short",
        ),
        (json!({"card_ids": vec!["I"; 1_001]}), "too_long"),
    ] {
        let answer = server.post("/v1/cards/archive", body);
        assert_eq!(
            (answer.status, &answer.json()["detail"][0]["type"]),
            (422, &json!(kind))
        );
    }
}

#[test]
fn cards_are_archived_once_and_missing_ones_are_named() {
    use CardStatus::{Archived, Done};
    let server = server_over(run_with("R", "B", &[(1, "I1", Done), (3, "I3", Archived)]));
    let asked =
        json!({"card_ids": ["I2", "I1", "I1", "I3"], "reason": "too old", "archived_by": "Ada"});
    let first = archive(&server, asked.clone());
    assert_eq!(
        (&first["ok"], &first["archived_count"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(
        (&first["archived_ids"], &first["missing_ids"]),
        (&json!(["I1"]), &json!(["I2"]))
    );
    assert_eq!(first["already_archived"], json!(["I3"]));
    let again = archive(&server, asked);
    assert_eq!(
        (&again["archived_count"], &again["archived_ids"]),
        (&json!(0), &json!([]))
    );
    assert_eq!(again["already_archived"], json!(["I1", "I3"]));
    assert_eq!(server.get("/v1/cards/I1").json()["status"], "archived");
    let history = server.get("/v1/cards/I1/history").json()["history"].clone();
    let [status, archived] = history.as_array().unwrap().as_slice() else {
        panic!("{history}")
    };
    let (status, archived) = (status.as_str().unwrap(), archived.as_str().unwrap());
    assert!(
        status.ends_with(": operator -> Set Status to 'archived' (from 'done') reason='archived'"),
        "{status}"
    );
    assert!(
        archived.contains(": Ada (key ") && archived.ends_with(") -> Archived card (too old)"),
        "{archived}"
    );
}

#[test]
fn all_selectors_together_count_each_card_once() {
    use CardStatus::{Blocked, Done, Ready};
    let mut ops = run_with("R-1", "B-1", &[(1, "I1", Done), (2, "I2", Ready)]);
    ops.extend(run_with(
        "R-2",
        "B-2",
        &[(3, "LOGIN-3", Blocked), (4, "I4", Done)],
    ));
    let server = server_over(ops);
    let asked = json!({"build_id": "B-1", "related_tokens": ["login"], "card_ids": ["I1"]});
    let preview = archive(
        &server,
        json!({"build_id": "B-1", "related_tokens": ["login"], "dry_run": true}),
    );
    assert_eq!(
        (&preview["archived_count"], &preview["dry_run"]),
        (&json!(3), &json!(true))
    );
    assert_eq!(server.get("/v1/cards/I1").json()["status"], "done");
    let archived = archive(&server, asked);
    assert_eq!(
        (&archived["archived_count"], &archived["archived_ids"]),
        (&json!(3), &json!(["I1", "I2", "LOGIN-3"]))
    );
    assert_eq!(
        archived["archived"][2],
        json!({"id": "LOGIN-3", "build_id": "B-2", "session_id": "R-2", "status": "blocked"})
    );
}

#[test]
fn a_build_is_archived_and_its_neighbour_is_not() {
    use CardStatus::{Done, Ready};
    let mut ops = run_with("R-1", "B-1", &[(1, "I1", Done), (2, "I2", Ready)]);
    ops.extend(run_with("R-2", "B-2", &[(3, "I1", Done)]));
    let server = server_over(ops);
    assert_eq!(
        archive(&server, json!({"build_id": "B-1"}))["archived_count"],
        2
    );
    assert_eq!(
        all(&server, "/v1/cards?status=archived&limit=9"),
        ["I2", "I1"]
    );
    assert_eq!(server.get("/v1/cards/I1").json()["status"], "done");
    // An id alone means the newest build; with its build it means that one.
    let named = archive(&server, json!({"card_ids": ["B-1/I1", "I1", "B-3/I1"]}));
    assert_eq!(
        (&named["archived_ids"], &named["already_archived"]),
        (&json!(["I1"]), &json!(["I1"]))
    );
    assert_eq!(named["missing_ids"], json!(["B-3/I1"]));
    assert_eq!(
        archive(&server, json!({"build_id": "B-3"}))["build_is_missing"],
        true
    );
}

#[test]
fn related_cards_are_found_by_the_very_text_whatever_its_case() {
    let with = |row, id: &str, change: &dyn Fn(&mut CardPlan, &mut CardLife)| {
        let (row, place, plan, mut life) = seed(row, id, CardStatus::Done);
        let mut plan = Arc::unwrap_or_clone(plan);
        change(&mut plan, &mut life);
        (row, place, Arc::new(plan), life)
    };
    let cards = vec![
        with(1, "PAY-1", &|_, _| {}),
        with(2, "I2", &|plan, _| {
            plan.summary = "The paypal form".to_owned()
        }),
        with(3, "I3", &|plan, _| {
            plan.note = "asked by PAY desk".to_owned()
        }),
        with(4, "I4", &|_, life| {
            life.note = "blocked by payment".to_owned()
        }),
        with(5, "I5", &|plan, _| plan.summary = "50% done_now".to_owned()),
        with(6, "I6", &|plan, _| {
            plan.summary = "5000 dones now".to_owned()
        }),
        with(7, "I7", &|plan, _| plan.summary = "ÜBER \\ all".to_owned()),
    ];
    let server = server_over(vec![
        insert_run("R", "Build-X", "epic"),
        insert("R", "Build-X", cards),
        over("R"),
    ]);
    let found = |text: &str| {
        archive(&server, json!({"related_tokens": [text], "dry_run": true}))["archived_ids"].clone()
    };
    assert_eq!(found("pay"), json!(["I2", "I3", "I4", "PAY-1"]));
    assert_eq!(found("50% D"), json!(["I5"]));
    assert_eq!(found("e_n"), json!(["I5"]));
    assert_eq!(found("%%%"), json!([]));
    assert_eq!(found("über \\"), json!(["I7"]));
    assert_eq!(found("BUILD-x").as_array().unwrap().len(), 7);
}

#[test]
fn at_most_five_hundred_related_cards_go_at_once_the_newest_first() {
    let cards: Vec<_> = (1..=503)
        .map(|row| seed(row, &format!("OLD-{row}"), CardStatus::Done))
        .collect();
    let server = server_over(vec![
        insert_run("R", "B", "epic"),
        insert("R", "B", cards),
        over("R"),
    ]);
    let first = archive(&server, json!({"related_tokens": ["old-"]}));
    assert_eq!(
        (&first["archived_count"], &first["more_related"]),
        (&json!(500), &json!(true))
    );
    assert_eq!(
        all(&server, "/v1/cards?status=done&limit=9"),
        ["OLD-3", "OLD-2", "OLD-1"]
    );
    let rest = archive(&server, json!({"related_tokens": ["old-"]}));
    assert_eq!(
        (&rest["archived_count"], &rest["more_related"]),
        (&json!(3), &json!(false))
    );
}

#[test]
fn what_the_status_table_does_not_let_go_is_named_and_stays() {
    let (row, place, plan, life) = seed(1, "APP", CardStatus::Done);
    let app = CardPlan {
        kind: CardKind::App,
        ..Arc::unwrap_or_clone(plan)
    };
    let cards = vec![
        (row, place, Arc::new(app), life),
        seed(2, "I2", CardStatus::Done),
    ];
    let server = server_over(vec![
        insert_run("R", "B", "epic"),
        insert("R", "B", cards),
        over("R"),
    ]);
    let answer = archive(&server, json!({"build_id": "B"}));
    assert_eq!(answer["archived_ids"], json!(["I2"]));
    let refused = &answer["refused"][0];
    assert_eq!(
        (&refused["id"], &refused["status"]),
        (&json!("APP"), &json!("done"))
    );
    assert!(
        refused["reason"]
            .as_str()
            .unwrap()
            .contains("cannot go from `done` to `archived`"),
        "{refused}"
    );
    assert_eq!(server.get("/v1/cards/APP").json()["status"], "done");
}

/// A server with an epic of two cards whose seat asks a person before it writes.
fn with_questions(variables: &[(&str, &str)], delay_ms: u64) -> Server {
    let issue = |id: &str| {
        json!({"id": id, "summary": "Write", "seat": "coder",
               "params": {"required_write_paths": [format!("agent_output/{id}.txt")], "review_required_read_paths": []}})
    };
    let epic = json!({"epic": {"name": "asking", "team": "standard", "environment": "asking", "issues": [issue("A-1"), issue("A-2")]}});
    let scenario = json!({"name": "asking", "replies": [
        {"when": {"role": "coder"}, "first_chunk_delay_ms": delay_ms,
         "calls": [{"tool": "write_file", "args": {"path": "agent_output/{{issue_id}}.txt", "content": "x"}},
                   {"tool": "update_issue_status", "args": {"status": "code_review"}}]}],
        "default": {"calls": [{"tool": "update_issue_status", "args": {"status": "done"}}]}});
    let builder = Server::build()
        .file("model/core/epics/asking.json", &epic.to_string())
        .file(
            "model/core/environments/asking.json",
            &json!({"name": "asking", "model": "scripted:asking"}).to_string(),
        )
        .file("model/core/scenarios/asking.json", &scenario.to_string());
    variables
        .iter()
        .fold(builder, |builder, (name, value)| builder.env(name, value))
        .start()
}

fn start(server: &Server) -> String {
    let started = server.post("/v1/runs", json!({"kind": "epic", "name": "asking"}));
    assert_eq!(started.status, 200, "{}", started.text);
    started.json()["run_id"].as_str().unwrap().to_owned()
}

fn verify(server: &Server, run: &str) {
    let verified = Command::new(env!("CARGO_BIN_EXE_orket"))
        .args(["verify", run])
        .current_dir(server.folder.path())
        .output()
        .unwrap();
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stdout)
    );
}

#[test]
fn a_card_of_a_run_under_way_stays_until_the_run_is_halted_and_is_not_gone_on_with() {
    let server = with_questions(&[], 600_000);
    let run = start(&server);
    server.until("/v1/cards?status=in_progress", |cards| cards["count"] == 2);
    let build = server.get("/v1/cards/A-1").json()["build_id"].clone();
    let refused = archive(&server, json!({"build_id": build}));
    assert_eq!(
        (
            &refused["archived_count"],
            refused["refused"].as_array().unwrap().len()
        ),
        (&json!(0), 2)
    );
    let reason = refused["refused"][0]["reason"].as_str().unwrap();
    assert!(
        reason.contains(&run) && reason.contains("under way"),
        "{reason}"
    );
    assert_eq!(
        server
            .post(&format!("/v1/runs/{run}/halt"), json!({}))
            .status,
        200
    );
    assert_eq!(
        archive(&server, json!({"card_ids": ["A-1"]}))["archived_count"],
        1
    );
    assert_eq!(
        server
            .post(&format!("/v1/runs/{run}/resume"), json!({}))
            .status,
        200
    );
    server.until("/v1/cards/A-2", |card| card["status"] == "in_progress");
    assert_eq!(server.get("/v1/cards/A-1").json()["status"], "archived");
    assert_eq!(
        server
            .post(&format!("/v1/runs/{run}/halt"), json!({}))
            .status,
        200
    );
    verify(&server, &run);
}

#[test]
fn an_archived_card_asks_nobody_any_more() {
    let server = with_questions(&[("ORKET_APPROVAL_REQUIRED_TOOLS", "write_file")], 0);
    let run = start(&server);
    server.until("/v1/gates?status=pending", |gates| {
        gates["gates"].as_array().unwrap().len() == 2
    });
    server.until(&format!("/v1/runs/{run}"), |it| it["status"] != "running");
    assert_eq!(
        archive(&server, json!({"card_ids": ["A-1", "A-2"]}))["archived_count"],
        2
    );
    let gates = server.get("/v1/gates").json();
    let statuses: BTreeSet<&str> = gates["gates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|gate| gate["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, BTreeSet::from(["expired"]));
    let late = server.post(
        &format!("/v1/gates/{}/approve", gates["gates"][0]["id"]),
        json!({}),
    );
    assert_eq!(
        (late.status, &late.json()["code"]),
        (409, &json!("E_GATE_DECIDED"))
    );
    assert_eq!(server.get("/v1/cards/A-1").json()["status"], "archived");
    verify(&server, &run);
}
