//! What a manifest may and must hold.

use serde_json::{Value, json};

use super::*;

pub(crate) fn whole() -> Value {
    json!({
        "apiVersion": "orket.io/v1",
        "kind": "Orket",
        "metadata": {"name": "summarizer", "version": "0.1.0", "engineVersion": ">=0.3,<0.4"},
        "model": {"preferred": "a", "minimum": "b"},
        "agents": [{"name": "reader", "role": "coder"}],
        "guards": ["safety"],
        "stateMachine": {"file": "machine.json"},
        "persistence": {"enabled": true, "storageDir": "state"},
        "permissions": {
            "filesystem": {"read": ["in"], "write": []},
            "network": {"allowed": false},
            "tools": {"allowed": ["read_file"]}
        }
    })
}

#[test]
fn what_may_be_left_away_has_its_default() {
    let manifest = Manifest::read(&whole()).unwrap();
    assert_eq!(
        manifest.model,
        Model {
            preferred: "a".to_owned(),
            minimum: "b".to_owned(),
            fallback: vec![],
            allow_override: true,
        }
    );
    assert_eq!(manifest.permissions.tools, ["read_file"]);
}

#[test]
fn every_fault_is_told_with_its_path() {
    let document = json!({
        "apiVersion": "orket.io/v2",
        "kind": "Orket",
        "colour": "red",
        "metadata": {"name": "a/b", "version": 1.0, "engineVersion": "about 3", "x": 1},
        "model": {"minimum": " ", "fallback": ["a", "a", 3], "allowOverride": "yes"},
        "agents": [{"name": "reader", "role": "coder"}, {"name": "reader", "role": "r", "seat": 1}, "x", {"name": "..", "role": "r"}],
        "guards": ["safety", "luck"],
        "stateMachine": {"file": "../machine.json"},
        "persistence": {"enabled": "on", "storageDir": "state"},
        "permissions": {"filesystem": [], "network": {}, "tools": {"allowed": "all"}}
    });
    let mut wrong = Manifest::read(&document).unwrap_err();
    wrong.sort();
    let lines: Vec<String> = wrong
        .iter()
        .map(|(path, message)| format!("{path}: {message}"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
    assert_eq!(
        Manifest::read(&json!([])).unwrap_err(),
        [(
            "manifest".to_owned(),
            "must be an object, is a list".to_owned()
        )]
    );
}

#[test]
fn each_field_that_must_be_there_is_missed_and_no_other() {
    let must = [
        "/apiVersion",
        "/kind",
        "/metadata/name",
        "/metadata/version",
        "/metadata/engineVersion",
        "/model/preferred",
        "/model/minimum",
        "/agents",
        "/guards",
        "/stateMachine/file",
        "/persistence/enabled",
        "/persistence/storageDir",
        "/permissions/filesystem",
        "/permissions/network/allowed",
        "/permissions/tools",
    ];
    for pointer in must {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let mut document = whole();
        let map = document.pointer_mut(parent).unwrap();
        map.as_object_mut().unwrap().remove(key).unwrap();
        let wrong = Manifest::read(&document).unwrap_err();
        let path = pointer.trim_start_matches('/').replace('/', ".");
        assert_eq!(wrong.len(), 1, "{pointer}: {wrong:?}");
        assert_eq!(wrong[0].0, path);
    }
}

#[test]
fn paths_stay_inside() {
    for bad in [
        "", "/a", "a//b", "./a", "a/..", "..", "a\\b", "c:/x", "a\nb", "a/",
    ] {
        assert!(path_problem(bad).is_some(), "{bad:?}");
    }
    for good in ["a", "a/b.json", ".hidden/x", "a..b", "…"] {
        assert_eq!(path_problem(good), None, "{good:?}");
    }
}
