//! Who gets in: keys, scopes, origins, unknown routes. Cases 1 to 8 of the reference.

use serde_json::json;

use super::house::{KEY, Server};

const CASES_1: &str = r#"{"status":"ok","organization":"Orket"}"#;

#[test]
fn health_needs_no_key() {
    let server = Server::build().no_key().start();
    let health = server.send("GET", "/health", &[], None);
    assert_eq!((health.status, health.text.as_str()), (200, CASES_1));
    // Case 2: without any key nothing below /v1 is served.
    let version = server.send("GET", "/v1/version", &[], None);
    assert_eq!(version.status, 403);
    assert_eq!(
        version.json()["detail"],
        json!("Could not validate credentials")
    );
    assert_eq!(version.json()["code"], json!("E_API_KEY"));
    let with_some = server.send("GET", "/v1/version", &[("X-API-Key", "")], None);
    assert_eq!(with_some.status, 403);
}

#[test]
fn without_a_key_the_bypass_lets_everybody_in() {
    let server = Server::build()
        .no_key()
        .env("ORKET_ALLOW_INSECURE_NO_API_KEY", " YES ")
        .start();
    let version = server.send("GET", "/v1/version", &[], None);
    assert_eq!(
        (version.status, version.json()["api"].clone()),
        (200, json!("v1"))
    );
}

#[test]
fn with_a_key_only_the_key_lets_in() {
    let server = Server::build()
        .env("ORKET_ALLOW_INSECURE_NO_API_KEY", "true")
        .start();
    let version =
        |headers: &[(&str, &str)]| server.send("GET", "/v1/version", headers, None).status;
    let bearer = format!("Bearer {KEY}");
    assert_eq!(version(&[("X-API-Key", KEY)]), 200);
    assert_eq!(version(&[("Authorization", &bearer)]), 200);
    assert_eq!(version(&[("X-API-Key", "wrong")]), 403);
    assert_eq!(version(&[]), 403);
    // A wrong header is not rescued by a right one of the other kind.
    assert_eq!(
        version(&[("X-API-Key", "wrong"), ("Authorization", &bearer)]),
        403
    );
    // Never in a query.
    let query = server.send("GET", &format!("/v1/version?api_key={KEY}"), &[], None);
    assert_eq!(query.status, 403);
}

#[test]
fn a_key_that_only_the_env_file_has_counts() {
    let server = Server::build()
        .no_key()
        .file(".env", &format!("ORKET_API_KEY={KEY}\n"))
        .start();
    assert_eq!(server.get("/v1/version").status, 200);
    assert_eq!(server.send("GET", "/v1/version", &[], None).status, 403);
}

#[test]
fn unknown_routes_and_wrong_verbs_are_told_without_a_key() {
    let server = Server::start();
    let unknown = server.send("GET", "/v1/unknown", &[], None);
    assert_eq!(
        (unknown.status, unknown.json()["detail"].clone()),
        (404, json!("Not Found"))
    );
    let wrong = server.send("DELETE", "/v1/runs", &[], None);
    assert_eq!(
        (wrong.status, wrong.json()["detail"].clone()),
        (405, json!("Method Not Allowed"))
    );
    let allow = wrong.header("allow").unwrap();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    // Its id finds it in the log, in header and body.
    assert_eq!(
        wrong.header("x-request-id").unwrap(),
        wrong.json()["request_id"].as_str().unwrap()
    );
}

