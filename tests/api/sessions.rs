//! Sessions. Cases 37 to 40 of the reference.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::house::{KEY, Server};
use super::small_epics::{Coder, epic, run, server_with, start};
use super::ws_client::Socket;

#[test]
fn case_37_a_session_that_is_not_there_is_not_found() {
    let server = Server::start();
    for path in ["", "/snapshot", "/status"] {
        let answer = server.get(&format!("/v1/sessions/NOPE{path}"));
        assert_eq!(
            (answer.status, answer.json()["detail"].clone()),
            (404, json!("Not Found")),
            "{path}"
        );
    }
    // A session goes by its whole id.
    assert_eq!(server.get("/v1/sessions/last").status, 404);
    assert_eq!(server.get("/v1/sessions/..%2Fx").status, 404);
}

#[test]
fn a_session_shows_what_was_said_once_it_is_over() {
    let server = server_with(&[("tok", 1)]);
    let run = run(&server, "tok");
    let session = server.get(&format!("/v1/sessions/{run}")).json();
    assert_eq!(
        (&session["id"], &session["status"], &session["type"]),
        (&json!(run), &json!("done"), &json!("epic"))
    );
    assert!(
        session["start_time"].as_str() <= session["end_time"].as_str(),
        "{session}"
    );
    let transcript: Value = serde_json::from_str(session["transcript"].as_str().unwrap()).unwrap();
    let turns = transcript.as_array().unwrap();
    assert_eq!(turns.len(), 2);
    assert_eq!(
        (
            &turns[0]["step_index"],
            &turns[0]["role"],
            &turns[0]["issue"]
        ),
        (&json!(0), &json!("coder"), &json!("TOK-1"))
    );
    assert!(
        turns[0]["summary"].as_str().unwrap().contains("write_file"),
        "{transcript}"
    );
    assert_eq!(turns[1]["role"], "integrity_guard");

    let snapshot = server.get(&format!("/v1/sessions/{run}/snapshot")).json();
    assert_eq!(
        (&snapshot["session_id"], &snapshot["log_history"]),
        (&json!(run), &session["transcript"])
    );
    assert_eq!(snapshot["captured_at"], session["end_time"]);
    let config: Value = serde_json::from_str(snapshot["config_json"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&config["epic"], &config["seats"]["coder"]["model"]),
        (&json!("tok"), &json!("scripted:tok"))
    );
    assert_eq!(config["cards"], json!(["TOK-1"]));

    let status = server.get(&format!("/v1/sessions/{run}/status")).json();
    assert_eq!(
        (
            &status["active"],
            &status["status"],
            &status["task_state"],
            &status["backlog"]
        ),
        (
            &json!(false),
            &json!("done"),
            &json!("completed"),
            &json!({"count": 1, "by_status": {"done": 1}})
        )
    );
    assert_eq!(status["summary"]["issue_count"], 1);
}

#[test]
fn case_38_halting_a_session_waits_for_the_ledger() {
    let coder = Coder {
        delay_ms: 60_000,
        ..Coder::default()
    };
    let server = epic(Server::build(), "slow", 1, coder).start();
    let run = start(&server, "slow");
    let path = format!("/v1/sessions/{run}");
    let status = server.until(&format!("{path}/status"), |it| {
        it["backlog"]["by_status"]["in_progress"] == 1
    });
    assert_eq!(
        (&status["active"], &status["task_state"]),
        (&json!(true), &json!("running"))
    );
    let session = server.get(&path).json();
    assert_eq!(
        (&session["status"], &session["run_status"]),
        (&json!("Started"), &json!("running"))
    );
    assert_eq!(
        (&session["transcript"], &session["end_time"]),
        (&Value::Null, &Value::Null)
    );

    let asked = Instant::now();
    let halted = server.send("POST", &format!("{path}/halt"), &[("X-API-Key", KEY)], None);
    assert_eq!(halted.status, 200, "{}", halted.text);
    assert_eq!(
        halted.json(),
        json!({"ok": true, "session_id": run, "active": false, "status": "halted"})
    );
    assert!(
        asked.elapsed() < Duration::from_secs(20),
        "{:?}",
        asked.elapsed()
    );
    // The ledger says so at once.
    let status = server.get(&format!("{path}/status")).json();
    assert_eq!(
        (&status["active"], &status["status"], &status["task_state"]),
        (&json!(false), &json!("halted"), &json!("canceled"))
    );
    assert_eq!(server.get(&path).json()["status"], "halted");
    assert_eq!(
        server.get(&format!("/v1/runs/{run}")).json()["run_ledger"]["status"],
        "halted"
    );
    // Again, and one that nobody knows.
    let again = server.post(&format!("{path}/halt"), json!({}));
    assert_eq!(
        (again.status, again.json()["status"].clone()),
        (200, json!("halted"))
    );
    for unknown in ["NOPE", "..%2Fx"] {
        let halted = server.post(&format!("/v1/sessions/{unknown}/halt"), json!({}));
        assert_eq!(halted.status, 200, "{}", halted.text);
        assert_eq!(
            (&halted.json()["active"], &halted.json()["status"]),
            (&json!(false), &Value::Null)
        );
    }
}

