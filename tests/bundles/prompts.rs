//! What `orket prompts` shows: what a run sends, and where it comes from.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::house::{House, keys};

#[test]
fn the_prompts_that_come_with_the_program_keep_the_rules() {
    let house = House::new();
    let listed = house.run(&["prompts", "list"]);
    assert_eq!((listed.code, listed.err.as_str()), (0, ""));
    insta::assert_snapshot!(listed.out);
    let validated = house.run(&["prompts", "validate"]);
    assert_eq!(validated.out, "OK: 14 prompt(s)\n", "{validated:?}");
    assert_eq!(
        house.json(&["prompts", "validate"], 0),
        json!({"ok": true, "error_count": 0, "warning_count": 0, "errors": [], "warnings": []})
    );
    let dialects = house.json(
        &["prompts", "list", "--kind", "dialect", "--status", "stable"],
        0,
    );
    assert_eq!(dialects["count"], json!(5));
    assert_eq!(
        keys(&dialects["items"][0]),
        [
            "kind",
            "name",
            "path",
            "id",
            "version",
            "status",
            "owner",
            "updated_at"
        ]
    );
    let drafts = house.json(&["prompts", "list", "--status", "draft"], 0);
    assert_eq!(drafts, json!({"count": 0, "items": []}));
}

#[test]
fn the_name_of_old_is_the_same_command() {
    let house = House::new();
    let name = house.path().join("orket-prompts");
    symlink(env!("CARGO_BIN_EXE_orket"), &name).unwrap();
    let old = house.run_as(&name, &["--root", ".", "list", "--kind", "role"]);
    let new = house.run(&["prompts", "list", "--kind", "role"]);
    assert_eq!((old.code, old.out), (0, new.out));
}

#[test]
fn what_is_resolved_is_what_a_run_sends() {
    let house = House::new();
    let run = house.run(&["run", "--epic", "golden_flow", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let turns = turns(&house.path().join("workspace"));
    let mut roles = Vec::new();
    for turn in turns {
        let read = |name: &str| -> Value {
            serde_json::from_slice(&fs::read(turn.join(name)).unwrap()).unwrap()
        };
        let sent = &read("checkpoint.json")["prompt_metadata"];
        let layers = read("prompt_layers.json");
        let role = layers["role_base"]["name"].as_str().unwrap().to_owned();
        let profile = layers["context_profile"].as_str().unwrap();
        let shown = house.json(
            &[
                "prompts",
                "resolve",
                "--role",
                &role,
                "--dialect",
                "generic",
                "--profile",
                profile,
                "--include-prompt",
            ],
            0,
        );
        for (key, value) in sent.as_object().unwrap() {
            assert_eq!(&shown["metadata"][key], value, "{role}: {key}");
        }
        assert_eq!(shown["layers"], layers, "{role}");
        let messages = read("messages.json");
        let system = messages[0]["content"].as_str().unwrap();
        let text = shown["prompt"].as_str().unwrap();
        assert!(system.starts_with(text), "{role}");
        roles.push(role);
    }
    roles.sort();
    roles.dedup();
    assert!(roles.len() >= 3, "{roles:?}");
}

/// The folders of turns below a folder.
fn turns(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut turns(&path));
        } else if path.ends_with("prompt_layers.json") {
            found.push(folder.to_owned());
        }
    }
    found
}

#[test]
fn settings_and_flags_say_which_prompts_speak() {
    let house = House::new();
    let shown = house.json(
        &["prompts", "resolve", "--role", "coder", "--dialect", "qwen"],
        0,
    );
    assert_eq!(keys(&shown), ["metadata", "layers"]);
    assert_eq!(
        keys(&shown["metadata"]),
        [
            "prompt_id",
            "prompt_version",
            "prompt_checksum",
            "resolver_policy",
            "version_hint",
            "selection_policy",
            "role_status",
            "dialect_status",
            "role",
            "dialect",
            "guard_count"
        ]
    );
    let layered = house.json(
        &[
            "--set",
            "ORKET_PROMPT_RESOLVER_MODE=resolver",
            "--set",
            "ORKET_PROMPT_GUARD_LAYERS=security,consistency",
            "prompts",
            "resolve",
            "--role",
            "role.coder",
            "--dialect",
            "qwen",
        ],
        0,
    );
    assert_eq!(layered["metadata"]["guard_count"], json!(2));
    assert_eq!(
        layered["layers"]["guards"],
        json!(["security", "consistency"])
    );
    assert_ne!(
        layered["metadata"]["prompt_checksum"],
        shown["metadata"]["prompt_checksum"]
    );
    let text = house.run(&["prompts", "resolve", "--role", "coder", "--text"]);
    assert_eq!(text.code, 0, "{text:?}");
    assert!(
        text.out.starts_with("You hold the seat `coder`"),
        "{}",
        text.out
    );
    let exact = [
        "prompts",
        "resolve",
        "--role",
        "coder",
        "--selection-policy",
        "exact",
    ];
    let with = |version: &'static str| [&exact[..], &["--version-exact", version]].concat();
    house.json(&with("1.0.0/1.0.0"), 0);
    let refused = house.json(&with("1.0.0/2.0.0"), 1);
    assert_eq!(refused["error"]["code"], json!("E_PROMPT_SELECTION"));
    assert_eq!(house.run(&exact).code, 1);
    let odd = house.run(&[
        "prompts",
        "resolve",
        "--role",
        "coder",
        "--selection-policy",
        "luck",
    ]);
    assert_eq!(odd.code, 2, "{odd:?}");
}

#[test]
fn an_override_is_compared_with_what_came_with_the_program() {
    let house = House::new();
    let shown = house.json(&["prompts", "show", "--id", "role.coder"], 0);
    assert_eq!(shown["path"], json!("embedded:model/core/roles/coder.json"));
    let mut coder = shown["payload"].clone();
    coder["role"]["description"] = json!("You write the program, line by line.");
    let file = house.write("model/core/roles/coder.json", &coder.to_string());
    let shown = house.json(&["prompts", "show", "--id", "role.coder"], 0);
    assert_eq!(shown["payload"], coder);
    let path = Path::new(shown["path"].as_str().unwrap());
    assert_eq!(
        fs::canonicalize(path).unwrap(),
        fs::canonicalize(file).unwrap()
    );
    let same = house.json(
        &["prompts", "diff", "--role", "coder", "--dialect", "qwen"],
        0,
    );
    assert_eq!(
        keys(&same),
        ["left_metadata", "right_metadata", "prompt_diff"]
    );
    assert_eq!(same["prompt_diff"], json!([]));
    let differs = house.json(
        &[
            "prompts",
            "diff",
            "--role",
            "coder",
            "--dialect",
            "qwen",
            "--left-shipped",
        ],
        0,
    );
    let lines: Vec<&str> = differs["prompt_diff"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}
