//! Rocks: epics in order, a ledger row each.

use serde_json::{Value, json};

use super::house::{BROKEN, House, QUICK, SLOW};

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

/// Three epics, the second one slow.
fn three(house: &House) {
    house.epic("first", 1, QUICK);
    house.epic("second", 2, SLOW);
    house.epic("third", 1, QUICK);
    house.write(
        "config/rocks/three.json",
        &json!({"rock": {"name": "Three", "epics": [
            {"epic": "first", "department": "core"},
            {"epic": "second", "department": "core"},
            {"epic": "third", "department": "core", "depends_on": ["second"]}]}}),
    );
}

/// A rock of three that was stopped while its second epic was worked on.
fn stopped_in_second(house: &House) {
    three(house);
    let mut rock = house.start(&["--rock", "three"]);
    rock.until("SECOND-1  coder: turn 1");
    rock.signal("INT");
    assert_eq!(rock.end().0, 130);
}

/// Epic, run and status of each row of the ledger, by epic.
fn ledger(house: &House) -> Vec<(String, String, String)> {
    let listed = house.run(&["runs", "--json"]).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = listed["runs"].as_array().unwrap().iter();
    let mut rows: Vec<_> = rows
        .map(|run| {
            (
                text(&run["epic"]),
                text(&run["run_id"]),
                text(&run["status"]),
            )
        })
        .collect();
    rows.sort();
    rows
}

fn ids(ledger: &[(String, String, String)]) -> Vec<&str> {
    ledger.iter().map(|row| row.1.as_str()).collect()
}

fn how(ledger: &[(String, String, String)]) -> Vec<&str> {
    ledger.iter().map(|row| row.2.as_str()).collect()
}

#[test]
fn a_rock_outlives_its_owner() {
    let house = House::new();
    three(&house);
    let mut owner = house.start(&["--rock", "three"]);
    let announced = owner.until("epic third: run");
    owner.until("SECOND-1  coder: turn 1");
    owner.signal("KILL");
    owner.end();
    let before = ledger(&house);
    assert_eq!(how(&before), ["done", "running", "queued"]);
    let third = before[2].1.clone();
    assert!(announced.contains(&third), "{announced}");
    let shown = house.run(&["show", &third, "--json"]).json();
    assert_eq!(
        (&shown["status"], &shown["cards"][0]["status"]),
        (&json!("queued"), &json!("ready"))
    );
    // Any owner takes the rock up; nobody has to ask for it.
    let mut next = house.start(&["serve", "--socket-only"]);
    next.until("listening on");
    let waited = house.run(&["resume", &third, "--json"]);
    assert_eq!(waited.code, 0, "{waited:?}");
    assert!(waited.err.contains("waits for its turn"), "{waited:?}");
    assert_eq!(
        (&waited.json()["run_id"], &waited.json()["status"]),
        (&json!(third), &json!("done"))
    );
    let after = ledger(&house);
    assert_eq!(
        (how(&after), ids(&after)),
        (vec!["done", "done", "done"], ids(&before))
    );
    next.signal("INT");
    assert_eq!(next.end().0, 0);
}

#[test]
fn a_command_that_follows_a_rock_takes_it_over() {
    let house = House::new();
    three(&house);
    let mut owner = house.start(&["serve", "--socket-only"]);
    owner.until("listening on");
    let mut rock = house.start(&["--rock", "three"]);
    rock.until("SECOND-1  coder: turn 1");
    owner.signal("KILL");
    owner.end();
    let (code, lines) = rock.end();
    assert_eq!(code, 0, "{lines:#?}");
    assert!(
        lines.iter().any(|line| line == "rock three: done"),
        "{lines:#?}"
    );
    assert_eq!(how(&ledger(&house)), ["done", "done", "done"]);
}

#[test]
fn a_rock_that_was_stopped_goes_on_with_the_run_that_was_stopped() {
    let house = House::new();
    stopped_in_second(&house);
    let stopped = ledger(&house);
    assert_eq!(how(&stopped), ["done", "interrupted", "queued"]);
    // An owner leaves it alone, as it does with a single run that was stopped.
    let other = house.run(&["--epic", "first", "--json"]);
    assert_eq!(other.json()["build_id"], "build-first");
    let resumed = house.run(&["resume", &stopped[1].1, "--json"]);
    assert_eq!(
        (resumed.code, &resumed.json()["status"]),
        (0, &json!("done"))
    );
    let words = format!("rock three goes on after it: third (run {})", stopped[2].1);
    assert!(resumed.err.contains(&words), "{resumed:?}");
    let after = ledger(&house);
    assert!(
        after.contains(&("third".to_owned(), stopped[2].1.clone(), "done".to_owned())),
        "{after:?}"
    );
    assert_eq!(how(&after), ["done"; 4]);
}

#[test]
fn an_epic_can_be_halted_before_its_turn_comes() {
    let house = House::new();
    three(&house);
    let mut rock = house.start(&["--rock", "three", "--json"]);
    rock.until("SECOND-1  coder: turn 1");
    let third = ledger(&house)[2].1.clone();
    let halted = house.run(&["halt", &third, "--json"]);
    assert_eq!(
        (halted.code, &halted.json()["status"]),
        (0, &json!("halted")),
        "{halted:?}"
    );
    assert_eq!(rock.end().0, 1);
    let stopped = ledger(&house);
    assert_eq!(how(&stopped), ["done", "done", "halted"]);
    let again = house.run(&["--rock", "three", "--json"]);
    assert_eq!(again.code, 0, "{again:?}");
    let report = again.json();
    assert_eq!(
        statuses(&report),
        pairs(&[("first", "done"), ("second", "done"), ("third", "done")])
    );
    assert_eq!(report["runs"][2]["run_id"], json!(third));
    // Runs that were done before say how long they took, too.
    let took = report["runs"][1]["elapsed_ms"].as_u64().unwrap();
    assert!(took > 0, "{report:#}");
}

