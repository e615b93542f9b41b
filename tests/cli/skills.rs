//! Skills: what is shipped runs in a real run, under what it declared and what was granted.

use std::path::{Path, PathBuf};

use orket_core::canonical;
use serde_json::{Value, json};

use super::house::House;

fn shipped(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join(format!("model/core/skills/{name}.json"))
}

fn manifest(name: &str) -> Value {
    let text = std::fs::read_to_string(shipped(name)).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["skill"].clone()
}

/// A house whose coder has both shipped skills and uses them on what it wrote.
fn house_with_both(granted: &Value) -> House {
    let house = House::new();
    house.epic("tally", 1, super::house::QUICK);
    house.write(
        "config/roles/coder.json",
        &json!({"role": {"name": "coder", "type": "utility", "description": "You write.",
            "tools": ["write_file", "update_issue_status", "count_words", "write_release_note"]}}),
    );
    house.write(
        "config/organization.json",
        &json!({"organization": {"name": "Skills", "process_rules": {"granted_permissions": granted}}}),
    );
    let file = "agent_output/TALLY-1.txt";
    house.write(
        "config/scenarios/tally.json",
        &json!({"name": "tally", "replies": [
            {"when": {"role": "coder"}, "calls": [
                {"tool": "write_file", "args": {"path": file, "content": "three short words\n"}},
                {"tool": "count_words", "args": {"path": file}},
                {"tool": "write_release_note", "args": {"path": file}},
                {"tool": "update_issue_status", "args": {"status": "code_review"}}]},
            {"when": {"role": "integrity_guard"},
             "calls": [{"tool": "update_issue_status", "args": {"status": "done"}}]}]}),
    );
    house
}

/// The files of the only turn of the coder, by name.
fn turn_file(house: &House, name: &str) -> Value {
    let runs = house.path().join("workspace/default/observability");
    let run = std::fs::read_dir(runs).unwrap().next().unwrap().unwrap();
    let file = run.path().join("TALLY-1/001_coder").join(name);
    serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap()
}

#[test]
fn both_shipped_skills_run_in_a_real_run() {
    let house = house_with_both(&json!({"filesystem": ["read", "write"]}));
    let done = house.run(&["run", "--epic", "tally"]);
    assert_eq!(done.code, 0, "{done:?}");
    let counted = turn_file(&house, "tool_result_1_count_words.json");
    assert_eq!(counted, json!({"ok": true, "words": 3, "lines": 1}));
    let note = turn_file(&house, "tool_result_2_write_release_note.json");
    assert_eq!(
        note,
        json!({"ok": true, "written": "agent_output/TALLY-1.txt.release"})
    );
    let workspace = house.path().join("workspace/default/agent_output");
    let text = std::fs::read_to_string(workspace.join("TALLY-1.txt.release")).unwrap();
    assert!(text.starts_with("card: TALLY-1\ncksum: "), "{text}");
    // A skill's version is its own; a built-in tool's comes with the role.
    let trace = turn_file(&house, "memory_trace.json");
    let events = trace["events"].as_array().unwrap().iter();
    let calls = events.flat_map(|event| event["tool_calls"].as_array().unwrap());
    let versions: std::collections::BTreeSet<_> = calls
        .map(|call| {
            let of = |key: &str| call[key].as_str().unwrap().to_owned();
            (of("tool_name"), of("tool_profile_version"))
        })
        .collect();
    let wanted = [
        ("count_words", "1.0.0"),
        ("update_issue_status", "role-tools.v1"),
        ("write_file", "role-tools.v1"),
        ("write_release_note", "1.0.0"),
    ];
    let wanted = wanted.map(|(tool, version)| (tool.to_owned(), version.to_owned()));
    assert_eq!(versions, wanted.into());
}

