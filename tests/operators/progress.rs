//! A run as it goes on: at a terminal of 80 columns, without colour, and in a pipe.

use std::process::Command;

use crate::house::{BROKEN, House, SLOW};
use crate::terminal::{CTRL_C, PATIENCE, Terminal};

/// Without what is never the same twice: the run's id and the time.
fn settled(screen: &str, house: &House) -> String {
    let runs = house.run(&["runs", "--json"]).json();
    let run = runs["runs"][0]["run_id"].as_str().unwrap();
    let mut text = screen.replace(run, &"R".repeat(run.len()));
    let clock = |text: &str| {
        let bytes: Vec<char> = text.chars().take(5).collect();
        matches!(bytes[..], [a, b, ':', c, d] if [a, b, c, d].iter().all(char::is_ascii_digit))
    };
    let places: Vec<usize> = text
        .char_indices()
        .map(|(place, _)| place)
        .filter(|place| clock(&text[*place..]))
        .collect();
    for place in places {
        text.replace_range(place..place + 5, "mm:ss");
    }
    text
}

fn at(mut command: Command, name: &str, value: &str) -> Command {
    command.env(name, value);
    command
}

#[test]
fn a_run_at_a_terminal_shows_what_each_card_does() {
    let house = House::new();
    house.epic("slow", 3, SLOW);
    house.change("config/epics/slow.json", |epic| {
        epic["epic"]["issues"][0]["summary"] =
            "A title that is longer than what is left of a line of eighty columns "
                .repeat(2)
                .into();
    });
    let command = house.command(&["run", "--epic", "slow"]);
    let mut terminal = Terminal::start(at(command, "NO_COLOR", "1"), 80, 24);
    let going = terminal.wait_for(|screen| screen.contains("in_progress"), PATIENCE);
    insta::assert_snapshot!(settled(&going, &house));
    let status = terminal.end();
    assert!(status.success(), "{}", terminal.screen());
    let screen = terminal.screen();
    assert!(screen.contains("done"), "{screen}");
    assert!(!screen.contains("0/3 done"), "{screen}");
    // What stays fits, too: nothing is left to the terminal to break.
    let raw = terminal.raw();
    let (_, stays) = raw.rsplit_once("\x1b[0J").unwrap();
    let long = stays.lines().filter(|line| line.chars().count() > 80);
    assert_eq!(long.collect::<Vec<_>>(), Vec::<&str>::new());
    // Without colour nothing is painted; lines are only drawn again.
    assert!(!terminal.raw().contains("\x1b[3"), "{:?}", terminal.raw());
}

#[test]
fn colours_are_for_terminals_and_a_dumb_one_gets_plain_lines() {
    let house = House::new();
    house.epic("slow", 1, SLOW);
    let mut painted = Terminal::start(house.command(&["run", "--epic", "slow"]), 80, 24);
    assert!(painted.end().success());
    assert!(painted.raw().contains("\x1b[36m"));
    let dumb = at(house.command(&["run", "--epic", "slow"]), "TERM", "dumb");
    let mut dumb = Terminal::start(dumb, 80, 24);
    assert!(dumb.end().success());
    assert!(!dumb.raw().contains('\x1b'), "{:?}", dumb.raw());
    let piped = house.run(&["run", "--epic", "slow"]);
    assert_eq!((piped.code, piped.err.as_str()), (0, ""));
    assert!(!piped.out.contains('\x1b'));
    assert!(
        piped.out.contains("SLOW-1  coder: turn 1\n"),
        "{}",
        piped.out
    );
    let long = piped.out.lines().filter(|line| line.chars().count() > 80);
    assert_eq!(long.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn a_run_that_fails_says_so_with_its_exit_code() {
    let house = House::new();
    house.epic("broken", 1, BROKEN);
    let mut terminal = Terminal::start(house.command(&["run", "--epic", "broken"]), 80, 24);
    assert_eq!(terminal.end().code(), Some(1));
    let screen = terminal.screen();
    assert!(screen.contains("blocked"), "{screen}");
    assert!(
        screen.contains("orket resume") || screen.contains("orket show"),
        "{screen}"
    );
    assert_eq!(house.run(&["run", "--epic", "broken", "--json"]).code, 1);
}

#[test]
fn ctrl_c_stops_a_run_in_good_order() {
    let house = House::new();
    house.epic("slow", 2, SLOW);
    let mut terminal = Terminal::start(house.command(&["run", "--epic", "slow"]), 80, 24);
    terminal.wait_for_text("in_progress");
    terminal.type_(CTRL_C);
    assert_eq!(terminal.end().code(), Some(130));
    let screen = terminal.screen();
    assert!(screen.contains("SIGINT: stopping"), "{screen}");
    assert!(screen.contains("interrupted"), "{screen}");
    let again = house.run(&["run", "--epic", "slow"]);
    assert_eq!(again.code, 0, "{again:?}");
}
