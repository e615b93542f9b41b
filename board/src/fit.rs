//! Text that fits into columns and moves no cursor. Columns are those of a terminal: a wide character
//! takes two, a combining one none.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many columns a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// One line of at most `most` columns without control characters; what is cut off becomes an ellipsis.
#[must_use]
pub fn line(text: &str, most: usize) -> String {
    let mut clean: String = String::with_capacity(text.len().min(most.saturating_mul(4)));
    let mut columns = 0_usize;
    // Where the text must end for the ellipsis to fit behind it.
    let mut end = 0;
    for c in text.chars().map(visible) {
        let wide = UnicodeWidthChar::width(c).unwrap_or(0);
        if columns + wide > most {
            clean.truncate(end);
            if most > 0 {
                clean.push('…');
            }
            return clean;
        }
        columns += wide;
        clean.push(c);
        if columns < most {
            end = clean.len();
        }
    }
    clean
}

/// A text over several lines of at most `most` columns, broken between words where there are any; all but
/// the first begin with `indent` blanks. What does not fit into `rows` becomes an ellipsis.
#[must_use]
pub fn lines(text: &str, most: usize, indent: usize, rows: usize) -> Vec<String> {
    let text: String = text.chars().map(visible).collect();
    let mut lines = Vec::new();
    let mut rest = text.trim_end();
    loop {
        let blanks = " ".repeat(if lines.is_empty() { 0 } else { indent });
        let room = most.saturating_sub(blanks.len()).max(1);
        if lines.len() + 1 >= rows || width(rest) <= room {
            lines.push(format!("{blanks}{}", line(rest, room)));
            return lines;
        }
        let (head, behind) = rest.split_at(break_at(rest, room));
        lines.push(format!("{blanks}{}", head.trim_end()));
        rest = behind.trim_start();
    }
}

/// Where a text that is too wide for `room` is broken: behind the last word that fits, else in the middle of
/// one; never at its beginning.
fn break_at(text: &str, room: usize) -> usize {
    let begin = text.len() - text.trim_start().len();
    let mut columns = 0;
    let mut word = None;
    let mut end = None;
    for (at, c) in text.char_indices() {
        if c == ' ' && at > begin {
            word = Some(at);
        }
        columns += UnicodeWidthChar::width(c).unwrap_or(0);
        if columns > room {
            break;
        }
        end = Some(at + c.len_utf8());
    }
    let first = text.chars().next().map_or(0, char::len_utf8);
    word.or(end).unwrap_or(first).max(first)
}

/// A model's words must not move the cursor, nor turn the direction of what follows.
fn visible(c: char) -> char {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if c.is_control() || turns { ' ' } else { c }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_cut_off_becomes_an_ellipsis() {
        assert_eq!(line("abcdef", 6), "abcdef");
        assert_eq!(line("abcdef", 4), "abc…");
        assert_eq!(line("日本語の板", 7), "日本語…");
        assert_eq!(line("日本語", 6), "日本語");
        assert_eq!(line("e\u{301}tude", 3), "e\u{301}t…");
        assert_eq!(line("a\x1b[2J\nb\u{202e}c", 20), "a [2J b c");
        assert_eq!(line("abc", 0), "");
    }

    #[test]
    fn a_long_text_is_broken_between_words() {
        let text = "  ! asset: epic a: no valid JSON: end of file while reading a text";
        assert_eq!(
            lines(text, 30, 4, 9),
            [
                "  ! asset: epic a: no valid",
                "    JSON: end of file while",
                "    reading a text"
            ]
        );
        assert_eq!(lines(text, 30, 4, 2)[1], "    JSON: end of file while r…");
        assert_eq!(lines("abcdefgh", 3, 0, 9), ["abc", "def", "gh"]);
        assert_eq!(lines("", 3, 0, 9), [""]);
    }

    proptest! {
        #[test]
        fn broken_lines_fit_and_lose_nothing(text in "[a-zé字 ]{0,60}", most in 4_usize..20) {
            let broken = lines(&text, most, 2, usize::MAX);
            prop_assert!(broken.iter().all(|it| width(it) <= most), "{broken:?}");
            let bare = |text: &str| text.replace(' ', "");
            prop_assert_eq!(bare(&broken.concat()), bare(&text));
        }

        #[test]
        fn a_line_never_takes_more_columns(text in ".{0,60}", most in 0_usize..40) {
            let fitted = line(&text, most);
            let columns: usize = fitted.chars().filter_map(UnicodeWidthChar::width).sum();
            prop_assert!(columns <= most);
            prop_assert!(!fitted.chars().any(char::is_control));
        }
    }
}
