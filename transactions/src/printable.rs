//! Words of a repository for a terminal: names of files, commands and what these wrote may hold anything,
//! and somebody says yes to what is shown.

use std::borrow::Cow;

/// A text in one line: each control character, line ends among them, becomes its escape, as in
/// `\\u{1b}`; so does what makes a terminal write from right to left.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, is_odd)
}

/// A text whose lines and tabs stay.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_odd(c) && c != '\n' && c != '\t')
}

fn is_odd(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped(text: &str, is_odd: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_odd) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_odd(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_move_a_terminal_is_escaped() {
        assert!(matches!(one_line("grün a b"), Cow::Borrowed(_)));
        let odd = "a\u{1b}[2Kb\nNOTES:\t\u{202e}x\u{9b}";
        assert_eq!(one_line(odd), r"a\u{1b}[2Kb\nNOTES:\t\u{202e}x\u{9b}");
        assert_eq!(lines(odd), "a\\u{1b}[2Kb\nNOTES:\t\\u{202e}x\\u{9b}");
    }
}
