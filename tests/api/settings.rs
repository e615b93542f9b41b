//! Settings and the runtime policy. Cases 21 to 31 of the reference.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::house::{Answer, Server};

const SETTINGS: &str = "/v1/settings";
const POLICY: &str = "/v1/system/runtime-policy";
const STORED: &str = ".orket/durable/config/user_settings.json";
const UNLOCK: &str = "benchmarks/results/microservices_unlock_check.json";
const STABILITY: &str = "benchmarks/results/microservices_pilot_stability_check.json";

fn ok(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

fn stored_file(server: &Server) -> PathBuf {
    server.folder.path().join(STORED)
}

fn stored(server: &Server) -> Value {
    match std::fs::read_to_string(stored_file(server)) {
        Ok(text) => serde_json::from_str(&text).unwrap(),
        Err(_) => Value::Null,
    }
}

/// Each error as `code field`, in order.
fn errors(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 422, "{}", answer.text);
    let detail = &answer.json()["detail"];
    assert_eq!(detail["message"], json!("Invalid settings update"));
    let errors = detail["errors"].as_array().unwrap();
    let word = |error: &Value, key: &str| error[key].as_str().unwrap().to_owned();
    errors
        .iter()
        .map(|error| format!("{} {}", word(error, "code"), word(error, "field")))
        .collect()
}

#[test]
fn the_forms_say_what_may_be_chosen() {
    let options = ok(&Server::start().get("/v1/system/runtime-policy/options"));
    let form = |field: &str| {
        (
            options[field]["default"].clone(),
            options[field]["input_style"].clone(),
        )
    };
    for (field, default) in [
        ("architecture_mode", json!("force_monolith")),
        ("frontend_framework_mode", json!("force_vue")),
        ("project_surface_profile", json!("unspecified")),
        ("small_project_builder_variant", json!("auto")),
        ("state_backend_mode", json!("local")),
        ("gitea_state_pilot_enabled", json!(false)),
    ] {
        assert_eq!(form(field), (default.clone(), json!("radio")), "{field}");
        let values = options[field]["options"].as_array().unwrap();
        assert!(
            values.iter().any(|option| option["value"] == default),
            "{field}"
        );
        assert!(
            values.iter().all(|option| option["label"].is_string()),
            "{field}"
        );
    }
    let architecture = &options["architecture_mode"];
    assert_eq!(architecture["microservices_unlocked"], json!(false));
    assert_eq!(architecture["microservices_pilot_stable"], json!(false));
    let microservices =
        json!({"value": "force_microservices", "label": "Microservices", "locked": true});
    assert!(
        architecture["options"]
            .as_array()
            .unwrap()
            .contains(&microservices)
    );
}

