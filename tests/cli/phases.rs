//! Bug-fix phases: they start when a rock is done, and what they leave open is a rock that runs.

use serde_json::{Value, json};

use super::house::{House, QUICK};

/// A rock of one epic, and an epic in which two bugs are filed.
fn shop() -> House {
    let house = House::new();
    house.epic("base", 1, QUICK);
    house.epic("shop-bugs", 2, QUICK);
    house.epic("aside", 1, QUICK);
    house.write(
        "config/rocks/shop.json",
        &json!({"rock": {"name": "Shop", "epics": [{"epic": "base", "department": "core"}]}}),
    );
    house
}

fn phase(house: &House, rock: &str) -> Value {
    house.run(&["phases", "show", rock, "--json"]).json()
}

/// The events about phases in the log, in order.
fn told(house: &House) -> Vec<String> {
    let log = std::fs::read_to_string(house.path().join("workspace/default/orket.log")).unwrap();
    log.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter_map(|line| line["event"].as_str().map(str::to_owned))
        .filter(|event| event.contains("phase"))
        .collect()
}

fn asset(house: &House, path: &str) -> String {
    std::fs::read_to_string(house.path().join(path)).unwrap()
}

#[test]
fn what_a_phase_leaves_open_is_a_rock_that_runs() {
    let house = shop();
    assert_eq!(house.run(&["--rock", "shop"]).code, 0);
    let all = house.run(&["phases", "--json"]).json();
    assert_eq!(all["phases"][0]["id"], "phase-shop");
    assert_eq!(all["phases"][0]["status"], "active");
    assert_eq!(
        told(&house),
        ["rock_phase_transition", "bug_fix_phase_started"]
    );
    let ended = house.run(&["phases", "end", "shop"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(
        ended.out,
        "the bug-fix phase of shop is over\n\
         what was open is rock shop-phase2: orket run --rock shop-phase2\n\
         the sandbox is to be removed, which an owner (orket serve) does within a minute\n"
    );
    let second = house.run(&["--rock", "shop-phase2", "--json"]);
    assert_eq!(second.code, 0, "{second:?}");
    let second = second.json();
    assert_eq!(second["runs"][0]["epic"], "shop-phase2-bugs");
    let written = house
        .path()
        .join("workspace/default/shop-phase2-bugs/agent_output");
    assert!(written.join("SHOP-BUGS-2.txt").is_file());
    // The owner of that run told the end, and did what only an owner can.
    let own = phase(&house, "shop")["orket"].clone();
    assert_eq!((&own["todo"], &own["untold"]), (&Value::Null, &Value::Null));
    assert_eq!(told(&house).len(), 5, "{:?}", told(&house));
    let over = house.run(&["phases", "end", "shop", "--json"]);
    assert_eq!(
        (over.code, &over.json()["error"]["code"]),
        (1, &json!("E_PHASE_OVER"))
    );
    // The second rock has a phase of its own.
    let aborted = house.run(&[
        "phases",
        "abort",
        "shop-phase2",
        "--by",
        "ada",
        "--reason",
        "shipped",
    ]);
    assert_eq!(aborted.code, 0, "{aborted:?}");
    let shown = house.run(&["phases", "show", "shop-phase2"]);
    assert!(shown.out.contains("aborted by ada: shipped\n"), "{shown:?}");
    for (verb, rock) in [("show", "nowhere"), ("start", "shpo"), ("abort", "nowhere")] {
        let refused = house.run(&["phases", verb, rock, "--json"]);
        assert_eq!(
            (refused.code, &refused.json()["error"]["code"]),
            (1, &json!("E_NOT_FOUND")),
            "{refused:?}"
        );
    }
}

#[test]
fn bugs_are_cards_of_the_bugs_epic_and_new_ones_of_the_rock_that_say_so() {
    let house = shop();
    let labelled = |epic: &mut Value| epic["epic"]["issues"][0]["labels"] = json!(["bug"]);
    house.change("config/epics/base.json", labelled);
    assert_eq!(house.run(&["--rock", "shop"]).code, 0);
    let started = phase(&house, "shop");
    // Fixed, which the journal knows.
    assert_eq!(house.run(&["--epic", "shop-bugs"]).code, 0);
    // The rock again, with a bug that was not there before the phase.
    house.change("config/epics/base.json", |epic| {
        let mut found = epic["epic"]["issues"][0].clone();
        found["id"] = json!("BASE-9");
        found["priority"] = json!("high");
        found["params"]["required_write_paths"] = json!(["agent_output/BASE-9.txt"]);
        epic["epic"]["issues"].as_array_mut().unwrap().push(found);
    });
    assert_eq!(house.run(&["--rock", "shop"]).code, 0);
    let ended = house.run(&["phases", "end", "shop", "--json"]).json();
    assert_eq!(ended["started_at"], started["started_at"]);
    assert_eq!(
        ended["bug_issue_ids"],
        json!(["SHOP-BUGS-1", "SHOP-BUGS-2", "BASE-9"])
    );
    let metrics = &ended["metrics"];
    assert_eq!(
        (&metrics["total_bugs"], &metrics["critical_bugs"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(ended["phase2_rock_id"], Value::Null);
    assert!(!house.path().join("model").exists());
    // Built before the phase ended: it was about this build. Built again: another phase.
    assert_eq!(house.run(&["--epic", "aside"]).code, 0);
    assert_eq!(phase(&house, "shop")["status"], "completed");
    assert_eq!(house.run(&["--rock", "shop"]).code, 0);
    assert_eq!(phase(&house, "shop")["status"], "active");
}

/// Killed at any point, whoever comes next goes on, and the outcome is the same.
#[test]
fn a_phase_survives_being_killed_anywhere() {
    let whole = shop();
    assert_eq!(whole.run(&["--rock", "shop"]).code, 0);
    assert_eq!(whole.run(&["phases", "end", "shop"]).code, 0);
    const ROCK: &str = "model/core/rocks/shop-phase2.json";
    const EPIC: &str = "model/core/epics/shop-phase2-bugs.json";
    let rock: &[&str] = &["--rock", "shop"];
    let end: &[&str] = &["phases", "end", "shop"];
    let aside: &[&str] = &["--epic", "aside"];
    std::thread::scope(|scope| {
        for (point, killed) in [
            ("phases.built", rock),
            ("phases.started", rock),
            ("phases.told#2", rock),
            ("phases.follow_up", end),
            ("phases.chosen", end),
            ("phases.written#1", end),
            ("phases.written#2", end),
            ("phases.told", aside),
        ] {
            let whole = &whole;
            scope.spawn(move || {
                let house = shop();
                for command in [rock, end, aside] {
                    if command == killed {
                        let mut dying = house.command(command);
                        dying.env("ORKET_FAULT", format!("kill@{point}"));
                        let died = dying.output().unwrap();
                        assert_eq!(died.status.code(), None, "{point}: {died:?}");
                        // The next owner goes on.
                        assert_eq!(house.run(aside).code, 0, "{point}");
                    } else {
                        assert_eq!(house.run(command).code, 0, "{point}");
                    }
                }
                let phase = phase(&house, "shop");
                assert_eq!(phase["status"], "completed", "{point}: {phase:#}");
                assert_eq!(phase["phase2_rock_id"], "shop-phase2", "{point}");
                for left in ["todo", "untold"] {
                    assert_eq!(phase["orket"][left], Value::Null, "{point}: {phase:#}");
                }
                for path in [ROCK, EPIC] {
                    assert_eq!(asset(&house, path), asset(whole, path), "{point}");
                }
                for folder in ["rocks", "epics"] {
                    let there = std::fs::read_dir(house.path().join("model/core").join(folder));
                    assert_eq!(there.unwrap().count(), 1, "{point}");
                }
                let told = told(&house);
                for event in ["bug_fix_phase_started", "bug_fix_phase_completed"] {
                    assert!(told.iter().any(|it| it == event), "{point}: {told:?}");
                }
            });
        }
    });
}
