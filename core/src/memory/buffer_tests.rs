//! The buffer's states, its lease, and that nothing committed is ever lost.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::buffer::*;

fn write(key: &str, value: i64) -> RecordWrite {
    RecordWrite {
        key: key.to_owned(),
        value: Some(json!(value)),
    }
}

#[test]
fn of_two_commits_that_began_together_neither_erases_the_other() {
    let mut memory = SharedMemory::default();
    assert_eq!((memory.open("a"), memory.open("b")), (Ok(0), Ok(0)));
    memory.append("a", write("x", 1)).unwrap();
    memory.append("b", write("y", 2)).unwrap();
    for run in ["a", "b"] {
        memory.request_commit(run, "p").unwrap();
    }
    assert_eq!(memory.read("x", memory.snapshot()), None, "only buffered");
    assert_eq!(memory.apply("a", "me", 0), Ok(Some(1)));
    assert_eq!(memory.apply("b", "me", 0), Ok(Some(2)));
    assert_eq!(memory.read("x", 2), Some(&json!(1)));
    assert_eq!(memory.read("y", 2), Some(&json!(2)));
    assert_eq!((memory.read("y", 1), memory.read("x", 0)), (None, None));
}

#[test]
fn every_step_out_of_turn_has_its_word() {
    let mut memory = SharedMemory::default();
    let said = |error: BufferError| error.to_string();
    assert_eq!(
        said(memory.append("a", write("x", 1)).unwrap_err()),
        "buffer_not_open"
    );
    assert_eq!(
        said(memory.request_commit("a", "p").unwrap_err()),
        "invalid_state_transition"
    );
    assert_eq!(
        said(memory.apply("a", "me", 0).unwrap_err()),
        "commit_not_pending"
    );
    memory.open("a").unwrap();
    assert_eq!(
        said(memory.apply("a", "me", 0).unwrap_err()),
        "commit_not_pending"
    );
    memory.request_commit("a", "p").unwrap();
    assert_eq!(
        said(memory.append("a", write("x", 1)).unwrap_err()),
        "buffer_not_open"
    );
    // Re-opening would forget the commit.
    assert_eq!(
        said(memory.open("a").unwrap_err()),
        "invalid_state_transition"
    );
    assert_eq!(
        said(memory.open_at("b", 9).unwrap_err()),
        "unknown_snapshot"
    );
    memory.abort("a", AbortReason::PolicyRejected).unwrap();
    let buffer = memory.buffer("a").unwrap();
    assert_eq!(
        (buffer.state, buffer.reason_code),
        (
            BufferState::CommitAborted,
            Some(AbortReason::PolicyRejected)
        )
    );
    assert_eq!(memory.snapshot(), 0);
    // A stored buffer whose commit lost its id.
    memory.open("c").unwrap();
    memory.request_commit("c", "p").unwrap();
    let mut stored = serde_json::to_value(&memory).unwrap();
    stored["buffers"]["c"]["commit_id"] = Value::Null;
    let mut memory: SharedMemory = serde_json::from_value(stored).unwrap();
    assert_eq!(
        said(memory.apply("c", "me", 0).unwrap_err()),
        "missing_commit_id"
    );
}

#[test]
fn a_commit_that_comes_again_is_applied_once_and_a_different_one_is_refused() {
    let mut memory = SharedMemory::default();
    let mut commit = |value: i64| {
        memory.open_at("a", 0).unwrap();
        memory.append("a", write("x", value)).unwrap();
        memory.request_commit("a", "p").unwrap();
        let applied = memory.apply("a", "me", 0);
        (
            applied,
            memory.snapshot(),
            memory.buffer("a").unwrap().reason_code,
        )
    };
    assert_eq!(commit(1), (Ok(Some(1)), 1, None));
    assert_eq!(commit(1), (Ok(None), 1, None));
    let refused = (
        Err(BufferError::PayloadMismatch),
        1,
        Some(AbortReason::PayloadMismatch),
    );
    assert_eq!(commit(2), refused);
}

