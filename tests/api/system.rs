//! Machine, calendar, models and teams. Cases 13, 14, 32 and 33 of the reference.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::house::{Answer, Builder, Server};

const METRICS: &str = "/v1/system/metrics";
const MODELS: &str = "/v1/system/model-assignments";

fn ok(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// A server that finds this `nvidia-smi` before any other.
fn with_nvidia_smi(folder: &Path, script: &str) -> Builder {
    let program = folder.join("nvidia-smi");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    Server::build().env("PATH", &path)
}

#[test]
fn the_machine_says_how_busy_it_is() {
    let metrics = ok(&Server::start().get(METRICS));
    for (field, alias) in [("cpu_percent", "cpu"), ("ram_percent", "memory")] {
        let percent = metrics[field].as_f64().unwrap();
        assert!((0.0..=100.0).contains(&percent), "{metrics}");
        assert_eq!(metrics[field], metrics[alias]);
    }
    assert!(metrics["ram_percent"].as_f64().unwrap() > 0.0, "{metrics}");
    let timestamp = metrics["timestamp"].as_str().unwrap();
    assert!(timestamp.ends_with("+00:00"), "{timestamp}");
    let instant: jiff::Timestamp = timestamp.parse().unwrap();
    let age = jiff::Timestamp::now().duration_since(instant);
    assert!(age.unsigned_abs() < Duration::from_secs(60), "{timestamp}");
}

#[test]
fn graphics_memory_is_added_up_and_asked_for_now_and_then() {
    let folder = tempfile::tempdir().unwrap();
    let asked = folder.path().join("asked");
    let script = format!(
        "echo >> {}; echo '512, 8192'; echo '1536, 8192'",
        asked.display()
    );
    let look = |server: &Server| {
        let metrics = ok(&server.get(METRICS));
        assert_eq!(metrics["vram_gb_used"].as_f64(), Some(2.0), "{metrics}");
        assert_eq!(metrics["vram_total_gb"].as_f64(), Some(16.0), "{metrics}");
        std::fs::read_to_string(&asked).unwrap().len()
    };
    let kept = with_nvidia_smi(folder.path(), &script)
        .env("ORKET_METRICS_VRAM_CACHE_SEC", "600")
        .start();
    assert_eq!([look(&kept), look(&kept), look(&kept)], [1, 1, 1]);
    let fresh = with_nvidia_smi(folder.path(), &script)
        .env("ORKET_METRICS_VRAM_CACHE_SEC", "0")
        .start();
    assert_eq!([look(&fresh), look(&fresh), look(&fresh)], [2, 3, 4]);
}

#[test]
fn a_graphics_driver_that_fails_or_hangs_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let none = |script: &str| {
        let server = with_nvidia_smi(folder.path(), script).start();
        let began = Instant::now();
        std::thread::scope(|scope| {
            let metrics = scope.spawn(|| ok(&server.get(METRICS)));
            // Nobody else waits for it.
            assert_eq!(server.get("/v1/version").status, 200);
            assert!(began.elapsed() < Duration::from_secs(1));
            let metrics = metrics.join().unwrap();
            assert_eq!(metrics["vram_gb_used"].as_f64(), Some(0.0), "{metrics}");
            assert_eq!(metrics["vram_total_gb"].as_f64(), Some(0.0), "{metrics}");
        });
        began.elapsed()
    };
    none("echo '512, 8192'; exit 9");
    none("echo 'No devices were found'");
    let hung = none("exec sleep 600");
    assert!(hung < Duration::from_secs(20), "{hung:?}");
}

#[test]
fn the_calendar_tells_the_week_of_the_zone() {
    for zone in ["UTC", "+14:00", "-11:00"] {
        let server = Server::build().env("ORKET_TIMEZONE", zone).start();
        let expected = || {
            let zone: orket::log::Zone = zone.parse().unwrap();
            let day = zone.day(jiff::Timestamp::now().as_millisecond());
            let sprint = orket::api::calendar::Sprint::of(day).unwrap();
            json!({
                "current_sprint": format!("Q{} S{}", sprint.quarter, sprint.number),
                "sprint_start": sprint.start.to_string(), "sprint_end": sprint.end.to_string(),
                "year": sprint.year, "quarter": sprint.quarter, "sprint": sprint.number,
            })
        };
        // Midnight may come meanwhile.
        let before = expected();
        let calendar = ok(&server.get("/v1/system/calendar"));
        assert!([before, expected()].contains(&calendar), "{calendar}");
    }
}

