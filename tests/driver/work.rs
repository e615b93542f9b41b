//! Runs, gates and cards from the desk.

use serde_json::Value;

use crate::desk::{desk, is_readable, piped, session, settled, until_prompt};
use crate::house::{ENDLESS, House, QUICK};
use crate::terminal::{CTRL_C, CTRL_D, ENTER};

fn runs(house: &House) -> Vec<Value> {
    let listed = house.run(&["runs", "--json"]).json();
    listed["runs"].as_array().unwrap().clone()
}

#[test]
fn a_run_is_started_watched_shown_again_archived_and_taken_out_in_one_pipe() {
    let house = House::new();
    house.epic("small", 2, QUICK);
    let done = piped(
        desk(&house, &["--yes", "--json"]),
        "run small\nwatch\nreplay last:SMALL-1:1\narchive card SMALL-2\nunarchive card SMALL-2\nstatus\n",
    );
    let lines: Vec<Value> = done
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: Vec<(&str, &Value)> = lines
        .iter()
        .map(|line| (line["kind"].as_str().unwrap(), &line["applied"]))
        .collect();
    let (done_, none) = (Value::Bool(true), Value::Null);
    assert_eq!(
        kinds,
        [
            ("done", &done_),
            ("answer", &none),
            ("answer", &none),
            ("done", &done_),
            ("done", &done_),
            ("answer", &none)
        ],
        "{done:?}"
    );
    assert_eq!(done.code, 0);
    assert_eq!(lines[1]["shown"]["status"], "done");
    assert_eq!(lines[2]["shown"]["issue_id"], "SMALL-1");
    assert_eq!(
        lines[3]["response"].as_str().unwrap().lines().last(),
        Some("Archived: 1.")
    );
    assert_eq!(
        lines[4]["response"].as_str().unwrap().lines().last(),
        Some("Unarchived: 1.")
    );
    assert!(
        lines[5]["response"]
            .as_str()
            .unwrap()
            .starts_with("nothing is under way")
    );
    // The owner that was brought up for it is not left behind.
    let left = house.run(&["serve", "--stop"]);
    assert!(
        left.code == 1 && left.err.contains("E_NO_OWNER"),
        "{left:?}"
    );
}

#[test]
fn a_run_is_watched_left_and_halted_at_a_terminal() {
    let house = House::new();
    house.epic("slow", 3, ENDLESS);
    let mut command = desk(&house, &[]);
    // Live lines are coloured otherwise.
    command.env("NO_COLOR", "1");
    let mut terminal = session(command);
    terminal.type_line("run slow");
    terminal.wait_for_text("apply? [y/N]");
    terminal.type_line("y");
    until_prompt(&mut terminal, 2);
    terminal.type_line("watch");
    // Live lines, at least one of a card.
    terminal.wait_for(
        |screen| {
            screen
                .split("watch")
                .last()
                .is_some_and(|live| live.contains("SLOW-1"))
        },
        crate::terminal::PATIENCE,
    );
    is_readable(&terminal);
    terminal.type_(CTRL_C);
    terminal.wait_for_text("detached");
    until_prompt(&mut terminal, 3);
    terminal.type_line("halt");
    terminal.wait_for_text("halt run");
    terminal.wait_for(
        |screen| screen.matches("apply? [y/N]").count() == 2,
        crate::terminal::PATIENCE,
    );
    terminal.type_line("y");
    until_prompt(&mut terminal, 4);
    is_readable(&terminal);
    insta::assert_snapshot!(settled(&terminal.screen(), &house));
    terminal.type_(CTRL_D);
    assert!(terminal.end().success());
    assert_eq!(runs(&house)[0]["status"], "halted");
}

#[test]
fn who_leaves_says_what_becomes_of_runs() {
    for (answer, status) in [("h", "halted"), ("", "running")] {
        let house = House::new();
        house.epic("slow", 3, ENDLESS);
        let mut terminal = session(desk(&house, &["--yes"]));
        terminal.type_line("run epic slow");
        until_prompt(&mut terminal, 2);
        terminal.type_line("exit");
        terminal.wait_for_text("leave them, or halt? [L/h]");
        terminal.type_(answer);
        terminal.type_(ENTER);
        assert!(terminal.end().success());
        is_readable(&terminal);
        assert_eq!(runs(&house)[0]["status"], status, "{}", terminal.screen());
    }
}

#[test]
fn what_waits_for_a_person_is_shown_and_decided_and_the_run_goes_on() {
    let house = House::new();
    house.epic("ask", 1, QUICK);
    let say = |messages: &str| {
        let mut command = desk(&house, &["--yes"]);
        command.env("ORKET_APPROVAL_REQUIRED_TOOLS", "write_file");
        piped(command, messages)
    };
    let waits = say("run ask\nwatch\ngates\nboard\n");
    assert_eq!(waits.code, 0, "{waits:?}");
    assert!(
        waits.out.contains("1: tool_approval of card ASK-1"),
        "{waits:?}"
    );
    // The same board as that of the command line.
    let board = house.run(&["board"]).out;
    assert!(waits.out.ends_with(&board), "{waits:?}\n{board}");
    let refused = say("approve 7\n");
    assert_eq!(refused.code, 1, "{refused:?}");

    let decided = say("approve 1 looked at it\nresume\nwatch\n");
    assert_eq!((decided.code, decided.err.as_str()), (0, ""), "{decided:?}");
    assert!(decided.out.contains("Gate 1 is approved"), "{decided:?}");
    let gates = house.run(&["gates", "list", "--all", "--json"]).json();
    let resolution = &gates["gates"][0];
    assert_eq!(resolution["status"], "approved");
    assert!(
        resolution["decided_by"]
            .as_str()
            .unwrap()
            .ends_with("(driver)"),
        "{resolution}"
    );
    assert_eq!(runs(&house)[0]["status"], "done");
}