#[test]
fn one_recovery_at_a_time_holds_a_commit() {
    let mut memory = SharedMemory::default();
    memory.open("a").unwrap();
    memory.open("left open").unwrap();
    memory.request_commit("a", "p").unwrap();
    assert_eq!(memory.after_crash(), ["a"]);
    assert_eq!(memory.buffer("left open"), None);
    memory.acquire("a", "one", 0).unwrap();
    memory.acquire("a", "one", 5).unwrap();
    let not = Err(BufferError::LeaseNotAcquired);
    assert_eq!(memory.acquire("a", "two", 10), not);
    assert_eq!(
        memory.apply("a", "two", 10),
        Err(BufferError::LeaseNotAcquired)
    );
    assert_eq!(memory.renew("a", "two", 10), not);
    memory.renew("a", "one", RENEW_MS).unwrap();
    assert_eq!(memory.acquire("a", "two", LEASE_MS + 5), not);
    assert_eq!(
        memory.renew("a", "one", RENEW_MS + LEASE_MS),
        not,
        "too late"
    );
    memory.acquire("a", "two", RENEW_MS + LEASE_MS).unwrap();
    assert_eq!(memory.apply("a", "two", RENEW_MS + LEASE_MS), Ok(Some(1)));
}

#[derive(Debug, Clone)]
enum Act {
    Open(usize),
    Append(usize, usize, i64),
    Request(usize),
    Apply(usize),
    Abort(usize),
    Crash,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let run = 0..4_usize;
    let act = prop_oneof![
        2 => run.clone().prop_map(Act::Open),
        4 => (run.clone(), 0..3_usize, any::<i64>()).prop_map(|(run, key, value)| Act::Append(run, key, value)),
        2 => run.clone().prop_map(Act::Request),
        2 => run.clone().prop_map(Act::Apply),
        1 => run.prop_map(Act::Abort),
        1 => Just(Act::Crash),
    ];
    prop::collection::vec(act, 0..60)
}

proptest! {
    /// Whatever order runs go in: the memory is exactly the applied commits, one after the other,
    /// and no snapshot ever changes.
    #[test]
    fn the_memory_is_the_applied_commits_in_order(acts in acts()) {
        let mut memory = SharedMemory::default();
        let mut history: Vec<BTreeMap<String, Value>> = vec![BTreeMap::new()];
        for act in acts {
            match act {
                Act::Open(run) => drop(memory.open(&run.to_string())),
                Act::Append(run, key, value) => {
                    drop(memory.append(&run.to_string(), write(&key.to_string(), value)));
                }
                Act::Request(run) => drop(memory.request_commit(&run.to_string(), "p")),
                Act::Apply(run) => {
                    let run = run.to_string();
                    let writes = memory.buffer(&run).map(|it| it.writes.clone()).unwrap_or_default();
                    if let Ok(Some(snapshot)) = memory.apply(&run, "me", 0) {
                        let mut now = history.last().unwrap().clone();
                        now.extend(writes.into_iter().map(|it| (it.key, it.value.unwrap())));
                        history.push(now);
                        prop_assert_eq!(usize::try_from(snapshot).unwrap(), history.len() - 1);
                    }
                }
                Act::Abort(run) => drop(memory.abort(&run.to_string(), AbortReason::StorageApplyFailed)),
                Act::Crash => {
                    let text = serde_json::to_string(&memory).unwrap();
                    memory = serde_json::from_str(&text).unwrap();
                    drop(memory.after_crash());
                }
            }
            for (snapshot, wanted) in history.iter().enumerate() {
                for key in ["0", "1", "2"] {
                    let seen = memory.read(key, u64::try_from(snapshot).unwrap());
                    prop_assert_eq!(seen, wanted.get(key));
                }
            }
        }
    }
}
