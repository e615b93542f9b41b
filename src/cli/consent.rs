//! Showing what is about to be done to cards, and asking first. Where nobody can be asked the answer is
//! neither yes nor no: nothing is done, and the command that does it is told.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal};

use super::args::Consent;
use super::context::Context;
use super::failure::Failure;
use super::out;
use super::progress::words::one_line;

/// The most cards that are shown one by one.
const MOST_SHOWN: usize = 20;
/// The most ids of one line.
const MOST_IDS: usize = 50;
/// Columns of an ordinary terminal.
const COLUMNS: usize = 80;

/// What was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Do it.
    Yes,
    /// Leave it.
    No,
    /// There is no terminal, or standard output is for one JSON object.
    NobodyToAsk,
}

/// A card that is about to be moved.
#[derive(Debug, Clone, Copy)]
pub struct Moved<'a> {
    /// The card.
    pub id: &'a str,
    /// How it stands, or will.
    pub status: &'a str,
    /// Its build.
    pub build: &'a str,
}

/// What is about to be done.
#[derive(Debug)]
pub struct Plan<'a> {
    /// `archive` or `unarchive`.
    pub verb: &'static str,
    /// To which cards.
    pub cards: Vec<Moved<'a>>,
}

impl Plan<'_> {
    /// As people read it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for card in &self.cards {
            *counts.entry(card.status).or_default() += 1;
        }
        let counted: Vec<String> = counts
            .iter()
            .map(|(status, count)| format!("{count} {status}"))
            .collect();
        let mut text = format!(
            "Would {} {} card(s): {}\n",
            self.verb,
            self.cards.len(),
            counted.join(", ")
        );
        let shown = self.cards.iter().take(MOST_SHOWN);
        text.push_str(&list(
            "",
            shown.map(|card| (card.id, card.status, card.build)),
        ));
        let more = self.cards.len().saturating_sub(MOST_SHOWN);
        if more > 0 {
            text.push_str(&format!("  … and {more} more (--json lists all)\n"));
        }
        text
    }
}

/// Asks whether a plan is to be carried out.
///
/// # Errors
///
/// When the terminal cannot be read.
pub fn ask(context: &Context, consent: &Consent, plan: &Plan<'_>) -> Result<Answer, Failure> {
    if consent.yes {
        return Ok(Answer::Yes);
    }
    if context.json || !std::io::stdin().is_terminal() || !out::stdout_is_terminal() {
        return Ok(Answer::NobodyToAsk);
    }
    let verb = plan.verb;
    out::print(&format!("{}{verb} them? [y/N] ", plan.text()));
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::new("E_INTERNAL", format!("the terminal: {error}")))?;
    if matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(Answer::Yes);
    }
    out::print("Nothing was changed.\n");
    Ok(Answer::No)
}

/// `Missing IDs: a, b`, or nothing when there are none.
#[must_use]
pub fn ids(title: &str, ids: &[String]) -> String {
    if ids.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = ids
        .iter()
        .take(MOST_IDS)
        .map(|id| one_line(id, COLUMNS))
        .collect();
    let more = match ids.len().saturating_sub(MOST_IDS) {
        0 => String::new(),
        more => format!(" … and {more} more (--json lists all)"),
    };
    format!("{title}: {}{more}\n", shown.join(", "))
}

/// A title, when there is one, and a line for each card: id, status, and more of it.
#[must_use]
pub fn list<'a>(title: &str, cards: impl Iterator<Item = (&'a str, &'a str, &'a str)>) -> String {
    let cards: Vec<_> = cards.take(MOST_IDS).collect();
    if cards.is_empty() {
        return String::new();
    }
    let wide = |of: fn(&(&'a str, &'a str, &'a str)) -> &'a str, most: usize| {
        let widths = cards.iter().map(|card| of(card).chars().count());
        widths.max().unwrap_or(0).min(most)
    };
    let (id_width, status_width) = (wide(|card| card.0, 28), wide(|card| card.1, 23));
    let mut text = String::new();
    if !title.is_empty() {
        text.push_str(&format!("{title}:\n"));
    }
    for (id, status, more) in cards {
        let id = one_line(id, id_width);
        text.push_str(&format!(
            "  {id:<id_width$}  {status:<status_width$}  {}\n",
            one_line(more, 200)
        ));
    }
    text
}

/// A word as a shell takes it.
#[must_use]
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_how_many_and_which() {
        let cards = (1..=23).map(|number| (format!("PAY-{number}"), number % 2 == 0));
        let cards: Vec<(String, &str)> = cards
            .map(|(id, even)| (id, if even { "done" } else { "blocked" }))
            .collect();
        let plan = Plan {
            verb: "archive",
            cards: cards
                .iter()
                .map(|(id, status)| Moved {
                    id,
                    status,
                    build: "build-pay",
                })
                .collect(),
        };
        insta::assert_snapshot!(plan.text());
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        let words = ["login", "manual archive", "it's", ""].map(quoted);
        assert_eq!(words, ["login", "'manual archive'", "'it'\\''s'", "''"]);
    }
}
