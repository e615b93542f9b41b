//! Which identifiers a file has.

use std::ops::Range;

use tree_sitter::Node;

use super::format_string;
use crate::Language;
use crate::syntax::{said, walk};

/// An identifier, where it stands.
#[derive(Debug, Clone)]
pub(super) struct Occurrence<'t> {
    /// The node, or the string that the name is in when that is read as code.
    pub node: Node<'t>,
    /// The bytes of the name.
    pub range: Range<usize>,
    /// Whether it stands in a string that a macro reads as code.
    pub within_string: bool,
}

/// The identifiers `name`, in the order of the text.
pub(super) fn occurrences<'t>(
    language: Language,
    root: Node<'t>,
    text: &str,
    name: &str,
) -> Vec<Occurrence<'t>> {
    let mut found = Vec::new();
    for node in walk(root) {
        if is_identifier(language, node) {
            let mut range = node.byte_range();
            let mut spelled = said(node, text);
            if language == Language::Rust
                && let Some(raw) = spelled.strip_prefix("r#")
            {
                range.start += 2;
                spelled = raw;
            }
            if spelled == name && !is_signed(language, node) {
                found.push(Occurrence {
                    node,
                    range,
                    within_string: false,
                });
            }
        } else if language == Language::Rust {
            let within = format_string::names(node, text, name);
            found.extend(within.into_iter().map(|range| Occurrence {
                node,
                range,
                within_string: true,
            }));
        }
    }
    found.sort_by_key(|it| it.range.start);
    found
}

/// Whether a node is a name that the program gives.
fn is_identifier(language: Language, node: Node<'_>) -> bool {
    if !node.is_named() || node.child_count() > 0 {
        return false;
    }
    let kind = node.kind();
    match language {
        Language::Python => kind == "identifier",
        Language::Go => matches!(
            kind,
            "identifier"
                | "type_identifier"
                | "field_identifier"
                | "package_identifier"
                | "label_name"
        ),
        Language::Rust => matches!(
            kind,
            "identifier" | "type_identifier" | "field_identifier" | "shorthand_field_identifier"
        ),
        Language::JavaScript | Language::Jsx | Language::TypeScript | Language::Tsx => matches!(
            kind,
            "identifier"
                | "property_identifier"
                | "shorthand_property_identifier"
                | "shorthand_property_identifier_pattern"
                | "statement_identifier"
                | "type_identifier"
        ),
    }
}

/// Whether it carries a sign before it, which makes it another name: a lifetime or a label of Rust. The
/// private names of JavaScript and the variables of macros have kinds of their own.
fn is_signed(language: Language, node: Node<'_>) -> bool {
    language == Language::Rust
        && node
            .parent()
            .is_some_and(|parent| matches!(parent.kind(), "lifetime" | "label"))
}
