//! A desk in a folder of its own, with a scripted model or with none.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::house::{Done, House};
use crate::terminal::Terminal;

/// A desk whose model is not there.
pub fn alone(house: &House, args: &[&str]) -> Command {
    let mut command = house.command(args);
    command
        .env("XDG_STATE_HOME", house.path().join("state"))
        .env("ORKET_OLLAMA_URL", "http://127.0.0.1:9")
        .env("ORKET_OPERATOR_MODEL", "ollama:tiny");
    command
}

/// The same with the model that [`script`] writes.
pub fn desk(house: &House, args: &[&str]) -> Command {
    let mut command = alone(house, args);
    command.env("ORKET_OPERATOR_MODEL", "scripted:desk");
    command
}

/// Replies of the model: what some message of the prompt has, and the rest of the reply.
pub fn script(house: &House, replies: &[(&str, Value)]) {
    let replies: Vec<Value> = replies
        .iter()
        .map(|(when, reply)| {
            let mut reply = reply.clone();
            reply["when"] = json!({"role": "operations_lead", "prompt_contains": when});
            reply
        })
        .collect();
    house.write(
        "config/scenarios/desk.json",
        &json!({"name": "desk", "replies": replies, "default": {"content": "I do not know."}}),
    );
}

/// What comes of messages in a pipe.
pub fn piped(mut command: Command, messages: &str) -> Done {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who leaves early does not read all of it.
    let _ = child.stdin.take().unwrap().write_all(messages.as_bytes());
    Done::of(child.wait_with_output().unwrap())
}

/// A session at a terminal of 80 columns.
pub fn session(command: Command) -> Terminal {
    let mut terminal = Terminal::start(command, 80, 24);
    terminal.wait_for_text("orket>");
    terminal
}

/// Waits until this many prompts are on the screen and the last one is empty.
pub fn until_prompt(terminal: &mut Terminal, count: usize) -> String {
    terminal.wait_for(
        |screen| {
            screen.matches("orket>").count() >= count
                && screen.lines().last().is_some_and(|line| line == "orket>")
        },
        crate::terminal::PATIENCE,
    )
}

/// A text without what is never the same twice: folders, ids of runs and plans, times.
pub fn settled(text: &str, house: &House) -> String {
    let path = house.path().display().to_string();
    let text = text
        .replace(&path, "<folder>")
        .replace(env!("CARGO_PKG_VERSION"), "<version>");
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_alphanumeric() {
            word.push(c);
            continue;
        }
        let is_hex = word.chars().all(|c| c.is_ascii_hexdigit());
        if is_hex && word.len() == 12 {
            out.push_str("<run>");
        } else {
            out.push_str(&word);
        }
        word.clear();
        out.push(c);
    }
    out.trim_end().to_owned()
}

/// No line is longer than the terminal is wide, and nothing is coloured.
#[track_caller]
pub fn is_readable(terminal: &Terminal) {
    let raw = terminal.raw();
    let mut rest = raw.as_str();
    while let Some(at) = rest.find("\x1b[") {
        rest = &rest[at + 2..];
        let end = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
        assert_ne!(rest[end..].chars().next(), Some('m'), "coloured: {raw:?}");
    }
    for line in terminal.screen().lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}
