//! The loop: what weighs most first, nothing twice, nothing that fails over and over, and no work lost.

use serde_json::{Value, json};

use crate::house::{BROKEN, ENDLESS, House, QUICK, SLOW};

/// Which epics a loop ran, and how each ended.
fn ran(said: &Value) -> Vec<(String, String)> {
    let word = |run: &Value, name: &str| run[name].as_str().unwrap().to_owned();
    let runs = said["runs"].as_array().unwrap();
    runs.iter()
        .map(|run| (word(run, "epic"), word(run, "status")))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(epic, status): &(&str, &str)| ((*epic).to_owned(), (*status).to_owned());
    expected.iter().map(owned).collect()
}

#[test]
fn what_weighs_most_runs_first_over_all_departments_and_nothing_runs_twice() {
    let house = House::new();
    house.epic("small", 1, QUICK);
    house.epic("chain", 3, QUICK);
    house.epic("urgent", 1, QUICK);
    house.change("config/epics/urgent.json", |epic| {
        epic["epic"]["issues"][0]["priority"] = json!(9.0);
    });
    // One of another department.
    let from = house.path().join("config/epics/urgent.json");
    let to = house.path().join("model/ops/epics/urgent.json");
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::rename(from, to).unwrap();
    let said = house.run(&["loop", "--once", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let said = said.json();
    assert_eq!(
        ran(&said),
        pairs(&[("urgent", "done"), ("chain", "done"), ("small", "done")])
    );
    assert_eq!(said["runs"][0]["department"], "ops");
    assert_eq!(
        [&said["runs"][0]["weight"], &said["runs"][1]["weight"]],
        [&json!(9.0), &json!(4.0)]
    );
    let again = house.run(&["loop", "--once", "--json"]);
    assert_eq!((again.code, ran(&again.json())), (0, Vec::new()));
    // The flag alone waits for more.
    let mut waiting = house.start(&["--loop"]);
    waiting.until("loop: nothing is ready in core, ops");
    waiting.signal("TERM");
    assert_eq!(waiting.end().0, 0);
}

#[test]
fn what_failed_rests_until_its_files_change() {
    let house = House::new();
    house.epic("broken", 1, BROKEN);
    let first = house.run(&["loop", "--once", "--json"]);
    assert_eq!(first.code, 1, "{first:?}");
    let first = first.json();
    assert_eq!(first["runs"].as_array().unwrap().len(), 1);
    assert_eq!(first["left"], "idle");
    assert!(
        first["resting"][0]["why"]
            .as_str()
            .unwrap()
            .starts_with("failed"),
        "{first}"
    );
    let second = house.run(&["loop", "--once", "--json"]);
    assert_eq!((second.code, ran(&second.json())), (0, Vec::new()));
    house.epic("broken", 1, QUICK);
    let third = house.run(&["loop", "--once", "--json"]);
    assert_eq!(
        (third.code, ran(&third.json())),
        (0, pairs(&[("broken", "done")])),
    );
    // In the same build: what was finished there would have stayed so.
    let runs = house.run(&["runs", "--json"]).json();
    assert_eq!(runs["runs"][0]["build_id"], runs["runs"][1]["build_id"]);
}

#[test]
fn a_waiting_loop_takes_up_new_work_and_leaves_when_told() {
    let house = House::new();
    house.epic("first", 1, QUICK);
    let mut looping = house.start(&["loop", "--idle", "3600"]);
    let picked = looping.until("loop: core/first weighs");
    assert_eq!(
        picked,
        "loop: core/first weighs 2.0: card FIRST-1, 0 cards wait for it; 1 card open"
    );
    looping.until("loop: nothing is ready in core");
    house.epic("second", 1, QUICK);
    looping.until("loop: core/second weighs");
    looping.until("loop: nothing is ready in core");
    looping.signal("INT");
    let (code, lines) = looping.end();
    assert_eq!(code, 0, "{lines:?}");
    assert_eq!(lines.last().unwrap(), "loop: 2 runs, 2 done; left: stopped");
    // What is archived is not run again either.
    assert_eq!(
        house
            .run(&["archive", "--build", "build-first", "--yes"])
            .code,
        0
    );
    let again = house.run(&["loop", "--once", "--json"]).json();
    assert_eq!(ran(&again), Vec::new());
}

#[test]
fn a_loop_that_was_killed_or_stopped_is_gone_on_with_by_the_next() {
    for signal in ["KILL", "INT"] {
        let house = House::new();
        house.epic("slow", 2, SLOW);
        let mut looping = house.start(&["loop", "--once"]);
        looping.until("SLOW-1  coder: turn 1");
        looping.signal(signal);
        let (code, lines) = looping.end();
        assert_eq!(code, if signal == "INT" { 130 } else { -1 }, "{lines:?}");
        let next = house.run(&["loop", "--once", "--json"]);
        assert_eq!(next.code, 0, "{signal}: {next:?}");
        assert_eq!(ran(&next.json()), pairs(&[("slow", "done")]), "{signal}");
        let runs = house.run(&["runs", "--json"]).json();
        assert_eq!(runs["runs"].as_array().unwrap().len(), 1, "{signal}");
    }
}

#[test]
fn what_cannot_be_run_as_it_is_is_told() {
    let house = House::new();
    house.epic("same", 1, QUICK);
    let from = house.path().join("config/epics/same.json");
    let to = house.path().join("model/ops/epics/same.json");
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::copy(&from, to).unwrap();
    let core = house.path().join("model/core/epics");
    std::fs::create_dir_all(&core).unwrap();
    std::fs::rename(from, core.join("same.json")).unwrap();
    std::fs::write(core.join("cut.json"), "{").unwrap();
    let said = house.run(&["loop", "--once", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let said = said.json();
    assert_eq!(ran(&said), pairs(&[("same", "done")]));
    let resting = |place: usize| {
        let one = &said["resting"][place];
        (
            one["department"].as_str().unwrap().to_owned(),
            one["epic"].as_str().unwrap().to_owned(),
            one["why"].as_str().unwrap().to_owned(),
        )
    };
    let (department, epic, why) = resting(0);
    assert_eq!((department.as_str(), epic.as_str()), ("core", "cut"));
    assert!(why.contains("is no valid JSON"), "{why}");
    let (department, epic, why) = resting(1);
    assert_eq!((department.as_str(), epic.as_str()), ("ops", "same"));
    assert_eq!(why, "department core has an epic of this name; rename one");
}

#[test]
fn what_a_person_halted_and_what_its_rock_holds_back_is_not_picked() {
    let house = House::new();
    house.epic("late", 1, QUICK);
    house.epic("early", 1, BROKEN);
    house.write(
        "config/rocks/order.json",
        &json!({"rock": {"name": "order", "epics": [
            {"epic": "early", "department": "core"},
            {"epic": "late", "department": "core", "depends_on": ["early"]}]}}),
    );
    let said = house.run(&["loop", "--once", "--json"]).json();
    let epics: Vec<String> = ran(&said).into_iter().map(|(epic, _)| epic).collect();
    assert_eq!(epics, ["early"]);
    assert_eq!(said["resting"][1]["why"], "waits for early");
    let halted = House::new();
    halted.epic("slow", 1, ENDLESS);
    let mut run = halted.start(&["run", "--epic", "slow"]);
    run.until("SLOW-1  coder: turn 1");
    assert_eq!(halted.run(&["halt", "last"]).code, 0);
    let _ = run.end();
    let said = halted.run(&["loop", "--once", "--json"]).json();
    assert_eq!(ran(&said), Vec::new());
    let why = said["resting"][0]["why"].as_str().unwrap();
    assert!(why.starts_with("halted by a person"), "{why}");
}
