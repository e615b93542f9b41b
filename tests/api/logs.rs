//! The log over HTTP: pages, filters, times, beginning the file anew. Cases 18, 48, 49 of the reference.

use serde_json::{Value, json};

use std::path::Path;
use std::sync::Arc;

use orket::events::{EventLog, EventOptions};
use orket_actors::port::event::RuntimeEvent;

use super::house::{Answer, Builder, Server};
use super::small_epics::{Coder, epic, run, server_with};

const GOLDEN: &str = "model/core/epics/golden_flow.json";

fn items(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["items"].as_array().unwrap().clone()
}

/// Stores a note of each of these sessions, as an owner before this one would have.
fn note(folder: &Path, sessions: &[&str]) {
    let folder = folder.join(".orket/durable/db");
    std::fs::create_dir_all(&folder).unwrap();
    let log = EventLog::open(&folder, &EventOptions::default()).unwrap();
    for (seq, session) in (log.after() + 1..).zip(sessions) {
        log.sink().take(&Arc::new(RuntimeEvent {
            seq,
            at_ms: orket::owner::host::wall_ms(),
            event: "note".to_owned(),
            role: "system".to_owned(),
            run_id: None,
            issue_id: None,
            workspace: None,
            data: json!({ "session_id": session }),
            shown: orket_actors::port::event::Shown::default(),
        }));
    }
    log.close();
}

/// A server whose log has a note of each of these sessions.
fn server_with_notes(builder: Builder, sessions: &[&str]) -> Server {
    let folder = tempfile::tempdir().unwrap();
    note(folder.path(), sessions);
    builder.start_in(folder)
}

/// Case 48.
#[test]
fn the_log_is_filtered_by_session_role_and_event() {
    let server = server_with_notes(Server::build(), &["A", "B", "A"]);
    let page = server.get("/v1/logs?session_id=B&role=system").json();
    assert_eq!(
        (page["total"].clone(), page["count"].clone()),
        (json!(1), json!(1))
    );
    assert_eq!(page["items"][0]["data"]["runtime_event"]["session_id"], "B");
    assert_eq!(
        page["filters"],
        json!({"session_id": "B", "event": null, "role": "system", "start_time": null, "end_time": null})
    );
    assert_eq!(
        (page["limit"].clone(), page["offset"].clone()),
        (json!(200), json!(0))
    );
    // Exactly: neither in part nor in another case.
    for none in [
        "session_id=a",
        "session_id=",
        "event=not",
        "role=System",
        "session_id=%25",
    ] {
        let total = server.get(&format!("/v1/logs?{none}")).json()["total"].clone();
        // Nothing is asked for: the notes, and that the server began.
        let expected = if none == "session_id=" {
            json!(4)
        } else {
            json!(0)
        };
        assert_eq!(total, expected, "{none}");
    }
    assert_eq!(server.get("/v1/logs?event=note").json()["total"], 3);
}

