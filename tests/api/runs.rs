//! Looking at runs. Cases 34, 35 and 36 of the reference.

use std::process::Command;

use serde_json::{Value, json};

use super::house::{Answer, Server};
use super::small_epics::{Coder, epic, run, server_with};

fn ids(answer: &Answer) -> Vec<String> {
    let runs = answer.json();
    let ids = runs
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["id"].as_str().unwrap().to_owned());
    ids.collect()
}

#[test]
fn case_34_before_the_first_run_lists_are_empty() {
    let server = Server::start();
    let runs = server.get("/v1/runs");
    assert_eq!((runs.status, runs.text.as_str()), (200, "[]"));
    assert_eq!(runs.header("x-next-cursor"), None);
    let backlog = server.get("/v1/runs/NOPE/backlog");
    assert_eq!((backlog.status, backlog.text.as_str()), (200, "[]"));
    let metrics = server.get("/v1/runs/NOPE/metrics");
    assert_eq!((metrics.status, metrics.text.as_str()), (200, "{}"));
}

#[test]
fn case_35_a_run_that_is_done_shows_its_ledger_its_cards_and_where_its_files_are() {
    let server = server_with(&[("tok", 1)]);
    let run = run(&server, "tok");
    let detail = server.get(&format!("/v1/runs/{run}")).json();
    assert_eq!(
        (&detail["session_id"], &detail["run_id"]),
        (&json!(run), &json!(run))
    );
    assert_eq!(
        (&detail["status"], &detail["issue_count"]),
        (&json!("done"), &json!(1))
    );
    assert_eq!(detail["summary"]["session_status"], "done");
    assert_eq!(detail["summary"]["status_counts"], json!({"done": 1}));
    assert_eq!(detail["summary"]["transcript_turns"], 2);
    let workspace = detail["artifacts"]["workspace"].as_str().unwrap();
    for (name, end) in [
        ("orket_log", "/orket.log"),
        ("observability_root", "/observability"),
        ("agent_output_root", "/agent_output"),
    ] {
        let path = detail["artifacts"][name].as_str().unwrap();
        assert_eq!(path, format!("{workspace}{end}"));
        assert!(std::path::Path::new(path).exists(), "{path}");
    }
    let ledger = &detail["run_ledger"];
    assert_eq!(
        (
            &ledger["run_type"],
            &ledger["run_name"],
            &ledger["department"],
            &ledger["status"]
        ),
        (
            &json!("epic"),
            &json!("tok"),
            &json!("core"),
            &json!("done")
        )
    );
    assert_eq!(
        (&ledger["failure_class"], &ledger["failure_reason"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(ledger["summary_json"], detail["summary"]);
    assert_eq!(ledger["artifact_json"], detail["artifacts"]);
    assert_eq!(ledger["updated_at"], ledger["ended_at"]);
    let session = &detail["session"];
    assert_eq!(
        (
            &session["id"],
            &session["type"],
            &session["name"],
            &session["status"]
        ),
        (&json!(run), &json!("epic"), &json!("tok"), &json!("done"))
    );
    assert_eq!(detail["cards"][0]["tokens"], 35);
    // The beginning of an id, and the last run, are as good.
    for reference in [&run[..6], "last"] {
        assert_eq!(
            server.get(&format!("/v1/runs/{reference}")).json()["run_id"],
            json!(run)
        );
    }
    let backlog = server.get(&format!("/v1/runs/{run}/backlog")).json();
    assert_eq!(
        (&backlog[0]["id"], &backlog[0]["session_id"]),
        (&json!("TOK-1"), &json!(run))
    );
}

#[test]
fn a_run_that_did_not_work_out_says_why() {
    let coder = Coder {
        fails_at: Some(1),
        ..Coder::default()
    };
    let server = epic(Server::build(), "bad", 2, coder).start();
    let run = run(&server, "bad");
    let detail = server.get(&format!("/v1/runs/{run}")).json();
    assert_eq!(detail["status"], "terminal_failure", "{detail}");
    let reason = detail["run_ledger"]["failure_reason"].as_str().unwrap();
    assert!(reason.starts_with("BAD-1: "), "{reason}");
    assert_eq!(detail["issue_count"], 2);
    let listed = server.get("/v1/runs?status=terminal_failure");
    assert_eq!(ids(&listed), [run]);
}

#[test]
fn case_36_a_run_that_is_not_there_is_not_found() {
    let server = Server::start();
    for rest in [
        "",
        "/token-summary",
        "/execution-graph",
        "/replay",
        "/verify",
    ] {
        let answer = server.get(&format!("/v1/runs/NOPE{rest}"));
        assert_eq!(answer.status, 404, "{rest}: {}", answer.text);
        assert_eq!(
            answer.json()["detail"],
            json!("Run 'NOPE' not found"),
            "{rest}"
        );
        assert_eq!(answer.json()["code"], json!("E_RUN_UNKNOWN"), "{rest}");
    }
    assert_eq!(server.get("/v1/runs/..%2F..%2Fetc").status, 404);
}

#[test]
fn long_lists_come_in_pages() {
    let server = server_with(&[("one", 1), ("two", 1), ("three", 1)]);
    let mut runs: Vec<String> = ["one", "two", "three"]
        .iter()
        .map(|epic| run(&server, epic))
        .collect();
    runs.reverse();
    assert_eq!(ids(&server.get("/v1/runs")), runs);
    let first = server.get("/v1/runs?limit=2");
    assert_eq!(ids(&first), runs[..2]);
    let cursor = first.header("x-next-cursor").unwrap();
    let rest = server.get(&format!("/v1/runs?limit=2&cursor={cursor}"));
    assert_eq!(
        (ids(&rest), rest.header("x-next-cursor")),
        (runs[2..].to_vec(), None)
    );
    assert_eq!(ids(&server.get("/v1/runs?offset=1&limit=1")), runs[1..2]);
    assert_eq!(ids(&server.get("/v1/runs?epic=two")), runs[1..2]);
    let build = server.get("/v1/runs?limit=1").json()[0]["build_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        ids(&server.get(&format!("/v1/runs?build_id={build}&status=Done"))),
        runs[..1]
    );
    assert_eq!(ids(&server.get("/v1/runs?status=Started")), [""; 0]);

    let path = format!("/v1/runs/{}/token-summary?limit=1", runs[0]);
    let first = server.get(&path).json();
    assert_eq!(
        (
            first["turns"].as_array().unwrap().len(),
            &first["turn_count"]
        ),
        (1, &json!(2))
    );
    let second = server
        .get(&format!("{path}&cursor={}", first["next_cursor"]))
        .json();
    assert_eq!(
        (&second["turns"][0]["role"], &second["next_cursor"]),
        (&json!("integrity_guard"), &Value::Null)
    );
}

#[test]
fn a_list_that_is_asked_for_in_a_way_that_makes_no_sense_is_refused() {
    let server = server_with(&[("tok", 1)]);
    let run = run(&server, "tok");
    for (query, kind) in [
        ("limit=0", "greater_than_equal"),
        ("limit=1001", "less_than_equal"),
        ("limit=x", "int_parsing"),
        ("offset=-1", "greater_than_equal"),
        ("status=begun", "enum"),
        ("cursor=yesterday", "value_error"),
    ] {
        let refused = server.get(&format!("/v1/runs?{query}"));
        assert_eq!(refused.status, 422, "{query}: {}", refused.text);
        let problem = &refused.json()["detail"][0];
        assert_eq!(problem["type"], json!(kind), "{query}");
        assert_eq!(problem["loc"][0], json!("query"), "{query}");
    }
    for rest in ["token-summary", "replay"] {
        let refused = server.get(&format!("/v1/runs/{run}/{rest}?cursor=77777"));
        assert_eq!(refused.status, 422, "{rest}: {}", refused.text);
    }
}

#[test]
fn the_record_of_a_run_is_checked_and_only_so_many_at_once() {
    let server = server_with(&[("two", 2)]);
    let run = run(&server, "two");
    let checked = server.get(&format!("/v1/runs/{run}/verify"));
    assert_eq!(checked.status, 200, "{}", checked.text);
    let evidence = &checked.json()["evidence"];
    assert_eq!(
        (&evidence["ok"], &evidence["cards"], &evidence["attempts"]),
        (&json!(true), &json!(2), &json!(4))
    );
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| server.get(&format!("/v1/runs/{run}/verify"))))
            .collect();
        for answer in asked {
            let answer = answer.join().unwrap();
            match answer.status {
                200 => assert_eq!(answer.json()["evidence"]["ok"], json!(true)),
                503 => assert_eq!(answer.header("retry-after"), Some("2")),
                other => panic!("{other}: {}", answer.text),
            }
        }
    });
    // A file that was changed is found, and told as what it is, not as an error of the server.
    let folder = server
        .folder
        .path()
        .join("workspace/default/observability")
        .join(&run);
    let turn = folder.join("TWO-1/001_coder/model_response.txt");
    std::fs::write(&turn, "something else").unwrap();
    let checked = server.get(&format!("/v1/runs/{run}/verify"));
    assert_eq!(checked.status, 200, "{}", checked.text);
    assert_eq!(checked.json()["evidence"]["ok"], json!(false));
    assert_eq!(
        checked.json()["evidence"]["problems"][0]["kind"],
        json!("file")
    );
}

#[test]
fn the_command_line_understands_what_the_server_shows() {
    let server = server_with(&[("tok", 1)]);
    let run = run(&server, "tok");
    let socket = server.folder.path().join(".orket/durable/run/orket.sock");
    let orket = |args: &[&str]| -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_orket"))
            .args(args)
            .args(["--json", "--server", socket.to_str().unwrap()])
            .current_dir(server.folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let listed = orket(&["runs"]);
    assert_eq!(
        (&listed["runs"][0]["run_id"], &listed["runs"][0]["status"]),
        (&json!(run), &json!("done"))
    );
    let shown = orket(&["show", "last"]);
    assert_eq!(
        (&shown["run_id"], &shown["cards"][0]["status"]),
        (&json!(run), &json!("done"))
    );
}
