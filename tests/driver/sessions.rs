//! What a person sees at the desk: greeting, help, plans, answers while they are written.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::desk::{alone, desk, is_readable, script, session, settled, until_prompt};
use crate::house::{House, QUICK};
use crate::terminal::{CTRL_C, CTRL_D, ENTER, PATIENCE, TAB};

#[test]
fn a_desk_greets_and_its_help_fits_the_screen() {
    let house = House::new();
    script(&house, &[]);
    let mut terminal = session(desk(&house, &[]));
    insta::assert_snapshot!("greeting", settled(&terminal.screen(), &house));
    terminal.type_line("help");
    terminal.wait_for_text("quit or q leave");
    let screen = until_prompt(&mut terminal, 1);
    is_readable(&terminal);
    // All of it is on the screen, from its first line to the next prompt.
    assert!(screen.contains("Ask in plain words, or give a command, with"));
    insta::assert_snapshot!("help", settled(&screen, &house));
    terminal.type_(CTRL_D);
    assert!(terminal.end().success());
}

#[test]
fn without_a_model_the_greeting_says_what_starts_one() {
    let house = House::new();
    let mut terminal = session(alone(&house, &[]));
    terminal.type_line("list departments");
    until_prompt(&mut terminal, 2);
    terminal.type_line("what is the capital of France?");
    until_prompt(&mut terminal, 3);
    is_readable(&terminal);
    insta::assert_snapshot!(settled(&terminal.screen(), &house));
    terminal.type_line("q");
    assert!(terminal.end().success());
}

#[test]
fn a_plan_is_shown_refused_shown_again_and_applied() {
    let house = House::new();
    script(&house, &[]);
    let epic = house.path().join("model/core/epics/check_out.json");
    let mut terminal = session(desk(&house, &[]));
    terminal.type_line("create epic \"Check Out\"");
    terminal.wait_for_text("apply? [y/N]");
    terminal.type_(ENTER);
    until_prompt(&mut terminal, 2);
    assert!(!epic.exists());
    terminal.type_line("/create epic \"Check Out\"");
    terminal.wait_for(
        |screen| screen.matches("apply? [y/N]").count() == 2,
        PATIENCE,
    );
    terminal.type_line("y");
    until_prompt(&mut terminal, 3);
    assert!(epic.exists());
    is_readable(&terminal);
    insta::assert_snapshot!(settled(&terminal.screen(), &house));
    terminal.type_line("quit");
    assert!(terminal.end().success());
}

#[test]
fn an_answer_is_shown_while_it_is_written_and_ctrl_c_ends_only_it() {
    let house = House::new();
    script(
        &house,
        &[
            (
                "long story",
                json!({"content": "Once upon a time there was a card that nobody picked.",
                       "chunk_chars": 20, "chunk_delay_ms": 600_000}),
            ),
            ("two\nlines", json!({"content": "Both lines came."})),
            (
                "capital",
                json!({"content": "<think>hm</think>It is Paris.", "chunk_chars": 3}),
            ),
        ],
    );
    let mut terminal = session(desk(&house, &[]));
    terminal.type_line("tell me a long story");
    terminal.wait_for_text("Once upon a time");
    terminal.type_(CTRL_C);
    terminal.wait_for_text("(cut off)");
    until_prompt(&mut terminal, 2);
    // A line that is begun is dropped, the session stays.
    terminal.type_("zzz");
    terminal.wait_for_text("orket> zzz");
    terminal.type_(CTRL_C);
    until_prompt(&mut terminal, 3);
    terminal.type_line("what is the capital of France?");
    terminal.wait_for_text("It is Paris.");
    until_prompt(&mut terminal, 4);
    // What is pasted is one message, however many lines it has.
    terminal.type_("\x1b[200~two\nlines\x1b[201~");
    terminal.wait_for_text("lines");
    terminal.type_(ENTER);
    terminal.wait_for_text("Both lines came.");
    until_prompt(&mut terminal, 5);
    is_readable(&terminal);
    insta::assert_snapshot!(settled(&terminal.screen(), &house));
    terminal.type_(CTRL_D);
    assert!(terminal.end().success());
}

#[test]
fn tab_completes_and_lines_are_remembered_but_for_secrets() {
    let house = House::new();
    house.epic("check_out", 1, QUICK);
    script(&house, &[]);
    let mut terminal = session(desk(&house, &[]));
    terminal.type_("list ca");
    terminal.type_(TAB);
    terminal.wait_for_text("orket> list cards");
    terminal.type_("che");
    terminal.type_(TAB);
    terminal.wait_for_text("orket> list cards check_out");
    terminal.type_(ENTER);
    until_prompt(&mut terminal, 2);
    terminal.type_line("my password is hunter2");
    until_prompt(&mut terminal, 3);
    terminal.type_line("exit");
    assert!(terminal.end().success());
    let file = house.path().join("state/orket/history");
    let remembered = std::fs::read_to_string(&file).unwrap();
    assert!(remembered.contains("list cards check_out"), "{remembered}");
    assert!(!remembered.contains("hunter2"), "{remembered}");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
    // The next session has them.
    let mut terminal = session(desk(&house, &[]));
    terminal.type_("\x1b[A\x1b[A");
    terminal.wait_for_text("orket> list cards check_out");
    terminal.type_(CTRL_C);
    until_prompt(&mut terminal, 2);
    terminal.type_(CTRL_D);
    assert!(terminal.end().success());
}

#[test]
fn a_signal_leaves_and_no_colour_or_a_dumb_terminal_changes_nothing_that_is_said() {
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let house = House::new();
        script(&house, &[]);
        let mut command = desk(&house, &[]);
        command.env(name, value);
        let mut terminal = session(command);
        terminal.type_line("what is 2+3*4?");
        terminal.wait_for(|screen| screen.lines().any(|line| line == "14"), PATIENCE);
        is_readable(&terminal);
        terminal.signal("TERM");
        assert_eq!(terminal.end().code(), Some(130));
    }
}
