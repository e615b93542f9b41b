//! The kernel over the socket. Cases 51 to 62 of the reference.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::house::Server;

#[path = "kernel/capabilities.rs"]
mod capabilities;
#[path = "kernel/crash.rs"]
mod crash;
#[path = "kernel/index.rs"]
mod index_of_bodies;
#[path = "kernel/refusals.rs"]
mod refusals;
#[path = "kernel/reports.rs"]
mod reports;
#[path = "kernel/turns.rs"]
mod turns;

const LIFECYCLE: &str = "/v1/kernel/lifecycle";

const RUN_KEY: &str = "a-key-that-may-run-0123456789";

/// A server with a second key, which may run and read but is no admin's.
fn server_with_a_run_key() -> Server {
    let keys = json!([{"name": "runner", "key": RUN_KEY, "scopes": ["read", "run"]}]);
    Server::build()
        .file("config/keys.json", &keys.to_string())
        .env("ORKET_API_KEYS_FILE", "config/keys.json")
        .start()
}

fn lifecycle(server: &Server, start: Value, turns: Value) -> Value {
    let answer = server.post(
        LIFECYCLE,
        json!({"workflow_id": "w", "start_request": start, "execute_turn_requests": turns}),
    );
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// The only turn of a run of its own.
fn turn(server: &Server, turn: Value) -> Value {
    lifecycle(server, Value::Null, json!([turn]))["turns"][0].clone()
}

/// The code of the first issue of each turn; empty where it came through.
fn codes(lifecycle: &Value) -> Vec<String> {
    let turns = lifecycle["turns"].as_array().unwrap().iter();
    turns
        .map(|turn| {
            let code = turn["issues"][0]["code"].as_str().unwrap_or("").to_owned();
            assert_eq!(turn["outcome"] == json!("PASS"), code.is_empty(), "{turn}");
            code
        })
        .collect()
}

fn has_event(turn: &Value, code: &str) -> bool {
    let code = format!("[CODE:{code}]");
    let mut events = turn["events"].as_array().unwrap().iter();
    events.any(|event| event.as_str().unwrap().contains(&code))
}

/// A turn that stages a body which can be referred to by its stem, and which refers to others.
fn staging(turn: &str, stem: &str, to: &[&str]) -> Value {
    let links: Map<String, Value> = to
        .iter()
        .map(|id| ((*id).to_owned(), json!({"type": "skill", "id": id})))
        .collect();
    json!({"turn_id": turn, "turn_input": {"stage_triplet": {
        "stem": stem, "body": {"dto_type": "skill", "id": stem}, "links": links}}})
}

fn promoting(turn: &str, stem: &str, to: &[&str]) -> Value {
    let mut request = staging(turn, stem, to);
    request["commit_intent"] = json!("stage_and_request_promotion");
    request
}

fn index(server: &Server) -> PathBuf {
    server
        .folder
        .path()
        .join("workspace/default/.orket/kernel/.orket_kernel/index")
}

/// Every plain file below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let Ok(entries) = std::fs::read_dir(folder) else {
        return found;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}