#[test]
fn case_39_a_turn_is_shown_with_what_was_asked_answered_and_done() {
    let server = server_with(&[("tok", 1)]);
    let run = run(&server, "tok");
    let replay = |query: &str| server.get(&format!("/v1/sessions/{run}/replay?{query}"));
    for half in ["issue_id=TOK-1", "turn_index=1"] {
        let refused = replay(half);
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.json()["detail"].is_string(), "{}", refused.text);
    }
    let refused = replay("issue_id=TOK-1&turn_index=0");
    assert_eq!(refused.status, 422);
    assert_eq!(
        refused.json()["detail"][0]["type"],
        json!("greater_than_equal")
    );
    assert_eq!(
        server.get("/v1/sessions/NOPE/replay?issue_id=X").status,
        422
    );
    for missing in [
        "issue_id=TOK-1&turn_index=9",
        "issue_id=TOK-2&turn_index=1",
        "issue_id=TOK-1&turn_index=1&role=integrity_guard",
        "issue_id=TOK-1&turn_index=1&attempt=2",
    ] {
        assert_eq!(replay(missing).status, 404, "{missing}");
    }
    assert_eq!(
        server
            .get("/v1/sessions/NOPE/replay?issue_id=X&turn_index=1")
            .status,
        404
    );

    let turn = replay("issue_id=TOK-1&turn_index=1&role=Coder");
    assert_eq!(turn.status, 200, "{}", turn.text);
    let turn = turn.json();
    assert_eq!(
        (&turn["role"], &turn["attempt"], &turn["status"]),
        (&json!("coder"), &json!(1), &json!("succeeded"))
    );
    assert_eq!(turn["checkpoint"]["issue_id"], "TOK-1");
    assert_eq!(turn["messages"][0]["role"], "system");
    assert!(
        turn["model_response"]
            .as_str()
            .unwrap()
            .contains("write_file")
    );
    assert_eq!(turn["parsed_tool_calls"][0]["tool"], "write_file");
    // It is what the files say, and is there without them.
    let folder = std::path::PathBuf::from(turn["turn_dir"].as_str().unwrap());
    let written = std::fs::read_to_string(folder.join("checkpoint.json")).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&written).unwrap(),
        turn["checkpoint"]
    );
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(replay("issue_id=TOK-1&turn_index=1").json(), turn);
}

#[test]
fn case_40_without_a_place_a_session_lists_its_turns() {
    let server = server_with(&[("two", 2), ("other", 1)]);
    let (run, _other) = (run(&server, "two"), run(&server, "other"));
    let list = server.get(&format!("/v1/sessions/{run}/replay")).json();
    assert_eq!(list, server.get(&format!("/v1/runs/{run}/replay")).json());
    assert_eq!(
        (&list["session_id"], &list["turn_count"]),
        (&json!(run), &json!(4))
    );
    assert_eq!(list["filters"], json!({"role": null}));
    let turns = list["turns"].as_array().unwrap();
    let places: Vec<(u64, &str)> = turns
        .iter()
        .map(|turn| {
            (
                turn["turn_index"].as_u64().unwrap(),
                turn["issue_id"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        places,
        [(1, "TWO-1"), (1, "TWO-2"), (2, "TWO-1"), (2, "TWO-2")]
    );
    assert_eq!(turns[0]["selected_model"], "scripted:two");
    assert_eq!(
        turns[0]["turn_trace_id"],
        json!(format!("{run}:TWO-1:coder:1"))
    );
    assert!(turns.iter().all(|turn| turn["session_id"] == json!(run)));
    let guard = server
        .get(&format!("/v1/sessions/{run}/replay?role=integrity_guard"))
        .json();
    assert_eq!(
        (&guard["turn_count"], &guard["filters"]["role"]),
        (&json!(2), &json!("integrity_guard"))
    );
}

#[test]
fn a_try_that_failed_is_listed_and_can_be_looked_at() {
    let coder = Coder {
        fails_at: Some(1),
        ..Coder::default()
    };
    let server = epic(Server::build(), "bad", 1, coder).start();
    let run = run(&server, "bad");
    let list = server.get(&format!("/v1/runs/{run}/replay")).json();
    let failed = &list["turns"][0];
    assert_eq!(
        (&failed["status"], &failed["issue_id"]),
        (&json!("failed"), &json!("BAD-1"))
    );
    let turn = server
        .get(&format!(
            "/v1/sessions/{run}/replay?issue_id=BAD-1&turn_index=1"
        ))
        .json();
    assert_eq!(turn["model_response"], "I would rather not.");
    assert_eq!(turn["status"], "failed");
    let spent = server.get(&format!("/v1/runs/{run}/token-summary")).json();
    assert!(spent["total_tokens"].as_u64().unwrap() >= 2, "{spent}");
}

#[test]
fn looking_is_told_to_whoever_listens_and_writes_nothing() {
    let server = server_with(&[("tok", 1)]);
    let run = run(&server, "tok");
    let looks = [
        ("sessions", "", "api_session_detail"),
        ("sessions", "/snapshot", "api_session_snapshot"),
        ("runs", "/metrics", "api_run_metrics"),
        ("runs", "/backlog", "api_backlog"),
    ];
    let stored = || server.get("/v1/logs").json()["total"].clone();
    server.until(&format!("/v1/logs?session_id={run}"), |log| {
        log["items"][0]["event"] == "session_end"
    });
    let before = stored();
    let names = looks.map(|(_, _, event)| event).join(",");
    let mut socket = Socket::open(&server, &format!("?event={names}"));
    for (kind, rest, event) in looks {
        // What is not there cannot be looked at.
        server.get(&format!("/v1/{kind}/NOPE{rest}"));
        assert_eq!(server.get(&format!("/v1/{kind}/{run}{rest}")).status, 200);
        let told = socket.event();
        assert_eq!(
            (&told["event"], &told["data"]["session_id"]),
            (&json!(event), &json!(run))
        );
    }
    assert_eq!(stored(), before);
    // Beginning the log anew writes out what was taken before.
    server.post("/v1/system/clear-logs", json!({}));
    let file = server.folder.path().join("workspace/default/orket.log.1");
    let log = std::fs::read_to_string(file).unwrap();
    assert!(log.contains("session_end"), "{log}");
    assert!(
        looks.iter().all(|(_, _, event)| !log.contains(event)),
        "{log}"
    );
}
