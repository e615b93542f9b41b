//! Every code of `orket validate`, `pack` and `inspect`, with its exit status, for people and as JSON.

use std::collections::BTreeSet;
use std::fs;

use orket_bundles::problem::Code;
use serde_json::{Value, json};

use crate::house::{House, manifest};

/// What was told in all.
#[derive(Default)]
struct Told {
    text: String,
    codes: BTreeSet<String>,
}

impl Told {
    /// Runs a command twice: both say the same, and exit with 1.
    fn of(&mut self, house: &House, args: &[&str]) {
        let done = house.run(args);
        assert_eq!(done.code, 1, "{args:?}: {done:?}");
        let report = house.json(args, 1);
        assert_eq!(report["ok"], json!(false));
        let mut errors = report["errors"].as_array().unwrap().clone();
        assert_eq!(report["error_count"], json!(errors.len()));
        let order = |it: &Value| {
            ["code", "location", "message"].map(|key| it[key].as_str().unwrap().to_owned())
        };
        assert!(errors.is_sorted_by_key(order), "{errors:?}");
        if let Some(inner) = report["validation"]["errors"].as_array() {
            errors.extend(inner.iter().cloned());
        }
        let lines = errors.iter().map(|it| {
            let [code, location, message] = order(it);
            self.codes.insert(code.clone());
            format!("[{code}] {location}: {message}\n")
        });
        let lines: String = lines.collect();
        let head = format!("FAIL ({} error(s))\n", report["error_count"]);
        assert_eq!(
            done.out,
            format!("{head}{lines}"),
            "people are told the same"
        );
        let place = fs::canonicalize(house.path()).unwrap();
        let shown = done.out.replace(place.to_str().unwrap(), "/house");
        self.text
            .push_str(&format!("$ orket {}\n{shown}\n", args.join(" ")));
    }
}

#[test]
fn every_code_of_bundles_is_told() {
    let mut told = Told::default();
    manifests(&mut told);
    files_and_engines(&mut told);
    models(&mut told);
    packing(&mut told);
    archives(&mut told);
    insta::assert_snapshot!(told.text);
    let all: BTreeSet<String> = Code::ALL.iter().map(|it| it.as_str().to_owned()).collect();
    assert_eq!(told.codes, all);
}

fn manifests(told: &mut Told) {
    let house = House::with_bundle();
    house.write("empty/readme.txt", "x");
    told.of(&house, &["validate", "nowhere"]);
    told.of(&house, &["validate", "empty"]);
    told.of(&house, &["validate", "empty/readme.txt"]);
    told.of(&house, &["validate"]);
    house.write("bun/orket.json", "{\"kind\": ");
    told.of(&house, &["validate", "bun"]);
    house.write("bun/orket.json", "{\"kind\": 1, \"kind\": 2}");
    told.of(&house, &["validate", "bun"]);
    let mut wrong = manifest();
    wrong["guards"] = json!(["safety", "luck"]);
    wrong["model"]["preferred"] = json!(7);
    wrong["metadata"]["engineVersion"] = json!("three");
    wrong["colour"] = json!("red");
    house.manifest(&wrong);
    told.of(&house, &["validate", "bun"]);
    fs::remove_file(house.path().join("bun/orket.json")).unwrap();
    fs::create_dir(house.path().join("bun/orket.json")).unwrap();
    told.of(&house, &["validate", "bun"]);
}

fn files_and_engines(told: &mut Told) {
    let house = House::new();
    house.manifest(&manifest());
    told.of(&house, &["validate", "bun"]);
    let house = House::with_bundle();
    fs::remove_file(house.path().join("bun/guards/safety.json")).unwrap();
    fs::create_dir(house.path().join("bun/guards/safety.json")).unwrap();
    told.of(&house, &["validate", "bun"]);
    told.of(&house, &["inspect", "bun"]);
    let house = House::with_bundle();
    told.of(&house, &["validate", "bun", "--engine-version", "0.4.0"]);
    let done = house.run(&["validate", "bun", "--engine-version", "three", "--json"]);
    assert_eq!(done.code, 2, "{done:?}");
    assert_eq!(
        done.json()["error"]["code"],
        json!("E_ENGINE_VERSION_INVALID")
    );
    let done = house.run(&["validate", "bun", "--engine-version", "three"]);
    assert_eq!((done.code, done.out.as_str()), (2, ""), "{done:?}");
    told.text.push_str(&done.err);
}

