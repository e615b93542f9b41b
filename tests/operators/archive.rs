//! Archiving from the command line: shown first, agreed to, counted once, and undone.

use serde_json::{Value, json};

use crate::house::{Done, ENDLESS, House, QUICK};
use crate::terminal::{PATIENCE, Terminal};

/// A house in which `pay` (two cards) and `mail` (one card) were run.
fn house() -> House {
    let house = House::new();
    house.epic("pay", 2, QUICK);
    house.epic("mail", 1, QUICK);
    assert_eq!(house.run(&["run", "--epic", "pay"]).code, 0);
    assert_eq!(house.run(&["run", "--epic", "mail"]).code, 0);
    house
}

/// Runs a command line as a shell would take it.
fn run_words(house: &House, line: &str) -> Done {
    let binary = env!("CARGO_BIN_EXE_orket");
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", &line.replacen("orket", binary, 1)])
        .current_dir(house.path())
        .env_remove("ORKET_DURABLE_ROOT");
    Done::of(shell.output().unwrap())
}

/// The status of each card, in the epic's order.
fn statuses(house: &House, epic: &str) -> Vec<String> {
    let board = house.run(&["board", "--json"]).json();
    let epics = board["epics"].as_array().unwrap();
    let epic = epics.iter().find(|it| it["name"] == epic).unwrap();
    let cards = epic["cards"].as_array().unwrap();
    let status = |card: &Value| card["status"].as_str().unwrap().to_owned();
    cards.iter().map(status).collect()
}

#[test]
fn nothing_is_archived_before_somebody_agrees() {
    let house = house();
    let shown = house.run(&["--archive-related", "pay-", "--archive-reason", "too old"]);
    assert_eq!(shown.code, 1);
    insta::assert_snapshot!(format!("{}----\n{}", shown.out, shown.err));
    assert_eq!(statuses(&house, "pay"), ["done", "done"]);
    let object = house.run(&["archive", "--related", "pay-", "--json"]);
    assert_eq!(object.code, 1);
    let object = object.json();
    assert_eq!(object["error"]["code"], "E_NOT_CONFIRMED");
    assert_eq!(object["preview"]["archived_count"], 2);
    let dry = house.run(&["archive", "--related", "pay-", "--dry-run"]);
    assert_eq!((dry.code, &dry.out), (0, &shown.out));
    // The hint's command does it.
    let hint = shown
        .err
        .lines()
        .find_map(|line| line.strip_prefix("hint: "));
    let done = run_words(&house, hint.unwrap());
    assert_eq!(
        (done.code, done.out.as_str()),
        (0, "Archived 2 card(s).\nArchived IDs: PAY-1, PAY-2\n"),
        "{done:?}"
    );
    assert_eq!(statuses(&house, "pay"), ["archived", "archived"]);
    assert_eq!(statuses(&house, "mail"), ["done"]);
}

#[test]
fn each_card_counts_once_and_what_is_missing_is_named() {
    let house = house();
    let all = [
        "archive",
        "--card",
        "PAY-1",
        "--card",
        "ZZ",
        "--build",
        "build-pay",
        "--related",
        "PAY",
        "--yes",
    ];
    let done = house.run(&all);
    assert_eq!(
        (done.code, done.out.as_str()),
        (
            1,
            "Archived 2 card(s).\nArchived IDs: PAY-1, PAY-2\nMissing IDs: ZZ\n"
        )
    );
    let again = house.run(&["archive", "--build", "build-pay", "--yes"]);
    assert_eq!(
        (again.code, again.out.as_str()),
        (0, "Archived 0 card(s).\nAlready archived: PAY-1, PAY-2\n")
    );
    let said = |arguments: &[&str]| {
        let done = house.run(arguments);
        let object = done.json();
        (
            done.code,
            object["ok"].as_bool(),
            object["dry_run"].as_bool(),
        )
    };
    let build = "build-pay";
    assert_eq!(
        said(&["archive", "--build", build, "--yes", "--json"]),
        (0, Some(true), Some(false))
    );
    for verb in ["archive", "unarchive"] {
        assert_eq!(
            said(&[verb, "--card", "ZZ", "--yes", "--json"]),
            (1, Some(false), Some(false))
        );
        assert_eq!(
            said(&[verb, "--build", "nope", "--dry-run", "--json"]),
            (1, Some(false), Some(true))
        );
    }
    // Nothing in a text stands for anything else.
    for (text, code) in [("%%%", 0), ("MA_L", 0), ("ab", 2)] {
        let none = house.run(&["archive", "--related", text, "--yes"]);
        assert_eq!(none.code, code, "{text}: {none:?}");
    }
    assert_eq!(house.run(&["archive", "--yes"]).code, 2);
    assert_eq!(house.run(&["archive", "--build", "nope", "--yes"]).code, 1);
    assert_eq!(statuses(&house, "mail"), ["done"]);
}

