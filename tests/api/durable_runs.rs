//! What was acknowledged is there once, whatever happens to the process. And the limits on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::house::{Builder, KEY, Server};

/// A server with an epic `tiny` of one card, whose model takes `delay_ms` for each reply.
pub fn tiny(delay_ms: u64) -> Builder {
    let epic = json!({"name": "tiny", "team": "standard", "environment": "tiny", "issues": [
        {"id": "T-1", "summary": "Write a file", "seat": "coder",
         "params": {"required_write_paths": ["agent_output/t.txt"], "review_required_read_paths": []}}]});
    let scenario = json!({"name": "tiny", "replies": [
        {"when": {"role": "coder"}, "first_chunk_delay_ms": delay_ms,
         "calls": [{"tool": "write_file", "args": {"path": "agent_output/t.txt", "content": "x"}},
                   {"tool": "update_issue_status", "args": {"status": "code_review"}}]}],
        "default": {"first_chunk_delay_ms": delay_ms, "calls": [{"tool": "update_issue_status", "args": {"status": "done"}}]}});
    Server::build()
        .file("model/core/epics/tiny.json", &epic.to_string())
        .file(
            "model/core/environments/tiny.json",
            &json!({"name": "tiny", "model": "scripted:tiny"}).to_string(),
        )
        .file("model/core/scenarios/tiny.json", &scenario.to_string())
        .env("ORKET_ARTIFACTS", "none")
        .env("ORKET_API_RATE_LIMIT", "0")
}

fn start(server: &Server, build: &str, key: Option<&str>) -> Option<String> {
    let mut headers = vec![("X-API-Key", KEY), ("Content-Type", "application/json")];
    if let Some(key) = key {
        headers.push(("Idempotency-Key", key));
    }
    let body = json!({"issue_id": "tiny", "build_id": build}).to_string();
    let answer = server.send("POST", "/v1/system/run-active", &headers, Some(&body));
    (answer.status == 200).then(|| answer.json()["session_id"].as_str().unwrap().to_owned())
}

/// All runs, page by page: the run of each build.
fn all_runs(server: &Server) -> BTreeMap<String, Vec<String>> {
    let mut builds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut path = "/v1/runs?limit=1000".to_owned();
    loop {
        let page = server.get(&path);
        assert_eq!(page.status, 200, "{}", page.text);
        for run in page.json().as_array().unwrap() {
            let text = |field: &str| run[field].as_str().unwrap().to_owned();
            builds
                .entry(text("build_id"))
                .or_default()
                .push(text("run_id"));
        }
        let Some(cursor) = page.header("x-next-cursor") else {
            return builds;
        };
        path = format!("/v1/runs?limit=1000&cursor={cursor}");
    }
}

#[test]
fn five_thousand_starts_at_once_then_a_kill_and_each_acknowledged_run_is_there_once() {
    const REQUESTS: usize = 5_000;
    let mut server = tiny(600_000).env("ORKET_MAX_RUNS", "100000").start();
    let acknowledged: Mutex<Vec<(String, Option<String>, String)>> = Mutex::default();
    let (next, pid) = (AtomicUsize::new(0), server.child.id());
    let shared = Arc::new(&server);
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= REQUESTS {
                        return;
                    }
                    // Each second one has a key, and of these each second one is sent twice.
                    let key = (number % 2 == 0).then(|| format!("request-{}", number / 4));
                    let build = match &key {
                        Some(key) => format!("b-{key}"),
                        None => format!("b-{number}"),
                    };
                    if let Some(run) = start(&shared, &build, key.as_deref()) {
                        let mut known = acknowledged.lock().unwrap();
                        known.push((build, key, run));
                        if known.len() == REQUESTS * 4 / 5 {
                            // kill -9 with hundreds of requests under way.
                            rustix::process::kill_process(
                                rustix::process::Pid::from_raw(i32::try_from(pid).unwrap())
                                    .unwrap(),
                                rustix::process::Signal::KILL,
                            )
                            .unwrap();
                        }
                    } else if acknowledged.lock().unwrap().len() >= REQUESTS * 4 / 5 {
                        return;
                    }
                }
            });
        }
    });
    drop(shared);
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(
        acknowledged.len() >= REQUESTS * 4 / 5,
        "{}",
        acknowledged.len()
    );
    server.kill_and_restart();
    let of_key = |key: &str| -> BTreeSet<&str> {
        acknowledged
            .iter()
            .filter(|(_, known, _)| known.as_deref() == Some(key))
            .map(|(_, _, run)| run.as_str())
            .collect()
    };
    // A retry after the kill comes to the same run.
    let keys: BTreeSet<&str> = acknowledged
        .iter()
        .filter_map(|(_, key, _)| key.as_deref())
        .collect();
    for key in keys {
        let runs = of_key(key);
        assert_eq!(runs.len(), 1, "{key}: {runs:?}");
        let again = start(&server, &format!("b-{key}"), Some(key)).expect("answered");
        assert!(runs.contains(again.as_str()), "{key}: {again} and {runs:?}");
    }
    let builds = all_runs(&server);
    for (build, _, run) in &acknowledged {
        assert_eq!(builds.get(build), Some(&vec![run.clone()]), "{build}");
    }
    for (build, runs) in &builds {
        assert_eq!(runs.len(), 1, "{build}: {runs:?}");
    }
}

