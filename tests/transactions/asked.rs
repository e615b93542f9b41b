//! The question at a terminal.

use std::process::Command;

use crate::repository::Repository;
use crate::terminal::{CTRL_C, Terminal};

fn ask(repository: &Repository) -> Terminal {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orket"));
    command
        .args(["refactor", "rename User to Member", "--scope", "src"])
        .current_dir(repository.root())
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", repository.place())
        .env("ORKET_FAILURE_LESSONS", "1");
    let mut terminal = Terminal::start(command, 80, 24);
    terminal.wait_for_text("Do it? [y/N]");
    terminal
}

#[test]
fn what_lessons_say_is_told_before_the_question() {
    let repository = Repository::new();
    repository.verified_by(&["echo environment variable ORKET_TEST_KEY is not set; exit 1"]);
    let mut terminal = ask(&repository);
    terminal.type_line("y");
    assert_eq!(terminal.end().code(), Some(1));
    let mut terminal = ask(&repository);
    let asked = terminal.screen();
    assert!(asked.contains("FAILURE LESSON ADVISORIES:"), "{asked}");
    assert!(
        asked.contains("- env_var_present:ORKET_TEST_KEY"),
        "{asked}"
    );
    terminal.type_line("n");
    terminal.end();
    assert_eq!(terminal.screen().matches("ADVISORIES:").count(), 1);
}

#[test]
fn somebody_at_a_terminal_sees_the_plan_and_is_asked() {
    let repository = Repository::new();
    let files = repository.files();
    let mut terminal = ask(&repository);
    assert!(terminal.screen().contains("[M] src/user.js"));
    assert_eq!(repository.files(), files);
    terminal.type_line("n");
    assert_eq!(terminal.end().code(), Some(1));
    assert!(terminal.screen().contains("FAIL [E_CONFIRMATION_REQUIRED]"));

    let mut terminal = ask(&repository);
    terminal.type_(CTRL_C);
    assert!(!terminal.end().success());
    assert_eq!(repository.files(), files);

    let mut terminal = ask(&repository);
    terminal.type_line("y");
    assert_eq!(terminal.end().code(), Some(0));
    // The plan is not shown a second time below the answer.
    assert_eq!(terminal.screen().matches("SCOPE:").count(), 1);
    assert!(
        terminal
            .screen()
            .contains("PARITY: status=verified, changed_files=2")
    );
    assert!(
        repository
            .read("src/user.js")
            .starts_with("class Member {}\r\n")
    );
}