#[test]
fn models_are_told_for_the_roles_that_are_asked_for() {
    let organization = json!({"name": "House", "process_rules": {
        "models": {"reviewer": "openai:gpt"},
        "model_compliance_policy": {"blocked_models": ["wild:1"]},
    }});
    let server = Server::build()
        .env("ORKET_MODEL_CODER", "wild:1")
        .file("config/organization.json", &organization.to_string())
        .file(
            ".orket/durable/config/user_settings.json",
            r#"{"preferred_architect": "llama3.1"}"#,
        )
        .start();
    let all = ok(&server.get(MODELS));
    assert_eq!(all["filters"]["roles"], Value::Null);
    let items = all["items"].as_array().unwrap();
    assert_eq!(all["count"], json!(items.len()));
    let roles: Vec<&str> = items
        .iter()
        .map(|item| item["role"].as_str().unwrap())
        .collect();
    assert_eq!(
        roles,
        [
            "architect",
            "code_reviewer",
            "coder",
            "integrity_guard",
            "requirements_analyst"
        ]
    );
    let _: jiff::Timestamp = all["generated_at"].as_str().unwrap().parse().unwrap();
    let some =
        ok(&server.get("/v1/system/model-assignments?roles=%20Coder,%20reviewer%20,coder,,"));
    assert_eq!(
        (some["count"].clone(), some["filters"]["roles"].clone()),
        (json!(2), json!(["coder", "reviewer"]))
    );
    assert_eq!(
        some["items"][0],
        json!({
            "role": "coder", "selected_model": "ollama:wild:1", "final_model": "ollama:qwen2.5-coder:14b",
            "demoted": true, "reason": "blocked_model", "dialect": "qwen",
            "chosen_in": "process environment: ORKET_MODEL_CODER",
        })
    );
    assert_eq!(some["items"][1]["final_model"], json!("openai:gpt"));
    assert_eq!(some["items"][1]["reason"], json!("min_score_missing"));
    assert_eq!(items[0]["selected_model"], json!("ollama:llama3.1"));
    assert_eq!(items[0]["dialect"], json!("llama3"));
    // An epic may say otherwise.
    let of_epic = ok(&server.get("/v1/system/model-assignments?roles=architect&epic=golden_flow"));
    assert_eq!(
        of_epic["items"][0]["final_model"],
        json!("scripted:golden_flow")
    );
    let unknown = server.get("/v1/system/model-assignments?epic=nowhere");
    assert_eq!(
        (unknown.status, unknown.json()["code"].clone()),
        (404, json!("E_NOT_FOUND"))
    );
}

#[test]
fn a_wrong_choice_of_a_model_is_told_where_it_stands() {
    let preferences = r#"{"models": {"coder": "openai:"}}"#;
    let server = Server::build()
        .file(".orket/durable/config/preferences.json", preferences)
        .start();
    let wrong = server.get(MODELS);
    assert_eq!(
        (wrong.status, wrong.json()["code"].clone()),
        (409, json!("E_ASSETS")),
        "{}",
        wrong.text
    );
    assert!(wrong.text.contains("models.coder"), "{}", wrong.text);
    assert_eq!(
        server
            .get("/v1/system/model-assignments?roles=architect")
            .status,
        200
    );
}

#[test]
fn teams_are_listed_with_seats_and_roles() {
    let team = json!({"team": {
        "name": "Lab", "description": "Tries things.",
        "seats": {"lead": {"name": "Lead", "roles": ["Boss", "coder", "ghost"]}},
        "roles": {"Boss": {"description": "Says what is done.", "tools": ["read_file"]}},
    }});
    let server = Server::build()
        .file("model/Labs/teams/lab.json", &team.to_string())
        .file("model/Labs/teams/broken.json", "{")
        .start();
    let none = ok(&server.get("/v1/system/teams?department=NONE"));
    assert_eq!(
        none,
        json!({"items": [], "count": 0, "filters": {"department": "NONE"}, "problems": []})
    );
    let labs = ok(&server.get("/v1/system/teams?department=labs"));
    assert_eq!(labs["count"], json!(1));
    let lab = &labs["items"][0];
    assert_eq!(
        (lab["department"].clone(), lab["team_id"].clone()),
        (json!("Labs"), json!("lab"))
    );
    assert_eq!(
        lab["seats"],
        json!([{"seat_id": "lead", "name": "Lead", "roles": ["boss", "coder", "ghost"]}])
    );
    let boss = json!({
        "role": "boss", "name": "Boss", "description": "Says what is done.", "tools": ["read_file"], "source": "team",
    });
    assert_eq!(lab["roles"][0], boss);
    let coder = &lab["roles"][1];
    assert_eq!(
        (coder["role"].clone(), coder["source"].clone()),
        (json!("coder"), json!("catalog"))
    );
    assert!(
        coder["tools"]
            .as_array()
            .unwrap()
            .contains(&json!("write_file")),
        "{coder}"
    );
    let ghost = json!({"role": "ghost", "name": "ghost", "tools": [], "source": "seat_reference"});
    assert_eq!(lab["roles"][2], ghost);
    assert_eq!(
        labs["problems"][0]["file"],
        json!("model/Labs/teams/broken.json")
    );
    let all = ok(&server.get("/v1/system/teams"));
    let departments: Vec<&Value> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|team| &team["department"])
        .collect();
    assert_eq!(departments, ["Labs", "core"]);
    assert_eq!(all["filters"]["department"], Value::Null);
}