#[test]
fn a_key_means_one_request_and_belongs_to_whoever_used_it() {
    let keys = json!([{"name": "other", "key": "other-key-0123456789", "scopes": ["run"]}]);
    let server = tiny(0)
        .file("keys.json", &keys.to_string())
        .env("ORKET_API_KEYS_FILE", "keys.json")
        .start();
    let first = start(&server, "one", Some("k")).unwrap();
    assert_eq!(start(&server, "one", Some("k")).unwrap(), first);
    // When it is over, too.
    server.until(&format!("/v1/runs/{first}"), |run| {
        run["status"] == json!("done")
    });
    assert_eq!(start(&server, "one", Some("k")).unwrap(), first);
    let send = |api_key: &str, build: &str| {
        let headers = [("X-API-Key", api_key), ("Idempotency-Key", "k")];
        let body = json!({"issue_id": "tiny", "build_id": build}).to_string();
        server.send("POST", "/v1/system/run-active", &headers, Some(&body))
    };
    let refused = send(KEY, "two");
    assert_eq!(
        (refused.status, refused.json()["code"].clone()),
        (422, json!("E_IDEMPOTENCY_KEY"))
    );
    let other = send("other-key-0123456789", "two");
    assert_eq!(other.status, 200);
    assert_ne!(other.json()["session_id"], json!(first));
}

#[test]
fn more_runs_than_may_be_are_refused_with_a_time_to_come_back() {
    let server = tiny(600_000).env("ORKET_MAX_RUNS", "2").start();
    let runs: Vec<String> = ["a", "b"]
        .iter()
        .map(|build| start(&server, build, None).unwrap())
        .collect();
    let body = json!({"issue_id": "tiny", "build_id": "c"});
    let refused = server.post("/v1/system/run-active", body.clone());
    assert_eq!(
        (refused.status, refused.json()["code"].clone()),
        (503, json!("E_RUN_LIMIT"))
    );
    assert!(refused.header("retry-after").is_some());
    // Attaching starts nothing.
    assert_eq!(start(&server, "a", None).as_ref(), runs.first());
    let halted = server.post(&format!("/v1/runs/{}/halt", runs[0]), json!({}));
    assert_eq!(
        (halted.status, halted.json()["status"].clone()),
        (200, json!("halted"))
    );
    assert_eq!(server.post("/v1/system/run-active", body).status, 200);
}

#[test]
fn run_active_says_what_it_cannot_run() {
    let server = tiny(0).start();
    let ask = |body: Value| server.post("/v1/system/run-active", body);
    let nothing = ask(json!({}));
    assert_eq!(
        (nothing.status, nothing.json()["detail"].clone()),
        (400, json!("No asset ID provided."))
    );
    assert_eq!(ask(json!({"issue_id": "", "path": ""})).status, 400);
    let unknown = ask(json!({"path": "model/core/epics/tinny.json"}));
    assert_eq!(unknown.status, 404);
    assert!(
        unknown.json()["detail"]
            .as_str()
            .unwrap()
            .contains("nearest: tiny"),
        "{}",
        unknown.text
    );
    // An issue's id goes before the path; a card runs with what it depends on.
    let card =
        ask(json!({"issue_id": "T-1", "path": "model/core/epics/none.json", "type": "issue"}));
    assert_eq!(card.status, 200, "{}", card.text);
    let id = card.json()["session_id"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 8);
    server.until(&format!("/v1/runs/{id}"), |run| {
        run["status"] == json!("done")
    });
}

#[test]
fn heartbeat_counts_runs_and_comes_back_to_none() {
    let server = tiny(50).start();
    let beat = || server.get("/v1/system/heartbeat").json();
    assert_eq!(
        (beat()["status"].clone(), beat()["active_tasks"].clone()),
        (json!("online"), json!(0))
    );
    assert!(
        beat()["timestamp"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .is_ok()
    );
    for number in 0..20 {
        start(&server, &format!("b-{number}"), None).unwrap();
    }
    assert!(beat()["active_tasks"].as_u64().unwrap() >= 1);
    server.until("/v1/system/heartbeat", |beat| {
        beat["active_tasks"] == json!(0)
    });
}

#[test]
fn ready_and_metrics_tell_how_things_stand() {
    let server = tiny(0).start();
    let ready = server.send("GET", "/ready", &[], None);
    assert_eq!(
        (ready.status, ready.json()["status"].clone()),
        (200, json!("ready"))
    );
    server.run_done(json!({"issue_id": "tiny"}));
    let metrics = server.get("/metrics");
    assert_eq!(metrics.status, 200);
    assert!(
        metrics
            .header("content-type")
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    for line in [
        "orket_runs{status=\"done\"} 1",
        "orket_cards{status=\"done\"} 1",
        "orket_turns_total{outcome=\"succeeded\"} 2",
        "orket_runs_active 0",
        "orket_queue_depth{queue=\"writer\"} 0",
    ] {
        assert!(
            metrics.text.contains(line),
            "{line} is not in\n{}",
            metrics.text
        );
    }
    for name in [
        "orket_writer_commits_total",
        "orket_writer_commit_seconds_total",
        "orket_http_requests_total",
        "orket_http_request_seconds_bucket",
    ] {
        assert!(metrics.text.contains(name), "{name}");
    }
    assert!(metrics.text.ends_with("# EOF\n"));
}
