//! Telling commands from talk. A message that begins with `/` is always meant as a command, and so is
//! one whose first word no sentence begins with (`list-cards`, `add-card`, …). Any other message is
//! one only when all of it has the form of a command: "show me how you feel" is talk.

use super::command::Command;
use super::forms::usage;
use super::line::Line;
use super::words::{Unclosed, split};

/// What a message is.
#[derive(Debug, Clone, PartialEq)]
pub enum Parsed {
    /// A command.
    Command(Command),
    /// Two words that may be a command, when there is something of that name, and may be talk.
    Maybe(Command),
    /// Meant as a command, with a mistake: what would be right.
    Hint(String),
    /// Talk.
    Talk,
}

/// The verbs that no sentence begins with.
const ONLY_COMMANDS: [&str; 5] = [
    "list-cards",
    "add-card",
    "move-card",
    "assign-card",
    "assign-team",
];

/// The verbs that a sentence may begin with.
const VERBS: [&str; 19] = [
    "help",
    "capabilities",
    "list",
    "show",
    "create",
    "delete",
    "board",
    "status",
    "watch",
    "replay",
    "run",
    "halt",
    "resume",
    "approve",
    "reject",
    "expire",
    "archive",
    "confirm",
    "cancel",
];

/// Reads a message; `departments` are those that there are, `department` the one that is meant when
/// none is named.
#[must_use]
pub fn parse(message: &str, departments: &[String], department: &str) -> Parsed {
    let message = message.trim();
    let (meant, line) = match message.strip_prefix('/') {
        Some(line) => (true, line),
        None => (false, message),
    };
    let first = line
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_lowercase();
    let meant = meant || ONLY_COMMANDS.contains(&first.as_str());
    if !meant && !VERBS.contains(&first.as_str()) {
        return Parsed::Talk;
    }
    let words = match split(line) {
        Ok(words) => words,
        Err(_) if !meant => return Parsed::Talk,
        Err(Unclosed(quote)) => {
            return Parsed::Hint(format!(
                "the quote {quote} is not closed; put a text with quotes in it into \"…\", or write \\{quote}"
            ));
        }
    };
    let line = Line {
        meant,
        words,
        departments,
        department,
    };
    match line.command(&first) {
        Some(found) => found,
        None if meant => Parsed::Hint(usage(&first)),
        None => Parsed::Talk,
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
