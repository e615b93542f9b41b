//! References and tombstones: cases 59 and 60.

use serde_json::{Value, json};

use super::{codes, has_event, index, lifecycle, promoting, staging};
use crate::house::Server;

fn sources(server: &Server, id: &str) -> Vec<Value> {
    let file = index(server).join(format!("committed/refs/by_id/skill/{id}.json"));
    let Ok(text) = std::fs::read(file) else {
        return Vec::new();
    };
    let record: Value = serde_json::from_slice(&text).unwrap();
    let sources = record["sources"].as_array().unwrap().iter();
    sources.map(|source| source["stem"].clone()).collect()
}

#[test]
fn references_follow_what_is_promoted_and_never_lead_to_nothing() {
    let server = Server::start();
    // Case 59.
    let turns = json!([
        promoting("turn-0001", "target", &[]),
        promoting("turn-0002", "one", &["target"]),
        promoting("turn-0003", "two", &["target"]),
    ]);
    let done = lifecycle(&server, Value::Null, turns);
    assert_eq!(codes(&done), ["", "", ""]);
    assert!(!has_event(&done["turns"][1], "I_REF_MULTISOURCE"));
    assert!(has_event(&done["turns"][2], "I_REF_MULTISOURCE"));
    assert_eq!(sources(&server, "target"), [json!("one"), json!("two")]);
    let again = lifecycle(
        &server,
        Value::Null,
        json!([promoting("turn-0001", "one", &[])]),
    );
    assert_eq!(codes(&again), [""]);
    assert_eq!(sources(&server, "target"), [json!("two")]);
    let orphan = lifecycle(
        &server,
        Value::Null,
        json!([promoting("turn-0001", "x", &["nobody"])]),
    );
    assert_eq!(codes(&orphan), ["E_LSI_ORPHAN_TARGET"]);
    assert_eq!(
        orphan["turns"][0]["issues"][0]["location"],
        json!("/links/nobody/id")
    );
    assert!(!index(&server).join("committed/triplets/x.json").exists());
}

fn burying(turn: &str, stem: &str, tombstone: Value) -> Value {
    json!({"turn_id": turn, "commit_intent": "stage_and_request_promotion",
        "turn_input": {"stage_tombstone": {"stem": stem, "tombstone": tombstone}}})
}

fn tombstone(turn: &str, stem: &str) -> Value {
    json!({"kind": "tombstone", "stem": stem, "dto_type": "skill", "id": stem, "deleted_by_turn_id": turn})
}

#[test]
fn a_tombstone_takes_a_body_away_and_creating_it_again_wins() {
    let server = Server::start();
    let turns = json!([
        promoting("turn-0001", "target", &[]),
        promoting("turn-0002", "one", &["target"])
    ]);
    let run = json!({"run_id": lifecycle(&server, Value::Null, turns)["finish"]["run_id"]});
    let triplet = index(&server).join("committed/triplets/one.json");
    assert_eq!(
        (triplet.is_file(), sources(&server, "target")),
        (true, vec![json!("one")])
    );
    // Case 60.
    let malformed = burying("turn-0003", "one", json!({"kind": "tombstone"}));
    let mismatched = burying("turn-0003", "one", tombstone("turn-0003", "two"));
    let good = burying("turn-0003", "one", tombstone("turn-0003", "one"));
    let done = lifecycle(&server, run.clone(), json!([malformed, mismatched, good]));
    assert_eq!(
        codes(&done),
        ["E_TOMBSTONE_INVALID", "E_TOMBSTONE_STEM_MISMATCH", ""]
    );
    assert_eq!(
        (triplet.is_file(), sources(&server, "target")),
        (false, vec![])
    );
    // One that was put there by hand is looked at before it counts.
    let staged = staging("turn-0004", "other", &[]);
    lifecycle(&server, run.clone(), json!([staged]));
    let name = run["run_id"].as_str().unwrap();
    let by_hand = index(&server).join(format!(
        "staging/{name}/turn-0004/triplets/target.tombstone.json"
    ));
    let promote = json!([{"turn_id": "turn-0004", "commit_intent": "stage_and_request_promotion"}]);
    std::fs::write(&by_hand, "no JSON").unwrap();
    assert_eq!(
        codes(&lifecycle(&server, run.clone(), promote.clone())),
        ["E_TOMBSTONE_INVALID"]
    );
    std::fs::write(&by_hand, tombstone("turn-0004", "other").to_string()).unwrap();
    assert_eq!(
        codes(&lifecycle(&server, run.clone(), promote.clone())),
        ["E_TOMBSTONE_STEM_MISMATCH"]
    );
    // In one turn both: what is created again is there.
    std::fs::write(&by_hand, tombstone("turn-0004", "target").to_string()).unwrap();
    let again = json!([promoting("turn-0004", "target", &[])]);
    assert_eq!(codes(&lifecycle(&server, run, again)), [""]);
    assert!(
        index(&server)
            .join("committed/triplets/target.json")
            .is_file()
    );
}
