//! Makes JSON of a block that is JSON but for raw control characters in its strings and
//! `JSON.stringify(…)` wrappers.

use std::fmt::Write as _;

use serde_json::Value;

use super::block::Block;

/// The JSON text of `text`'s block at `start..block.end`, or `None` when a wrapper's argument is
/// no JSON (a variable, an unquoted key).
pub(super) fn rebuild(text: &str, start: usize, block: &Block) -> Option<String> {
    let mut out = String::with_capacity(block.end.saturating_sub(start) + 64);
    let mut from = start;
    for wrap in &block.wraps {
        escape_controls(text.get(from..wrap.whole.start)?, &mut out);
        let mut argument = String::new();
        escape_controls(text.get(wrap.argument.clone())?, &mut argument);
        let value: Value = serde_json::from_str(&argument).ok()?;
        let inner = if wrap.indented {
            serde_json::to_string_pretty(&value).ok()?
        } else {
            serde_json::to_string(&value).ok()?
        };
        out.push_str(&serde_json::to_string(&inner).ok()?);
        from = wrap.whole.end;
    }
    escape_controls(text.get(from..block.end)?, &mut out);
    Some(out)
}

/// Copies `text`, which begins outside a string, with the control characters of its strings
/// escaped.
fn escape_controls(text: &str, out: &mut String) {
    let mut in_string = false;
    let mut escaped = false;
    for c in text.chars() {
        if !in_string {
            in_string = c == '"';
            out.push(c);
            continue;
        }
        let after_backslash = std::mem::take(&mut escaped);
        if c < ' ' {
            if after_backslash {
                // A backslash before a raw line break: the break is what was meant.
                out.pop();
            }
            match c {
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                _ => {
                    // Writing into a string cannot fail.
                    let _ = write!(out, "\\u{:04x}", u32::from(c));
                }
            }
            continue;
        }
        out.push(c);
        if after_backslash {
            continue;
        }
        match c {
            '\\' => escaped = true,
            '"' => in_string = false,
            _ => {}
        }
    }
}
