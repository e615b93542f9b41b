//! A bundle that is whole: checked, packed, looked into.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;

use crate::house::{House, keys, manifest};

#[test]
fn a_whole_bundle_is_checked_packed_and_looked_into() {
    let house = House::with_bundle();
    house.write("bun/.env", "KEY=secret\n");
    house.write("bun/.git/HEAD", "ref: refs/heads/main\n");
    house.write("bun/state/cards.db", "x");
    symlink("/etc/hostname", house.path().join("bun/hostname")).unwrap();
    let place = fs::canonicalize(house.path()).unwrap();
    let place = place.to_str().unwrap();
    let mut told = String::new();
    for args in [
        &["validate", "bun"][..],
        &["validate", "bun/orket.json"],
        &[
            "validate",
            "bun",
            "--available-model",
            "old",
            "--available-model",
            "small",
        ],
        &[
            "validate",
            "bun",
            "--available-model",
            "mine",
            "--model-override",
            "mine",
        ],
        &["pack", "bun"],
        &["pack", "bun", "--out", "other.orket"],
        &["inspect", "bun"],
        &["inspect", "summarizer-0.1.0.orket"],
    ] {
        let done = house.run(args);
        assert_eq!(
            (done.code, done.err.as_str()),
            (0, ""),
            "{args:?}: {done:?}"
        );
        told.push_str(&format!("$ orket {}\n{}\n", args.join(" "), done.out));
    }
    insta::assert_snapshot!(told.replace(place, "/house"));
    let first = fs::read(house.path().join("summarizer-0.1.0.orket")).unwrap();
    let second = fs::read(house.path().join("other.orket")).unwrap();
    assert_eq!(first, second, "the same files are the same bytes");
    for secret in ["secret", "refs/heads", ".env"] {
        let bytes = secret.as_bytes();
        assert!(
            !first.windows(bytes.len()).any(|it| it == bytes),
            "{secret}"
        );
    }
}

#[test]
fn programs_are_told_the_same_in_the_order_of_old() {
    let house = House::with_bundle();
    let validation = house.json(&["validate", "bun"], 0);
    assert_eq!(
        validation,
        json!({
            "ok": true, "target": "bun", "manifest_path": "bun/orket.json",
            "manifest_name": "summarizer", "manifest_version": "0.1.0",
            "engine_version_checked": "0.3.9", "error_count": 0, "errors": []
        })
    );
    assert_eq!(
        keys(&validation),
        [
            "ok",
            "target",
            "manifest_path",
            "manifest_name",
            "manifest_version",
            "engine_version_checked",
            "error_count",
            "errors"
        ]
    );
    let chosen = house.json(&["validate", "bun", "--available-model", "old"], 0);
    assert_eq!(
        chosen["model_selection"],
        json!({
            "ok": true, "code": "OK", "message": "the fallback model",
            "selected_model": "old", "selection_source": "manifest_policy"
        })
    );
    let packed = house.json(&["pack", "bun", "--out", "a.orket"], 0);
    assert_eq!(
        keys(&packed),
        [
            "ok",
            "source",
            "output",
            "manifest_name",
            "manifest_version",
            "file_count",
            "error_count",
            "errors",
            "excluded"
        ]
    );
    assert_eq!(packed["file_count"], json!(5));
    let output = fs::canonicalize(house.path()).unwrap().join("a.orket");
    assert_eq!(packed["output"], json!(output));
    let inspected = house.json(&["inspect", "a.orket"], 0);
    assert_eq!(
        inspected,
        json!({
            "ok": true, "target": "a.orket", "manifest_path": "orket.json", "name": "summarizer",
            "version": "0.1.0", "engineVersion": ">=0.3,<0.4",
            "model": {
                "preferred": "big", "minimum": "small", "fallback": ["old"], "allowOverride": true
            },
            "permissions": {
                "filesystem_read_count": 1, "filesystem_write_count": 1,
                "network_allowed": false, "tools_allowed_count": 1
            },
            "agents_count": 1, "guards": ["safety"], "error_count": 0, "errors": [],
            "entry_count": 5
        })
    );
    let of_folder = house.json(&["inspect", "bun"], 0);
    let mut expected = inspected.clone();
    expected["target"] = json!("bun");
    expected["manifest_path"] = json!("bun/orket.json");
    expected.as_object_mut().unwrap().remove("entry_count");
    assert_eq!(of_folder, expected);
    assert_eq!(keys(&of_folder), keys(&expected));
}

#[test]
fn yaml_is_read_like_json_and_comes_first() {
    let house = House::with_bundle();
    house.write("bun/orket.json", "not read");
    let yaml = "\
# A bundle.
apiVersion: orket.io/v1
kind: Orket
metadata: {name: summarizer, version: 0.2.0, engineVersion: '>=0.3'}
model: {preferred: big, minimum: small}
agents:
  - name: reader
    role: coder
guards: [safety]
stateMachine: {file: machine.json}
persistence: {enabled: false, storageDir: state}
permissions:
  filesystem: {}
  network: {allowed: false}
  tools: {}
";
    house.write("bun/orket.yml", yaml);
    let done = house.run(&["validate", "bun"]);
    assert_eq!(
        done.out, "OK: summarizer 0.2.0 (bun/orket.yml)\n",
        "{done:?}"
    );
    let mut other = manifest();
    other["metadata"]["version"] = json!("0.3.0");
    house.write("bun/orket.yaml", &other.to_string());
    let done = house.run(&["validate", "bun"]);
    assert_eq!(
        done.out, "OK: summarizer 0.3.0 (bun/orket.yaml)\n",
        "{done:?}"
    );
    // Where the command stands is a bundle too.
    let here = House::with_bundle();
    let place = here.path().join("bun");
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_orket"))
        .arg("validate")
        .current_dir(place)
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(done.stdout).unwrap(),
        "OK: summarizer 0.1.0 (orket.json)\n"
    );
}