#[test]
fn pages_go_on_where_the_last_one_ended() {
    let names = ["1", "2", "3", "4", "5", "6"];
    let server = server_with(&names.map(|name| (name, 1)));
    for epic in &names[..5] {
        run(&server, epic);
    }
    let epics = |query: &str| -> Vec<String> {
        items(&server.get(&format!("/v1/logs?event=session_start{query}")))
            .iter()
            .map(|item| item["data"]["epic"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(epics(""), ["5", "4", "3", "2", "1"]);
    assert_eq!(epics("&limit=2&offset=1"), ["4", "3"]);
    assert_eq!(epics("&offset=99"), [""; 0]);
    let first = server.get("/v1/logs?event=session_start&limit=2").json();
    assert_eq!(
        (first["total"].clone(), first["count"].clone()),
        (json!(5), json!(2))
    );
    let cursor = first["next_cursor"].as_u64().unwrap();
    // What happens meanwhile moves nothing.
    run(&server, "6");
    assert_eq!(epics(&format!("&limit=3&cursor={cursor}")), ["3", "2", "1"]);
    let last = server
        .get(&format!(
            "/v1/logs?event=session_start&limit=3&cursor={cursor}"
        ))
        .json();
    assert_eq!(
        (last["next_cursor"].clone(), last["total"].clone()),
        (json!(null), json!(6))
    );
}

#[test]
fn a_whole_run_is_in_the_log() {
    let server = Server::start();
    let run = server.run_done(json!({ "path": GOLDEN }));
    let path = format!("/v1/logs?session_id={run}&limit=2000");
    server.until(&path, |log| {
        log["items"][0]["event"] == json!("session_end")
    });
    let items = items(&server.get(&path));
    let names: Vec<&str> = items
        .iter()
        .rev()
        .map(|item| item["event"].as_str().unwrap())
        // Said of it, at any moment.
        .filter(|name| *name != "api_run_active")
        .collect();
    assert_eq!(
        (names.first(), names.last()),
        (Some(&"session_start"), Some(&"session_end"))
    );
    assert!(
        names.contains(&"turn_complete") && !names.contains(&"turn_progress"),
        "{names:?}"
    );
    // The lines are those of the file.
    let file = server.log_to_the_end();
    let lines: Vec<Value> = file
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["data"]["runtime_event"]["session_id"] == json!(run))
        .filter(|line| line["event"] != "turn_progress")
        .collect();
    let numbered: Vec<Value> = items
        .into_iter()
        .rev()
        .map(|mut item| {
            assert!(
                item.as_object_mut()
                    .unwrap()
                    .remove("seq")
                    .unwrap()
                    .is_u64()
            );
            item
        })
        .collect();
    assert_eq!(numbered, lines);
}

/// Cases 48 and 49.
#[test]
fn times_are_compared_as_instants() {
    let builder = Server::build().env("ORKET_TIMEZONE", "+02:00");
    let server = server_with_notes(builder, &["A"]);
    let item = items(&server.get("/v1/logs?session_id=A")).remove(0);
    let at = item["timestamp"].as_str().unwrap().to_owned();
    assert!(at.ends_with("+02:00"), "{at}");
    let local = at.strip_suffix("+02:00").unwrap();
    let utc = |shift: i64| {
        let instant: jiff::Timestamp = at.parse().unwrap();
        (instant + jiff::SignedDuration::from_millis(shift)).to_string()
    };
    let total =
        |query: &str| server.get(&format!("/v1/logs?session_id=A&{query}")).json()["total"].clone();
    let encoded = at.replace('+', "%2B");
    for (query, expected) in [
        (format!("start_time={}", utc(0)), 1),
        (format!("start_time={}", utc(1)), 0),
        (format!("end_time={}", utc(0)), 1),
        (format!("end_time={}", utc(-1)), 0),
        (
            format!("start_time={}&end_time={}", utc(-1000), utc(1000)),
            1,
        ),
        (format!("start_time={encoded}"), 1),
        // A plus that was not encoded, and no zone at all: that of the server.
        (format!("start_time={at}&end_time={at}"), 1),
        (format!("start_time={local}&end_time={local}"), 1),
        (format!("start_time={}", &local[..10]), 1),
        ("end_time=1970-01-01".to_owned(), 0),
    ] {
        assert_eq!(total(&query), json!(expected), "{query}");
    }
    for junk in ["junk", "2026-13-01", "2026-01-01T99:00"] {
        let answer = server.get(&format!("/v1/logs?start_time={junk}"));
        assert_eq!(
            (answer.status, answer.json()["detail"].clone()),
            (400, json!(format!("Invalid datetime: '{junk}'")))
        );
        assert_eq!(server.get(&format!("/v1/logs?end_time={junk}")).status, 400);
    }
    for wrong in ["limit=2001", "limit=0", "offset=-1", "limit=x", "cursor=-1"] {
        assert_eq!(
            server.get(&format!("/v1/logs?{wrong}")).status,
            422,
            "{wrong}"
        );
    }
}

#[test]
fn the_log_outlives_a_kill_and_keeps_no_more_than_it_should() {
    let builder = Server::build().env("ORKET_EVENTS_KEEP", "20");
    let builder = epic(builder, "one", 1, Coder::default());
    let mut server = epic(builder, "two", 1, Coder::default()).start();
    let one = run(&server, "one");
    let path = format!("/v1/logs?session_id={one}&limit=10");
    server.until(&path, |log| log["items"][0]["event"] == "session_end");
    let before = items(&server.get(&path));
    server.kill_and_restart();
    assert_eq!(items(&server.get(&path)), before);
    run(&server, "two");
    let page = server.get("/v1/logs").json();
    assert!(page["total"].as_u64().unwrap() <= 22, "{}", page["total"]);
    assert!(page["items"][0]["seq"].as_u64() > before[0]["seq"].as_u64());
}

/// The file may be a moment behind the table.
fn until_the_log_has(folder: &std::path::Path, session: &str) {
    let deadline = std::time::Instant::now() + super::house::DEADLINE;
    let line = format!("\"session_id\":\"{session}\"");
    while !std::fs::read_to_string(folder.join("orket.log")).is_ok_and(|log| log.contains(&line)) {
        assert!(
            std::time::Instant::now() < deadline,
            "{session} is not in the log"
        );
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Case 18.
#[test]
fn clearing_the_log_keeps_what_was_in_it() {
    let server = server_with(&[("one", 1), ("two", 1)]);
    let folder = server.folder.path().join("workspace/default");
    let before = run(&server, "one");
    until_the_log_has(&folder, &before);
    let cleared = server.post("/v1/system/clear-logs", json!({}));
    assert_eq!(
        (cleared.status, cleared.json()),
        (
            200,
            json!({"ok": true, "rotated_to": "workspace/default/orket.log.1"})
        )
    );
    let old = std::fs::read_to_string(folder.join("orket.log.1")).unwrap();
    assert!(old.contains(&before), "{old}");
    // Nothing to clear is cleared already.
    assert_eq!(
        server.post("/v1/system/clear-logs", json!({})).json(),
        json!({"ok": true})
    );
    let after = run(&server, "two");
    until_the_log_has(&folder, &after);
    server.post("/v1/system/clear-logs", json!({}));
    let new = std::fs::read_to_string(folder.join("orket.log.1")).unwrap();
    assert!(new.contains(&after) && !new.contains(&before), "{new}");
    // The events are still there to be asked for.
    let log = server.get(&format!("/v1/logs?session_id={before}")).json();
    assert!(log["total"].as_u64().unwrap() > 0, "{log}");
}

/// Case 18.
#[test]
fn a_log_that_cannot_be_cleared_is_no_failure_of_the_request() {
    let server = Server::build().env("ORKET_LOG_KEEP", "1").start();
    let in_the_way = server
        .folder
        .path()
        .join("workspace/default/orket.log.1/full");
    std::fs::create_dir_all(in_the_way).unwrap();
    let cleared = server.post("/v1/system/clear-logs", json!({}));
    assert_eq!((cleared.status, cleared.json()), (200, json!({"ok": true})));
    let told = items(&server.get("/v1/logs?event=clear_logs_skipped"));
    assert!(
        told[0]["data"]["error"]
            .as_str()
            .unwrap()
            .contains("could not be moved"),
        "{told:?}"
    );
}
