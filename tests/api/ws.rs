//! Live events over WebSockets: who gets in, what is told, how one comes back. Cases 9 to 11 of the
//! reference.

use serde_json::{Value, json};

use super::house::{KEY, Server};
use super::small_epics::{run, server_with};
use super::ws_client::{Frame, Socket};

const GOLDEN: &str = "model/core/epics/golden_flow.json";

fn seq(event: &Value) -> u64 {
    event["seq"].as_u64().unwrap_or_else(|| panic!("{event}"))
}

/// All stored events, oldest first.
fn stored(server: &Server) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = server.get(&format!("/v1/logs?limit=50{cursor}")).json();
        items.extend(page["items"].as_array().unwrap().clone());
        match page["next_cursor"].as_u64() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    items.reverse();
    items
}

/// Cases 9 and 10.
#[test]
fn a_socket_needs_a_key_in_a_header_or_here_alone_in_the_query() {
    let server = Server::start();
    let open = |query: &str, headers: &[(&str, &str)]| {
        Socket::try_open(&server, query, headers)
            .map(|_| ())
            .map_err(|refused| (refused.status, refused.text))
    };
    let refused = Err((403, String::new()));
    let bearer = format!("Bearer {KEY}");
    let right = format!("?api_key={KEY}");
    assert_eq!(open("", &[]), refused);
    assert_eq!(open("?api_key=wrong", &[]), refused);
    assert_eq!(open("", &[("X-API-Key", "wrong")]), refused);
    assert_eq!(open(&right, &[]), Ok(()));
    assert_eq!(open("", &[("X-API-Key", KEY)]), Ok(()));
    assert_eq!(open("", &[("Authorization", &bearer)]), Ok(()));
    // A wrong header is not rescued by a right query.
    assert_eq!(open(&right, &[("X-API-Key", "wrong")]), refused);
    assert_eq!(open(&right, &[("Authorization", "Bearer wrong")]), refused);
    assert_eq!(open(&right, &[("X-API-Key", "")]), refused);
}

#[test]
fn a_key_without_the_scope_to_look_is_refused() {
    let keys = json!([{"name": "runner", "key": "only-for-runs-0123456789", "scopes": ["run"]}]);
    let server = Server::build()
        .file("keys.json", &keys.to_string())
        .env("ORKET_API_KEYS_FILE", "keys.json")
        .start();
    let refused = Socket::try_open(&server, "", &[("X-API-Key", "only-for-runs-0123456789")]);
    assert_eq!(
        refused.err().map(|answer| (answer.status, answer.text)),
        Some((403, String::new()))
    );
}

#[test]
fn a_page_from_elsewhere_may_not_listen() {
    let server = Server::build()
        .env("ORKET_ALLOWED_ORIGINS", "https://board.example")
        .start();
    let open = |origin: &str| {
        let headers = [("X-API-Key", KEY), ("Origin", origin)];
        Socket::try_open(&server, "", &headers)
            .map(|_| ())
            .map_err(|refused| (refused.status, refused.text))
    };
    assert_eq!(open("https://board.example"), Ok(()));
    assert_eq!(open("https://evil.example"), Err((403, String::new())));
    assert_eq!(open("null"), Err((403, String::new())));
}

#[test]
fn what_is_no_websocket_is_told_so() {
    let server = Server::start();
    let plain = server.get("/ws/events");
    assert_eq!(
        (plain.status, plain.json()["code"].clone()),
        (400, json!("E_WEBSOCKET"))
    );
    let old = [
        ("X-API-Key", KEY),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "8"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let old = Socket::ask(&server, "", &old).err().unwrap();
    assert_eq!(
        (old.status, old.header("sec-websocket-version")),
        (426, Some("13"))
    );
    let bad = server.get("/ws/events?after=-1");
    assert_eq!(
        (bad.status, bad.json()["detail"][0]["loc"].clone()),
        (422, json!(["query", "after"]))
    );
}

/// Case 11.
#[test]
fn whoever_listens_hears_that_a_session_is_looked_at() {
    let server = server_with(&[("tok", 1)]);
    let run = run(&server, "tok");
    let mut socket = Socket::open(&server, "?event=api_session_detail");
    // Only a session that there is can be looked at.
    server.get("/v1/sessions/NOPE");
    server.get(&format!("/v1/sessions/{run}"));
    let event = socket.event();
    assert_eq!(
        (event["event"].clone(), event["role"].clone()),
        (json!("api_session_detail"), json!("system"))
    );
    assert_eq!(
        event["data"],
        json!({"session_id": run, "runtime_event": {
            "schema_version": "v1", "event": "api_session_detail", "role": "system", "session_id": run,
            "issue_id": "", "turn_index": 0, "turn_trace_id": "", "selected_model": "", "prompt_id": "",
            "prompt_version": "", "prompt_checksum": "", "resolver_policy": "", "selection_policy": "",
            "guard_contract": null, "guard_decision": null, "terminal_reason": null, "duration_ms": 0,
            "tokens": null}})
    );
    // It is told and not stored.
    let page = server.get("/v1/logs?event=api_session_detail").json();
    assert_eq!(page["total"], 0);
}

#[test]
fn frames_are_the_lines_of_the_log_in_their_order() {
    let server = Server::start();
    let mut socket = Socket::open(&server, "");
    let run = server.run_done(json!({ "path": GOLDEN }));
    let live: Vec<Value> = socket
        .until(|event| event["event"] == "session_end")
        .into_iter()
        .filter(|event| event["event"] != "turn_progress")
        .collect();
    assert!(
        live.windows(2).all(|two| seq(&two[0]) < seq(&two[1])),
        "{live:?}"
    );
    let last = seq(live.last().unwrap());
    let first = seq(&live[0]);
    let logged: Vec<Value> = stored(&server)
        .into_iter()
        .filter(|item| (first..=last).contains(&seq(item)))
        .collect();
    assert_eq!(live, logged);
    assert!(
        live.iter()
            .any(|event| event["data"]["runtime_event"]["session_id"] == json!(run))
    );
}

#[test]
fn one_hears_only_what_one_asks_for() {
    let server = Server::start();
    let mut ends = Socket::open(&server, "?event=session_start,session_end");
    let run = server.run_done(json!({ "path": GOLDEN }));
    let heard = ends.until(|event| event["event"] == "session_end");
    let names: Vec<&str> = heard
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["session_start", "session_end"]);
    // Of what is stored, too.
    let mut coders = Socket::open(
        &server,
        &format!("?after=0&role=coder&session_id={run},other&event=turn_start,turn_complete"),
    );
    let heard = coders.until(|event| event["event"] == "turn_complete");
    assert!(
        heard.iter().all(|event| event["role"] == "coder"
            && event["data"]["runtime_event"]["session_id"] == json!(run)),
        "{heard:?}"
    );
    let mut nobody = Socket::open(&server, "?after=0&session_id=nobody");
    assert!(nobody.is_silent(std::time::Duration::from_millis(300)));
}

