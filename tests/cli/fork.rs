//! The same question put to another model, and a run begun again from the middle of another.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::house::{House, QUICK};

/// Every file of a house, journal and all, but for the index that SQLite keeps for its readers.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if path.is_dir() {
                left.push(path);
            } else if path.is_file() && !name.ends_with("-shm") {
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn scenario(house: &House, name: &str, replies: &Value) {
    house.write(
        &format!("config/scenarios/{name}.json"),
        &json!({"name": name, "replies": replies}),
    );
}

fn codes(violations: &Value) -> Vec<&str> {
    let all = violations.as_array().unwrap().iter();
    all.map(|it| it["reason"].as_str().unwrap()).collect()
}

/// A house in which the epic `small` of two cards is done.
fn done() -> (House, String) {
    let house = House::new();
    house.epic("small", 2, QUICK);
    let ran = house.run(&["--epic", "small", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let run = ran.json()["run_id"].as_str().unwrap().to_owned();
    (house, run)
}

#[test]
fn another_model_is_asked_what_is_recorded_and_nothing_changes() {
    let (house, run) = done();
    let path = "agent_output/SMALL-1.txt";
    let work = json!([{"tool": "write_file", "args": {"path": path, "content": "better"}},
                      {"tool": "update_issue_status", "args": {"status": "code_review"}}]);
    scenario(
        &house,
        "good",
        &json!([{"when": {"role": "coder", "issue": "SMALL-1", "turn": 1, "attempt": 1},
                 "usage": {"prompt_tokens": 7, "output_tokens": 3}, "calls": work}]),
    );
    scenario(
        &house,
        "bad",
        &json!([{"when": {"role": "coder"}, "calls": [
            {"tool": "write_file", "args": {"path": "../out.txt", "content": "x"}}]}]),
    );
    scenario(
        &house,
        "broken",
        &json!([{"when": {"role": "coder"}, "fault": "http_500"}]),
    );
    let before = files(house.path());
    let place = format!("{run}:SMALL-1:1");
    let ask = |model: &str, json: &[&str]| {
        let args = [&["replay", &place, "--against", model], json].concat();
        house.run(&args)
    };

    let good = ask("scripted:good", &["--json"]);
    assert_eq!(good.code, 0, "{good:?}");
    let good = good.json();
    assert_eq!(good["ok"], true);
    let round = &good["rounds"][0];
    assert_eq!(good["rounds"].as_array().unwrap().len(), 1);
    assert_eq!(round["recorded"]["model"], "scripted:small");
    assert_eq!(round["recorded"]["verdict"], "meets");
    assert_eq!(round["other"]["model"], "scripted:good");
    assert_eq!(round["other"]["verdict"], "meets");
    assert_eq!(round["other"]["calls"], work);
    assert_eq!(round["other"]["broken"], json!([]));
    assert_eq!(round["other"]["usage"]["output_tokens"], 3);
    let met = round["other"]["met"].as_array().unwrap();
    assert!(
        met.contains(&json!("write_path_contract_not_met")),
        "{met:?}"
    );

    let bad = ask("scripted:bad", &["--json"]);
    assert_eq!(bad.code, 1, "{bad:?}");
    let bad = bad.json();
    let other = &bad["rounds"][0]["other"];
    assert_eq!(bad["ok"], false);
    assert_eq!(other["verdict"], "breaks");
    let broken = codes(&other["broken"]);
    for code in [
        "progress_contract_not_met",
        "write_path_contract_not_met",
        "security_scope_contract_not_met",
    ] {
        assert!(broken.contains(&code), "{broken:?}");
    }
    assert_eq!(other["refused"].as_array().unwrap().len(), 1, "{other:#}");
    let shown = ask("scripted:bad", &[]);
    assert_eq!(shown.code, 1);
    assert!(shown.out.contains("BREAKS THE CONTRACT"), "{}", shown.out);

    let failed = ask("scripted:broken", &["--json"]);
    assert_eq!(failed.code, 1, "{failed:?}");
    assert_eq!(failed.json()["error"]["code"], "E_MODEL_SERVER");
    assert!(
        failed.err.contains("error[E_MODEL_SERVER]"),
        "{}",
        failed.err
    );
    let unknown = ask("scripted:nowhere", &["--json"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert_eq!(unknown.json()["error"]["code"], "E_MODEL_REFUSED");

    let after = files(house.path());
    let changed: Vec<&String> = before
        .keys()
        .chain(after.keys())
        .filter(|name| before.get(*name) != after.get(*name))
        .collect();
    assert!(changed.is_empty(), "{changed:?}");
}
