//! What `orket doctor` finds, and which command it names.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::house::House;

/// A server that answers everything with this.
fn answering(status: &'static str, body: Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0_u8; 4096];
            let _ = stream.read(&mut head);
            let body = body.to_string();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    url
}

/// Status and next command of the findings of one name.
fn findings(report: &Value, name: &str) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["name"] == name)
        .map(|it| (text(&it["status"]), text(&it["detail"]), text(&it["next"])))
        .collect()
}

#[test]
fn a_fresh_folder_is_in_order() {
    let house = House::new();
    house.program("docker", "echo 99.1");
    let ended = house.orket(&["doctor", "--json"]);
    let report = ended.json();
    assert_eq!(ended.code, Some(0), "{report:#}");
    assert_eq!(report["ok"], true);
    assert_eq!(report["failures"], 0);
    assert_eq!(
        findings(&report, "docker"),
        [(
            "OK".to_owned(),
            "99.1, compose 99.1".to_owned(),
            String::new()
        )]
    );
    let text = house.orket(&["doctor"]).stdout;
    assert!(text.contains("OK   settings"), "{text}");
    assert!(text.contains("next: ollama serve"), "{text}");
    assert!(
        !house.project().join(".orket").exists(),
        "a look made something"
    );
}

#[test]
fn a_model_that_is_not_pulled_and_a_gitea_that_refuses_us_fail_with_what_to_do() {
    let mut house = House::new();
    house
        .set(
            "ORKET_OLLAMA_URL",
            answering("200 OK", json!({"models": [{"name": "here:7b"}]})),
        )
        .set("ORKET_MODEL_CODER", "ollama:here:7b")
        .set("ORKET_MODEL_ARCHITECT", "ollama:gone:7b")
        .set("ORKET_OPENAI_URL", answering("401 Unauthorized", json!({})))
        .set("ORKET_OPENAI_KEY", "sk-0123456789abcdef0123456789")
        .set("GITEA_URL", answering("403 Forbidden", json!({})))
        .set("GITEA_TOKEN", "0123456789abcdef0123456789abcdef01234567");
    house.program("docker", "echo no daemon >&2; exit 1");
    let ended = house.orket(&["doctor", "--json"]);
    let report = ended.json();
    assert_eq!(ended.code, Some(1), "{report:#}");
    let ollama = findings(&report, "ollama");
    assert_eq!(ollama.len(), 2, "{ollama:?}");
    assert_eq!(ollama[1].0, "FAIL");
    assert_eq!(ollama[1].2, "ollama pull gone:7b");
    assert_eq!(
        findings(&report, "openai")[0].2,
        "put a valid ORKET_OPENAI_KEY into .env"
    );
    assert_eq!(findings(&report, "Gitea")[0].0, "FAIL");
    let docker = &findings(&report, "docker")[0];
    assert_eq!(docker.0, "WARN");
    assert!(docker.1.contains("no daemon"), "{docker:?}");
    let printed = ended.stdout + &ended.stderr;
    for secret in [
        "sk-0123456789abcdef0123456789",
        "0123456789abcdef0123456789abcdef01234567",
    ] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn a_server_that_says_nothing_does_not_hold_it_up() {
    let mut house = House::new();
    // Accepts, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    house
        .set(
            "ORKET_OLLAMA_URL",
            format!("http://{}", silent.local_addr().unwrap()),
        )
        .set("ORKET_MODEL_CODER", "ollama:here:7b");
    let ended = house.orket(&["doctor", "--timeout", "1", "--json"]);
    let report = ended.json();
    assert_eq!(ended.code, Some(1));
    assert_eq!(findings(&report, "ollama")[0].0, "FAIL", "{report:#}");
}

#[test]
fn placeholders_open_files_and_settings_that_cannot_be_read_are_told() {
    let house = House::new();
    house.put(".env", "ORKET_API_KEY=change-me\n");
    let env = house.project().join(".env");
    std::fs::set_permissions(&env, std::fs::Permissions::from_mode(0o644)).unwrap();
    let report = house.orket(&["doctor", "--json"]).json();
    let keys = findings(&report, "keys");
    assert!(
        keys.iter()
            .any(|it| it.0 == "FAIL" && it.1.contains("ORKET_API_KEY is a placeholder")),
        "{keys:?}"
    );
    assert!(keys.iter().any(|it| it.2 == "chmod 600 .env"), "{keys:?}");

    let address = "http://me:hunter2@127.0.0.1:9";
    house.put(
        ".env",
        &format!("ORKET_OLLAMA_URL={address}\nGITEA_URL={address}\nGITEA_TOKEN=4f0c1d2b3a4f5e6d7c8b9a0f\n"),
    );
    for arguments in [&["doctor"][..], &["config", "--json"]] {
        let said = house.orket(arguments).stdout;
        assert!(said.contains("http://***@127.0.0.1:9"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }

    house.put(".env", "ORKET_PORT=many\n");
    let ended = house.orket(&["doctor", "--json"]);
    assert_eq!(ended.code, Some(1));
    let found = findings(&ended.json(), "settings");
    assert!(found[0].1.contains("ORKET_PORT"), "{found:?}");
}
