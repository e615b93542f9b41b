//! `orket.log` as an operator reads it: lines, zone, rotation, losses.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use orket::log::{EVENTS_FILE, LOG_FILE, LogOptions, RunLog};
use orket_actors::port::event::{EventSink as _, RuntimeEvent};
use serde_json::{Value, json};

/// 2026-01-02T03:04:05.678Z.
const AT_MS: i64 = 1_767_323_045_678;

fn event(workspace: &Path, seq: u64, name: &str, data: Value) -> Arc<RuntimeEvent> {
    Arc::new(RuntimeEvent {
        seq,
        at_ms: AT_MS + i64::try_from(seq).unwrap(),
        event: name.into(),
        role: "coder".into(),
        run_id: Some("Run-A".into()),
        issue_id: Some("I-1".into()),
        workspace: Some(workspace.to_str().unwrap().into()),
        data,
        shown: orket_actors::port::event::Shown::default(),
    })
}

fn text(workspace: &Path, file: &str) -> String {
    std::fs::read_to_string(workspace.join(file)).unwrap_or_default()
}

fn lines(workspace: &Path, file: &str) -> Vec<Value> {
    text(workspace, file)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn a_line_has_what_dashboards_look_for_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = LogOptions::new(folder.path());
    options.zone = "+02:00".parse().unwrap();
    let log = RunLog::start(options).unwrap();
    let workspace = folder.path();
    log.take(&event(
        workspace,
        0,
        "turn_start",
        json!({"turn_index": 3, "selected_model": "ollama:qwen", "prompt_hash": "00ff"}),
    ));
    log.take(&event(
        workspace,
        1,
        "tool_call_start",
        json!({"tool": "http_get", "args": {"url": "http://x", "api_key": "sk-1"}}),
    ));
    log.take(&event(
        workspace,
        2,
        "turn_complete",
        json!({
            "turn_index": 3, "tool_calls": 1, "duration_ms": 120,
            "tokens": {"status": "OK", "prompt_tokens": 10, "output_tokens": 5, "total_tokens": 15},
        }),
    ));
    log.take(&Arc::new(RuntimeEvent {
        seq: 3,
        at_ms: AT_MS,
        event: "owner_started".into(),
        role: "owner".into(),
        run_id: None,
        issue_id: None,
        workspace: None,
        data: Value::Null,
        shown: orket_actors::port::event::Shown::default(),
    }));
    log.flush().await;
    insta::assert_snapshot!("orket.log", text(workspace, LOG_FILE));
    insta::assert_snapshot!("runtime_events.jsonl", text(workspace, EVENTS_FILE));
}

#[tokio::test]
async fn a_full_log_is_rotated_and_the_oldest_goes() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = LogOptions::new(folder.path());
    options.max_bytes = 4_000;
    options.keep = 2;
    let log = RunLog::start(options).unwrap();
    for seq in 0..40 {
        log.take(&event(folder.path(), seq, "note", json!({ "seq": seq })));
        log.flush().await;
    }
    let mut kept = Vec::new();
    for file in ["orket.log.2", "orket.log.1", "orket.log"] {
        let size = text(folder.path(), file).len();
        assert!(size > 0 && size <= 4_000, "{file} has {size} bytes");
        kept.extend(lines(folder.path(), file));
    }
    assert!(!folder.path().join("orket.log.3").exists());
    let seqs: Vec<u64> = kept
        .iter()
        .map(|line| line["data"]["seq"].as_u64().unwrap())
        .collect();
    let expected: Vec<u64> = (40 - seqs.len() as u64..40).collect();
    assert_eq!(seqs, expected, "no line is lost or repeated at a rotation");
    assert!(seqs.len() < 40);
}

#[tokio::test]
async fn events_that_found_no_room_are_counted_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = LogOptions::new(folder.path());
    options.queue = NonZeroUsize::new(4).unwrap();
    let log = RunLog::start(options).unwrap();
    for seq in 0..10_000 {
        log.take(&event(folder.path(), seq, "note", json!({ "seq": seq })));
    }
    log.flush().await;
    let (told, notes): (Vec<_>, Vec<_>) = lines(folder.path(), LOG_FILE)
        .into_iter()
        .partition(|line| line["event"] == "log_events_dropped");
    let dropped: u64 = told
        .iter()
        .map(|line| line["data"]["count"].as_u64().unwrap())
        .sum();
    assert!(dropped > 0, "the queue of 4 was never full");
    assert_eq!(notes.len() as u64 + dropped, 10_000);
}

#[tokio::test]
async fn each_workspace_has_its_own_log_and_a_removed_one_is_begun_again() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = RunLog::start(LogOptions::new(one.path())).unwrap();
    log.take(&event(one.path(), 0, "note", json!({})));
    log.take(&event(other.path(), 1, "note", json!({})));
    log.flush().await;
    assert_eq!(lines(one.path(), LOG_FILE).len(), 1);
    assert_eq!(lines(other.path(), LOG_FILE).len(), 1);

    std::fs::remove_dir_all(other.path()).unwrap();
    log.take(&event(other.path(), 2, "note", json!({"again": true})));
    drop(log);
    assert_eq!(lines(other.path(), LOG_FILE)[0]["data"]["again"], true);
}

#[tokio::test]
async fn half_a_line_of_a_killed_process_does_not_spoil_the_next() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(LOG_FILE), "{\"timestamp\":\"20").unwrap();
    let log = RunLog::start(LogOptions::new(folder.path())).unwrap();
    log.take(&event(folder.path(), 0, "note", json!({})));
    log.flush().await;
    let text = text(folder.path(), LOG_FILE);
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"], "note");
}

#[tokio::test]
async fn a_log_that_leads_out_of_the_workspace_is_refused() {
    let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let target = outside.path().join("victim");
    std::os::unix::fs::symlink(&target, folder.path().join(LOG_FILE)).unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("agent_output")).unwrap();
    let log = RunLog::start(LogOptions::new(folder.path())).unwrap();
    log.take(&event(folder.path(), 0, "turn_start", json!({})));
    log.flush().await;
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}
