//! What an attacker or a broken client sends: refused with the right status, and the server's
//! memory stays where it was.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::house::{Answer, KEY, Server};

/// Resident memory of the server, in KiB.
fn memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn post(server: &Server, path: &str, body: &str) -> Answer {
    let headers = [("X-API-Key", KEY), ("Content-Type", "application/json")];
    server.send("POST", path, &headers, Some(body))
}

#[test]
fn oversized_and_deep_bodies_are_refused_and_not_kept() {
    let server = Server::start();
    let before = memory(&server);
    let large = format!(r#"{{"path": "{}"}}"#, "a".repeat(2 * 1024 * 1024));
    let deep = format!(
        r#"{{"path": {}1{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let wide = format!(
        "{{{}\"x\":1}}",
        (0..50_000)
            .map(|n| format!("\"k{n}\":1,"))
            .collect::<String>()
    );
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let refused = post(&server, "/v1/system/run-active", &large);
                assert_eq!(
                    (refused.status, refused.json()["code"].clone()),
                    (413, json!("E_TOO_LARGE"))
                );
                let refused = post(&server, "/v1/system/run-active", &deep);
                assert_eq!(refused.status, 422, "{}", refused.text);
                let refused = post(&server, "/v1/system/run-active", &wide);
                assert_eq!(refused.status, 400, "{}", refused.text);
            });
        }
    });
    // A length that is a lie: nothing more is read than may come.
    let mut stream = server.connect();
    let head = format!(
        "POST /v1/system/run-active HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", "b".repeat(0x10000));
    // The server says no after one MiB, and then hangs up: no end of the body is ever sent.
    let deadline = Instant::now() + Duration::from_secs(60);
    while stream.write_all(chunk.as_bytes()).is_ok() {
        assert!(Instant::now() < deadline, "the server takes all there is");
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer);
    assert!(
        text.is_empty() || text.starts_with("HTTP/1.1 413"),
        "{text}"
    );
    // The same for whoever has no key, and for what is nowhere.
    for (path, status) in [("/v1/system/run-active", "403"), ("/nowhere", "404")] {
        let mut stream = server.connect();
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
    }
    assert_eq!(server.get("/v1/version").status, 200);
    // What it took is given back, without anybody asking: the allocator keeps freed pages for some seconds.
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let grown = memory(&server).saturating_sub(before);
        if grown < 64 * 1024 {
            break;
        }
        assert!(Instant::now() < deadline, "{grown} KiB more");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_is_no_json_names_what_is_wrong() {
    let server = Server::start();
    for (body, kind) in [
        ("", "missing"),
        ("[]", "dict_type"),
        ("7", "dict_type"),
        ("{\"path\":", "json_invalid"),
        ("\u{feff}{}", "json_invalid"),
        (r#"{"path": 7}"#, "string_type"),
        (r#"{"path": {"a": 1}}"#, "string_type"),
    ] {
        let refused = post(&server, "/v1/system/run-active", body);
        assert_eq!(refused.status, 422, "{body}: {}", refused.text);
        assert_eq!(
            refused.json()["detail"][0]["type"],
            json!(kind),
            "{body}: {}",
            refused.text
        );
    }
}

#[test]
fn floods_of_headers_and_broken_requests_end_in_a_refusal() {
    let server = Server::start();
    let before = memory(&server);
    let many: String = (0..2_000)
        .map(|n| format!("X-Flood-{n}: {n}\r\n"))
        .collect();
    let long = format!("X-Long: {}\r\n", "a".repeat(1024 * 1024));
    for (name, request) in [
        ("many headers", format!("GET /health HTTP/1.1\r\nHost: x\r\n{many}\r\n")),
        ("a long header", format!("GET /health HTTP/1.1\r\nHost: x\r\n{long}\r\n")),
        ("a long line", format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(1024 * 1024))),
        ("no http", "\u{1}\u{2}\u{3}\r\n\r\n".to_owned()),
        ("two lengths", "POST /v1/runs HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello".to_owned()),
        ("length and chunks", "POST /v1/runs HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned()),
    ] {
        let answer = server.raw(request.as_bytes());
        assert!(answer.status == 0 || (400..500).contains(&answer.status), "{name}: {answer:?}");
    }
    assert!(memory(&server).saturating_sub(before) < 64 * 1024);
    assert_eq!(server.get("/v1/version").status, 200);
}

#[test]
fn connections_that_say_nothing_are_let_go_and_hold_nobody_up() {
    let server = Server::start();
    let mut silent: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = server.connect();
            stream
                .write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ")
                .unwrap();
            stream
        })
        .collect();
    assert_eq!(server.get("/v1/version").status, 200);
    // The head of a request may take ten seconds, no more.
    let begin = Instant::now();
    let mut answer = Vec::new();
    let _ = silent[0].read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer);
    assert!(
        text.is_empty() || text.starts_with("HTTP/1.1 408"),
        "{text}"
    );
    assert!(begin.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
    let server = Server::start();
    let mut stream = server.connect();
    let head = format!(
        "POST /v1/system/run-active HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nContent-Length: 100\r\n\r\n{{\"pa"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer);
    assert!(
        text.starts_with("HTTP/1.1 408") && text.contains("E_SLOW_BODY"),
        "{text}"
    );
}