#[test]
fn a_permission_that_was_not_granted_stops_the_card_and_is_on_record() {
    let house = house_with_both(&json!({"filesystem": "read"}));
    let done = house.run(&["run", "--epic", "tally"]);
    assert_eq!(done.code, 1, "{done:?}");
    let message = "Skill contract violation: missing required permissions (filesystem:write)";
    let checkpoint = turn_file(&house, "checkpoint.json").to_string();
    assert!(
        checkpoint.contains("\"code\":\"E_SKILL_PERMISSION\""),
        "{checkpoint}"
    );
    assert!(checkpoint.contains(message), "{checkpoint}");
    let shown = house.run(&["show", "last"]).out;
    assert!(shown.contains("E_SKILL_PERMISSION"), "{shown}");
    let trace = turn_file(&house, "memory_trace.json");
    let guardrails: Vec<_> = trace["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["guardrails_triggered"].clone())
        .filter(|rules| rules != &json!([]))
        .collect();
    assert_eq!(guardrails, [json!(["E_SKILL_PERMISSION"])]);
    // No call of that turn ran, those before it included.
    let workspace = house.path().join("workspace/default/agent_output");
    assert!(!workspace.join("TALLY-1.txt").exists());
    assert!(!workspace.join("TALLY-1.txt.release").exists());
    for verb in [["verify", "last"], ["replay", "last"]] {
        let verify = ["--verify"];
        let more: &[&str] = if verb[0] == "replay" { &verify } else { &[] };
        let done = house.run(&[&verb, more].concat());
        assert_eq!(done.code, 0, "{done:?}");
    }
    // The command line holds to the same.
    let done = house.run(&["skills", "run", "release_note", "--json"]);
    assert_eq!(done.code, 1);
    assert_eq!(done.json()["error"]["code"], "E_SKILL_PERMISSION");
}

/// A house with one skill of these scripts, each an entrypoint of its own.
fn house_of(scripts: &[(&str, &str)]) -> House {
    let house = House::new();
    let entrypoints: Vec<_> = scripts
        .iter()
        .map(|(id, script)| {
            json!({"entrypoint_id": id, "runtime": "shell", "runtime_version": "posix",
                   "command": ["sh", "-c", script], "working_directory": "inner",
                   "tool_profile_id": id, "tool_profile_version": "1",
                   "args_fingerprint_fields": ["x"], "result_fingerprint_fields": ["ok"],
                   "required_environment_variables": ["WANTED"]})
        })
        .collect();
    house.write(
        "config/skills/odd.json",
        &json!({"skill_contract_version": "1.0.5", "skill_id": "odd", "skill_version": "1",
                "description": "Odd things.", "manifest_digest": "sha256:00",
                "entrypoints": entrypoints}),
    );
    std::fs::create_dir_all(house.path().join("workspace/default/inner")).unwrap();
    house
}

#[test]
fn the_limits_of_the_policy_are_enforced() {
    let house = house_of(&[
        ("slow", "exec sleep 20"),
        (
            "hungry",
            "x=$(head -c 100000000 /dev/zero | tr '\\0' a); echo \"{\\\"length\\\": ${#x}}\"",
        ),
    ]);
    let run = |entrypoint: &str, set: &str| {
        let args = [
            "skills",
            "run",
            "odd",
            "--entrypoint",
            entrypoint,
            "--json",
            "--set",
            set,
        ];
        let done = house.run(&args);
        (done.code, done.json())
    };
    let (code, result) = run("slow", "ORKET_SKILL_MAX_EXECUTION_TIME=0.2");
    assert_eq!(code, 1);
    assert_eq!(
        result["skill_violation"],
        json!({"code": "E_SKILL_LIMIT",
               "message": "Skill contract violation: runtime limits exceeded (max_execution_time)"})
    );
    let (code, result) = run("hungry", "ORKET_SKILL_MAX_MEMORY=64");
    assert_eq!(code, 1, "{result}");
    let error = result["error"].as_str().unwrap();
    assert!(
        error.contains("its memory is limited to 67108864 bytes"),
        "{error}"
    );
    let (code, result) = run("hungry", "ORKET_SKILL_MAX_MEMORY=0");
    assert_eq!((code, &result["length"]), (0, &json!(100_000_000)));
}

/// A house with one skill of one entrypoint that is changed so.
fn house_of_one(script: &str, change: &Value) -> House {
    let house = House::new();
    let mut entrypoint = json!({"entrypoint_id": "run", "runtime": "shell", "runtime_version": "posix",
        "command": ["sh", "-c", script], "working_directory": ".",
        "tool_profile_id": "one", "tool_profile_version": "1",
        "args_fingerprint_fields": ["x"], "result_fingerprint_fields": ["ok"]});
    for (key, value) in change.as_object().unwrap() {
        entrypoint[key] = value.clone();
    }
    house.write(
        "config/skills/one.json",
        &json!({"skill_contract_version": "1.0.5", "skill_id": "one", "skill_version": "1",
                "description": "One thing.", "manifest_digest": "sha256:00",
                "entrypoints": [entrypoint]}),
    );
    house
}

fn grant(house: &House, granted: &Value) {
    house.write(
        "config/organization.json",
        &json!({"organization": {"name": "Skills", "process_rules": {"granted_permissions": granted}}}),
    );
}

#[test]
fn a_skill_writes_only_where_it_asked_to_and_was_granted_it() {
    let script =
        "mkdir -p made 2> /dev/null; echo x > made/x 2> /dev/null; echo x > $TMPDIR/x && echo '{}'";
    let both = json!({"filesystem": ["read", "write"]});
    for (asked, granted, writes) in [
        (json!({"filesystem": ["read"]}), &both, false),
        (json!({}), &both, false),
        (both.clone(), &json!({"filesystem": "read"}), false),
        (both.clone(), &json!(null), false),
        (both.clone(), &both, true),
    ] {
        let house = house_of_one(script, &json!({"requested_permissions": asked}));
        grant(&house, granted);
        let done = house.run(&["skills", "run", "one", "--json"]);
        assert_eq!(done.code, 0, "{done:?}");
        let result = done.json();
        let gaps = result["sandbox_gaps"].to_string();
        let made = house.path().join("workspace/default/made/x").exists();
        let is_confined = !gaps.contains("files: not confined");
        assert!(
            made == writes || !is_confined,
            "{asked} {granted}: {result}"
        );
    }
}

#[test]
fn a_call_by_hand_is_held_to_the_gate_and_logged() {
    let schema = json!({"type": "object", "required": ["path", "confirm"], "properties": {
        "path": {"type": "string"}, "confirm": {"type": "boolean"}, "n": {"maximum": 3}}});
    let house = house_of_one(
        "echo ran > ran; echo '{}'",
        &json!({
        "input_schema": schema, "requested_permissions": {"filesystem": "write"}}),
    );
    grant(&house, &json!({"filesystem": "write"}));
    let run = |args: Value| {
        let args = args.to_string();
        house.run(&["skills", "run", "one", "--args", &args, "--json"])
    };
    for (args, says) in [
        (
            json!({"path": 7, "confirm": true}),
            "TOOL.ARGUMENTS: one: the argument `path` is a number",
        ),
        (
            json!({"path": "x"}),
            "TOOL.ARGUMENTS: one: the argument `confirm` is missing",
        ),
        (
            json!({"path": "x", "confirm": false}),
            "TOOL.CONFIRM: one: this cannot be undone",
        ),
        (
            json!({"path": "x", "confirm": true, "n": 99}),
            "TOOL.ARGUMENTS: one: the argument `n` is 99",
        ),
    ] {
        let done = run(args);
        assert_eq!(done.code, 1, "{done:?}");
        let error = &done.json()["error"];
        assert_eq!(error["code"], "E_TOOL_GATE");
        assert!(
            error["detail"].as_str().unwrap().starts_with(says),
            "{error}"
        );
    }
    let workspace = house.path().join("workspace/default");
    assert!(!workspace.join("ran").exists());
    assert_eq!(run(json!({"path": "x", "confirm": true})).code, 0);
    assert!(workspace.join("ran").exists());
    let log = std::fs::read_to_string(workspace.join("orket.log")).unwrap();
    let events: Vec<(String, String)> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| (line["role"].to_string(), line["event"].to_string()))
        .collect();
    let of = |event: &str| ("\"operator\"".to_owned(), format!("\"{event}\""));
    let mut wanted = vec![of("skill_run_refused"); 4];
    wanted.extend([of("skill_run_started"), of("skill_run_ended")]);
    assert_eq!(events, wanted);
}

