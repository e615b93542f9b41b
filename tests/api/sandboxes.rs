//! Sandboxes while nothing runs any. Case 50 of the reference; what is known is tried beside the
//! handlers.

use serde_json::json;

use super::house::Server;

#[test]
fn there_are_none_and_unknown_ones_are_not_found() {
    let server = Server::start();
    let list = server.get("/v1/sandboxes");
    assert_eq!((list.status, list.json()), (200, json!([])));
    let stop = server.post("/v1/sandboxes/sandbox-lost/stop", json!({}));
    assert_eq!(stop.status, 404);
    assert_eq!(
        stop.json()["detail"],
        json!("sandbox `sandbox-lost` not found")
    );
    assert_eq!(stop.json()["code"], json!("E_NOT_FOUND"));
    for path in [
        "/v1/sandboxes/sandbox-lost/logs",
        "/v1/sandboxes/sandbox-lost/logs?service=api",
    ] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

#[test]
fn what_is_no_service_s_name_never_gets_further() {
    let server = Server::start();
    for service in ["--tail=all", "a%20b", "..%2Fx", &"a".repeat(64)] {
        let logs = server.get(&format!("/v1/sandboxes/x/logs?service={service}"));
        assert_eq!(logs.status, 422, "{service}");
        assert_eq!(logs.json()["detail"][0]["loc"], json!(["query", "service"]));
    }
    assert_eq!(server.send("GET", "/v1/sandboxes", &[], None).status, 403);
}