#[test]
fn keys_are_never_logged_and_wrong_ones_tell_nothing() {
    let server = Server::build().env("ORKET_LOG", "trace").keep_log().start();
    let near = format!("{}x", &KEY[..KEY.len() - 1]);
    for wrong in [near.as_str(), "", "\u{e4}", &"k".repeat(8_000)] {
        let refused = server.send("GET", "/v1/runs", &[("X-API-Key", wrong)], None);
        assert_eq!(refused.status, 403);
        assert_eq!(
            refused.json()["detail"],
            json!("Could not validate credentials")
        );
        let told = refused
            .text
            .replace(refused.json()["request_id"].as_str().unwrap(), "");
        assert!(wrong.is_empty() || !told.contains(wrong));
    }
    assert_eq!(server.get("/v1/version").status, 200);
    let bearer = format!("Bearer {KEY}");
    assert_eq!(
        server
            .send("GET", "/v1/version", &[("Authorization", &bearer)], None)
            .status,
        200
    );
    let log = std::fs::read_to_string(server.folder.path().join("server.log")).unwrap();
    assert!(log.contains("orket"), "nothing is logged at all");
    assert!(!log.contains(KEY) && !log.contains(&near));
}

#[test]
fn every_route_of_the_document_asks_for_the_scope_that_it_states() {
    let keys = json!([
        {"name": "read", "key": "read-key-0123456789", "scopes": ["read"]},
        {"name": "run", "key": "run-key-01234567890", "scopes": ["run"]},
        {"name": "admin", "key": "admin-key-0123456789", "scopes": ["admin"]},
    ]);
    let server = Server::build()
        .file("keys.json", &keys.to_string())
        .env("ORKET_API_KEYS_FILE", "keys.json")
        .start();
    let document = server.send("GET", "/openapi.json", &[], None).json();
    let public = ["/health", "/ready", "/openapi.json", "/docs"];
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            let scope = operation["security"][0]["api_key"][0].as_str();
            let asked: String = path
                .split('/')
                .map(|part| if part.starts_with('{') { "1" } else { part })
                .collect::<Vec<_>>()
                .join("/");
            let with = |key: Option<&str>| {
                let headers: Vec<(&str, &str)> =
                    key.map(|key| ("X-API-Key", key)).into_iter().collect();
                server.send(&verb.to_uppercase(), &asked, &headers, Some("x"))
            };
            let Some(scope) = scope else {
                assert!(
                    public.contains(&path.as_str()),
                    "{verb} {path} states no scope"
                );
                assert!(with(None).status < 400, "{path}");
                continue;
            };
            assert!(
                operation["security"][1]["bearer"][0] == json!(scope),
                "{verb} {path}"
            );
            assert_eq!(with(None).status, 403, "{verb} {path} without a key");
            for (name, key) in [
                ("read", "read-key-0123456789"),
                ("run", "run-key-01234567890"),
                ("admin", "admin-key-0123456789"),
            ] {
                if name == scope {
                    continue;
                }
                let refused = with(Some(key));
                assert_eq!(refused.status, 403, "{verb} {path} with {name}");
                // Before a socket is opened nothing is said.
                if path != "/ws/events" {
                    assert_eq!(
                        refused.json()["code"],
                        json!("E_SCOPE"),
                        "{verb} {path} with {name}"
                    );
                }
            }
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen} routes");
}

/// The comparison takes as long for a key that is right but for its last character as for one that
/// is wrong from the first on. Compared are medians over many requests in turn; the bound is wide,
/// since what is looked for, a comparison that stops early, would have to be seen through the noise of
/// a socket. That the comparison is of digests, in constant time, is in `src/api/keys.rs`.
#[test]
fn a_nearly_right_key_takes_as_long_as_a_wrong_one() {
    let server = Server::start();
    let near = format!("{}x", &KEY[..KEY.len() - 1]);
    let far = "x".repeat(KEY.len());
    let mut stream = server.connect();
    let mut took = |key: &str| {
        let request = format!("GET /v1/version HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n\r\n");
        let begin = Instant::now();
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = [0_u8; 4_096];
        let read = stream.read(&mut bytes).unwrap();
        assert!(
            bytes[..read].starts_with(b"HTTP/1.1 4"),
            "{}",
            String::from_utf8_lossy(&bytes[..read])
        );
        begin.elapsed()
    };
    let (mut nearly, mut wrong) = (Vec::new(), Vec::new());
    for _ in 0..2_000 {
        nearly.push(took(&near));
        wrong.push(took(&far));
    }
    nearly.sort();
    wrong.sort();
    let (nearly, wrong) = (nearly[1_000].as_secs_f64(), wrong[1_000].as_secs_f64());
    assert!(
        (0.8..1.25).contains(&(nearly / wrong)),
        "{nearly} and {wrong}"
    );
}

#[test]
fn an_unexpected_error_is_coded_and_found_in_the_log() {
    let server = Server::start();
    let given = server.send(
        "GET",
        "/v1/runs/nope",
        &[("X-API-Key", KEY), ("X-Request-Id", "ticket-4711")],
        None,
    );
    assert_eq!(given.header("x-request-id"), Some("ticket-4711"));
    assert_eq!(given.json()["request_id"], json!("ticket-4711"));
    let strange = server.send(
        "GET",
        "/v1/runs/nope",
        &[("X-API-Key", KEY), ("X-Request-Id", "a\"b<script>")],
        None,
    );
    let id = strange.json()["request_id"].clone();
    assert!(
        id.as_str().unwrap().chars().all(|c| c.is_ascii_hexdigit()),
        "{id}"
    );
    let _: Value = strange.json();
}
