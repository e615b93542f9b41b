//! Stopping and going on.

use serde_json::json;

use super::house::{House, SLOW};

#[test]
fn an_interrupted_run_exits_with_130_and_the_same_command_goes_on() {
    let house = House::new();
    house.epic("demo", 2, SLOW);
    let mut run = house.start(&["--epic", "demo"]);
    run.until("DEMO-2  coder: turn 1");
    run.signal("INT");
    let (code, lines) = run.end();
    assert_eq!(code, 130, "{lines:#?}");
    let hint = lines
        .iter()
        .find(|line| line.starts_with("hint: orket resume"))
        .unwrap();
    let runs = house.run(&["runs", "--json"]).json();
    assert_eq!(runs["runs"][0]["status"], "interrupted");
    let id = runs["runs"][0]["run_id"].as_str().unwrap();
    assert!(hint.contains(id));
    let again = house.run(&["--epic", "demo", "--json"]);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.err.contains("was interrupted; going on"), "{again:?}");
    let report = again.json();
    assert_eq!(report["run_id"], id);
    assert_eq!(
        report["cards"][0]["attempts"], 2,
        "what was done is not done again"
    );
}

#[test]
fn an_attached_command_only_detaches() {
    let house = House::new();
    house.epic("demo", 2, SLOW);
    let mut owner = house.start(&["--epic", "demo"]);
    owner.until("DEMO-1  coder: turn 1");
    let mut attached = house.start(&["--epic", "demo"]);
    attached.until("attached to it");
    attached.until("DEMO-1");
    attached.signal("INT");
    let (code, lines) = attached.end();
    assert_eq!(code, 130);
    assert!(
        lines.iter().any(|line| line.contains("goes on")),
        "{lines:#?}"
    );
    assert_eq!(owner.end().0, 0);
}

#[test]
fn a_halted_run_is_gone_on_with() {
    let house = House::new();
    house.epic("demo", 3, SLOW);
    let mut owner = house.start(&["--epic", "demo"]);
    owner.until("DEMO-2  coder: turn 1");
    let began = std::time::Instant::now();
    let halted = house.run(&["halt", "last", "--json"]);
    assert_eq!(halted.code, 0, "{halted:?}");
    assert_eq!(halted.json()["status"], "halted");
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
    let (code, lines) = owner.end();
    assert_eq!(code, 1, "{lines:#?}");
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("hint: orket resume")),
        "{lines:#?}"
    );
    assert_eq!(house.run(&["halt", "last"]).code, 1, "it is halted already");
    let resumed = house.run(&["resume", "last", "--json"]);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert_eq!(resumed.json()["cards"][0]["attempts"], 2);
    let over = house.run(&["resume", "last", "--json"]);
    assert_eq!(
        (over.code, &over.json()["error"]["code"]),
        (1, &json!("E_RUN_OVER"))
    );
}

#[test]
fn a_run_whose_owner_died_can_be_halted_without_running_it() {
    let house = House::new();
    house.epic("demo", 2, SLOW);
    let mut owner = house.start(&["--epic", "demo"]);
    owner.until("DEMO-1  coder: turn 1");
    owner.signal("KILL");
    owner.end();
    assert_eq!(
        house.run(&["runs", "--json"]).json()["runs"][0]["status"],
        "running"
    );
    let shown = house.run(&["show", "last"]);
    let words = "hint: nobody carries it out now; orket resume";
    assert!(shown.out.contains(words), "{shown:?}");
    let halted = house.run(&["halt", "last", "--json"]);
    assert_eq!(
        (halted.code, &halted.json()["status"]),
        (0, &json!("halted"))
    );
    let resumed = house.run(&["resume", "last", "--json"]);
    assert_eq!(
        (resumed.code, &resumed.json()["status"]),
        (0, &json!("done")),
        "{resumed:?}"
    );
}

#[test]
fn one_card_is_run_with_what_it_depends_on() {
    let house = House::new();
    house.epic("demo", 3, super::house::QUICK);
    let done = house.run(&["--card", "DEMO-2", "--json"]);
    let report = done.json();
    let of = |id: &str| {
        let cards = report["cards"].as_array().unwrap().clone();
        cards
            .into_iter()
            .find(|card| card["id"] == id)
            .map(|card| card["status"].clone())
    };
    assert_eq!(
        (of("DEMO-1"), of("DEMO-2")),
        (Some(json!("done")), Some(json!("done"))),
        "{report:#}"
    );
    assert_ne!(of("DEMO-3"), Some(json!("done")));
    assert_eq!(done.code, 0, "{done:?}");
    // The rest of the same build.
    let rest = house.run(&["--epic", "demo", "--resume", "DEMO-3", "--json"]);
    assert_eq!(rest.code, 0, "{rest:?}");
    assert_eq!(rest.json()["build_id"], report["build_id"]);
}

#[test]
fn the_same_command_says_that_it_takes_up_what_was_left() {
    let house = House::new();
    house.epic("demo", 2, SLOW);
    let mut owner = house.start(&["--epic", "demo"]);
    owner.until("DEMO-1  coder: turn 1");
    let shown = house.run(&["show", "last"]);
    assert!(shown.out.contains("hint: orket halt"), "{shown:?}");
    owner.signal("KILL");
    owner.end();
    let again = house.run(&["--epic", "demo"]);
    assert_eq!(again.code, 0, "{again:?}");
    let told = again.out + &again.err;
    assert!(
        told.contains("had lost its owner; going on with it"),
        "{told}"
    );
    assert!(!told.contains("attached to it"), "{told}");
}

#[test]
fn a_card_that_is_finished_in_a_stopped_build_needs_no_run() {
    let house = House::new();
    house.epic("demo", 2, SLOW);
    let mut run = house.start(&["--epic", "demo"]);
    run.until("DEMO-2  coder: turn 1");
    run.signal("INT");
    assert_eq!(run.end().0, 130);
    for args in [
        &["run", "--card", "DEMO-1", "--json"][..],
        &["run", "--epic", "demo", "--resume", "DEMO-1", "--json"],
    ] {
        let done = house.run(args);
        assert_eq!(done.code, 0, "{done:?}");
        assert!(
            done.err
                .contains("DEMO-1 is finished in build build-demo already"),
            "{done:?}"
        );
        assert_eq!(done.json()["cards"][0]["status"], "done");
    }
    let runs = house.run(&["runs", "--json"]).json();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 1, "{runs:#}");
    let rest = house.run(&["--epic", "demo", "--json"]);
    assert_eq!(
        (rest.code, &rest.json()["run_id"]),
        (0, &runs["runs"][0]["run_id"])
    );
}
