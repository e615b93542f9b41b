//! What a key may reach beyond its route: folders, assets, other pages' words, other keys' requests.

use std::io::{Read as _, Write as _};

use serde_json::{Value, json};

use super::house::{Answer, Builder, KEY, Server};

const RUNNER: &str = "runner-key-0123456789";

/// A server with a key that may look and run, and the tiny epic.
fn with_runner() -> Builder {
    let keys = json!([{"name": "runner", "key": RUNNER, "scopes": ["read", "run"]}]);
    super::durable_runs::tiny(0)
        .file("keys.json", &keys.to_string())
        .env("ORKET_API_KEYS_FILE", "keys.json")
}

fn ask(server: &Server, key: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let mut all = vec![("X-API-Key", key), ("Content-Type", "application/json")];
    all.extend(headers);
    server.send("POST", path, &all, Some(&body.to_string()))
}

#[test]
fn a_run_over_the_network_works_below_the_projects_workspaces() {
    let server = with_runner().start();
    let root = server.folder.path().to_owned();
    let start = |key: &str, workspace: &str| {
        let body = json!({"kind": "epic", "name": "tiny", "build_id": "b", "workspace": workspace});
        ask(&server, key, "/v1/runs", &[], &body)
    };
    let outside = tempfile::tempdir().unwrap();
    for key in [RUNNER, KEY] {
        for wished in [
            outside.path().to_str().unwrap(),
            "..",
            "../../model",
            "../../.orket/durable/config",
            ".orket",
            "/proc/self",
            &root.display().to_string(),
        ] {
            let refused = start(key, wished);
            assert_eq!(refused.status, 403, "{wished}: {}", refused.text);
        }
        assert_eq!(start(key, "x\0y").status, 422);
    }
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    let started = start(RUNNER, "nightly");
    assert_eq!(started.status, 200, "{}", started.text);
    let run = started.json()["run_id"].as_str().unwrap().to_owned();
    server.until(&format!("/v1/runs/{run}"), |run| run["status"] == "done");
    assert!(root.join("workspace/nightly/agent_output/t.txt").is_file());
}

#[test]
fn one_card_under_way_is_not_taken_for_another() {
    let server = super::durable_runs::tiny(600_000)
        .file(
            "model/core/epics/two.json",
            &json!({"name": "two", "team": "standard", "environment": "tiny", "issues": [
                {"id": "T-7", "summary": "Write a file", "seat": "coder"},
                {"id": "T-8", "summary": "Write another", "seat": "coder"}]})
            .to_string(),
        )
        .start();
    let start = |id: &str| {
        server.post(
            "/v1/system/run-active",
            json!({"issue_id": id, "build_id": "b"}),
        )
    };
    let first = start("T-7");
    assert_eq!(first.status, 200, "{}", first.text);
    for other in ["T-8", "two"] {
        let refused = start(other);
        assert_eq!(
            (refused.status, refused.json()["code"].clone()),
            (409, json!("E_RUN_ACTIVE")),
            "{other}"
        );
    }
    let again = start("T-7");
    assert_eq!(again.json()["session_id"], first.json()["session_id"]);
}

#[test]
fn without_a_key_only_pages_and_names_of_this_machine_are_served() {
    let server = Server::build()
        .no_key()
        .env("ORKET_ALLOW_INSECURE_NO_API_KEY", "true")
        .env("ORKET_ALLOWED_ORIGINS", "http://desk.example:5173/")
        .start();
    let own = format!("http://{}", server.address());
    let status = |path: &str, host: &str, origin: Option<&str>| {
        let origin = origin.map_or_else(String::new, |it| format!("Origin: {it}\r\n"));
        let more = if path == "/ws/events" {
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        } else {
            "Connection: close\r\n"
        };
        let mut stream = server.connect();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {host}\r\n{origin}{more}\r\n"
        )
        .unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[9..])
            .parse::<u16>()
            .unwrap()
    };
    let port = server.address().rsplit_once(':').unwrap().1.to_owned();
    for (path, good) in [("/v1/version", 200), ("/ws/events", 101)] {
        for host in [server.address(), &format!("localhost:{port}"), "[::1]"] {
            assert_eq!(status(path, host, None), good, "{path} {host}");
        }
        for host in ["evil.example", &format!("evil.example:{port}"), "192.0.2.1"] {
            assert_eq!(status(path, host, None), 403, "{path} {host}");
        }
        let here = server.address();
        assert_eq!(
            status(path, here, Some("http://desk.example:5173")),
            good,
            "{path}"
        );
        for origin in ["http://evil.example", "null", "http://localhost:1"] {
            assert_eq!(status(path, here, Some(origin)), 403, "{path} {origin}");
        }
    }
    assert_eq!(status("/v1/version", server.address(), Some(&own)), 200);
    // What a page of elsewhere sends without asking first.
    let headers = [
        ("Origin", "http://evil.example"),
        ("Content-Type", "text/plain"),
    ];
    let body = json!({"path": "docs/pwn.md", "content": "owned"}).to_string();
    let refused = server.send("POST", "/v1/system/save", &headers, Some(&body));
    assert_eq!(refused.status, 403);
    assert!(!server.folder.path().join("docs/pwn.md").exists());
}

