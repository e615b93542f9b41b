//! One text against the grammar of its language. A grammar is not a compiler: what it accepts may
//! still not run, and that is what verify commands are for.
//!
//! Parsing is bounded by a deadline: what is nested a hundred thousand deep, or so broken that the
//! parser tries for ever, is given up and counts as not checked.

use std::ops::ControlFlow;
use std::time::Instant;

use orket_core::turn::SyntaxFinding;
use orket_core::verify::Language;
use serde::de::IgnoredAny;
use tree_sitter::{Node, ParseOptions, ParseState, Parser, TreeCursor};

/// The most findings of one file; the first few say what is wrong, the others follow from them.
const MOST: usize = 10;
/// How much of the offending text is shown, in characters.
const SHOWN: usize = 80;

/// Why a text was not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unchecked {
    /// The deadline came.
    #[error("parsing it took too long")]
    TooLong,
    /// The grammar does not fit this parser.
    #[error("its grammar could not be loaded")]
    Grammar,
}

/// Where `text` does not follow the grammar, in order; nothing when it does.
///
/// # Errors
///
/// [`Unchecked`]: nothing is known about the text then.
pub fn check(
    language: Language,
    path: &str,
    text: &str,
    deadline: Instant,
) -> Result<Vec<SyntaxFinding>, Unchecked> {
    let found = |place: Place| place.finding(language, path, text);
    if language == Language::Json {
        // Here the grammar is exact; the other parser would let through what no reader of JSON does.
        let read: Result<IgnoredAny, _> = serde_json::from_str(text);
        return Ok(match read {
            Ok(_) => Vec::new(),
            Err(error) => vec![found(Place::of_json(&error, text))],
        });
    }
    let mut parser = Parser::new();
    parser
        .set_language(&grammar(language))
        .map_err(|_version| Unchecked::Grammar)?;
    let bytes = text.as_bytes();
    let mut expired = |_: &ParseState| {
        if Instant::now() >= deadline {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let tree = parser
        .parse_with_options(
            &mut |at, _| bytes.get(at..).unwrap_or_default(),
            None,
            Some(ParseOptions::new().progress_callback(&mut expired)),
        )
        .ok_or(Unchecked::TooLong)?;
    let mut places = Vec::new();
    gather(tree.walk(), language, &mut places);
    Ok(places.into_iter().map(found).collect())
}

fn grammar(language: Language) -> tree_sitter::Language {
    match language {
        Language::Python => tree_sitter_python::LANGUAGE,
        Language::JavaScript => tree_sitter_javascript::LANGUAGE,
        Language::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT,
        Language::Tsx => tree_sitter_typescript::LANGUAGE_TSX,
        Language::Rust => tree_sitter_rust::LANGUAGE,
        Language::Json | Language::Jsonc => tree_sitter_json::LANGUAGE,
        Language::Yaml => tree_sitter_yaml::LANGUAGE,
        Language::Toml => tree_sitter_toml_ng::LANGUAGE,
        Language::Html => tree_sitter_html::LANGUAGE,
        Language::Shell => tree_sitter_bash::LANGUAGE,
    }
    .into()
}

/// Where something is wrong.
struct Place {
    /// In bytes from the start.
    at: usize,
    /// Where the offending text ends.
    end: usize,
    message: Option<String>,
}

impl Place {
    fn of_node(node: Node<'_>, message: Option<String>) -> Self {
        Self {
            at: node.start_byte(),
            end: node.end_byte(),
            message,
        }
    }

    fn of_json(error: &serde_json::Error, text: &str) -> Self {
        let before: usize = text
            .split_inclusive('\n')
            .take(error.line().saturating_sub(1))
            .map(str::len)
            .sum();
        let at = before.saturating_add(error.column().saturating_sub(1));
        let at = (0..=at.min(text.len()))
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        let words = error.to_string();
        let message = words.split(" at line ").next().unwrap_or(&words).to_owned();
        Self {
            at,
            end: text.len(),
            message: Some(message),
        }
    }

    fn finding(self, language: Language, path: &str, text: &str) -> SyntaxFinding {
        let before = text.get(..self.at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let rest = text.get(self.at..).unwrap_or_default();
        let within = text.get(self.at..self.end).unwrap_or_default();
        let first = |text: &str| -> String {
            let line = text.lines().next().unwrap_or_default();
            line.trim().chars().take(SHOWN).collect()
        };
        let mut shown = first(within);
        if shown.is_empty() {
            shown = first(rest);
        }
        let ends_early = self.at >= text.trim_end().len();
        if shown.is_empty() {
            // It is missed at the end of the line, so the line is what a person looks for.
            shown = first(text.get(line_start..).unwrap_or_default().trim_start());
        }
        let message = self.message.unwrap_or_else(|| {
            if ends_early {
                "the file ends too early".to_owned()
            } else {
                format!("unexpected `{shown}`")
            }
        });
        SyntaxFinding {
            path: path.to_owned(),
            language: language.as_str().to_owned(),
            line: number(before.matches('\n').count() + 1),
            column: number(before.get(line_start..).unwrap_or_default().chars().count() + 1),
            text: shown,
            message,
        }
    }
}

/// Walks the tree without recursion, down only where something is wrong, or everywhere for languages
/// whose mistakes have nodes of their own.
fn gather(mut cursor: TreeCursor<'_>, language: Language, places: &mut Vec<Place>) {
    let looks_everywhere = matches!(language, Language::Python | Language::Html);
    loop {
        let node = cursor.node();
        let wrong = node.is_error() || node.is_missing();
        if wrong {
            places.push(place_of(node));
        } else if let Some(message) = mistake(node, language) {
            places.push(Place::of_node(node, Some(message)));
        }
        if places.len() >= MOST {
            return;
        }
        let descend = !wrong && (looks_everywhere || node.has_error());
        if descend && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

/// What the grammar reads and the language does not have.
fn mistake(node: Node<'_>, language: Language) -> Option<String> {
    match (language, node.kind()) {
        (Language::Python, kind @ ("print_statement" | "exec_statement")) => {
            let word = kind.split('_').next().unwrap_or(kind);
            Some(format!(
                "`{word}` is a function in Python 3; its arguments go in parentheses"
            ))
        }
        (Language::Html, "erroneous_end_tag") => {
            Some("this end tag closes nothing that is open".to_owned())
        }
        _ => None,
    }
}

/// The parser puts all that it could not fit together into one node; the place in it that a person
/// would point at is the first thing it stumbled over, or else the bracket that was never closed.
fn place_of(node: Node<'_>) -> Place {
    if node.is_missing() {
        let message = format!("`{}` is missing here", node.kind());
        return Place::of_node(node, Some(message));
    }
    let mut cursor = node.walk();
    let mut open: Vec<Node<'_>> = Vec::new();
    if cursor.goto_first_child() {
        loop {
            let child = cursor.node();
            if child.is_error() {
                return Place::of_node(child, None);
            }
            match child.kind() {
                "(" | "[" | "{" | "${" | "$(" => open.push(child),
                ")" | "]" | "}" => {
                    open.pop();
                }
                _ => {}
            }
            if !cursor.goto_next_sibling() {
                break;
            }
        }
    }
    match open.last() {
        Some(bracket) => {
            let message = format!("`{}` is never closed", bracket.kind());
            Place::of_node(*bracket, Some(message))
        }
        None => Place::of_node(node, None),
    }
}
