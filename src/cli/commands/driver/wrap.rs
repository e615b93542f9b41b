//! Long lines, broken between words so that they fit a terminal. What stands in columns or is indented
//! keeps its indentation.

/// Narrower than this nothing is broken.
const NARROWEST: usize = 20;

/// The text with no line longer than `columns`, where words allow it.
pub fn wrapped(text: &str, columns: usize) -> String {
    if columns < NARROWEST {
        return text.to_owned();
    }
    let lines: Vec<String> = text.lines().map(|line| fitting(line, columns)).collect();
    lines.join("\n")
}

fn fitting(line: &str, columns: usize) -> String {
    if width(line) <= columns {
        return line.to_owned();
    }
    let body = line.trim_start();
    let mut indent = width(line) - width(body);
    let mark = body.starts_with("- ") || body.starts_with("* ");
    let first = " ".repeat(indent);
    if mark {
        indent += 2;
    }
    // A deep indentation leaves no room.
    let further = " ".repeat(indent.min(columns / 2));
    let mut out = first;
    let mut used = width(&out);
    let mut is_first = true;
    for word in body.split(' ') {
        let needs = width(word) + usize::from(!is_first);
        if !is_first && used + needs > columns {
            out.push('\n');
            out.push_str(&further);
            out.push_str(word);
            used = width(&further) + width(word);
        } else {
            if !is_first {
                out.push(' ');
            }
            out.push_str(word);
            used += needs;
        }
        is_first = false;
    }
    out
}

fn width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_break_between_words_and_keep_their_place() {
        assert_eq!(
            wrapped("  - run epic `x`: 2 cards, team `standard`\nshort", 24),
            "  - run epic `x`: 2\n    cards, team\n    `standard`\nshort"
        );
        assert_eq!(wrapped("aaa bbb", 3), "aaa bbb");
    }

    proptest! {
        /// The words stay, in order; a line is too long only when a word is.
        #[test]
        fn nothing_is_lost(text in "[ \\-*]{0,4}([a-zé漢]{1,12} {1,2}){0,20}", columns in 20_usize..60) {
            let out = wrapped(&text, columns);
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&out), words(&text));
            for line in out.lines() {
                let is_one_word = line.split_whitespace().count() < 2;
                prop_assert!(is_one_word || width(line.trim_end()) <= columns, "{:?}", line);
            }
        }
    }
}
