//! Turns, staged and promoted: cases 55, 57, 58 and 62.

use serde_json::{Value, json};

use super::{codes, files, has_event, index, lifecycle, promoting, staging, turn};
use crate::house::Server;

#[test]
fn a_turn_is_staged_and_promoted_and_counted() {
    let server = Server::start();
    // Case 55.
    let done = lifecycle(
        &server,
        Value::Null,
        json!([promoting("turn-0001", "a/b.v1", &[])]),
    );
    let turn = &done["turns"][0];
    assert_eq!(
        (&turn["outcome"], &turn["stage"]),
        (&json!("PASS"), &json!("promotion"))
    );
    let digest = turn["turn_result_digest"].as_str().unwrap();
    assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert!(has_event(turn, "I_PROMOTION_PASS"));
    let run_id = done["start"]["run_handle"]["run_id"].as_str().unwrap();
    assert!(run_id.len() == 12 && run_id.starts_with("run-"), "{run_id}");
    assert_eq!(
        done["finish"],
        json!({"contract_version": "kernel_api/v1", "run_id": run_id, "outcome": "PASS",
            "turns_executed": 1, "turns_passed": 1, "events": []})
    );
    assert!(
        index(&server)
            .join("committed/triplets/a/b.v1.json")
            .is_file()
    );
    // A turn without even its outer shape has no digest.
    let shapeless = json!([{"turn_id": "turn-0002", "contract_version": "kernel_api/v0"}, {}]);
    for turn in lifecycle(&server, Value::Null, shapeless)["turns"]
        .as_array()
        .unwrap()
    {
        assert_eq!(
            turn["issues"][0]["code"],
            json!("E_BASE_SHAPE_INVALID_MANIFEST_VALUE")
        );
        assert!(turn.get("turn_result_digest").is_none());
    }
}

#[test]
fn turns_are_promoted_in_order_and_once() {
    let server = Server::start();
    let nothing = json!({"turn_id": "turn-0002", "commit_intent": "stage_and_request_promotion"});
    let turns = json!([
        promoting("turn-0001", "a", &[]),
        promoting("turn-0003", "c", &[]),
        promoting("turn-0001", "a", &[]),
        promoting("bad", "b", &[]),
        promoting(" turn-0002", "b", &[]),
        nothing,
        promoting("turn-0003", "d", &[]),
    ]);
    // Case 57.
    let first = lifecycle(&server, Value::Null, turns);
    let expected = [
        "",
        "E_PROMOTION_OUT_OF_ORDER",
        "E_PROMOTION_ALREADY_APPLIED",
        "E_PROMOTION_FAILED",
        "E_PROMOTION_FAILED",
        "",
        "",
    ];
    assert_eq!(codes(&first), expected);
    let at = "/index/committed/index/run_ledger.json";
    assert_eq!(first["turns"][1]["issues"][0]["location"], json!(at));
    // Promoting a turn with nothing to it keeps what is committed.
    assert!(has_event(&first["turns"][5], "I_NOOP_PROMOTION"));
    assert!(index(&server).join("committed/triplets/a.json").is_file());
    // Another run has its own count, or takes up that of the root; a named run goes on.
    let other = lifecycle(
        &server,
        Value::Null,
        json!([promoting("turn-0001", "e", &[])]),
    );
    assert_eq!(codes(&other), [""]);
    let next = lifecycle(
        &server,
        Value::Null,
        json!([promoting("turn-0004", "f", &[])]),
    );
    assert_eq!(codes(&next), [""]);
    let same = json!({"run_id": first["finish"]["run_id"]});
    let again = json!([
        promoting("turn-0003", "d", &[]),
        promoting("turn-0004", "g", &[])
    ]);
    assert_eq!(
        codes(&lifecycle(&server, same, again)),
        ["E_PROMOTION_ALREADY_APPLIED", ""]
    );
}

#[test]
fn staging_changes_nothing_that_is_committed() {
    let server = Server::start();
    lifecycle(
        &server,
        Value::Null,
        json!([promoting("turn-0001", "a", &[])]),
    );
    let before = files(&index(&server).join("committed"));
    // Case 58.
    let staged = lifecycle(
        &server,
        Value::Null,
        json!([staging("turn-0001", "b", &["a"])]),
    );
    assert_eq!(staged["turns"][0]["stage"], json!("lsi"));
    assert_eq!(files(&index(&server).join("committed")), before);
    let run = staged["finish"]["run_id"].as_str().unwrap();
    let turn = index(&server).join("staging").join(run).join("turn-0001");
    assert!(turn.join("triplets/b.json").is_file());
    assert!(turn.join("refs/by_id/skill/a.json").is_file());
    assert_eq!(files(&turn.join("objects")).len(), 3);
}

#[test]
fn the_digest_is_that_of_what_came_out() {
    let server = Server::start();
    // Case 62: the same turn of the same run in two roots, and one that ends elsewhere.
    let digest = |root: &str, turn: Value| {
        let start = json!({"run_id": "run-00000001", "workspace_root": root});
        let done = lifecycle(&server, start, json!([turn]));
        done["turns"][0]["turn_result_digest"].clone()
    };
    let first = digest("one", promoting("turn-0001", "a", &["a"]));
    assert_eq!(
        digest("two", promoting("turn-0001", "other", &[])),
        first,
        "only events differ"
    );
    assert_ne!(
        digest("three", staging("turn-0001", "a", &["a"])),
        first,
        "another stage"
    );
    // Bodies have the digests of the contract.
    let body = |body: Value| {
        json!({"turn_id": "turn-0001", "turn_input": {"stage_triplet": {
        "stem": "a", "body": body, "links": {}}}})
    };
    lifecycle(
        &server,
        json!({"run_id": "r"}),
        json!([body(json!({"b": 2, "a": 1}))]),
    );
    let triplet = index(&server).join("staging/r/turn-0001/triplets/a.json");
    let triplet: Value = serde_json::from_slice(&std::fs::read(triplet).unwrap()).unwrap();
    assert_eq!(
        (&triplet["body_digest"], &triplet["links_digest"]),
        (
            &json!("43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777"),
            &json!("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
        )
    );
    let float = turn(&server, body(json!({"x": [1.5]})));
    assert_eq!(
        float["issues"][0]["code"],
        json!("E_CANONICALIZATION_ERROR")
    );
    assert_eq!(
        float["issues"][0]["location"],
        json!("/turn_input/stage_triplet/body/x/0")
    );
}
