//! Identifiers: ours become names of files, theirs could be anything.

use orket_core::ids::{BuildId, CardId, RunId};

use crate::finding::Findings;

/// How many characters of a digest stand for an identifier that cannot be ours.
const DIGITS: usize = 12;

/// A text that is an identifier for every text: itself where that is one, else `imported-` and a
/// digest of it.
fn usable(text: &str) -> (String, bool) {
    if CardId::new(text).is_ok() {
        return (text.to_owned(), true);
    }
    let digest = blake3::hash(text.as_bytes()).to_hex();
    let short = digest.get(..DIGITS).unwrap_or_default();
    (format!("imported-{short}"), false)
}

macro_rules! usable_as {
    ($(#[$doc:meta])* $name:ident, $kind:ident) => {
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// Never in fact: what is made here is an identifier.
        pub fn $name(
            text: &str,
            (place, column): ((&str, &str), &str),
            findings: &mut Findings,
        ) -> Result<$kind, orket_core::ids::IdError> {
            let (id, is_same) = usable(text);
            if !is_same {
                findings.note(place, column, text, format!("`{id}`: the other is no identifier"));
            }
            $kind::new(id)
        }
    };
}

usable_as! {
    /// A card's id.
    card, CardId
}
usable_as! {
    /// A build's id.
    build, BuildId
}
usable_as! {
    /// A run's id.
    run, RunId
}

/// The run of cards that name none, one for each build.
///
/// # Errors
///
/// Never in fact.
pub fn run_of_build(build: &str) -> Result<RunId, orket_core::ids::IdError> {
    let digest = blake3::hash(build.as_bytes()).to_hex();
    let short = digest.get(..DIGITS).unwrap_or_default();
    RunId::new(format!("imported-run-{short}"))
}