#[test]
fn a_runtime_is_the_one_that_was_declared() {
    let code = |change: Value| {
        let done = house_of_one("true", &change).run(&["skills", "run", "one", "--json"]);
        let told = done.json();
        let code = told["error"]["code"]
            .as_str()
            .or(told["skill_violation"]["code"].as_str());
        (done.code, code.map(str::to_owned))
    };
    let refused = (1, Some("E_SKILL_RUNTIME".to_owned()));
    assert_eq!(
        code(json!({"runtime": "rust", "command": ["sh", "-c", "true"]})),
        refused
    );
    let bash =
        |version: &str| json!({"runtime_version": version, "command": ["bash", "-c", "true"]});
    assert_eq!(code(bash("1.99")), refused);
    let version = std::process::Command::new("bash")
        .arg("--version")
        .output()
        .unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let version = orket_core::skill::version_told(&version).unwrap();
    let (major, _) = version.split_once('.').unwrap();
    for fits in [version, major, "posix"] {
        assert_eq!(code(bash(fits)), (0, None), "{fits}");
    }
}

#[test]
fn a_skill_s_limit_is_what_the_card_shows() {
    let house = house_of_one(
        "exec sleep 20",
        &json!({"runtime_limits": {"max_execution_time": 0.2}}),
    );
    house.epic("tally", 1, super::house::QUICK);
    house.write(
        "config/roles/coder.json",
        &json!({"role": {"name": "coder", "type": "utility", "description": "You write.",
            "tools": ["write_file", "update_issue_status", "one"]}}),
    );
    house.write(
        "config/scenarios/tally.json",
        &json!({"name": "tally", "replies": [
            {"when": {"role": "coder"}, "calls": [
                {"tool": "one", "args": {}},
                {"tool": "write_file", "args": {"path": "agent_output/TALLY-1.txt", "content": "x"}},
                {"tool": "update_issue_status", "args": {"status": "code_review"}}]}]}),
    );
    let done = house.run(&["run", "--epic", "tally"]);
    assert_eq!(done.code, 1, "{done:?}");
    let shown = house.run(&["show", "last"]).out;
    assert!(shown.contains("E_SKILL_LIMIT"), "{shown}");
    let checkpoint = turn_file(&house, "checkpoint.json");
    assert!(
        checkpoint
            .to_string()
            .contains("\"code\":\"E_SKILL_LIMIT\""),
        "{checkpoint}"
    );
}