#[test]
fn browsers_of_allowed_origins_may_ask() {
    let server = Server::start();
    let preflight = |origin: &str, method: &str| {
        let headers = [
            ("Origin", origin),
            ("Access-Control-Request-Method", method),
            ("Access-Control-Request-Headers", "X-API-Key"),
        ];
        server.send("OPTIONS", "/v1/settings", &headers, None)
    };
    let good = preflight("http://localhost:5173", "PATCH");
    assert_eq!(
        (good.status, good.header("access-control-max-age")),
        (200, Some("600"))
    );
    assert_eq!(
        good.header("access-control-allow-origin"),
        Some("http://localhost:5173")
    );
    assert_eq!(preflight("http://evil.example", "PATCH").status, 400);
    assert_eq!(preflight("http://localhost:5173", "PUT").status, 400);
    let simple = |origin: &str| {
        server.send(
            "GET",
            "/v1/version",
            &[("Origin", origin), ("X-API-Key", KEY)],
            None,
        )
    };
    let allowed = simple("http://127.0.0.1:5173");
    assert_eq!(
        allowed.header("access-control-allow-origin"),
        Some("http://127.0.0.1:5173")
    );
    assert!(
        allowed
            .header("vary")
            .unwrap()
            .to_lowercase()
            .contains("origin")
    );
    let stranger = simple("http://evil.example");
    assert_eq!(
        (
            stranger.status,
            stranger.header("access-control-allow-origin")
        ),
        (200, None)
    );
}

#[test]
fn named_keys_do_what_their_scopes_say() {
    let keys = json!([
        {"name": "dashboard", "key": "dashboard-key-0123456789", "scopes": ["read"]},
        {"name": "runner", "key": "runner-key-0123456789-", "scopes": ["read", "run"]},
    ]);
    let server = Server::build()
        .file("keys.json", &keys.to_string())
        .env("ORKET_API_KEYS_FILE", "keys.json")
        .start();
    let with = |key: &str, method: &str, path: &str| {
        let headers = [("X-API-Key", key), ("Content-Type", "application/json")];
        server.send(method, path, &headers, Some("{}"))
    };
    assert_eq!(
        with("dashboard-key-0123456789", "GET", "/v1/version").status,
        200
    );
    let refused = with("dashboard-key-0123456789", "POST", "/v1/runs/last/halt");
    assert_eq!(
        (refused.status, refused.json()["code"].clone()),
        (403, json!("E_SCOPE"))
    );
    // Allowed to ask, and told that there is no run.
    assert_eq!(
        with("runner-key-0123456789-", "POST", "/v1/runs/last/halt").status,
        404
    );
    assert_eq!(
        with("runner-key-0123456789-", "POST", "/v1/shutdown").status,
        403
    );
    assert_eq!(with(KEY, "POST", "/v1/shutdown").status, 202);
}

#[test]
fn a_key_that_asks_too_often_is_told_when_to_come_back() {
    let server = Server::build().env("ORKET_API_RATE_LIMIT", "3").start();
    for _ in 0..3 {
        assert_eq!(server.get("/v1/version").status, 200);
    }
    let refused = server.get("/v1/version");
    assert_eq!(
        (refused.status, refused.json()["code"].clone()),
        (429, json!("E_RATE_LIMIT"))
    );
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(server.send("GET", "/health", &[], None).status, 200);
}

#[test]
fn what_would_be_open_to_all_is_not_started() {
    let folder = tempfile::tempdir().unwrap();
    let told = |builder: super::house::Builder| {
        let output = builder
            .command(folder.path())
            .stderr(std::process::Stdio::piped())
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (code, words) = told(Server::build().no_key().env("ORKET_HOST", "0.0.0.0"));
    assert_eq!(code, Some(1));
    assert!(
        words.contains("E_NO_API_KEY") && words.contains("ORKET_API_KEY"),
        "{words}"
    );
    // The bypass is for this machine alone.
    let open = Server::build()
        .no_key()
        .env("ORKET_ALLOW_INSECURE_NO_API_KEY", "1")
        .arg("--host")
        .arg("0.0.0.0");
    let (code, words) = told(open);
    assert_eq!(code, Some(1));
    assert!(words.contains("E_NO_API_KEY"), "{words}");
    let broken = Server::build()
        .env("ORKET_API_KEYS_FILE", "keys.json")
        .file(
            "keys.json",
            r#"[{"name": "a", "key": "topsecret", "scopes": ["read"]}]"#,
        );
    let (code, words) = told(broken);
    assert_eq!(code, Some(1));
    assert!(
        words.contains("E_API_KEYS") && !words.contains("topsecret"),
        "{words}"
    );
}
