//! A panic in every kind of actor and thread of the real binary: the run ends right all the same, or
//! says which card or run it concerns and which command goes on; the process lives to its own end.

#[path = "panics/cases.rs"]
mod cases;
#[path = "panics/house.rs"]
mod house;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cases::CASES;
use cases::Then::{self, Blocked, Done, EachBlocked, Failed, GivenUp, Refused};
use house::{Ended, House};

#[test]
fn a_panic_anywhere_ends_nothing_but_what_it_concerns() {
    let wanted = std::env::var("PANIC_CASE").unwrap_or_default();
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((fault, epic, then)) =
                    CASES.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    if !fault.contains(&wanted) {
                        continue;
                    }
                    let checked = std::panic::catch_unwind(|| check(fault, epic, *then));
                    if let Err(panic) = checked {
                        let why = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                        wrong
                            .lock()
                            .unwrap()
                            .push(format!("{fault} on {epic}: {why}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        CASES.len(),
        wrong.join("\n\n")
    );
}

fn check(fault: &str, epic: &str, then: Then) {
    let house = House::new();
    let armed: Vec<String> = fault.split(',').map(|one| format!("panic@{one}")).collect();
    let ended = house.run(&["--epic", epic, "--json"], &armed.join(","));
    ended.is_orderly();
    assert!(
        ended.err.contains("fault injected at"),
        "the fault never struck: {ended:?}"
    );
    let then = match then {
        GivenUp(code) if ended.json()["error"].is_object() => Refused(code),
        GivenUp(code) => Failed(code),
        Done | Blocked(..) | EachBlocked(_) | Failed(_) | Refused(_) => then,
    };
    if let Refused(code) = then {
        assert_eq!(
            (ended.code, ended.json()["error"]["code"].as_str()),
            (1, Some(code)),
            "{ended:?}"
        );
        // What stands in the journal is gone on with, or begun.
        house.goes_on(epic);
        return;
    }
    let report = ended.json();
    let cards = cards(&ended);
    let settles = !matches!(then, Failed("E_STORAGE"));
    match then {
        Done => {
            let all: Vec<&str> = cards.values().map(|card| card.status.as_str()).collect();
            assert_eq!((ended.code, all), (0, vec!["done"; 5]), "{ended:?}");
        }
        Blocked(card, code) => {
            assert_eq!(
                (ended.code, report["status"].as_str()),
                (1, Some("terminal_failure")),
                "{ended:?}"
            );
            for (id, found) in &cards {
                let expected = if id == card {
                    ("blocked", Some(code))
                } else if House::depends(id, card) {
                    ("blocked", Some("E_DEPENDENCY"))
                } else {
                    ("done", None)
                };
                assert_eq!(
                    (found.status.as_str(), found.code.as_deref()),
                    expected,
                    "{id}: {ended:?}"
                );
            }
            assert!(
                !cards[card].note.is_empty() && ended.says_what_goes_on(),
                "{ended:?}"
            );
        }
        EachBlocked(code) => {
            assert_eq!(ended.code, 1, "{ended:?}");
            for found in cards.values().filter(|card| card.status != "done") {
                assert_eq!(found.status, "blocked", "{ended:?}");
                let is_coded =
                    [code, "E_DEPENDENCY"].contains(&found.code.as_deref().unwrap_or(""));
                assert!(
                    is_coded && !found.note.is_empty() && ended.says_what_goes_on(),
                    "{ended:?}"
                );
            }
            assert!(
                cards
                    .values()
                    .any(|card| card.code.as_deref() == Some(code)),
                "{ended:?}"
            );
        }
        Failed(code) => {
            assert_eq!(
                (ended.code, report["status"].as_str()),
                (1, Some("failed")),
                "{ended:?}"
            );
            assert!(
                cards.values().any(|card| card.status != "done"),
                "{ended:?}"
            );
            for found in cards.values().filter(|card| card.status != "done") {
                assert_eq!(found.code.as_deref(), Some(code), "{ended:?}");
                assert!(found.note.contains("orket resume"), "{ended:?}");
            }
        }
        GivenUp(_) | Refused(_) => {}
    }
    house.journal_is_sound(settles);
    // A bus that never lives brings nothing to the log, or only what was said before it was given up.
    let mute = ["event_bus.publish#*", "event_bus.started#*"].contains(&fault);
    if !fault.starts_with("log.take") && settles && !mute {
        assert!(house.log().contains("\"session_end\""), "{ended:?}");
    }
    if !matches!(then, Done) {
        house.goes_on(epic);
    }
}

struct Card {
    status: String,
    code: Option<String>,
    note: String,
}

fn cards(ended: &Ended) -> BTreeMap<String, Card> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let report = ended.json();
    let cards = report["cards"]
        .as_array()
        .unwrap_or_else(|| panic!("{ended:?}"));
    cards
        .iter()
        .map(|card| {
            let code = card["code"].as_str().map(str::to_owned);
            (
                text(&card["id"]),
                Card {
                    status: text(&card["status"]),
                    code,
                    note: text(&card["note"]),
                },
            )
        })
        .collect()
}

#[test]
fn a_card_that_a_turn_filed_is_worked_on_though_the_word_of_it_was_lost() {
    for fault in [
        "panic@turn.after_finish@C-1#1",
        "panic@card_actor.turn_ended@C-1#1",
        "panic@run_actor.card_settled#1",
    ] {
        let house = House::new();
        house.breed();
        let ended = house.run(&["--epic", "breed", "--json"], fault);
        ended.is_orderly();
        assert!(
            ended.err.contains("fault injected at"),
            "{fault}: {ended:?}"
        );
        let report = ended.json();
        let cards = report["cards"].as_array().unwrap();
        let further: Vec<bool> = cards
            .iter()
            .filter(|card| card["summary"] == "A further card")
            .map(|card| card["attempts"].as_u64().unwrap_or(0) > 0 && card["status"] != "ready")
            .collect();
        assert_eq!(further, [true], "{fault}: {ended:?}");
        house.journal_is_sound(true);
    }
}

#[test]
fn whoever_watches_from_elsewhere_is_told_the_end() {
    for (fault, status) in [
        ("event_bus.publish#12", "done"),
        ("supervisor.start_run#1", "done"),
        ("run_actor.card_settled#2", "done"),
        ("run.after_finish#1", "done"),
        ("supervisor.child_exit#1,run.before_finish#1", "done"),
        ("run_actor.card_settled#*", "failed"),
    ] {
        let armed: Vec<String> = fault.split(',').map(|one| format!("panic@{one}")).collect();
        let house = House::new();
        let mut owner = house.start(&["serve", "--socket-only"], &armed.join(","));
        owner.until("listening on");
        let watching = house.run(&["--epic", "slow"], "");
        watching.is_orderly();
        let last = format!(": {status}, ");
        assert!(
            watching
                .out
                .lines()
                .any(|line| line.starts_with("run ") && line.contains(&last)),
            "{fault}: {watching:?}"
        );
        let stopped = house.run(&["serve", "--stop"], "");
        assert_eq!(stopped.code, 0, "{fault}: {stopped:?}");
        let ended = owner.end();
        ended.is_orderly();
        assert_eq!(ended.code, 0, "{fault}: {ended:?}");
        assert!(
            ended.err.contains("fault injected at"),
            "{fault}: {ended:?}"
        );
        house.journal_is_sound(true);
    }
}

#[test]
fn a_halt_outlives_the_actor_that_was_to_carry_it_out() {
    for point in ["run.before_finish#1", "run.after_finish#1"] {
        let house = House::new();
        let mut owner = house.start(&["--epic", "slow"], &format!("panic@{point}"));
        owner.until("C-1  coder: turn 1");
        let halted = house.run(&["halt", "last", "--json"], "");
        assert_eq!(halted.json()["status"], "halted", "{point}: {halted:?}");
        let ended = owner.end();
        ended.is_orderly();
        assert_eq!(ended.code, 1, "{point}: {ended:?}");
        house.journal_is_sound(false);
        house.goes_on("slow");
    }
}

#[test]
fn an_owner_whose_actors_cannot_be_kept_alive_leaves_and_says_so() {
    let house = House::new();
    let mut owner = house.start(
        &["serve", "--socket-only"],
        "panic@gateway.acquire#*,panic@supervisor.child_exit#*",
    );
    owner.until("listening on");
    let watching = house.run(&["--epic", "flow", "--json"], "");
    watching.is_orderly();
    assert_eq!(
        (watching.code, watching.json()["status"].as_str()),
        (1, Some("failed")),
        "{watching:?}"
    );
    house.run(&["serve", "--stop"], "");
    owner.end().is_orderly();
    house.journal_is_sound(true);
    house.goes_on("flow");
}

#[test]
fn panics_unwind_in_every_profile() {
    const { assert!(cfg!(panic = "unwind")) };
    let manifest =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    let mut profile = "";
    let mut settings = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            profile = line;
        } else if profile.starts_with("[profile.") && line.starts_with("panic") {
            settings.push((profile, line));
        }
    }
    assert_eq!(settings, [("[profile.release]", "panic = \"unwind\"")]);
}