#[test]
fn a_skill_sees_what_it_declared_and_nothing_else() {
    let house = house_of(&[(
        "look",
        "printf '{\"folder\":\"%s\",\"wanted\":\"%s\",\"secret\":\"%s\",\"id\":\"%s\",\"runtime\":\"%s %s\"}' \
         \"${PWD##*/}\" \"$WANTED\" \"${SECRET-none}\" \"$ORKET_SKILL_ENTRYPOINT_ID\" \"$ORKET_SKILL_RUNTIME\" \"$ORKET_SKILL_RUNTIME_VERSION\"",
    )]);
    let mut command = house.command(&["skills", "run", "odd", "--json"]);
    let output = command
        .env("WANTED", "yes")
        .env("SECRET", "leaked")
        .output()
        .unwrap();
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let wanted = json!({"ok": true, "wanted": "yes", "secret": "none", "id": "look", "runtime": "shell posix"});
    for (key, value) in wanted.as_object().unwrap() {
        assert_eq!(&result[key], value, "{result}");
    }
}

#[test]
fn a_skill_finds_no_secret_of_orkets() {
    let house = house_of(&[(
        "spy",
        "for path in /proc/$PPID/environ ../../../.env ../../../.orket/durable/db/x; do
             cat $path; ls -d $path; done; env",
    )]);
    std::fs::create_dir_all(house.path().join(".orket/durable/db")).unwrap();
    std::fs::write(house.path().join(".orket/durable/db/x"), "sk-journal").unwrap();
    std::fs::write(
        house.path().join(".env"),
        "ORKET_ANTHROPIC_KEY=sk-file\nWANTED=1",
    )
    .unwrap();
    let mut command = house.command(&["skills", "run", "odd", "--json"]);
    let output = command
        .env("WANTED", "yes")
        .env("OPENAI_API_KEY", "sk-environment")
        .output()
        .unwrap();
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let gaps = result["sandbox_gaps"].to_string();
    assert!(
        gaps.contains("files: not confined") || !result.to_string().contains("sk-"),
        "{result}"
    );
    let said = result["output"].as_str().unwrap();
    assert!(
        said.contains("WANTED=yes"),
        "it did not get so far: {result}"
    );
    assert!(said.contains("../../../.env"), "no such file: {result}");
    assert!(!said.contains("sk-environment"), "{result}");
}

