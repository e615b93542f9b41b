//! Texts and their trees: parsing with a bound, walking without recursion, places, and replacing ranges
//! of bytes so that all other bytes stay as they are.

use std::ops::{ControlFlow, Range};

use tree_sitter::{Node, ParseOptions, ParseState, Parser, Tree};

use crate::{Language, Place};

/// The longest text that is parsed, in bytes.
pub(crate) const LONGEST: usize = 8 << 20;

fn grammar(language: Language) -> tree_sitter::Language {
    match language {
        Language::JavaScript | Language::Jsx => tree_sitter_javascript::LANGUAGE,
        Language::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT,
        Language::Tsx => tree_sitter_typescript::LANGUAGE_TSX,
        Language::Python => tree_sitter_python::LANGUAGE,
        Language::Rust => tree_sitter_rust::LANGUAGE,
        Language::Go => tree_sitter_go::LANGUAGE,
    }
    .into()
}

/// How deep a text may be nested. What asks for the parent of a node goes down to it from the top, so
/// that a text of many thousand levels would take hours.
const DEEPEST: u32 = 2_000;

/// The tree of a text; none when the parser goes round in it for too long, or when it is too deep. How
/// long that is depends on the text only, never on the clock.
pub(crate) fn parse(language: Language, text: &str) -> Option<Tree> {
    if text.len() > LONGEST {
        return None;
    }
    let mut parser = Parser::new();
    parser.set_language(&grammar(language)).ok()?;
    // The parser asks once in many steps; a right text takes far fewer steps than it has bytes.
    let mut left = text.len().saturating_add(1_000);
    let mut count = |_: &ParseState| {
        left = left.saturating_sub(1);
        if left == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let bytes = text.as_bytes();
    let tree = parser.parse_with_options(
        &mut |at, _| bytes.get(at..).unwrap_or_default(),
        None,
        Some(ParseOptions::new().progress_callback(&mut count)),
    )?;
    let is_too_deep = {
        let mut nodes = walk(tree.root_node());
        let mut deepest = 0;
        while deepest <= DEEPEST && nodes.next().is_some() {
            deepest = deepest.max(nodes.cursor.depth());
        }
        deepest > DEEPEST
    };
    (!is_too_deep).then_some(tree)
}

/// All nodes below one, itself first, in the order of the text.
pub(crate) struct Walk<'t> {
    cursor: tree_sitter::TreeCursor<'t>,
    next: Option<Node<'t>>,
}

/// Walks a tree without recursion, however deep it is.
pub(crate) fn walk(node: Node<'_>) -> Walk<'_> {
    Walk {
        cursor: node.walk(),
        next: Some(node),
    }
}

impl<'t> Iterator for Walk<'t> {
    type Item = Node<'t>;

    fn next(&mut self) -> Option<Node<'t>> {
        let node = self.next.take()?;
        if self.cursor.goto_first_child() {
            self.next = Some(self.cursor.node());
            return Some(node);
        }
        loop {
            if self.cursor.goto_next_sibling() {
                self.next = Some(self.cursor.node());
                return Some(node);
            }
            if !self.cursor.goto_parent() {
                return Some(node);
            }
        }
    }
}

/// The children of a node, in order.
pub(crate) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).collect()
}

/// The named children of a node but comments, in order.
pub(crate) fn parts(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor)
        .filter(|child| !child.is_extra())
        .collect()
}

/// What a node says.
pub(crate) fn said<'a>(node: Node<'_>, text: &'a str) -> &'a str {
    text.get(node.byte_range()).unwrap_or_default()
}

/// Where the text first does not follow the grammar.
pub(crate) fn first_error(tree: &Tree) -> Option<usize> {
    let root = tree.root_node();
    if !root.has_error() {
        return None;
    }
    walk(root)
        .find(|node| (node.is_error() && node.parent().is_some()) || node.is_missing())
        .or(Some(root))
        .map(|node| node.start_byte())
}

/// The place of a byte.
pub(crate) fn place(path: &str, text: &str, at: usize) -> Place {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = before.get(line_start..).unwrap_or_default();
    let line = line.strip_prefix('\u{feff}').unwrap_or(line);
    Place {
        path: path.to_owned(),
        line: before.matches('\n').count() + 1,
        column: line.chars().count() + 1,
    }
}

/// The text with ranges of it replaced. Those must not overlap; in which order they are does not matter.
pub(crate) fn splice(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut told = String::with_capacity(text.len() + 16 * edits.len());
    let mut done = 0;
    for (range, new) in edits {
        told.push_str(text.get(done..range.start).unwrap_or_default());
        told.push_str(&new);
        done = range.end;
    }
    told.push_str(text.get(done..).unwrap_or_default());
    told
}

/// Where a text says a name as a word of its own, be it code or not.
pub(crate) fn words<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_part = |c: char| c == '$' || unicode_ident::is_xid_continue(c);
    text.match_indices(name).filter_map(move |(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text
            .get(at + name.len()..)
            .and_then(|after| after.chars().next());
        (!before.is_some_and(is_part) && !after.is_some_and(is_part)).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_as_editors_do() {
        let text = "\u{feff}a é\r\nñ b\n";
        let at = |needle: &str| {
            let place = place("p", text, text.find(needle).expect("there"));
            (place.line, place.column)
        };
        assert_eq!([at("a"), at("é"), at("b")], [(1, 1), (1, 3), (2, 3)]);
    }

    #[test]
    fn words_are_whole() {
        let text = "a aa a_a $a a$ éa a.a 1a (a)";
        let found: Vec<usize> = words(text, "a").collect();
        let at = text.find("a.a").expect("there");
        assert_eq!(found, [0, at, at + 2, text.len() - 2]);
    }

    #[test]
    fn every_grammar_fits_the_parser_and_passes_over_a_bom() {
        for language in Language::ALL {
            let text = match language {
                Language::Python => "\u{feff}a = 1\r\n",
                Language::Rust => "\u{feff}fn a() {}\r\n",
                Language::Go => "\u{feff}package a\r\n",
                _ => "\u{feff}let a = 1;\r\n",
            };
            let tree = parse(language, text).expect("parsed");
            assert_eq!(first_error(&tree), None, "{language:?}");
        }
    }
}
