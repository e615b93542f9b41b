//! What could not be taken as it was: never hidden, never guessed.

use serde::Serialize;

/// One value, or one row, that means nothing to us as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The table it is in.
    pub table: String,
    /// The row's key.
    pub key: String,
    /// The column; empty where it is about the row.
    pub column: String,
    /// What stands there, cut.
    pub found: String,
    /// What became of it.
    pub became: String,
}

/// The longest text of a value that is shown.
const SHOWN: usize = 60;

/// Gathers findings while a table is read.
#[derive(Debug, Default)]
pub struct Findings {
    all: Vec<Finding>,
}

impl Findings {
    /// Notes one.
    pub fn note(
        &mut self,
        (table, key): (&str, &str),
        column: &str,
        found: impl AsRef<str>,
        became: impl Into<String>,
    ) {
        self.all.push(Finding {
            table: table.to_owned(),
            key: key.to_owned(),
            column: column.to_owned(),
            found: cut(found.as_ref()),
            became: became.into(),
        });
    }

    /// All of them, in the order of tables and keys.
    #[must_use]
    pub fn into_sorted(mut self) -> Vec<Finding> {
        self.all.sort();
        self.all.dedup();
        self.all
    }
}

fn cut(text: &str) -> String {
    let printable: String = text
        .chars()
        .take(SHOWN)
        .map(|it| if it.is_control() { '\u{fffd}' } else { it })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        printable + "…"
    } else {
        printable
    }
}
