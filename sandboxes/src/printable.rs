//! Text of containers and of docker, which may hold anything: sequences that move a terminal's cursor or
//! change its title, above all.

use std::borrow::Cow;

/// A text for a terminal: lines and tabs stay, each other control character becomes its escape, as in
/// `\\u{1b}`. A carriage return before the end of a line is dropped.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    let is_odd = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(is_odd) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
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
        let plain = "é line\n\tnext\n";
        assert!(matches!(printable(plain), Cow::Borrowed(text) if text == plain));
        let odd = "\u{1b}[2J\u{1b}]0;title\u{7}\r\n10%\r20%\u{9b}31m\u{7f}\n";
        let safe = r"\u{1b}[2J\u{1b}]0;title\u{7}N10%\r20%\u{9b}31m\u{7f}N";
        assert_eq!(printable(odd), safe.replace('N', "\n"));
    }
}