#[test]
fn whoever_comes_back_misses_nothing_and_hears_nothing_twice() {
    let mut server = Server::start();
    let run = server.run_done(json!({ "path": GOLDEN }));
    let all = stored(&server);
    let middle = seq(&all[all.len() / 2]);
    let mut from_memory = Socket::open(&server, &format!("?after={middle}"));
    let heard: Vec<Value> = from_memory
        .until(|event| seq(event) == seq(all.last().unwrap()))
        .into_iter()
        .filter(|event| event["event"] != "turn_progress")
        .collect();
    assert_eq!(heard, all[all.len() / 2 + 1..]);

    server.kill_and_restart();
    // What was before is only stored now, what comes is new; in between is nothing.
    let mut from_table = Socket::open(&server, &format!("?after={middle}"));
    server.get(&format!("/v1/sessions/{run}"));
    let heard = from_table.until(|event| event["event"] == "api_session_detail");
    let (new, old) = heard.split_last().unwrap();
    assert_eq!(
        old[..all.len() - all.len() / 2 - 1],
        all[all.len() / 2 + 1..]
    );
    assert!(
        heard.windows(2).all(|two| seq(&two[0]) < seq(&two[1])),
        "{heard:?}"
    );
    assert!(
        seq(new) >> 20 > seq(all.last().unwrap()) >> 20,
        "numbers rise over restarts"
    );
    assert!(seq(new) < 1 << 53);
}

#[test]
fn a_client_may_say_what_it_likes_if_it_is_short() {
    let server = server_with(&[("tok", 1)]);
    let run = run(&server, "tok");
    let mut socket = Socket::open(&server, "?event=api_session_detail");
    socket.send(0x81, b"hello");
    socket.send(0x82, &[0, 159, 146, 150]);
    socket.send(0x02, &vec![7; 64 * 1_024]);
    socket.send(0x80, b"the end of it");
    socket.send(0x89, b"are you there?");
    assert_eq!(socket.frame(), Frame::Pong(b"are you there?".to_vec()));
    server.get(&format!("/v1/sessions/{run}"));
    assert_eq!(socket.event()["event"], "api_session_detail");
    socket.send(0x82, &vec![7; 64 * 1_024 + 1]);
    assert_eq!(socket.closed(), 1009);
    let mut rude = Socket::open(&server, "");
    rude.send(0x81, &[0xff, 0xfe]);
    assert_eq!(rude.closed(), 1007);
    let mut wrong = Socket::open(&server, "");
    wrong.send(0x83, b"");
    assert_eq!(wrong.closed(), 1002);
    let mut polite = Socket::open(&server, "");
    polite.send(0x88, &1000_u16.to_be_bytes());
    assert_eq!(polite.closed(), 1000);
    assert_eq!(polite.frame(), Frame::End);
}

#[test]
fn a_server_that_stops_says_so() {
    let server = Server::start();
    let mut socket = Socket::open(&server, "");
    let mut other = Socket::open(&server, "?session_id=none");
    assert_eq!(server.post("/v1/shutdown", json!({})).status, 202);
    assert_eq!((socket.closed(), other.closed()), (1001, 1001));
}

#[test]
fn without_stored_events_one_hears_what_comes() {
    let server = Server::build().env("ORKET_EVENTS_KEEP", "0").start();
    let mut socket = Socket::open(&server, "?after=0&event=session_end");
    server.run_done(json!({ "path": GOLDEN }));
    assert_eq!(socket.event()["event"], "session_end");
    assert_eq!(server.get("/v1/logs").json()["total"], 0);
}
