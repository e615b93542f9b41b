//! Fences round material: a run of backticks longer than any in the text, so that no text can
//! close its own fence and go on as if it were Orket speaking.

use std::borrow::Cow;

/// Adds `text` between fences of its own, each on a line.
pub(super) fn fenced(text: &str, out: &mut String) {
    let length = longest_run(text).saturating_add(1).max(3);
    rule(length, out);
    out.push('\n');
    out.push_str(text);
    if !text.ends_with('\n') {
        out.push('\n');
    }
    rule(length, out);
    out.push('\n');
}

fn rule(length: usize, out: &mut String) {
    out.extend(std::iter::repeat_n('`', length));
}

fn longest_run(text: &str) -> usize {
    let (mut longest, mut run) = (0, 0_usize);
    for byte in text.bytes() {
        run = if byte == b'`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// The text, or its first `most` characters with a notice of how much is missing.
pub(super) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some((end, _)) => {
            let (shown, rest) = text.split_at(end);
            Cow::Owned(format!(
                "{shown}\n… (cut: {} more characters)",
                rest.chars().count()
            ))
        }
    }
}
