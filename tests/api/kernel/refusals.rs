//! What is not done at all.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{LIFECYCLE, RUN_KEY, files, promoting, server_with_a_run_key, turn};
use crate::house::{Answer, Server};

#[test]
fn a_request_that_cannot_mean_anything_is_refused_before_any_turn() {
    let server = Server::start();
    let good =
        json!({"workflow_id": "w", "execute_turn_requests": [promoting("turn-0001", "a", &[])]});
    let with = |path: &[&str], value: Value| -> Answer {
        let mut body = good.clone();
        let mut at = &mut body;
        for name in path {
            at = &mut at[*name];
        }
        *at = value;
        server.post(LIFECYCLE, body)
    };
    let start = |name: &'static str| ["start_request", name];
    let mut cases: Vec<(Vec<&str>, Value)> = vec![
        (vec!["workflow_id"], json!(" ")),
        (vec!["workflow_id"], Value::Null),
        (vec!["finish_outcome"], json!("MAYBE")),
        (vec!["execute_turn_requests"], json!({})),
        (vec!["start_request"], json!([])),
        (start("workflow_id").to_vec(), json!("")),
        (start("contract_version").to_vec(), json!("kernel_api/v0")),
        (start("run_id").to_vec(), json!("../x")),
        (start("visibility_mode").to_vec(), json!("a b")),
    ];
    for root in ["..", ".", "", "/tmp", "a/b", "../x", "a\\b"] {
        cases.push((start("workspace_root").to_vec(), json!(root)));
    }
    for (path, value) in cases {
        let answer = with(&path, value.clone());
        assert_eq!(answer.status, 422, "{path:?} {value}: {}", answer.text);
        let mut expected = vec![json!("body")];
        expected.extend(path.iter().map(|name| json!(name)));
        assert_eq!(
            answer.json()["detail"][0]["loc"],
            json!(expected),
            "{value}"
        );
    }
    let missing = server
        .post(LIFECYCLE, json!({"execute_turn_requests": [1]}))
        .json();
    let loc = |place: usize| missing["detail"][place]["loc"].clone();
    assert_eq!(loc(0), json!(["body", "workflow_id"]));
    assert_eq!(loc(1), json!(["body", "execute_turn_requests", 0]));
    assert!(
        !server
            .folder
            .path()
            .join("workspace/default/.orket/kernel")
            .exists()
    );
}

#[test]
fn nothing_is_written_outside_the_kernels_folder() {
    let server = Server::start();
    for stem in [
        "../../../../escape",
        "/tmp/escape",
        "a/../../b",
        "a\\..\\b",
        "",
    ] {
        let refused = turn(&server, promoting("turn-0001", stem, &[]));
        assert_eq!(
            refused["issues"][0]["location"],
            json!("/turn_input/stage_triplet/stem"),
            "{stem}"
        );
    }
    // Ids and turns become plain names, whatever is in them.
    let odd = json!({"turn_id": "../../x", "turn_input": {"stage_triplet": {"stem": "a", "body": {},
        "links": {"x": {"type": "..", "id": "../../../escape"}}}}});
    assert_eq!(turn(&server, odd)["outcome"], json!("PASS"));
    // A root that leads elsewhere is none.
    let kernel = server.folder.path().join("workspace/default/.orket/kernel");
    let elsewhere = server.folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, kernel.join("linked")).unwrap();
    let body = json!({"workflow_id": "w", "start_request": {"workspace_root": "linked"},
        "execute_turn_requests": [promoting("turn-0001", "a", &[])]});
    let refused = server.post(LIFECYCLE, body);
    assert_eq!(refused.status, 422);
    assert_eq!(
        refused.json()["detail"][0]["loc"],
        json!(["body", "start_request", "workspace_root"])
    );
    assert_eq!(files(&elsewhere), BTreeMap::new());
    let escaped =
        |file: &PathBuf| file.to_string_lossy().contains("escape") && !file.starts_with(&kernel);
    assert!(!files(server.folder.path()).keys().any(escaped));
}

#[test]
fn reading_keys_may_compare_and_not_run() {
    let server = server_with_a_run_key();
    let none = server.send("POST", LIFECYCLE, &[], Some("{}"));
    assert_eq!(none.status, 403);
    let reader = json!([{"name": "reader", "key": RUN_KEY, "scopes": ["read"]}]).to_string();
    let server = Server::build()
        .file("config/keys.json", &reader)
        .env("ORKET_API_KEYS_FILE", "config/keys.json")
        .start();
    let send = |path: &str, body: &str| {
        server
            .send("POST", path, &[("X-API-Key", RUN_KEY)], Some(body))
            .status
    };
    assert_eq!(
        send(
            LIFECYCLE,
            r#"{"workflow_id":"w","execute_turn_requests":[]}"#
        ),
        403
    );
    assert_eq!(send("/v1/kernel/replay", r#"{"run_descriptor":{}}"#), 200);
    assert_eq!(
        send("/v1/kernel/compare", r#"{"run_a":{},"run_b":{}}"#),
        200
    );
}
