//! The board: at a terminal of 80 columns, without colour, in a pipe, and while a run goes on beside it.

use serde_json::json;

use crate::house::{BROKEN, House, QUICK, Running, SLOW};
use crate::terminal::{CTRL_C, Terminal};

/// A rock with an epic that was run, one that failed and one that is lost; an epic by itself; an issue
/// that no epic has.
fn house() -> House {
    let house = House::new();
    house.epic("pay", 2, QUICK);
    house.epic("mail", 2, BROKEN);
    house.epic("alone", 1, QUICK);
    house.change("config/epics/pay.json", |epic| {
        epic["epic"]["issues"][0]["summary"] =
            json!("Charge the card of a customer who has several of them, 日本語も");
    });
    let epics = ["pay", "mail", "lost"].map(|epic| json!({"epic": epic, "department": "core"}));
    house.write(
        "config/rocks/launch.json",
        &json!({"rock": {"name": "launch", "status": "in_progress", "epics": epics}}),
    );
    house.write("config/issues/stray.json", &json!({"summary": "Nobody's"}));
    assert_eq!(house.run(&["run", "--epic", "pay"]).code, 0);
    assert_eq!(house.run(&["run", "--epic", "mail"]).code, 1);
    house
}

fn without_ids(text: &str, house: &House) -> String {
    let runs = house.run(&["runs", "--json"]).json();
    let mut text = text.to_owned();
    for run in runs["runs"].as_array().unwrap() {
        text = text.replace(run["run_id"].as_str().unwrap(), "<run>");
    }
    text
}

#[test]
fn the_board_is_readable_at_eighty_columns_without_colour_and_in_a_pipe() {
    let house = house();
    let piped = house.run(&["board"]);
    assert_eq!(piped.code, 0, "{piped:?}");
    assert_eq!(piped.err, "");
    insta::assert_snapshot!(without_ids(&piped.out, &house));
    let mut terminal = Terminal::start(house.command(&["board"]), 80, 60);
    assert!(terminal.end().success());
    // What is seen is what a pipe gets; no line is longer than the screen is wide.
    assert_eq!(terminal.screen(), piped.out.trim_end());
    assert!(terminal.raw().contains("\x1b[32m"));
    let mut plain = house.command(&["board"]);
    plain.env("NO_COLOR", "1");
    let mut terminal = Terminal::start(plain, 80, 60);
    assert!(terminal.end().success());
    assert_eq!(terminal.screen(), piped.out.trim_end());
    assert!(!terminal.raw().contains('\x1b'), "{:?}", terminal.raw());
    // Flags alone mean the same.
    assert_eq!(house.run(&["--board"]).out, piped.out);
    let mut narrow = Terminal::start(house.command(&["board"]), 50, 60);
    assert!(narrow.end().success());
    assert!(narrow.screen().contains('…'), "{}", narrow.screen());
}

#[test]
fn what_a_dead_owner_left_is_told_with_the_command_that_goes_on() {
    let house = House::new();
    house.epic("slow", 2, SLOW);
    let mut run = house.start(&["run", "--epic", "slow"]);
    run.until("SLOW-1  coder: turn 1");
    run.signal("KILL");
    let _ = run.end();
    let board = house.run(&["board", "--json"]).json();
    let alert = &board["alerts"][0];
    assert_eq!(alert["kind"], "dead_owner", "{board}");
    let command = alert["command"].as_str().unwrap();
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let resumed = house.run(&words);
    assert_eq!(resumed.code, 0, "{resumed:?}");
    let board = house.run(&["board", "--json"]).json();
    assert_eq!(board["alerts"], json!([]));
}

#[test]
fn a_watched_board_follows_a_run_beside_it_until_somebody_leaves() {
    let house = House::new();
    house.epic("slow", 2, SLOW);
    let mut watching = Terminal::start(house.command(&["board", "--watch"]), 80, 24);
    watching.wait_for_text("[SLOW-1] Part 1 (coder) [Priority: 2.0, Status: ready]");
    let run = house.start(&["run", "--epic", "slow"]);
    watching.wait_for_text("[SLOW-1] Part 1 (coder) [Priority: 2.0, Status: in_progress]");
    let over = watching.wait_for_text("(Status: done) 2/2 done");
    assert!(over.ends_with("Ctrl-C leaves"), "{over}");
    assert_eq!(run.end().0, 0);
    watching.type_(CTRL_C);
    assert!(watching.end().success());
    // The screen is given back, with the last board on it and a cursor.
    let left = watching.screen();
    assert!(
        left.contains("- [EPIC] slow (Status: done) 2/2 done"),
        "{left}"
    );
    assert!(!left.contains("Ctrl-C leaves"));
    assert!(watching.raw().contains("\x1b[?25h"));
}

#[test]
fn in_a_pipe_there_is_a_board_for_each_change() {
    let house = House::new();
    house.epic("demo", 1, QUICK);
    let mut plain = Running::of(house.command(&["board", "--watch"]));
    plain.until("[DEMO-1] Part 1 (coder) [Priority: 2.0, Status: ready]");
    let mut lines = Running::of(house.command(&["board", "--watch", "--json"]));
    lines.until("\"status\":\"ready\"");
    assert_eq!(house.run(&["run", "--epic", "demo"]).code, 0);
    plain.until("-----");
    plain.until("(Status: done) 1/1 done");
    let line = lines.until("\"status\":\"done\"");
    let board: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(board["department"], "core");
    for watching in [plain, lines] {
        watching.signal("INT");
        assert_eq!(watching.end().0, 0);
    }
}

#[test]
fn a_watched_board_ends_when_its_reader_does() {
    use std::io::BufRead as _;
    let house = House::new();
    let mut command = house.command(&["board", "--watch"]);
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.starts_with("[ROCK]"), "{line}");
    // As `head -1` does; nothing changes on the board.
    drop(reader);
    let (ended, end) = std::sync::mpsc::channel();
    let pid = child.id();
    std::thread::spawn(move || ended.send(child.wait().unwrap().code()));
    let code = end.recv_timeout(std::time::Duration::from_secs(60));
    if code.is_err() {
        let _ = std::process::Command::new("kill")
            .arg(pid.to_string())
            .status();
    }
    assert_eq!(code, Ok(Some(0)));
}

#[test]
fn what_only_the_journal_knows_is_shown_apart() {
    let house = House::new();
    house.epic("gone", 1, QUICK);
    assert_eq!(house.run(&["run", "--epic", "gone"]).code, 0);
    std::fs::remove_file(house.path().join("config/epics/gone.json")).unwrap();
    let board = house.run(&["board"]);
    let (_, apart) = board.out.split_once("Only in the journal").unwrap();
    assert!(
        apart.contains("- [EPIC] gone (Status: done) 1/1 done"),
        "{apart}"
    );
    assert!(apart.contains("[GONE-1] Part 1 (coder)"), "{apart}");
}