fn models(told: &mut Told) {
    let house = House::with_bundle();
    told.of(&house, &["validate", "bun", "--available-model", "other"]);
    told.of(&house, &["validate", "bun", "--model-override", "big"]);
    let mut strict = manifest();
    strict["model"]["allowOverride"] = json!(false);
    house.manifest(&strict);
    let args = [
        "validate",
        "bun",
        "--available-model",
        "big",
        "--model-override",
        "big",
    ];
    told.of(&house, &args);
    let report = house.json(&args, 1);
    assert_eq!(
        report["model_selection"]["code"],
        json!("E_MODEL_OVERRIDE_NOT_ALLOWED")
    );
    assert_eq!(report["model_selection"]["selected_model"], Value::Null);
}

fn packing(told: &mut Told) {
    let house = House::with_bundle();
    told.of(&house, &["pack", "nowhere"]);
    told.of(&house, &["pack", "bun/orket.json"]);
    told.of(&house, &["pack", "bun", "--out", "nowhere/a.orket"]);
    told.of(&house, &["pack", "bun", "--out", "bun/machine.json"]);
    assert_eq!(
        house.read("bun/machine.json"),
        "{}\n",
        "nothing is written over"
    );
    house.write("bun/a\\b.txt", "x");
    told.of(&house, &["pack", "bun", "--out", "a.orket"]);
    fs::remove_file(house.path().join("bun/a\\b.txt")).unwrap();
    let huge = fs::File::create(house.path().join("bun/huge.bin")).unwrap();
    huge.set_len(orket_bundles::pack::MAX_BYTES + 1).unwrap();
    told.of(&house, &["pack", "bun", "--out", "a.orket"]);
    fs::remove_file(house.path().join("bun/huge.bin")).unwrap();
    let mut secret = manifest();
    secret["stateMachine"]["file"] = json!("machine.pem");
    house.manifest(&secret);
    house.write("bun/machine.pem", "x");
    told.of(&house, &["pack", "bun", "--out", "a.orket"]);
    fs::remove_file(house.path().join("bun/prompts/reader.md")).unwrap();
    told.of(&house, &["pack", "bun", "--out", "a.orket"]);
    assert!(!house.path().join("a.orket").exists());
}

fn archives(told: &mut Told) {
    let house = House::with_bundle();
    assert_eq!(house.run(&["pack", "bun", "--out", "whole.orket"]).code, 0);
    let whole = fs::read(house.path().join("whole.orket")).unwrap();
    // A name is changed wherever it stands; nothing else is.
    let renamed = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let mut bytes = whole.clone();
        let places: Vec<usize> = bytes
            .windows(from.len())
            .enumerate()
            .filter(|(_, it)| *it == from.as_bytes())
            .map(|(place, _)| place)
            .collect();
        assert_eq!(places.len(), 2);
        for place in places {
            bytes[place..place + to.len()].copy_from_slice(to.as_bytes());
        }
        fs::write(house.path().join("a.orket"), bytes).unwrap();
    };
    told.of(&house, &["inspect", "nowhere.orket"]);
    house.write("a.orket", "no zip at all");
    told.of(&house, &["inspect", "a.orket"]);
    fs::write(house.path().join("a.orket"), &whole[..whole.len() - 30]).unwrap();
    let cut = house.json(&["inspect", "a.orket"], 1);
    assert_eq!(cut["errors"][0]["code"], json!("E_INSPECT_ARCHIVE_INVALID"));
    renamed("agents/reader.json", "../nts/reader.json");
    told.of(&house, &["inspect", "a.orket"]);
    renamed("agents/reader.json", "prompts/reader.md/");
    told.of(&house, &["inspect", "a.orket"]);
    renamed("guards/safety.json", "guards/safety.yaml");
    told.of(&house, &["inspect", "a.orket"]);
    renamed("orket.json", "other.json");
    told.of(&house, &["inspect", "a.orket"]);
    renamed("machine.json", "machine.jso\n");
    told.of(&house, &["inspect", "a.orket"]);
    let huge = fs::File::create(house.path().join("a.orket")).unwrap();
    huge.set_len(orket_bundles::pack::MAX_BYTES + 1).unwrap();
    told.of(&house, &["inspect", "a.orket"]);
}