#[test]
fn the_board_tells_how_a_rock_stands() {
    let house = House::new();
    house.epic("one", 1, QUICK);
    house.epic("two", 1, BROKEN);
    let rock = |name: &str, epics: &[&str]| {
        let epics: Vec<Value> = epics
            .iter()
            .map(|epic| json!({"epic": epic, "department": "core"}))
            .collect();
        house.write(
            &format!("config/rocks/{name}.json"),
            &json!({"rock": {"name": name, "status": "in_progress", "epics": epics}}),
        );
    };
    rock("k", &["one", "two"]);
    rock("kk", &["one"]);
    let statuses = || {
        let board = house.run(&["board", "--json"]).json();
        let rocks = board["rocks"].as_array().unwrap().clone();
        let of =
            |name: &str| rocks.iter().find(|rock| rock["name"] == name).unwrap()["status"].clone();
        [of("k"), of("kk"), of("golden_rock")]
    };
    assert_eq!(statuses(), ["in_progress", "in_progress", "ready"]);
    assert_eq!(house.run(&["--rock", "kk"]).code, 0);
    // A rock whose name only begins like that has not been run.
    assert_eq!(statuses(), ["in_progress", "done", "ready"]);
    assert_eq!(house.run(&["--rock", "k"]).code, 1);
    assert_eq!(statuses(), ["incomplete", "done", "ready"]);
    house.epic("two", 1, QUICK);
    assert_eq!(house.run(&["--rock", "k"]).code, 0);
    assert_eq!(statuses(), ["done", "done", "ready"]);
}

#[test]
fn a_rock_is_the_same_wherever_its_owner_was_killed() {
    for point in [
        "run.before_insert#1",
        "run.after_insert#1",
        "run.after_finish#1",
        "run.before_insert#2",
        "run.after_insert#2",
    ] {
        let house = House::new();
        house.epic("one", 1, QUICK);
        house.epic("two", 1, QUICK);
        house.write(
            "config/rocks/pair.json",
            &json!({"rock": {"name": "Pair", "epics": [
                {"epic": "one", "department": "core"},
                {"epic": "two", "department": "core", "depends_on": ["one"]}]}}),
        );
        let mut killed = house.command(&["--rock", "pair"]);
        killed.env("ORKET_FAULT", format!("kill@{point}"));
        assert_eq!(
            killed.output().unwrap().status.code(),
            None,
            "{point} was not passed"
        );
        let before = ledger(&house);
        assert_eq!(before.len(), 2, "{point}: {before:?}");
        let again = house.run(&["--rock", "pair", "--json"]);
        assert_eq!(again.code, 0, "{point}: {again:?}");
        let after = ledger(&house);
        assert_eq!(
            (how(&after), ids(&after)),
            (vec!["done", "done"], ids(&before)),
            "{point}: {again:?}"
        );
        let cards = again.json()["runs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| run["cards"][0]["status"].clone())
            .collect::<Vec<_>>();
        assert_eq!(cards, ["done", "done"], "{point}");
    }
}

#[test]
fn a_rock_that_goes_on_with_another_model_takes_it() {
    let house = House::new();
    stopped_in_second(&house);
    let again = house.run(&["--rock", "three", "--model", "scripted:first", "--json"]);
    assert_eq!(again.code, 0, "{again:?}");
    let report = again.json();
    assert_eq!(
        statuses(&report),
        pairs(&[("first", "done"), ("second", "done"), ("third", "done")])
    );
    // What had begun with another model is gone on with by a new run on the same build.
    let second: Vec<_> = ledger(&house)
        .into_iter()
        .filter(|row| row.0 == "second")
        .map(|row| row.2)
        .collect();
    assert_eq!(second.len(), 2, "{second:?}");
    assert_eq!(report["runs"][1]["build_id"], "rock-three.second");
}

#[test]
fn a_run_of_one_card_is_not_taken_for_its_whole_epic() {
    let house = House::new();
    stopped_in_second(&house);
    let one = house.run(&[
        "run",
        "--card",
        "SECOND-1",
        "--build-id",
        "rock-three.second",
        "--json",
    ]);
    assert_eq!(one.code, 0, "{one:?}");
    assert_eq!(one.json()["cards"][1]["status"], "ready");
    let rock = house.run(&["--rock", "three", "--json"]);
    assert_eq!(rock.code, 0, "{rock:?}");
    let runs = rock.json()["runs"].as_array().unwrap().clone();
    assert_eq!(runs[1]["build_id"], "rock-three.second");
    assert_eq!(runs[1]["cards"][1]["status"], "done", "{rock:?}");
    assert_eq!(
        runs[1]["cards"][0]["attempts"],
        one.json()["cards"][0]["attempts"]
    );
    let next = house.run(&["--rock", "three", "--json"]);
    assert_eq!(
        next.json()["runs"][0]["build_id"],
        "rock-three-2.first",
        "{next:?}"
    );
}
