//! Whether a trace of memory is whole, and whether two traces tell of the same behaviour.
//!
//! The words of what failed are part of the contract. Presence is checked, not content; `event_id`
//! and scores are not compared.

use std::collections::BTreeSet;

use serde_json::Value;

/// The largest trace that needs no marker, in bytes.
pub use crate::artifact::MAX_TRACE_BYTES;

const ENVELOPE: &[&str] = &[
    "run_id",
    "workflow_id",
    "memory_snapshot_id",
    "visibility_mode",
    "model_config_id",
    "policy_set_id",
    "determinism_trace_schema_version",
    "events",
];
const EVENT: &[&str] = &[
    "event_id",
    "index",
    "role",
    "interceptor",
    "decision_type",
    "tool_calls",
    "guardrails_triggered",
    "retrieval_event_ids",
];
const RETRIEVAL: &[&str] = &[
    "retrieval_event_id",
    "run_id",
    "event_id",
    "policy_id",
    "policy_version",
    "query_normalization_version",
    "query_fingerprint",
    "retrieval_mode",
    "candidate_count",
    "selected_records",
    "applied_filters",
    "retrieval_trace_schema_version",
];
const SAME_ENVELOPE: &[&str] = &[
    "workflow_id",
    "model_config_id",
    "policy_set_id",
    "memory_snapshot_id",
    "visibility_mode",
];
const SAME_RETRIEVAL: &[&str] = &[
    "policy_id",
    "policy_version",
    "query_normalization_version",
    "query_fingerprint",
    "retrieval_mode",
];

/// What is missing from a trace of `bytes` bytes.
#[must_use]
pub fn check_trace(trace: &Value, bytes: u64, max_bytes: u64) -> Vec<String> {
    let mut failures = absent(trace, ENVELOPE, "trace");
    if trace.get("events").is_some_and(|events| !events.is_array()) {
        failures.push("trace:missing:events".to_owned());
    }
    for (place, event) in rows(trace).into_iter().enumerate() {
        failures.extend(absent(event, EVENT, &format!("trace:event:{place}")));
    }
    failures.extend(unmarked(trace, bytes, max_bytes, "trace"));
    failures
}

/// What is missing from a retrieval trace of `bytes` bytes: one row, a list of rows, or an object
/// with `events`.
#[must_use]
pub fn check_retrieval(trace: &Value, bytes: u64, max_bytes: u64) -> Vec<String> {
    let mut failures = Vec::new();
    let has_rows = match trace {
        Value::Array(_) => true,
        Value::Object(map) => map.get("events").is_none_or(Value::is_array),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    if !has_rows {
        failures.push("retrieval_trace:missing:events".to_owned());
    }
    for (place, row) in rows(trace).into_iter().enumerate() {
        let at = format!("retrieval_trace:event:{place}");
        failures.extend(absent(row, RETRIEVAL, &at));
    }
    failures.extend(unmarked(trace, bytes, max_bytes, "retrieval_trace"));
    failures
}

fn absent(object: &Value, keys: &[&str], at: &str) -> Vec<String> {
    let missing = keys.iter().filter(|key| object.get(key).is_none());
    missing.map(|key| format!("{at}:missing:{key}")).collect()
}

fn unmarked(trace: &Value, bytes: u64, max_bytes: u64, at: &str) -> Option<String> {
    let marker = trace.pointer("/metadata/truncated");
    let is_marked = marker == Some(&Value::Bool(true));
    (bytes > max_bytes && !is_marked).then(|| format!("{at}:missing:truncation_marker"))
}

/// The rows of a trace.
#[must_use]
pub fn rows(trace: &Value) -> Vec<&Value> {
    match trace {
        Value::Array(rows) => rows.iter().collect(),
        Value::Object(map) => match map.get("events") {
            Some(Value::Array(rows)) => rows.iter().collect(),
            Some(_) => Vec::new(),
            // A trace without its events is no row of itself.
            None if map.contains_key("determinism_trace_schema_version") => Vec::new(),
            None => vec![trace],
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// Where two traces differ.
#[must_use]
pub fn compare_traces(left: &Value, right: &Value) -> Vec<String> {
    let mut failures = Vec::new();
    for field in SAME_ENVELOPE {
        if left.get(field) != right.get(field) {
            failures.push(format!("envelope_mismatch:{field}"));
        }
    }
    let (events, others) = (rows(left), rows(right));
    if events.len() != others.len() {
        failures.push("events_length_mismatch".to_owned());
    }
    for (place, (event, other)) in events.into_iter().zip(others).enumerate() {
        compare_events(place, event, other, &mut failures);
    }
    for field in ["output_type", "output_shape_hash"] {
        let of = |trace: &Value| trace.pointer(&format!("/output/{field}")).cloned();
        if of(left) != of(right) {
            failures.push(format!("output_mismatch:{field}"));
        }
    }
    failures
}

fn compare_events(place: usize, event: &Value, other: &Value, failures: &mut Vec<String>) {
    for field in ["role", "interceptor", "decision_type"] {
        if event.get(field) != other.get(field) {
            failures.push(format!("event_mismatch:{place}:{field}"));
        }
    }
    let (calls, others) = (list(event, "tool_calls"), list(other, "tool_calls"));
    if calls.len() != others.len() {
        failures.push(format!("tool_count_mismatch:{place}"));
    }
    for (number, (call, other)) in calls.iter().zip(others).enumerate() {
        for (field, word) in [
            ("tool_name", "tool_name_mismatch"),
            ("normalized_args", "tool_args_mismatch"),
            ("tool_result_fingerprint", "tool_result_mismatch"),
            ("side_effect_fingerprint", "tool_side_effect_mismatch"),
        ] {
            if call.get(field) != other.get(field) {
                failures.push(format!("{word}:{place}:{number}"));
            }
        }
    }
    if guardrails(event) != guardrails(other) {
        failures.push(format!("guardrails_mismatch:{place}"));
    }
}

fn list<'a>(event: &'a Value, key: &str) -> &'a [Value] {
    let items = event.get(key).and_then(Value::as_array);
    items.map_or(&[], Vec::as_slice)
}

fn guardrails(event: &Value) -> BTreeSet<String> {
    let all = list(event, "guardrails_triggered").iter();
    all.map(Value::to_string).collect()
}

/// Where two retrieval traces differ.
#[must_use]
pub fn compare_retrievals(left: &Value, right: &Value) -> Vec<String> {
    let mut failures = Vec::new();
    let (rows_left, rows_right) = (rows(left), rows(right));
    if rows_left.len() != rows_right.len() {
        failures.push("retrieval_length_mismatch".to_owned());
    }
    for (place, (row, other)) in rows_left.into_iter().zip(rows_right).enumerate() {
        for field in SAME_RETRIEVAL {
            if row.get(field) != other.get(field) {
                failures.push(format!("retrieval_mismatch:{place}:{field}"));
            }
        }
        if record_ids(row) != record_ids(other) {
            failures.push(format!("retrieval_record_order_mismatch:{place}"));
        }
    }
    failures
}

fn record_ids(row: &Value) -> Vec<Option<&Value>> {
    let records = list(row, "selected_records").iter();
    records.map(|record| record.get("record_id")).collect()
}
