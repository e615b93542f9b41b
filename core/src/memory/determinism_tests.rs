//! Each word of the checks, by a trace that deserves it.

use serde_json::{Value, json};

use super::determinism::*;

fn trace() -> Value {
    json!({
        "run_id": "r", "workflow_id": "w", "memory_snapshot_id": "0", "visibility_mode": "off",
        "model_config_id": "m", "policy_set_id": "p",
        "determinism_trace_schema_version": "memory.determinism_trace.v1",
        "events": [{"event_id": "e", "index": 0, "role": "coder", "interceptor": "after_tool",
            "decision_type": "tool_call_result",
            "tool_calls": [{"tool_name": "t", "normalized_args": {"a": 1},
                "tool_result_fingerprint": "f", "side_effect_fingerprint": null}],
            "guardrails_triggered": ["x", "y"], "retrieval_event_ids": []}],
        "output": {"output_type": "text", "output_shape_hash": "h"}
    })
}

fn row() -> Value {
    json!({"retrieval_event_id": "q", "run_id": "r", "event_id": "e", "policy_id": "p",
        "policy_version": "1", "query_normalization_version": "json-v1", "query_fingerprint": "f",
        "retrieval_mode": "fts", "candidate_count": 2,
        "selected_records": [{"record_id": "a", "score": 2.0, "rank": 1}, {"record_id": "b", "score": 1.0, "rank": 2}],
        "applied_filters": {}, "retrieval_trace_schema_version": "memory.retrieval_trace.v1"})
}

/// The value with another one at `pointer`.
fn with(mut value: Value, pointer: &str, new: Value) -> Value {
    *value.pointer_mut(pointer).unwrap() = new;
    value
}

fn without(mut value: Value, parent: &str, key: &str) -> Value {
    value
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .shift_remove(key)
        .unwrap();
    value
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(check_trace(&trace(), 100, 100), [""; 0]);
    let check = |value: &Value| check_trace(value, 1, 100);
    assert_eq!(
        check(&without(trace(), "", "workflow_id")),
        ["trace:missing:workflow_id"]
    );
    assert_eq!(
        check(&without(trace(), "", "events")),
        ["trace:missing:events"]
    );
    assert_eq!(
        check(&without(trace(), "/events/0", "role")),
        ["trace:event:0:missing:role"]
    );
    assert_eq!(
        check_trace(&trace(), 101, 100),
        ["trace:missing:truncation_marker"]
    );
    let no_list = with(trace(), "/events", json!(5));
    assert_eq!(check(&no_list), ["trace:missing:events"]);
    for none in [json!(null), json!([]), json!("x")] {
        assert_eq!(check(&none).len(), 8, "{none}");
    }
    let mut marked = trace();
    marked["metadata"] = json!({"truncated": true});
    assert_eq!(check_trace(&marked, 101, 100), [""; 0]);
    let retrieval = |value: &Value| check_retrieval(value, 1, 100);
    let broken = without(row(), "", "policy_id");
    for shape in [broken.clone(), json!([broken]), json!({"events": [broken]})] {
        assert_eq!(
            retrieval(&shape),
            ["retrieval_trace:event:0:missing:policy_id"],
            "{shape}"
        );
    }
    assert_eq!(retrieval(&json!([row(), row()])), [""; 0]);
    for none in [json!(null), json!(5), json!({"events": 5})] {
        assert_eq!(
            retrieval(&none),
            ["retrieval_trace:missing:events"],
            "{none}"
        );
    }
}

#[test]
fn every_difference_has_its_word_and_what_does_not_count_has_none() {
    let call = "/events/0/tool_calls/0";
    for (pointer, new, word) in [
        (
            "/model_config_id",
            json!("n"),
            "envelope_mismatch:model_config_id",
        ),
        ("/events", json!([]), "events_length_mismatch"),
        (
            "/events/0/decision_type",
            json!("z"),
            "event_mismatch:0:decision_type",
        ),
        ("/events/0/tool_calls", json!([]), "tool_count_mismatch:0"),
        (
            &format!("{call}/tool_name"),
            json!("u"),
            "tool_name_mismatch:0:0",
        ),
        (
            &format!("{call}/normalized_args"),
            json!({}),
            "tool_args_mismatch:0:0",
        ),
        (
            &format!("{call}/tool_result_fingerprint"),
            json!("g"),
            "tool_result_mismatch:0:0",
        ),
        (
            &format!("{call}/side_effect_fingerprint"),
            json!("g"),
            "tool_side_effect_mismatch:0:0",
        ),
        (
            "/events/0/guardrails_triggered",
            json!(["x"]),
            "guardrails_mismatch:0",
        ),
        (
            "/output/output_shape_hash",
            json!("i"),
            "output_mismatch:output_shape_hash",
        ),
    ] {
        let other = with(trace(), pointer, new);
        assert_eq!(compare_traces(&trace(), &other), [word]);
        assert_eq!(compare_traces(&other, &trace()), [word]);
    }
    for (pointer, new) in [
        ("/run_id", json!("s")),
        ("/events/0/event_id", json!("f")),
        ("/events/0/guardrails_triggered", json!(["y", "x"])),
    ] {
        assert_eq!(
            compare_traces(&trace(), &with(trace(), pointer, new)),
            [""; 0]
        );
    }
    for (pointer, new, word) in [
        (
            "/query_fingerprint",
            json!("g"),
            "retrieval_mismatch:0:query_fingerprint",
        ),
        (
            "/selected_records/0/record_id",
            json!("c"),
            "retrieval_record_order_mismatch:0",
        ),
    ] {
        assert_eq!(
            compare_retrievals(&row(), &with(row(), pointer, new)),
            [word]
        );
    }
    assert_eq!(
        compare_retrievals(&row(), &json!([])),
        ["retrieval_length_mismatch"]
    );
    let scored = with(row(), "/selected_records/0/score", json!(9.0));
    assert_eq!(compare_retrievals(&row(), &scored), [""; 0]);
}
