//! Sandboxes over HTTP, with a shell script on PATH for docker. Case 50 of the reference.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::house::{Builder, Server};

const DOCKER: &str = include_str!("../../sandboxes/tests/docker/docker.sh");

/// A server whose docker is a script; `None` leaves the folder of programs empty.
fn server(docker: Option<&str>, builder: Builder) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    for name in [
        "bin/state/projects",
        "workspace/built/backend",
        "workspace/built/frontend",
    ] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    let mut path = bin.clone().into_os_string();
    if let Some(text) = docker {
        std::fs::write(bin.join("docker"), text).unwrap();
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(bin.join("docker"), executable).unwrap();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
    }
    builder.env("PATH", path.to_str().unwrap()).start_in(folder)
}

fn wanted(rock: &str, workspace: &str) -> Value {
    json!({"rock_id": rock, "project_name": "Launch", "tech_stack": "fastapi-react-postgres",
        "workspace_path": workspace})
}

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
fn one_is_brought_up_shown_without_its_password_read_and_taken_down() {
    let server = server(Some(DOCKER), Server::build());
    let created = server.post("/v1/sandboxes", wanted("Launch", "built"));
    assert_eq!(created.status, 200, "{}", created.json());
    let sandbox = created.json();
    assert_eq!(sandbox["id"], "sandbox-launch");
    assert_eq!(sandbox["status"], "running");
    let folder = server
        .folder
        .path()
        .join(".orket/durable/sandboxes/sandbox-launch");
    let secrets = std::fs::read_to_string(folder.join("secrets.json")).unwrap();
    let secrets: Value = serde_json::from_str(&secrets).unwrap();
    let password = secrets["database"].as_str().unwrap();
    let list = server.get("/v1/sandboxes");
    assert_eq!(list.json(), json!([sandbox]));
    assert!(!list.json().to_string().contains(password));
    let words = format!("db-1  | connected with {password}\n");
    std::fs::write(server.folder.path().join("bin/state/logs"), words).unwrap();
    let logs = server.get("/v1/sandboxes/sandbox-launch/logs?service=db");
    assert_eq!(logs.json(), json!({"logs": "db-1  | connected with ***\n"}));
    let lost = server.get("/v1/sandboxes/sandbox-launch/logs?service=mongo");
    assert_eq!(lost.status, 404);
    let stop = || server.post("/v1/sandboxes/sandbox-launch/stop", json!({}));
    assert_eq!(stop().json(), json!({"ok": true}));
    assert_eq!(stop().json(), json!({"ok": true}));
    assert_eq!(server.get("/v1/sandboxes").json()[0]["status"], "deleted");
}

#[test]
fn what_may_not_be_is_told_with_its_code() {
    let server = server(Some(DOCKER), Server::build());
    std::fs::write(
        server.folder.path().join("bin/state/fail-up"),
        "no space left",
    )
    .unwrap();
    let root = server.folder.path().display().to_string();
    let mut stackless = wanted("r", "built");
    stackless["tech_stack"] = json!("cobol");
    let mut more = wanted("r", "built");
    more["sudo"] = json!(true);
    for (body, status, code) in [
        (wanted("r", &root), 403, "E_FORBIDDEN"),
        (wanted("r", "../bin"), 403, "E_FORBIDDEN"),
        (wanted("r", "empty"), 400, "E_BAD_REQUEST"),
        (wanted(" ", "built"), 400, "E_BAD_REQUEST"),
        (stackless, 422, "E_VALIDATION"),
        (more, 422, "E_VALIDATION"),
        (json!({}), 422, "E_VALIDATION"),
        (wanted("r", "built"), 502, "E_SANDBOX_FAILED"),
    ] {
        let answer = server.post("/v1/sandboxes", body.clone());
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (status, &json!(code)),
            "{body}"
        );
    }
    let stopped = &server.get("/v1/sandboxes").json()[0];
    assert_eq!(stopped["status"], "stopped");
    assert_eq!(stopped["last_error"], "sandbox `sandbox-r`: no space left");
}

#[test]
fn without_docker_or_switched_off_it_is_said() {
    let none = server(None, Server::build());
    let answer = none.post("/v1/sandboxes", wanted("r", "built"));
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["code"], "E_SANDBOX_UNAVAILABLE");
    let hint = answer.json()["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("install docker"), "{hint}");
    let off = server(
        Some(DOCKER),
        Server::build().env("ORKET_DISABLE_SANDBOX", "true"),
    );
    let answer = off.post("/v1/sandboxes", wanted("r", "built"));
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (409, &json!("E_SANDBOX_DISABLED"))
    );
    let full = server(Some(DOCKER), Server::build().env("ORKET_SANDBOX_MAX", "1"));
    assert_eq!(full.post("/v1/sandboxes", wanted("a", "built")).status, 200);
    let answer = full.post("/v1/sandboxes", wanted("b", "built"));
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (503, &json!("E_SANDBOX_LIMIT"))
    );
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