#[test]
fn what_is_shipped_keeps_the_contract_and_its_digest() {
    let house = House::new();
    let names = ["release_note", "text_facts"];
    for name in names {
        let mut manifest = manifest(name);
        let digest = manifest
            .as_object_mut()
            .unwrap()
            .shift_remove("manifest_digest");
        let counted = canonical::sha256_hex(canonical::to_string(&manifest).as_bytes());
        assert_eq!(digest, Some(json!(format!("sha256:{counted}"))), "{name}");
        let file = shipped(name);
        let done = house.run(&[
            "check",
            "skills",
            "--manifest",
            file.to_str().unwrap(),
            "--json",
        ]);
        assert_eq!((done.code, &done.json()["status"]), (0, &json!("PASS")));
    }
    let listed = house.run(&["skills", "list", "--json"]).json();
    let listed: Vec<_> = listed["skills"]
        .as_array()
        .unwrap()
        .iter()
        .map(|skill| skill["name"].as_str().unwrap())
        .collect();
    assert_eq!(listed, names);
    let shown = house.run(&["skills", "show", "release_note", "--json"]);
    let entrypoint = &shown.json()["entrypoints"][0];
    assert_eq!(
        (&entrypoint["tool"], &entrypoint["may_run"]),
        (&json!("write_release_note"), &json!(false))
    );
}

#[test]
fn several_manifests_are_checked_at_once() {
    let house = House::new();
    let mut broken = manifest("text_facts");
    broken["entrypoints"][0]["runtime_version"] = json!(null);
    house.write("broken.json", &broken);
    let good = shipped("text_facts");
    let args = [
        "check",
        "skills",
        "--manifest",
        good.to_str().unwrap(),
        "--manifest",
        "broken.json",
        "--manifest",
        "gone.json",
        "--json",
    ];
    let done = house.run(&args);
    assert_eq!(done.code, 1);
    let report = done.json();
    assert_eq!(report["status"], "FAIL");
    let codes: Vec<_> = report["reports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|report| report["refusal"]["error_code"].clone())
        .collect();
    assert_eq!(
        codes,
        [
            json!(null),
            json!("ERR_RUNTIME_UNPINNED"),
            json!("ERR_VALIDATION_INTERNAL")
        ]
    );
    assert_eq!(house.run(&["check", "skills"]).code, 2);
    let told = house.run(&["check", "skills", "--manifest", "broken.json"]);
    assert_eq!(
        told.out,
        "FAIL broken.json (text_facts 1.0.0)\n  ERR_RUNTIME_UNPINNED at stage runtime\n  \
         entrypoint:count:runtime_unpinned\n"
    );
    // A broken manifest is no tool.
    house.write("config/skills/broken.json", &broken);
    let done = house.run(&["skills", "show", "broken", "--json"]);
    assert_eq!(done.code, 1);
    assert_eq!(done.json()["error"]["code"], "E_SKILL_MANIFEST");
}
