//! Tool calls: case 56.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{LIFECYCLE, RUN_KEY, files, has_event, index, promoting, server_with_a_run_key, turn};
use crate::house::{KEY, Server};

fn tool_turn(context: Value) -> Value {
    json!({"turn_id": "turn-0001", "turn_input": {
        "tool_call": {"tool": "write_file", "action": "file.write"}, "context": context}})
}

#[test]
fn tool_calls_are_judged_by_the_policy() {
    let server = Server::start();
    // Case 56, as an admin.
    let unresolved = turn(&server, tool_turn(json!({"capability_resolved": false})));
    assert_eq!(
        unresolved["issues"][0]["code"],
        json!("E_CAPABILITY_NOT_RESOLVED")
    );
    let record = |turn: &Value| turn["capabilities"]["decisions_v1_2_1"][0].clone();
    assert_eq!(record(&unresolved)["outcome"], json!("unresolved"));
    let off = turn(&server, tool_turn(json!({"capability_enforcement": false})));
    assert_eq!(
        (&off["outcome"], &record(&off)["outcome"]),
        (&json!("PASS"), &json!("skipped"))
    );
    assert_eq!(record(&off)["info_code"], json!("I_CAPABILITY_SKIPPED"));
    assert_eq!(off["capabilities"]["mode"], json!("disabled"));
    let edit = turn(&server, tool_turn(json!({"role": "coder", "task": "edit"})));
    assert_eq!(
        (&edit["outcome"], &record(&edit)["outcome"]),
        (&json!("PASS"), &json!("allowed"))
    );
    assert_eq!(
        record(&edit)["provenance"],
        json!({"policy_ref": "model/core/contracts/kernel_capability_policy_v1.json",
            "capability_source": "policy:role_task", "capability_version": "2026-02-24"})
    );
    let nobody = turn(&server, tool_turn(json!({})));
    let issue = &nobody["issues"][0];
    assert_eq!(record(&nobody)["outcome"], json!("denied"));
    assert_eq!(record(&nobody)["deny_code"], issue["code"]);
    let ordinal = record(&nobody)["ordinal"].clone();
    assert_eq!(
        issue["location"],
        json!(format!("/capabilities/decisions_v1_2_1/{ordinal}"))
    );
    // What is denied is not staged either.
    let mut denied = promoting("turn-0001", "denied", &[]);
    denied["turn_input"]["tool_call"] = json!({"tool": "x"});
    assert_eq!(turn(&server, denied)["stage"], json!("capability"));
    assert_eq!(files(&index(&server)), BTreeMap::new());
}

#[test]
fn only_an_admin_can_give_leave_beyond_the_policy() {
    let server = server_with_a_run_key();
    let wishes = [
        ("permissions", json!(["file.write"])),
        ("allow_tool_call", json!(true)),
        ("capability_enforcement", json!(false)),
    ];
    for (name, value) in wishes {
        let request = tool_turn(json!({ name: value }));
        let body = json!({"workflow_id": "w", "execute_turn_requests": [request]}).to_string();
        let with = |key: &str| -> Value {
            let answer = server.send("POST", LIFECYCLE, &[("X-API-Key", key)], Some(&body));
            assert_eq!(answer.status, 200, "{}", answer.text);
            answer.json()["turns"][0].clone()
        };
        let run = with(RUN_KEY);
        assert_eq!(
            run["issues"][0]["code"],
            json!("E_CAPABILITY_DENIED"),
            "{name}"
        );
        assert!(has_event(&run, "I_CAPABILITY_OVERRIDE_IGNORED"));
        assert_eq!(run["warnings"], json!(1));
        let source = &run["capabilities"]["decisions"][0]["evidence"]["capability_source"];
        assert_eq!(source, &json!("policy:default"));
        let admin = with(KEY);
        assert_eq!(admin["outcome"], json!("PASS"), "{name}");
        assert!(!has_event(&admin, "I_CAPABILITY_OVERRIDE_IGNORED"));
    }
}

#[test]
fn a_policy_of_the_project_counts_and_a_broken_one_is_told() {
    let policy = "model/core/contracts/kernel_capability_policy_v1.json";
    let own = json!({"policy_version": "own", "default_permissions": ["file.write"], "role_task_permissions": {}});
    let server = Server::build().file(policy, &own.to_string()).start();
    let allowed = turn(&server, tool_turn(json!({})));
    assert_eq!(
        allowed["capabilities"]["decisions"][0]["evidence"],
        json!({"policy_ref": policy, "capability_source": "policy:default", "capability_version": "own"})
    );
    std::fs::write(server.folder.path().join(policy), "{}").unwrap();
    let body = json!({"workflow_id": "w", "execute_turn_requests": [tool_turn(json!({}))]});
    let broken = server.post(LIFECYCLE, body);
    assert_eq!(
        (broken.status, broken.json()["code"].clone()),
        (409, json!("E_ASSETS"))
    );
}
