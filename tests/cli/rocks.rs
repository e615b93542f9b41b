//! Rocks: epics in order, a ledger row each.

use serde_json::{Value, json};

use super::house::{BROKEN, House, QUICK};

fn statuses(report: &Value) -> Vec<(String, String)> {
    let runs = report["runs"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    runs.iter()
        .map(|run| (text(&run["epic"]), text(&run["status"])))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
    expected.iter().map(owned).collect()
}

#[test]
fn an_epic_that_fails_holds_back_only_those_that_depend_on_it() {
    let house = House::new();
    house.epic("base", 1, BROKEN);
    house.epic("upper", 1, QUICK);
    house.epic("aside", 1, QUICK);
    house.write(
        "config/rocks/tower.json",
        &json!({"rock": {"name": "Tower", "epics": [
            {"epic": "upper", "department": "core", "depends_on": ["base"]},
            {"epic": "base", "department": "core"},
            {"epic": "aside", "department": "core"}]}}),
    );
    let done = house.run(&["--rock", "tower", "--json"]);
    assert_eq!(done.code, 1, "{done:?}");
    let report = done.json();
    assert_eq!(report["status"], "incomplete");
    assert_eq!(
        statuses(&report),
        pairs(&[
            ("base", "terminal_failure"),
            ("upper", "skipped"),
            ("aside", "done")
        ])
    );
    // Mended, the same command goes on: what was done is left alone.
    house.epic("base", 1, QUICK);
    let done = house.run(&["--card", "tower", "--json"]);
    assert_eq!(done.code, 0, "{done:?}");
    let report = done.json();
    assert_eq!(
        statuses(&report),
        pairs(&[("base", "done"), ("upper", "done"), ("aside", "done")])
    );
    let builds: Vec<&Value> = report["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["build_id"])
        .collect();
    assert_eq!(
        builds,
        ["rock-tower.base", "rock-tower.upper", "rock-tower.aside"]
    );
    let ledger = house.run(&["runs", "--json"]).json();
    assert_eq!(ledger["runs"].as_array().unwrap().len(), 4, "{ledger:#}");
    assert!(
        house
            .path()
            .join("workspace/default/upper/agent_output/UPPER-1.txt")
            .is_file()
    );
    // A finished rock run again is a new build.
    let again = house.run(&["--rock", "tower", "--json"]).json();
    assert_eq!(again["runs"][0]["build_id"], "rock-tower-2.base");
}

#[test]
fn a_circle_is_refused_before_anything_starts() {
    let house = House::new();
    house.epic("a", 1, QUICK);
    house.epic("b", 1, QUICK);
    house.write(
        "config/rocks/knot.json",
        &json!({"rock": {"name": "Knot", "epics": [
            {"epic": "a", "department": "core", "depends_on": ["b"]},
            {"epic": "b", "department": "core", "depends_on": ["a"]}]}}),
    );
    let done = house.run(&["run", "--rock", "knot", "--json"]);
    assert_eq!(
        (done.code, &done.json()["error"]["code"]),
        (1, &json!("E_ASSETS")),
        "{done:?}"
    );
    assert_eq!(house.run(&["runs", "--json"]).json()["runs"], json!([]));
}
