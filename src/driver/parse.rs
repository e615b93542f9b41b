//! Telling commands from talk. A message that begins with `/` is always meant as a command, and so is
//! one whose first word no sentence begins with (`list-cards`, `add-card`, …). Any other message is
//! one only when all of it has the form of a command: "show me how you feel" is talk.

use orket_core::asset::name;

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

/// A shorter word is near to everything, in letters.
const SHORTEST_SLIP: usize = 4;

/// The verbs that no sentence begins with.
pub const ONLY_COMMANDS: [&str; 5] = [
    "list-cards",
    "add-card",
    "move-card",
    "assign-card",
    "assign-team",
];

/// The verbs that a sentence may begin with.
pub const VERBS: [&str; 22] = [
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
    "unarchive",
    "runs",
    "gates",
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
        return slip(line).map_or(Parsed::Talk, Parsed::Hint);
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

/// Whether a word, with or without a slash, is the verb of a command.
#[must_use]
pub fn is_verb(word: &str) -> bool {
    let word = word.trim_start_matches('/');
    VERBS.contains(&word) || ONLY_COMMANDS.contains(&word)
}

/// One word that is nearly a verb was most likely meant as one: nobody needs a model to hear that.
fn slip(line: &str) -> Option<String> {
    let word = line.trim().to_lowercase();
    let is_word = word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    if !is_word || word.len() < SHORTEST_SLIP {
        return None;
    }
    let near = name::nearest(&word, VERBS.into_iter().chain(ONLY_COMMANDS));
    let near: Vec<String> = near.into_iter().map(|verb| format!("`{verb}`")).collect();
    (!near.is_empty()).then(|| {
        format!(
            "there is no command `{word}`; did you mean {}?",
            near.join(" or ")
        )
    })
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
