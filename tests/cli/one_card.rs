//! Runs of one card in a build that has others, and what must not be made again by them.

use std::process::Command;

use serde_json::{Value, json};

use super::house::{Done, ENDLESS, House, QUICK, SLOW};

fn out(mut command: Command) -> Done {
    let output = command.output().unwrap();
    Done {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs an epic whose second card gets no answer, and stops it there.
fn stopped_after_one(house: &House, name: &str) -> Value {
    house.epic(name, 3, SLOW);
    let mut command = house.command(&["--epic", name, "--json"]);
    // The first card's two turns take 1.4 s, each of the others as long again.
    command.env("ORKET_CLOCK_RUN_SEC", "2");
    let stopped = out(command);
    assert_eq!(stopped.code, 1, "{stopped:?}");
    let report = stopped.json();
    assert_eq!(report["cards"][0]["status"], "done", "{report}");
    assert_ne!(report["cards"][2]["status"], "done", "{report}");
    report
}

fn statuses(report: &Value) -> Vec<&str> {
    let cards = report["cards"].as_array().unwrap();
    cards
        .iter()
        .map(|it| it["status"].as_str().unwrap())
        .collect()
}

#[test]
fn the_rest_of_a_build_goes_on_after_a_run_of_one_card() {
    let house = House::new();
    let old = stopped_after_one(&house, "rest");
    house.epic("rest", 3, QUICK);
    let one = house.run(&["run", "--card", "REST-2", "--json"]);
    assert_eq!(one.code, 0, "{one:?}");
    assert_eq!(one.json()["build_id"], old["build_id"]);

    // The old run says where its cards are, and so does an attempt to go on with it.
    let old_id = old["run_id"].as_str().unwrap();
    let new_id = one.json()["run_id"].as_str().unwrap().to_owned();
    let shown = house.run(&["show", old_id]);
    assert!(shown.out.contains(&new_id), "{shown:?}");
    assert!(shown.out.contains("--build-id build-rest"), "{shown:?}");
    let resumed = house.run(&["resume", old_id]);
    assert_eq!(resumed.code, 1);
    assert!(resumed.err.contains(&new_id), "{resumed:?}");

    // The same command as at first goes on with the build.
    let whole = house.run(&["--epic", "rest", "--json"]);
    assert_eq!(whole.code, 0, "{whole:?}");
    let report = whole.json();
    assert_eq!(report["build_id"], old["build_id"]);
    assert_eq!(statuses(&report), ["done", "done", "done"]);
    assert_eq!(report["cards"][0]["attempts"], old["cards"][0]["attempts"]);
    // Now it is finished: another one begins.
    let next = house.run(&["--epic", "rest", "--json"]);
    assert_eq!(next.json()["build_id"], "build-rest-2");
}

#[test]
fn a_corrected_model_is_not_ignored_when_a_stopped_run_goes_on() {
    let house = House::new();
    house.epic("right", 1, QUICK);
    house.epic("mute", 1, ENDLESS);
    let mut command = house.start(&["--epic", "right", "--model", "scripted:mute"]);
    command.until("RIGHT-1");
    command.signal("INT");
    command.signal("INT");
    let (code, lines) = command.end();
    assert_eq!(code, 130, "{lines:?}");
    let again = house.run(&["--epic", "right", "--model", "scripted:right", "--json"]);
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(again.json()["build_id"], "build-right");
}

/// An epic with a card that pays, which must not happen twice, and others beside it.
fn paying(house: &House) {
    let status = |to: &str| json!({"tool": "update_issue_status", "args": {"status": to}});
    let write =
        json!({"tool": "write_file", "args": {"path": "out/{{issue_id}}.txt", "content": "x"}});
    let card = |id: &str, after: &[&str], tools: Value| {
        json!({"id": id, "summary": id, "seat": "clerk", "depends_on": after, "max_retries": 0,
               "params": {"required_write_paths": [format!("out/{id}.txt")], "required_tools": tools}})
    };
    let role = |name: &str, tools: &[&str]| {
        house.write(
            &format!("config/roles/{name}.json"),
            &json!({"role": {"name": name, "type": "utility", "description": "You do it.", "tools": tools}}),
        );
    };
    role(
        "clerk",
        &[
            "write_file",
            "read_file",
            "add_issue_comment",
            "update_issue_status",
            "pay",
        ],
    );
    house.write(
        "config/epics/pay.json",
        &json!({"epic": {"name": "pay", "team": "pay", "environment": "pay", "issues": [
            card("P", &[], json!(["write_file", "pay", "update_issue_status"])),
            card("Q", &[], json!([])),
            card("S", &["P"], json!([])),
        ]}}),
    );
    house.write(
        "config/teams/pay.json",
        &json!({"team": {"name": "Pay", "seats": {
            "clerk": {"name": "Clerk", "roles": ["clerk"]},
            "integrity_guard": {"name": "Guard", "roles": ["integrity_guard"]}}}}),
    );
    house.write(
        "config/environments/pay.json",
        &json!({"environment": {"name": "pay", "model": "scripted:pay"}}),
    );
    house.write(
        "config/skills/desk.json",
        &json!({"skill_contract_version": "1.0.5", "skill_id": "desk", "skill_version": "1",
            "description": "Pays.", "manifest_digest": "sha256:00", "entrypoints": [{
                "entrypoint_id": "pay", "runtime": "shell", "runtime_version": "posix",
                "command": ["sh", "-c", "echo paid >> pay.log; test -e hurry || sleep 30; echo '{\"paid\":true}'"],
                "working_directory": ".", "tool_profile_id": "pay", "tool_profile_version": "1",
                "effect_class": "at_most_once", "args_fingerprint_fields": ["none"],
                "result_fingerprint_fields": ["ok"], "input_schema": {"type": "object"},
                "requested_permissions": {"filesystem": "write"}}]}),
    );
    house.write(
        "config/organization.json",
        &json!({"organization": {"name": "Desk",
            "process_rules": {"granted_permissions": {"filesystem": "write"}}}}),
    );
    house.write(
        "config/scenarios/pay.json",
        &json!({"name": "pay", "replies": [
            {"when": {"role": "integrity_guard"}, "calls": [status("done")]},
            {"when": {"issue": "P"}, "calls": [write, {"tool": "pay", "args": {}}, status("code_review")]},
            {"when": {"role": "clerk"}, "calls": [write, status("code_review")]},
        ]}),
    );
}

fn paid(house: &House) -> usize {
    let log = std::fs::read_to_string(house.path().join("workspace/default/pay.log"));
    log.unwrap_or_default().lines().count()
}

#[test]
fn a_call_of_unknown_outcome_is_made_again_only_when_a_person_says_so() {
    let house = House::new();
    paying(&house);
    let mut command = house.command(&["--epic", "pay", "--json"]);
    command.env("ORKET_CLOCK_TOOL_SEC", "0.5");
    let first = out(command);
    assert_eq!(first.code, 1, "{first:?}");
    let code = |done: &Done| done.json()["cards"][0]["code"].clone();
    assert_eq!(code(&first), "E_UNKNOWN_OUTCOME", "{first:?}");
    assert_eq!(paid(&house), 1);
    std::fs::write(house.path().join("workspace/default/hurry"), "").unwrap();

    let build = ["--build-id", "build-pay", "--json"];
    let wishes: [&[&str]; 5] = [
        &["run", "--card", "Q"],
        &["run", "--card", "S"],
        &["run", "--card", "P"],
        &["run", "--epic", "pay"],
        &["resume", "last"],
    ];
    for wish in wishes {
        let resumes = wish[0] == "resume";
        let args: Vec<&str> = match resumes {
            true => wish.iter().copied().chain(["--json"]).collect(),
            false => wish.iter().copied().chain(build).collect(),
        };
        let done = house.run(&args);
        assert_eq!(paid(&house), 1, "{args:?}: {done:?}");
        assert_eq!(code(&done), "E_UNKNOWN_OUTCOME", "{args:?}: {done:?}");
    }
    let pending = house.run(&["gates", "list", "--json"]).json();
    assert_eq!(pending["gates"].as_array().unwrap().len(), 1, "{pending}");
    assert_eq!(pending["gates"][0]["request_type"], "unknown_outcome");

    // The gate names the run that has the card now.
    let run = house.run(&["show", "last", "--json"]).json()["run_id"].clone();
    assert_eq!(pending["gates"][0]["run_id"], run);
    let approved = house.run(&["gates", "approve", "1", "--json"]);
    assert_eq!(approved.code, 0, "{approved:?}");
    let last = house.run(&["resume", "last", "--json"]);
    assert_eq!(last.code, 0, "{last:?}");
    assert_eq!(paid(&house), 2);
    assert_eq!(statuses(&last.json()), ["done", "done", "done"]);
    // Once.
    let gates = house.run(&["gates", "list", "--all", "--json"]).json();
    assert!(gates["gates"][0]["spent_ms"].is_i64(), "{gates}");
}

#[test]
fn agents_leave_orkets_own_files_alone_whatever_the_workspace_is() {
    let house = House::new();
    house.epic("own", 1, QUICK);
    let before = std::fs::read_to_string(house.path().join("config/epics/own.json")).unwrap();
    std::fs::write(house.path().join(".env"), "ORKET_ARTIFACTS=full\n").unwrap();
    for (tool, path) in [
        ("write_file", ".env"),
        ("write_file", ".ENV"),
        ("write_file", "config/epics/own.json"),
        ("write_file", "model/core/roles/coder.json"),
        ("read_file", ".env"),
        ("read_file", ".orket/durable/db/orket_persistence.db"),
    ] {
        let mut call = json!({"tool": tool, "args": {"path": path}});
        if tool == "write_file" {
            call["args"]["content"] = json!("{}");
        }
        house.write(
            "config/scenarios/own.json",
            &json!({"name": "own", "replies": [{"when": {"role": "coder"}, "calls": [
                call,
                {"tool": "write_file", "args": {"path": "agent_output/OWN-1.txt", "content": "x"}},
                {"tool": "update_issue_status", "args": {"status": "code_review"}}]}],
                "default": {"calls": [{"tool": "update_issue_status", "args": {"status": "done"}}]}}),
        );
        let before = if path.contains("own.json") {
            &before
        } else {
            ""
        };
        let done = house.run(&["--epic", "own", "--workspace", ".", "--json"]);
        assert_eq!(done.code, 1, "{tool} {path}: {done:?}");
        assert_eq!(done.json()["cards"][0]["code"], "E_TOOL_GATE", "{done:?}");
        let now = std::fs::read_to_string(house.path().join("config/epics/own.json")).unwrap();
        assert!(before.is_empty() || now == before);
    }
    let env = std::fs::read_to_string(house.path().join(".env")).unwrap();
    assert_eq!(env, "ORKET_ARTIFACTS=full\n");
    assert!(!house.path().join("model").exists());
}

#[test]
fn a_workspace_that_cannot_be_made_is_told_as_what_it_is() {
    let house = House::new();
    house.epic("nowhere", 1, QUICK);
    let done = house.run(&["--epic", "nowhere", "--workspace", "/proc/orket", "--json"]);
    assert_eq!(done.code, 1);
    assert_eq!(done.json()["cards"][0]["code"], "E_TOOL_FAILED", "{done:?}");
}

#[test]
fn turns_cannot_create_cards_for_ever() {
    let house = House::new();
    paying(&house);
    house.write(
        "config/roles/clerk.json",
        &json!({"role": {"name": "clerk", "type": "utility", "description": "You do it.",
            "tools": ["write_file", "create_issue", "update_issue_status"]}}),
    );
    house.write(
        "config/epics/pay.json",
        &json!({"epic": {"name": "pay", "team": "pay", "environment": "pay", "issues": [
            {"id": "P", "summary": "P", "seat": "clerk", "max_retries": 0,
             "params": {"required_write_paths": []}}]}}),
    );
    house.write(
        "config/scenarios/pay.json",
        &json!({"name": "pay", "replies": [{"when": {"role": "clerk"}, "calls": [
            {"tool": "create_issue", "args": {"summary": "another", "seat": "clerk"}},
            {"tool": "write_file", "args": {"path": "out/{{issue_id}}.txt", "content": "x"}},
            {"tool": "update_issue_status", "args": {"status": "code_review"}}]}],
            "default": {"calls": [{"tool": "update_issue_status", "args": {"status": "done"}}]}}),
    );
    let mut command = house.command(&["--epic", "pay", "--json"]);
    command.env("ORKET_MAX_CREATED_CARDS", "5");
    command.env("ORKET_MAX_CONCURRENT_TURNS", "1");
    let done = out(command);
    assert_eq!(done.code, 1);
    let report = done.json();
    assert_eq!(report["cards"].as_array().unwrap().len(), 6, "{done:?}");
    let last = report["cards"].as_array().unwrap().last().unwrap();
    assert_eq!(last["code"], "E_TOOL_FAILED");
    assert!(
        last["note"]
            .as_str()
            .unwrap()
            .contains("may create 5 cards"),
        "{last}"
    );
}
