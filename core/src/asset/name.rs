//! Names of assets and seats: made uniform, kept from climbing out of a folder, and guessed at when
//! they are misspelt.

use std::collections::BTreeSet;

/// The most characters an asset's name may have; it leaves room for the suffix of a derived id.
pub const MAX_LEN: usize = 96;

/// Lower case, with underscores for spaces, as seats and roles are looked up.
#[must_use]
pub fn sanitise(text: &str) -> String {
    text.trim().to_lowercase().replace(' ', "_")
}

/// Refuses a name that could not be a file's name of its own.
///
/// # Errors
///
/// A sentence that says which characters are allowed.
pub fn check(name: &str) -> Result<(), String> {
    let starts_well = name
        .chars()
        .next()
        .is_some_and(|first| first.is_alphanumeric() || first == '_');
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ');
    if starts_well
        && !name.ends_with([' ', '.'])
        && name.chars().count() <= MAX_LEN
        && name.chars().all(allowed)
    {
        return Ok(());
    }
    let shown: String = name.chars().take(48).collect();
    Err(format!(
        "`{}` is no name: use at most {MAX_LEN} letters, digits, `_`, `-`, `.` and spaces, and begin with a letter, a digit or `_`",
        shown.escape_debug()
    ))
}

/// Says what was probably meant: the nearest of `known`, or all of them when none is near.
#[must_use]
pub fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 12;
    let mut seen = BTreeSet::new();
    let known: Vec<&str> = known
        .into_iter()
        .filter(|name| seen.insert(*name))
        .collect();
    if known.is_empty() {
        return "there are none to choose from".to_owned();
    }
    let near = nearest(word, known.iter().copied());
    if !near.is_empty() {
        return format!("did you mean {}?", quoted(&near, " or "));
    }
    let more = known.len().saturating_sub(SHOWN);
    let first: Vec<&str> = known.into_iter().take(SHOWN).collect();
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("known: {}{rest}", quoted(&first, ", "))
}

/// At most three of `known` that are a few letters away from `word`, the nearest first.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = sanitise(word);
    let reach = (word.chars().count() / 3).min(4);
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .map(|name| (mistakes(&word, &sanitise(name)), name))
        .filter(|(far, _)| *far <= reach)
        .collect();
    near.sort();
    near.dedup();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// How many slips of the hand lie between two words; letters in the wrong order are one.
fn mistakes(a: &str, b: &str) -> usize {
    let sorted = |text: &str| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters
    };
    if a != b && sorted(a) == sorted(b) {
        return 1;
    }
    distance(a, b)
}

/// How many letters must be changed, added or dropped (V. Levenshtein, 1966).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(i + 1);
        for ((to, pair), above) in b.iter().zip(row.windows(2)).zip(row.iter().skip(1)) {
            let diagonal = pair.first().copied().unwrap_or(usize::MAX - 1);
            let left = next.last().copied().unwrap_or(usize::MAX - 1);
            let change = diagonal + usize::from(from != *to);
            next.push(change.min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

pub(crate) fn quoted(words: &[&str], between: &str) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_folder() {
        for bad in [
            "", ".", "..", "../up", "a/b", "a\\b", ".env", "-x", "a\0", "a:b", "dot.", "x ",
        ] {
            assert!(check(bad).is_err(), "{bad:?} was accepted");
        }
        assert!(check(&"x".repeat(MAX_LEN + 1)).is_err());
        for good in ["golden_flow", "deepseek-r1", "My Epic", "v1.2", "Übung"] {
            assert_eq!(check(good), Ok(()));
        }
    }

    #[test]
    fn a_misspelt_name_is_guessed() {
        assert_eq!(
            suggestion("goldn_flow", ["silver", "golden_flow"]),
            "did you mean `golden_flow`?"
        );
        assert_eq!(suggestion("xyz", ["abc", "def"]), "known: `abc`, `def`");
        assert_eq!(suggestion("xyz", []), "there are none to choose from");
        assert_eq!(suggestion("X", ["A", "B"]), "known: `A`, `B`");
        assert_eq!(suggestion("cod", ["coda", "coda"]), "did you mean `coda`?");
        assert_eq!(suggestion("dou", ["duo"]), "did you mean `duo`?");
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