#[test]
fn what_was_archived_comes_back_as_it_was_and_its_record_holds() {
    let house = House::new();
    house.epic("pay", 2, crate::house::BROKEN);
    assert_eq!(house.run(&["run", "--epic", "pay"]).code, 1);
    let before = house.run(&["board", "--json"]).json();
    let archived = house.run(&["archive", "--build", "build-pay", "--yes"]);
    assert_eq!(archived.code, 0, "{archived:?}");
    assert_eq!(statuses(&house, "pay"), ["archived", "archived"]);
    let refused = house.run(&["unarchive", "--build", "build-pay"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused
            .err
            .contains("hint: orket unarchive --build build-pay"),
        "{refused:?}"
    );
    let back = house.run(&["unarchive", "--build", "build-pay", "--yes"]);
    assert_eq!(back.code, 0, "{back:?}");
    assert!(back.out.starts_with("Unarchived 2 card(s).\n"), "{back:?}");
    // Status and wait reason, with what stopped it.
    assert_eq!(house.run(&["board", "--json"]).json(), before);
    let verified = house.run(&["verify", "last"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let again = house.run(&["unarchive", "--card", "PAY-1", "--card", "NO", "--yes"]);
    assert_eq!(
        (again.code, again.out.as_str()),
        (
            1,
            "Unarchived 0 card(s).\nNot archived: PAY-1\nMissing IDs: NO\n"
        )
    );
}

#[test]
fn running_an_epic_again_revives_nothing() {
    let house = house();
    assert_eq!(
        house
            .run(&["archive", "--build", "build-pay", "--yes"])
            .code,
        0
    );
    let same = house.run(&["run", "--epic", "pay", "--build-id", "build-pay"]);
    assert_eq!(same.code, 0, "{same:?}");
    assert_eq!(statuses(&house, "pay"), ["archived", "archived"]);
    // A new build has cards of its own; the archived ones stay.
    let new = house.run(&["run", "--epic", "pay", "--json"]).json();
    assert_eq!(new["build_id"], "build-pay-2");
    let old = house
        .run(&["archive", "--build", "build-pay", "--dry-run", "--json"])
        .json();
    assert_eq!(old["already_archived"], json!(["PAY-1", "PAY-2"]));
}

#[test]
fn a_living_owner_archives_too_but_not_what_is_under_way() {
    let house = house();
    house.epic("slow", 2, ENDLESS);
    let mut owner = house.start(&["run", "--epic", "slow"]);
    owner.until("SLOW-1  coder: turn 1");
    let done = house.run(&["archive", "--related", "mail", "--yes"]);
    assert_eq!(
        (done.code, done.out.as_str()),
        (0, "Archived 1 card(s).\nArchived IDs: MAIL-1\n"),
        "{done:?}"
    );
    let refused = house.run(&["archive", "--card", "SLOW-1", "--yes"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused
            .out
            .contains("is under way; halt it first (orket halt "),
        "{refused:?}"
    );
    let back = house.run(&["unarchive", "--related", "mail", "--yes"]);
    assert_eq!(back.code, 0, "{back:?}");
    assert_eq!(statuses(&house, "mail"), ["done"]);
    assert_eq!(house.run(&["halt", "last"]).code, 0);
    let (code, lines) = owner.end();
    assert_eq!(code, 1, "{lines:#?}");
}

#[test]
fn at_a_terminal_somebody_is_asked() {
    let house = house();
    for (answer, code, status) in [("n", 1, "done"), ("y", 0, "archived")] {
        let command = house.command(&["archive", "--build", "build-mail"]);
        let mut terminal = Terminal::start(command, 80, 24);
        let asked = terminal.wait_for(|screen| screen.ends_with("[y/N]"), PATIENCE);
        assert!(asked.contains("Would archive 1 card(s): 1 done"), "{asked}");
        terminal.type_line(answer);
        assert_eq!(terminal.end().code(), Some(code), "{}", terminal.screen());
        assert_eq!(statuses(&house, "mail"), [status]);
    }
}
