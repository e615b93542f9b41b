//! One text against the grammar of its language. A grammar is not a compiler: what it accepts may
//! still not run, and that is what verify commands are for.
//!
//! Parsing is bounded by a deadline: what is nested a hundred thousand deep, or so broken that the
//! parser tries for ever, is given up and counts as not checked.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::time::Instant;

use orket_core::turn::SyntaxFinding;
use orket_core::verify::Language;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tree_sitter::{Node, ParseOptions, ParseState, Parser, TreeCursor};

/// The most findings of one file; the first few say what is wrong, the others follow from them.
const MOST: usize = 10;
/// How much of the offending text is shown, in characters.
const SHOWN: usize = 80;

/// Why a text was not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Unchecked {
    /// The deadline came.
    #[error("parsing it took too long")]
    TooLong,
    /// The grammar does not fit this parser.
    #[error("its grammar could not be loaded")]
    Grammar,
    /// The parser broke on it.
    #[error("the parser broke on it")]
    Broke,
    /// The parser did not come to it.
    #[error("the parser did not come to it")]
    NotReached,
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
    let told = match language {
        Language::Shell => plain(text),
        _ => Cow::Borrowed(text),
    };
    let bytes = told.as_bytes();
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

/// The text with letters for all that is no Latin-1, byte for byte as long. The scanner of the shell's
/// grammar looks such characters up in a table that has no place for them. They are parts of words to
/// a shell, as letters are.
fn plain(text: &str) -> Cow<'_, str> {
    let is_wide = |c: char| u32::from(c) > 0xff;
    if !text.contains(is_wide) {
        return Cow::Borrowed(text);
    }
    let mut told = String::with_capacity(text.len());
    for c in text.chars() {
        if is_wide(c) {
            told.extend(std::iter::repeat_n('x', c.len_utf8()));
        } else {
            told.push(c);
        }
    }
    Cow::Owned(told)
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
        let words = error.to_string();
        let message = words.split(" at line ").next().unwrap_or(&words).to_owned();
        Self {
            at,
            end: text.len(),
            message: Some(message),
        }
    }

    fn finding(mut self, language: Language, path: &str, text: &str) -> SyntaxFinding {
        self.at = boundary(text, self.at);
        self.end = boundary(text, self.end);
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

/// The start of the character that this byte belongs to.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const LANGUAGES: [Language; 11] = [
        Language::Python,
        Language::JavaScript,
        Language::TypeScript,
        Language::Tsx,
        Language::Rust,
        Language::Json,
        Language::Jsonc,
        Language::Yaml,
        Language::Toml,
        Language::Html,
        Language::Shell,
    ];

    fn found(language: Language, text: &str) -> Vec<SyntaxFinding> {
        let deadline = Instant::now() + Duration::from_secs(20);
        check(language, "a", text, deadline).expect("in time")
    }

    #[test]
    fn a_text_is_given_up_when_its_time_is_over() {
        let text = "x = [1, 2]\n".repeat(10_000);
        let parsed = check(Language::Python, "a", &text, Instant::now());
        assert_eq!(parsed, Err(Unchecked::TooLong));
    }

    #[test]
    fn places_are_counted_in_characters_and_texts_cut_to_a_line() {
        let [only] = &found(Language::Json, "{\n  \"é\": \"ü\" \"x\"\n}")[..] else {
            panic!("one finding");
        };
        assert_eq!(
            (only.line, only.column, only.text.as_str()),
            (2, 12, "\"x\"")
        );
        let long = format!("let a = = {};\n", "b".repeat(500));
        let findings = found(Language::JavaScript, &long);
        assert!(
            findings.iter().all(|it| it.text.chars().count() <= SHOWN),
            "{findings:#?}"
        );
        let many = "let = ;\n".repeat(100);
        assert_eq!(found(Language::JavaScript, &many).len(), MOST);
    }

    #[test]
    fn wide_characters_do_not_lead_the_shell_s_scanner_astray() {
        for wide in ["\u{1d11e}", "\u{ffff}", "é", "\u{10ffff}", "✅"] {
            let text = format!("echo \"${{a{{{wide}..3}}\" {{{wide}..{{{wide}{wide}}} # {wide}\n")
                .repeat(500);
            let _only_that_it_comes_back = found(Language::Shell, &text);
            let right = format!("echo '{wide}' \"{wide}\" {wide} # {wide}\n");
            assert_eq!(found(Language::Shell, &right), [], "{wide}");
            let wrong = format!("echo '{wide}'; if true; then\n");
            assert_eq!(found(Language::Shell, &wrong).len(), 1, "{wide}");
        }
    }

    #[test]
    fn comments_are_no_json_but_where_its_tools_read_them() {
        let text = "{\n  // why\n  \"a\": 1\n}\n";
        assert_eq!(found(Language::Json, text).len(), 1);
        assert_eq!(found(Language::Jsonc, text), []);
        assert_eq!(found(Language::Json, "").len(), 1);
        assert_eq!(found(Language::Json, "1 2").len(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn every_finding_lies_within_its_text(
            words in prop::collection::vec(
                prop_oneof![
                    Just("(".to_owned()), Just("}".to_owned()), Just("\"".to_owned()), Just("'''".to_owned()),
                    Just("\n  ".to_owned()), Just("<<E\n".to_owned()), Just("<a>".to_owned()), Just("- a: |\n".to_owned()),
                    Just("fn f".to_owned()), Just("def f:".to_owned()), Just("`${".to_owned()), Just("é𝄞".to_owned()), ".{0,6}",
                ],
                0..40,
            ),
            language in prop::sample::select(LANGUAGES.to_vec()),
        ) {
            let text = words.concat();
            let lines: Vec<&str> = text.split('\n').collect();
            for it in found(language, &text) {
                let line = usize::try_from(it.line).expect("small");
                prop_assert!((1..=lines.len()).contains(&line), "{it:?}");
                let width = lines[line - 1].chars().count();
                prop_assert!((1..=width + 1).contains(&usize::try_from(it.column).expect("small")), "{it:?}");
                prop_assert!(!it.message.is_empty() && !it.text.contains('\n'));
            }
        }
    }
}
