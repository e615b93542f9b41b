//! What was accepted must be there once: servers that lose, double and forget are found out.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::support::{Request, answering, orket_load, said};

/// A server that starts runs and then lists what `list` makes of each.
fn runs(list: fn(usize, Value) -> Vec<Value>) -> String {
    let started: Mutex<Vec<Value>> = Mutex::default();
    answering(move |request: &Request| {
        let mut started = started.lock().unwrap();
        if request.is("POST /v1/system/run-active") {
            let asked: Value = serde_json::from_str(&request.body).unwrap();
            assert_eq!(
                request.header("Idempotency-Key"),
                asked["build_id"].as_str()
            );
            let id = format!("r{}", started.len());
            started
                .push(json!({"run_id": id, "build_id": asked["build_id"], "run_status": "done"}));
            let answer = json!({"session_id": id, "outcome": "started"});
            return (200, answer.to_string());
        }
        if request.is("GET /v1/runs?limit=1000&status=Started") {
            return (200, "[]".to_owned());
        }
        if request.is("GET /v1/runs") {
            let listed = started.iter().cloned().enumerate();
            let listed: Vec<Value> = listed.flat_map(|(number, run)| list(number, run)).collect();
            return (200, Value::from(listed).to_string());
        }
        (200, "{}".to_owned())
    })
}

/// Starts ten runs there; how it ended, and what it said.
fn start_ten(url: &str) -> (Option<i32>, String) {
    let output = orket_load(&[
        "--api-base-url",
        url,
        "--epic",
        "load",
        "--epic-total",
        "10",
        "--api-total",
        "1",
        "--ws-clients",
        "1",
        "--timeout",
        "2",
        "--quiet",
    ]);
    (output.status.code(), said(&output))
}

#[test]
fn runs_that_are_all_there_once_and_done_pass() {
    assert_eq!(
        start_ten(&runs(|_, run| vec![run])),
        (Some(0), String::new())
    );
}

#[test]
fn a_lost_run_a_doubled_one_and_one_that_is_not_done_are_found() {
    let with = |change: fn(usize, Value) -> Vec<Value>, words: &str| {
        let (code, said) = start_ten(&runs(change));
        assert_eq!(code, Some(3), "{words}");
        assert!(said.contains(words), "{words}: {said}");
    };
    with(
        |number, run| if number == 3 { vec![] } else { vec![run] },
        "failed: runs_not_lost: accepted and not there: 1 of 10: r3",
    );
    with(
        |number, run| vec![run; if number == 4 { 2 } else { 1 }],
        "failed: runs_not_doubled: started more than once: 1 of 10: r4",
    );
    with(
        |number, mut run| {
            if number == 5 {
                run["run_status"] = "failed".into();
            }
            vec![run]
        },
        "failed: runs_done: accepted and not done: 1 of 10: r5 (failed)",
    );
    with(
        |number, run| {
            let build = run["build_id"].as_str().unwrap_or_default();
            let strange =
                json!({"run_id": "x", "build_id": format!("{build}99"), "run_status": "done"});
            if number == 6 {
                vec![run, strange]
            } else {
                vec![run]
            }
        },
        "failed: runs_none_unasked",
    );
}

/// A receiver that keeps deliveries by what `keeps` says of their number.
fn receiver(keeps: fn(usize) -> bool) -> String {
    let known: Mutex<BTreeMap<String, usize>> = Mutex::default();
    answering(move |request: &Request| {
        if !request.is("POST /webhook/gitea") {
            return (200, "{}".to_owned());
        }
        assert_eq!(request.header("X-Gitea-Signature").map(str::len), Some(64));
        let mut known = known.lock().unwrap();
        let id = request.header("X-Gitea-Delivery").unwrap().to_owned();
        let next = known.len() + 1;
        let row = *known.entry(id.clone()).or_insert(next);
        let is_known = row != next;
        if !keeps(row) {
            // Acknowledged all the same.
            known.remove(&id);
            known.insert(format!("forgotten {row}"), row);
        }
        let answer = json!({"status": "ignored", "delivery": row, "duplicate": is_known});
        (200, answer.to_string())
    })
}

#[test]
fn a_delivery_that_was_acknowledged_and_not_kept_is_found() {
    let send = |url: String| {
        let output = orket_load(&[
            "webhook",
            "--webhook-url",
            &url,
            "--webhook-secret",
            "s",
            "--requests",
            "50",
            "--warm-up",
            "0",
            "--concurrency",
            "1",
            "--quiet",
        ]);
        (output.status.code(), said(&output))
    };
    assert_eq!(send(receiver(|_| true)), (Some(0), String::new()));
    let (code, words) = send(receiver(|row| row != 20));
    assert_eq!(code, Some(3));
    assert!(
        words.contains("failed: deliveries_once: 1 of 50 are not known"),
        "{words}"
    );
}
