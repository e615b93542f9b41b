//! What a reply says besides its calls.

/// Marks that models put round calls: no prose.
const MARKS: [&str; 7] = [
    "<tool_call>",
    "</tool_call>",
    "<tool_calls>",
    "</tool_calls>",
    "<function_call>",
    "</function_call>",
    "[TOOL_CALLS]",
];

/// Adds `text` to `out` without code fences, marks and separators; nothing when nothing is left.
pub(super) fn add(text: &str, out: &mut String) {
    if text.contains("```") || holds_mark(text) {
        let mut plain = without_fences(text);
        if holds_mark(&plain) {
            for mark in MARKS {
                plain = plain.replace(mark, "");
            }
        }
        add_trimmed(&plain, out);
    } else {
        add_trimmed(text, out);
    }
}

/// Most text holds neither of the characters that marks begin with, and is not searched for each of
/// them then.
fn holds_mark(text: &str) -> bool {
    text.contains(['<', '[']) && MARKS.iter().any(|mark| text.contains(mark))
}

fn add_trimmed(text: &str, out: &mut String) {
    let text =
        text.trim_matches(|c: char| c.is_whitespace() || matches!(c, ',' | '`' | '\u{feff}'));
    if text.is_empty() {
        return;
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(text);
}

/// Leaves out runs of three or more backticks and the language word behind them.
fn without_fences(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("```") {
        let (before, fence) = rest.split_at(at);
        out.push_str(before);
        rest = fence.trim_start_matches('`');
        let word_end = rest
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.')))
            .unwrap_or(rest.len());
        let (_, behind) = rest.split_at(word_end);
        let line = behind.split('\n').next().unwrap_or_default();
        if line.trim().is_empty() {
            rest = behind;
        }
    }
    out.push_str(rest);
    out
}
