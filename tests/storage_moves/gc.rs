//! `orket gc`.

use serde_json::{Value, json};

use crate::house::House;

fn epic(house: &House) -> String {
    let done = house
        .run(&[
            "run",
            "--epic",
            "golden_flow",
            "--build-id",
            "build-gc",
            "--json",
        ])
        .well();
    let last: Value = serde_json::from_str(done.out.trim()).unwrap();
    last["run_id"].as_str().unwrap().to_owned()
}

#[test]
fn old_steps_go_and_verify_says_so_while_what_is_pinned_or_new_stays() {
    let house = House::new();
    let run = epic(&house);
    let whole = house.run(&["verify", &run, "--json"]).well().json();
    assert!(whole["evidence"]["steps"].as_u64().unwrap() > 0);
    let steps = || {
        house.words(
            &house.journal(),
            "SELECT count(*) || ' steps, ' || (SELECT count(*) FROM run_texts) || ' texts' AS word \
             FROM turn_steps",
        )
    };
    let before = steps();
    assert!(!before[0].ends_with(" 0 texts"), "{before:?}");
    let all = ["gc", "--older-than", "0", "--keep-last", "0", "--json"];

    house.run(&["gc", "--yes", "--json"]).well();
    assert_eq!(steps(), before, "young and among the newest");
    let preview = house.run(&all).well().json();
    assert_eq!(
        (&preview["removed"], &preview["summary"]["delete_count"]),
        (&json!(false), &json!(2))
    );
    assert_eq!(steps(), before, "a preview removed something");
    // A plan that was made before the run was pinned is found out.
    house
        .run(&[&all[..], &["--plan", "out/plan.json"]].concat())
        .well();
    let check = ["gc", "--check", "out/plan.json", "--json"];
    let checked = house.run(&check).well().json();
    assert_eq!(
        checked,
        json!({"ok": true, "failure_count": 0, "warning_count": 0, "failures": [],
               "warnings": [], "checked_actions": 2})
    );
    house.run(&[&all[..], &["--pin", &run]].concat()).well();
    let checked = house.run(&check);
    assert_eq!(checked.code, Some(1));
    let first = format!("steps {run}: pinned");
    assert_eq!(checked.json()["failures"][0], first);
    let none = house.run(&["gc", "--check", "Cargo.toml", "--json"]);
    assert_eq!(none.code, Some(2));
    let pinned = house.run(&[&all[..], &["--yes"]].concat()).well().json();
    assert_eq!(pinned["actions"][0]["reason"], "pinned");
    assert_eq!(steps(), before);

    let unpin = [&all[..], &["--unpin", &run, "--yes"]].concat();
    house.killed("gc.in_transaction", &unpin);
    assert_eq!(steps(), before, "killed in the middle");
    let removed = house.run(&[&all[..], &["--yes"]].concat()).well().json();
    assert_eq!(removed["summary"]["delete_count"], 2);
    assert_eq!(steps(), ["0 steps, 0 texts"]);
    let verified = house.run(&["verify", &run, "--json"]).well().json();
    let note = verified["evidence"]["notes"][0].as_str().unwrap();
    assert!(note.starts_with("removed by orket gc at "), "{note}");
    house.run(&["show", &run]).well();
    let again = house.run(&all).well().json();
    assert_eq!(again["summary"]["delete_count"], 0);
}

#[test]
fn backups_go_by_age_and_number_and_other_folders_never() {
    let house = House::new();
    house.run(&["migrate"]).well();
    for _ in 0..3 {
        house.run(&["backup"]).well();
    }
    let folder = house.root().join("backups");
    std::fs::create_dir_all(folder.join("mine")).unwrap();
    let count = || std::fs::read_dir(&folder).unwrap().count();
    house
        .run(&["gc", "--older-than", "0", "--keep-last", "1", "--yes"])
        .well();
    assert_eq!(count(), 2);
    house.run(&["gc", "--keep-last", "0", "--yes"]).well();
    assert_eq!(count(), 2, "young ones stay");
    let unknown = house.run(&["gc", "--pin", "nobody", "--json"]).refused();
    assert_eq!(unknown.0, "E_RUN_UNKNOWN");
}