#[test]
fn an_answer_is_not_larger_than_what_was_asked() {
    let server = Server::start();
    let many = vec![1; 400_000];
    let refused = server.post("/v1/cards/archive", json!({ "card_ids": many }));
    assert_eq!(refused.status, 422);
    assert!(refused.text.len() < 32 * 1_024, "{}", refused.text.len());
    let wide: serde_json::Map<String, Value> = (0..9_000)
        .map(|number| (format!("k{number}"), json!(1)))
        .collect();
    for path in ["/v1/settings", "/v1/system/runtime-policy"] {
        let refused = if path == "/v1/settings" {
            server.patch(path, Value::Object(wide.clone()))
        } else {
            server.post(path, Value::Object(wide.clone()))
        };
        assert_eq!(refused.status, 422, "{path}: {:.200}", refused.text);
        assert!(
            refused.text.len() < 128 * 1_024,
            "{path}: {}",
            refused.text.len()
        );
    }
    let long = json!({"message": 7, "conversation": "y".repeat(100_000)});
    let refused = server.post("/v1/system/chat-driver", long);
    assert_eq!(refused.status, 422);
    assert!(refused.text.len() < 8 * 1_024, "{}", refused.text.len());
}

#[test]
fn assets_are_changed_through_the_driver_by_admins_only() {
    let server = with_runner().start();
    let say = |key: &str, message: &str| {
        let body = json!({"message": message, "confirm": true});
        ask(&server, key, "/v1/system/chat-driver", &[], &body).json()
    };
    let refused = say(RUNNER, "/create epic evil");
    assert_eq!(
        (refused["kind"].clone(), refused["code"].clone()),
        (json!("not_done"), json!("E_SCOPE")),
        "{refused}"
    );
    let epic = server.folder.path().join("model/core/epics/evil.json");
    assert!(!epic.exists());
    let done = say(KEY, "/create epic evil");
    assert_eq!(done["kind"], json!("done"), "{done}");
    assert!(epic.exists());
}

#[test]
fn a_start_that_is_sent_again_comes_to_the_same_run() {
    let server = with_runner().start();
    let start = |build: Option<&str>, key: &str, name: &str| {
        let mut body = json!({"kind": "epic", "name": "tiny"});
        if let Some(build) = build {
            body["build_id"] = json!(build);
        }
        ask(
            &server,
            key,
            "/v1/runs",
            &[("Idempotency-Key", name)],
            &body,
        )
    };
    let first = start(None, RUNNER, "r1").json();
    let run = first["run_id"].as_str().unwrap().to_owned();
    server.until(&format!("/v1/runs/{run}"), |run| run["status"] == "done");
    assert_eq!(start(None, RUNNER, "r1").json()["run_id"], first["run_id"]);
    assert_eq!(start(Some("other"), RUNNER, "r1").status, 422);
    assert_ne!(start(None, KEY, "r1").json()["run_id"], first["run_id"]);
}

#[test]
fn origins_and_keys_that_cannot_be_meant_are_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let told = |builder: Builder| {
        let mut command = builder.command(folder.path());
        let output = command.stderr(std::process::Stdio::piped()).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    for origins in [
        "*",
        "http://a b",
        "localhost:5173",
        "http://x/path",
        "ftp://x",
    ] {
        let words = told(Server::build().env("ORKET_ALLOWED_ORIGINS", origins));
        assert!(
            words.contains("E_CONFIG") && words.contains("ORKET_ALLOWED_ORIGINS"),
            "{origins}: {words}"
        );
    }
    let short = Server::build()
        .no_key()
        .env("ORKET_API_KEY", "short")
        .env("ORKET_HOST", "0.0.0.0");
    assert!(told(short).contains("E_API_KEYS"));
}
