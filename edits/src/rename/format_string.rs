//! Names in the format strings of Rust: `println!("{name:>width$}")`. They are code, as the
//! interpolations of other languages are.

use std::ops::Range;

use tree_sitter::Node;

use crate::syntax::{children, said, walk};

/// Where the format string of this macro call or attribute says the name, when it has one.
pub(super) fn names(node: Node<'_>, text: &str, name: &str) -> Vec<Range<usize>> {
    let Some(literal) = format_string(node, text) else {
        return Vec::new();
    };
    walk(literal)
        .filter(|part| part.kind() == "string_content")
        .flat_map(|part| {
            let offset = part.start_byte();
            placeholders(said(part, text), name)
                .into_iter()
                .map(move |range| range.start + offset..range.end + offset)
        })
        .collect()
}

/// The string that the macro reads as code.
fn format_string<'t>(node: Node<'t>, text: &str) -> Option<Node<'t>> {
    let (called, tokens) = match node.kind() {
        "macro_invocation" => {
            let called = node.child_by_field_name("macro")?;
            let tokens = children(node)
                .into_iter()
                .find(|it| it.kind() == "token_tree")?;
            (called, tokens)
        }
        "attribute" => (node.child(0)?, node.child_by_field_name("arguments")?),
        _ => return None,
    };
    let macro_name = said(called, text).rsplit("::").next()?.trim();
    let before = if node.kind() == "attribute" {
        matches!(macro_name, "error" | "display" | "debug").then_some(0)?
    } else {
        arguments_before(macro_name)?
    };
    let inner = children(tokens);
    let inner = inner.get(1..inner.len().saturating_sub(1))?;
    inner
        .split(|token| token.kind() == ",")
        .skip(before)
        .find_map(|argument| match argument {
            [only] if matches!(only.kind(), "string_literal" | "raw_string_literal") => Some(*only),
            _ => None,
        })
}

/// How many arguments a macro takes before its format string; none when it takes no such string.
fn arguments_before(macro_name: &str) -> Option<usize> {
    Some(match macro_name {
        "format" | "format_args" | "print" | "println" | "eprint" | "eprintln" | "panic"
        | "todo" | "unimplemented" | "unreachable" | "trace" | "debug" | "info" | "warn"
        | "error" | "anyhow" | "bail" => 0,
        "write" | "writeln" | "assert" | "debug_assert" | "ensure" => 1,
        "assert_eq" | "assert_ne" | "debug_assert_eq" | "debug_assert_ne" => 2,
        _ => return None,
    })
}

/// Where `{name}`, `{name:…}` and `{…:name$}` say the name.
fn placeholders(format: &str, name: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = format.get(at..).and_then(|rest| rest.find('{')) {
        let start = at + open + 1;
        let rest = format.get(start..).unwrap_or_default();
        if rest.starts_with('{') {
            at = start + 1;
            continue;
        }
        let Some(length) = rest.find('}') else {
            break;
        };
        let inner = rest.get(..length).unwrap_or_default();
        let (argument, spec) = inner.split_once(':').unwrap_or((inner, ""));
        let lead = argument.len() - argument.trim_start().len();
        if argument.trim() == name {
            found.push(start + lead..start + lead + name.len());
        }
        let spec_start = start + inner.len() - spec.len();
        for (dollar, _) in spec.match_indices('$') {
            let before = spec.get(..dollar).unwrap_or_default();
            let run = before
                .rfind(|c: char| !unicode_ident::is_xid_continue(c))
                .and_then(|at| before.get(at..))
                .map_or(before, |run| {
                    run.trim_start_matches(|c| !unicode_ident::is_xid_continue(c))
                });
            // A zero before the name is a flag.
            if run.trim_start_matches(|c: char| c.is_ascii_digit()) == name {
                let end = spec_start + dollar;
                found.push(end - name.len()..end);
            }
        }
        at = start + length + 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_placeholders_only() {
        let told = |format: &str| placeholders(format, "w");
        assert_eq!(
            told("w {w} {w:?} { w } {{w}} {ww} {:w}"),
            [3..4, 7..8, 14..15]
        );
        assert_eq!(
            told("{:>w$.w$} {x:ww$} {0:.*} {:05w$} {w"),
            [3..4, 6..7, 29..30]
        );
        assert_eq!(told("{{{w}}} {w}"), [3..4, 9..10]);
        assert_eq!(placeholders("{é:é$}", "é"), [1..3, 4..6]);
    }
}
