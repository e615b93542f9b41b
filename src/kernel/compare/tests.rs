//! Runs against changed copies of themselves.

use serde_json::json;

use super::*;
use crate::kernel::words::Outcome;

fn run() -> Value {
    json!({
        "run_id": "run-a", "contract_version": "kernel_api/v1", "schema_version": "v1",
        "turn_digests": [
            {"turn_id": "turn-0002", "turn_result_digest": "b".repeat(64)},
            {"turn_id": "turn-0001", "turn_result_digest": "a".repeat(64)},
        ],
        "stage_outcomes": [
            {"turn_id": "turn-0001", "stage": "lsi", "outcome": "PASS"},
            {"turn_id": "turn-0002", "stage": "promotion", "outcome": "FAIL"},
        ],
        "issues": [
            {"stage": "promotion", "code": "E_PROMOTION_FAILED", "location": "/index", "message": "a"},
            {"stage": "lsi", "code": "E_LSI_ORPHAN_TARGET", "location": "/links/x", "details": {"k": 1}},
        ],
        "events": ["[INFO] [STAGE:lsi] [CODE:I_REF_VISIBLE] [LOC:/] a |", "[CODE:E_X] b"],
    })
}

fn against(change: impl Fn(&mut Value)) -> Report {
    let mut other = run();
    change(&mut other);
    compare(run().as_object().unwrap(), other.as_object().unwrap())
}

/// Changes a run.
type Change = fn(&mut Value);

#[test]
fn order_words_details_and_names_do_not_count() {
    let report = against(|other| {
        other["run_id"] = json!("run-b");
        for list in ["turn_digests", "stage_outcomes", "issues", "events"] {
            other[list].as_array_mut().unwrap().reverse();
        }
        other["issues"][0]["message"] = json!("other words");
        other["issues"][0]["details"] = json!({"k": 2});
        other["events"][1] = json!("[INFO] [STAGE:lsi] [CODE:I_REF_VISIBLE] [LOC:/elsewhere] c |");
    });
    assert_eq!(
        (report.outcome, report.issues.clone()),
        (Outcome::Pass, vec![])
    );
    assert_eq!((report.runs_compared, report.turns_compared), (2, 2));
    assert_eq!((report.parity.matches, report.parity.mismatches), (6, 0));
}

#[test]
fn each_surface_that_differs_is_named_in_order() {
    let changes: [(&[&str], Change); 7] = [
        (&["issue_codes"], |it| {
            it["issues"][0]["location"] = json!("/elsewhere")
        }),
        (&["contract_version"], |it| {
            it["contract_version"] = json!("kernel_api/v2")
        }),
        (&["schema_version"], |it| it["schema_version"] = Value::Null),
        (&["event_codes"], |it| it["events"] = json!([])),
        (&["turn_digests"], |it| {
            it["turn_digests"][0]["turn_result_digest"] = json!("c".repeat(64))
        }),
        (&["stage_outcomes"], |it| {
            it["stage_outcomes"][0]["outcome"] = json!("FAIL")
        }),
        (&["issue_codes", "stage_outcomes"], |it| {
            it["stage_outcomes"] = json!([]);
            it["issues"] = json!([]);
        }),
    ];
    for (expected, change) in changes {
        let report = against(change);
        let issue = &report.issues[0];
        assert_eq!(issue.code, Code::EReplayEquivalenceFailed);
        assert_eq!(issue.details["mismatch_fields"], json!(expected));
        assert_eq!(issue.details["mismatches"], json!(expected.len()));
    }
}

#[test]
fn empty_and_malformed_runs_are_equal_to_nothing() {
    let changes: [(&str, Change); 9] = [
        ("/run_b/run_id", |it| *it = json!({})),
        ("/run_b/run_id", |it| it["run_id"] = json!("")),
        ("/run_b", |it| {
            it["turn_digests"] = json!([]);
            it["stage_outcomes"] = Value::Null;
        }),
        ("/run_b/turn_digests/0/turn_result_digest", |it| {
            it["turn_digests"][0]["turn_result_digest"] = json!("short");
        }),
        ("/run_b/turn_digests/1/turn_id", |it| {
            it["turn_digests"][1]["turn_id"] = json!("")
        }),
        ("/run_b/turn_digests", |it| it["turn_digests"] = json!({})),
        ("/run_b/issues/0", |it| it["issues"] = json!(["text"])),
        ("/run_b/events/0", |it| it["events"] = json!([1])),
        ("/run_b/contract_version", |it| {
            it["contract_version"] = Value::Null
        }),
    ];
    for (place, change) in changes {
        let report = against(change);
        assert_eq!(report.outcome, Outcome::Fail, "{place}");
        assert_eq!((report.runs_compared, report.parity.kind), (0, "none"));
        let issue = &report.issues[0];
        assert_eq!(issue.location, place);
        assert!(issue.code.as_str().starts_with("E_BASE_SHAPE_"));
    }
    let nothing = compare(&Map::new(), &Map::new());
    assert_eq!((nothing.outcome, nothing.issues.len()), (Outcome::Fail, 2));
}
