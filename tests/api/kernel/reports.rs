//! Descriptors and runs against each other: cases 51 to 54.

use serde_json::{Value, json};

use super::has_event;
use crate::house::Server;

fn descriptor() -> Value {
    json!({"run_id": "r", "workflow_id": "w", "contract_version": "kernel_api/v1",
        "schema_version": "v1", "policy_profile_ref": "p", "model_profile_ref": "m",
        "runtime_profile_ref": "t", "trace_ref": "t", "state_ref": "s"})
}

#[test]
fn a_descriptor_is_looked_at_and_no_more_is_claimed() {
    let server = Server::start();
    let replay = |descriptor: Value| {
        server
            .post("/v1/kernel/replay", json!({"run_descriptor": descriptor}))
            .json()
    };
    // Case 51.
    let missing = replay(json!({"run_id": "r"}));
    assert_eq!(missing["outcome"], json!("FAIL"));
    assert_eq!(
        missing["issues"][0]["code"],
        json!("E_REPLAY_INPUT_MISSING")
    );
    assert_eq!(
        missing["issues"][0]["location"],
        json!("/run_descriptor/workflow_id")
    );
    // Case 52.
    let whole = replay(descriptor());
    assert_eq!(
        (&whole["outcome"], &whole["mode"]),
        (&json!("PASS"), &json!("replay_run"))
    );
    assert_eq!(
        (&whole["checked"], &whole["runs_compared"]),
        (&json!("shape"), &json!(0))
    );
    assert!(has_event(&whole, "I_REPLAY_SHAPE_ONLY"));
    let mut old = descriptor();
    old["contract_version"] = json!("kernel_api/v0");
    assert_eq!(
        replay(old)["issues"][0]["code"],
        json!("E_REPLAY_VERSION_MISMATCH")
    );
    assert_eq!(
        server
            .post("/v1/kernel/replay", json!({"run_descriptor": []}))
            .status,
        422
    );
}

#[test]
fn runs_are_compared_by_what_they_report_and_not_by_its_words() {
    let server = Server::start();
    let run = json!({
        "run_id": "run-a", "contract_version": "kernel_api/v1", "schema_version": "v1",
        "turn_digests": [{"turn_id": "turn-0001", "turn_result_digest": "a".repeat(64)},
            {"turn_id": "turn-0002", "turn_result_digest": "b".repeat(64)}],
        "stage_outcomes": [{"turn_id": "turn-0001", "stage": "lsi", "outcome": "PASS"},
            {"turn_id": "turn-0002", "stage": "promotion", "outcome": "FAIL"}],
        "issues": [{"stage": "promotion", "code": "E_PROMOTION_FAILED", "location": "/index/committed",
            "message": "one"}],
        "events": ["[INFO] [STAGE:lsi] [CODE:I_REF_VISIBLE] [LOC:/links] here |"],
    });
    let compare = |change: &dyn Fn(&mut Value)| {
        let mut other = run.clone();
        change(&mut other);
        server
            .post("/v1/kernel/compare", json!({"run_a": run, "run_b": other}))
            .json()
    };
    let mismatches = |report: &Value| {
        assert_eq!(
            report["issues"][0]["code"],
            json!("E_REPLAY_EQUIVALENCE_FAILED")
        );
        report["issues"][0]["details"]["mismatch_fields"].clone()
    };
    // Case 53.
    let pointer = compare(&|it| it["issues"][0]["location"] = json!("/index"));
    assert_eq!(mismatches(&pointer), json!(["issue_codes"]));
    let contract = compare(&|it| it["contract_version"] = json!("kernel_api/v2"));
    assert_eq!(mismatches(&contract), json!(["contract_version"]));
    let two = compare(&|it| {
        it["stage_outcomes"][0]["outcome"] = json!("FAIL");
        it["issues"][0]["code"] = json!("E_TOMBSTONE_INVALID");
    });
    assert_eq!(mismatches(&two), json!(["issue_codes", "stage_outcomes"]));
    // Case 54.
    let same = compare(&|it| {
        it["run_id"] = json!("run-b");
        it["turn_digests"].as_array_mut().unwrap().reverse();
        it["stage_outcomes"].as_array_mut().unwrap().reverse();
        it["issues"][0]["message"] = json!("two");
        it["events"] = json!(["[INFO] [STAGE:lsi] [CODE:I_REF_VISIBLE] [LOC:/there] there | a=1"]);
    });
    assert_eq!(
        (&same["outcome"], &same["parity"]["matches"]),
        (&json!("PASS"), &json!(6))
    );
    let missing = server.post("/v1/kernel/compare", json!({"run_a": run}));
    assert_eq!(missing.status, 422);
    assert_eq!(missing.json()["detail"][0]["loc"], json!(["body", "run_b"]));
    // Runs that say nothing prove nothing.
    let empty = server
        .post("/v1/kernel/compare", json!({"run_a": {}, "run_b": {}}))
        .json();
    assert_eq!(empty["outcome"], json!("FAIL"));
    let cut = compare(&|it| it["turn_digests"][0]["turn_result_digest"] = json!("a"));
    assert_eq!(
        cut["issues"][0]["location"],
        json!("/run_b/turn_digests/0/turn_result_digest")
    );
    let mode = json!({"run_a": run, "run_b": run, "compare_mode": "by_eye"});
    assert_eq!(server.post("/v1/kernel/compare", mode).status, 422);
}