#[test]
fn microservices_hold_only_while_they_are_unlocked() {
    let policy = |builder: super::house::Builder| {
        let server = builder
            .env("ORKET_ARCHITECTURE_MODE", "Microservices")
            .start();
        let policy = ok(&server.get(POLICY));
        let words = |key: &str| policy[key].clone();
        assert_eq!(words("default_architecture_mode"), json!("force_monolith"));
        (
            words("architecture_mode"),
            words("allowed_architecture_patterns"),
            words("microservices_unlocked"),
            words("microservices_pilot_stable"),
        )
    };
    let on = (
        json!("force_microservices"),
        json!(["monolith", "microservices"]),
        json!(true),
        json!(false),
    );
    let off = (
        json!("force_monolith"),
        json!(["monolith"]),
        json!(false),
        json!(false),
    );
    let variable = "ORKET_ENABLE_MICROSERVICES";
    let unlocked = r#"{"unlocked": true}"#;
    assert_eq!(policy(Server::build().env(variable, "true")), on);
    assert_eq!(
        policy(
            Server::build()
                .env(variable, "false")
                .file(UNLOCK, unlocked)
        ),
        off
    );
    assert_eq!(policy(Server::build().file(UNLOCK, unlocked)), on);
    assert_eq!(
        policy(Server::build().file(UNLOCK, r#"{"unlocked": false}"#)),
        off
    );
    let elsewhere = Server::build()
        .env("ORKET_MICROSERVICES_UNLOCK_REPORT", "proof.json")
        .file("proof.json", unlocked);
    assert_eq!(policy(elsewhere), on);
}

#[test]
fn a_stable_pilot_is_told() {
    let server = Server::build()
        .file(STABILITY, r#"{"stable": true}"#)
        .start();
    assert_eq!(
        ok(&server.get(POLICY))["microservices_pilot_stable"],
        json!(true)
    );
    std::fs::write(
        server.folder.path().join(STABILITY),
        r#"{"stable": "perhaps"}"#,
    )
    .unwrap();
    let broken = server.get(POLICY);
    assert_eq!(
        (broken.status, broken.json()["code"].clone()),
        (409, json!("E_CONFIG"))
    );
    assert!(broken.text.contains("stable"), "{}", broken.text);
}

#[test]
fn a_policy_is_stored_in_its_normal_form() {
    let server = Server::start();
    let nothing = json!({
        "architecture_mode": null, "frontend_framework_mode": null, "project_surface_profile": null,
        "small_project_builder_variant": null, "state_backend_mode": null, "gitea_state_pilot_enabled": null,
    });
    assert_eq!(
        ok(&server.post(POLICY, json!({}))),
        json!({"ok": true, "saved": nothing})
    );
    let given = json!({
        "architecture_mode": "monolith", "frontend_framework_mode": "Vue",
        "project_surface_profile": "backend", "small_project_builder_variant": "architect",
        "state_backend_mode": "gitea", "gitea_state_pilot_enabled": true,
    });
    let normal = json!({
        "architecture_mode": "force_monolith", "frontend_framework_mode": "force_vue",
        "project_surface_profile": "backend_only", "small_project_builder_variant": "architect",
        "state_backend_mode": "gitea", "gitea_state_pilot_enabled": true,
    });
    assert_eq!(
        ok(&server.post(POLICY, given)),
        json!({"ok": true, "saved": normal})
    );
    assert_eq!(stored(&server), normal);
    let policy = ok(&server.get(POLICY));
    for (field, value) in normal.as_object().unwrap() {
        assert_eq!(&policy[field], value);
    }
    // What is not given stays, and so does what is null.
    let other = ok(&server.post(
        POLICY,
        json!({"frontend_framework_mode": "react", "state_backend_mode": null}),
    ));
    assert_eq!(
        other["saved"]["frontend_framework_mode"],
        json!("force_react")
    );
    assert_eq!(other["saved"]["state_backend_mode"], json!("gitea"));
}

#[test]
fn each_setting_says_who_set_it() {
    let organization = json!({"name": "House", "process_rules": {
        "frontend_framework_mode": "react", "gitea_state_pilot_enabled": false, "small_project_builder_variant": "",
    }});
    let user = json!({
        "frontend_framework_mode": "angular", "gitea_state_pilot_enabled": true,
        "small_project_builder_variant": "coder",
    });
    let server = Server::build()
        .env("ORKET_ARCHITECTURE_MODE", "architect-decides")
        .file(".env", "ORKET_STATE_BACKEND_MODE=sqlite\n")
        .file("config/organization.json", &organization.to_string())
        .file(STORED, &user.to_string())
        .start();
    let settings = ok(&server.get(SETTINGS))["settings"].clone();
    let seen = |field: &str| {
        let setting = &settings[field];
        (
            setting["value"].clone(),
            setting["source"].clone(),
            setting["origin"].clone(),
        )
    };
    let said = |value: Value, source: &str, origin: &str| (value, json!(source), json!(origin));
    assert_eq!(
        seen("architecture_mode"),
        said(
            json!("architect_decides"),
            "env",
            "environment ORKET_ARCHITECTURE_MODE"
        )
    );
    assert_eq!(
        seen("frontend_framework_mode"),
        said(json!("force_react"), "process_rules", "organization")
    );
    assert_eq!(
        seen("project_surface_profile"),
        said(json!("unspecified"), "default", "default")
    );
    assert_eq!(
        seen("small_project_builder_variant"),
        said(json!("coder"), "user", "user settings")
    );
    assert_eq!(
        seen("state_backend_mode"),
        said(json!("local"), "env", ".env ORKET_STATE_BACKEND_MODE")
    );
    // An organization that says false is not overridden by a user.
    assert_eq!(
        seen("gitea_state_pilot_enabled"),
        said(json!(false), "process_rules", "organization")
    );
    assert_eq!(
        settings["architecture_mode"],
        json!({
            "value": "architect_decides", "source": "env", "origin": "environment ORKET_ARCHITECTURE_MODE",
            "default": "force_monolith", "type": "string", "input_style": "radio",
            "allowed_values": ["force_monolith", "architect_decides"], "policy_guard": "microservices_locked",
        })
    );
    assert_eq!(
        settings["gitea_state_pilot_enabled"],
        json!({
            "value": false, "source": "process_rules", "origin": "organization", "default": false,
            "type": "boolean", "input_style": "radio", "allowed_values": ["enabled", "disabled"],
        })
    );
}

#[test]
fn settings_are_changed_together_and_the_rest_of_the_file_stays() {
    let before = r#"{"theme": {"dark": true}, "frontend_framework_mode": "vue", "max_retries": 5}"#;
    let server = Server::build()
        .env("ORKET_ENABLE_MICROSERVICES", "true")
        .file(STORED, before)
        .start();
    let answer = ok(&server.patch(
        SETTINGS,
        json!({
            "architecture_mode": "microservices", "frontend_framework_mode": "react",
            "project_surface_profile": "backend", "small_project_builder_variant": "architect",
            "state_backend_mode": "local", "gitea_state_pilot_enabled": "enabled",
        }),
    ));
    let saved = json!({
        "architecture_mode": "force_microservices", "frontend_framework_mode": "force_react",
        "project_surface_profile": "backend_only", "small_project_builder_variant": "architect",
        "state_backend_mode": "local", "gitea_state_pilot_enabled": true,
    });
    assert_eq!(
        (answer["ok"].clone(), answer["saved"].clone()),
        (json!(true), saved.clone())
    );
    assert_eq!(answer["settings"], ok(&server.get(SETTINGS))["settings"]);
    assert_eq!(
        answer["settings"]["architecture_mode"]["source"],
        json!("user")
    );
    let mut expected = saved;
    expected["theme"] = json!({"dark": true});
    expected["max_retries"] = json!(5);
    assert_eq!(stored(&server), expected);
    let text = std::fs::read_to_string(stored_file(&server)).unwrap();
    assert!(
        text.starts_with("{\n    \"theme\": {\n        \"dark\": true\n"),
        "{text}"
    );
    // Null takes a value back.
    let answer = ok(&server.patch(SETTINGS, json!({"frontend_framework_mode": null})));
    assert_eq!(answer["saved"], json!({"frontend_framework_mode": null}));
    assert_eq!(
        answer["settings"]["frontend_framework_mode"]["source"],
        json!("default")
    );
    assert_eq!(stored(&server).get("frontend_framework_mode"), None);
}

#[test]
fn what_is_wrong_is_refused_whole_by_both_routes() {
    let server = Server::start();
    let refused = |body: Value| {
        let patch = errors(&server.patch(SETTINGS, body.clone()));
        let post = errors(&server.post(POLICY, body));
        assert_eq!(patch, post);
        assert_eq!(stored(&server), Value::Null, "something was saved");
        patch
    };
    let svelte = json!({"architecture_mode": "monolith", "frontend_framework_mode": "svelte", "unknown_field": 1});
    assert_eq!(
        refused(svelte.clone()),
        [
            "unknown_setting unknown_field",
            "invalid_value frontend_framework_mode"
        ]
    );
    let told = server.patch(SETTINGS, svelte).json()["detail"]["errors"][1].clone();
    assert_eq!(told["provided"], json!("svelte"));
    assert_eq!(
        told["allowed_values"],
        json!([
            "force_vue",
            "force_react",
            "force_angular",
            "architect_decides"
        ])
    );
    for spelling in ["force_microservices", " Microservices "] {
        assert_eq!(
            refused(json!({"architecture_mode": spelling})),
            ["policy_guard architecture_mode"]
        );
    }
    let gitea = "policy_guard state_backend_mode";
    assert_eq!(
        refused(json!({"state_backend_mode": "gitea", "gitea_state_pilot_enabled": false})),
        [gitea]
    );
    assert_eq!(refused(json!({"state_backend_mode": "gitea"})), [gitea]);
    assert_eq!(
        refused(json!({"gitea_state_pilot_enabled": 7})),
        ["invalid_value gitea_state_pilot_enabled"]
    );
    for body in [json!([]), json!("text"), json!(null)] {
        for answer in [
            server.patch(SETTINGS, body.clone()),
            server.post(POLICY, body.clone()),
        ] {
            assert_eq!(
                (answer.status, answer.json()["code"].clone()),
                (422, json!("E_VALIDATION")),
                "{body}"
            );
        }
    }
    let empty = server.patch(SETTINGS, json!({}));
    assert_eq!(empty.status, 400);
    assert_eq!(
        empty.json()["detail"],
        json!("No editable settings provided.")
    );
}

#[test]
fn a_pilot_that_the_organization_forbids_is_forbidden() {
    let organization =
        json!({"name": "House", "process_rules": {"gitea_state_pilot_enabled": "off"}});
    let server = Server::build()
        .file("config/organization.json", &organization.to_string())
        .start();
    let both = json!({"state_backend_mode": "gitea", "gitea_state_pilot_enabled": true});
    for answer in [
        server.patch(SETTINGS, both.clone()),
        server.post(POLICY, both),
    ] {
        assert_eq!(errors(&answer), ["policy_guard state_backend_mode"]);
    }
    assert_eq!(stored(&server), Value::Null);
}

#[test]
fn what_is_saved_holds_for_the_next_run() {
    let server = Server::start();
    let laid_out = server
        .folder
        .path()
        .join("workspace/default/agent_output/dependencies/pyproject.toml");
    let golden = || server.run_done(json!({"path": "model/core/epics/golden_flow.json"}));
    golden();
    assert!(!laid_out.exists());
    ok(&server.patch(SETTINGS, json!({"project_surface_profile": "backend"})));
    golden();
    assert!(laid_out.exists());
    // Written by hand, too.
    std::fs::write(
        stored_file(&server),
        r#"{"project_surface_profile": "tui"}"#,
    )
    .unwrap();
    assert_eq!(
        ok(&server.get(POLICY))["project_surface_profile"],
        json!("tui")
    );
}

#[test]
fn a_broken_file_is_told_and_never_written_over() {
    let server = Server::start();
    ok(&server.patch(SETTINGS, json!({"frontend_framework_mode": "vue"})));
    let broken = "{\"frontend_framework_mode\": \"vue\",";
    std::fs::write(stored_file(&server), broken).unwrap();
    let change = json!({"frontend_framework_mode": "react"});
    for answer in [
        server.get(SETTINGS),
        server.get(POLICY),
        server.patch(SETTINGS, change.clone()),
        server.post(POLICY, change.clone()),
    ] {
        assert_eq!(
            (answer.status, answer.json()["code"].clone()),
            (409, json!("E_CONFIG")),
            "{}",
            answer.text
        );
        assert!(
            answer.text.contains("user_settings.json"),
            "{}",
            answer.text
        );
    }
    assert_eq!(
        std::fs::read_to_string(stored_file(&server)).unwrap(),
        broken
    );
    // A value that nothing understands is told, and can be repaired over HTTP.
    std::fs::write(
        stored_file(&server),
        r#"{"frontend_framework_mode": "svelte", "a": 1}"#,
    )
    .unwrap();
    let told = server.get(SETTINGS);
    assert_eq!(told.status, 409);
    assert!(
        told.text.contains("svelte") && told.text.contains("force_vue"),
        "{}",
        told.text
    );
    ok(&server.patch(SETTINGS, change));
    assert_eq!(
        stored(&server),
        json!({"frontend_framework_mode": "force_react", "a": 1})
    );
}

#[test]
fn changes_at_the_same_time_are_all_kept() {
    const ROUNDS: usize = 10;
    let server = Server::build().file(STORED, r#"{"kept": 1}"#).start();
    let fields = [
        ("frontend_framework_mode", ["force_react", "force_vue"]),
        ("project_surface_profile", ["cli", "tui"]),
        ("small_project_builder_variant", ["coder", "architect"]),
        ("architecture_mode", ["architect_decides", "force_monolith"]),
    ];
    std::thread::scope(|scope| {
        for (field, values) in fields {
            let server = &server;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let value = values[round % 2];
                    let saved = ok(&server.patch(SETTINGS, json!({field: value})));
                    assert_eq!(saved["settings"][field]["value"], json!(value));
                    // A reader sees a whole file, with what was answered in it.
                    assert_eq!(stored(server)[field], json!(value));
                }
            });
        }
    });
    let last = stored(&server);
    assert_eq!(last["kept"], json!(1));
    for (field, values) in fields {
        assert_eq!(last[field], json!(values[(ROUNDS - 1) % 2]), "{last}");
    }
}
