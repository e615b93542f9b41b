//! Sources in JavaScript: their trees, the statements on their outermost level, and lines put into them.

use tree_sitter::{Node, Tree};

use super::RouteError;
use crate::Language;
use crate::syntax::{self, first_error, parts, place, said};

/// The tree of a file that has to follow the grammar.
pub(super) fn tree(path: &str, text: &str) -> Result<Tree, RouteError> {
    let refuse = |why: String| RouteError::Conflict {
        path: path.to_owned(),
        why,
    };
    let tree = syntax::parse(Language::JavaScript, text)
        .ok_or_else(|| refuse("is too long to be read".to_owned()))?;
    match first_error(&tree) {
        None => Ok(tree),
        Some(at) => {
            let place = place(path, text, at);
            Err(refuse(format!(
                "does not parse at line {}, column {}",
                place.line, place.column
            )))
        }
    }
}

/// The line ending that a text uses.
pub(super) fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// The text with more in it at a byte; what is put in ends its lines as the text does.
pub(super) fn with(text: &str, at: usize, more: &str) -> String {
    let more = match line_end(text) {
        "\n" => more.to_owned(),
        end => more.replace('\n', end),
    };
    syntax::splice(text, vec![(at..at, more)])
}

/// The byte after the line that a node ends in, and whether that line has to be ended first.
pub(super) fn after_line(text: &str, node: Node<'_>) -> (usize, bool) {
    let end = node.end_byte();
    match text.get(end..).and_then(|rest| rest.find('\n')) {
        Some(length) => (end + length + 1, false),
        None => (text.len(), true),
    }
}

/// The start of the line that a node begins in, or of the comments directly above it.
pub(super) fn before_comments(text: &str, node: Node<'_>) -> usize {
    let mut first = node;
    while let Some(before) = first.prev_sibling()
        && before.kind() == "comment"
        && before.end_position().row + 1 >= first.start_position().row
        && before
            .prev_sibling()
            .is_none_or(|it| it.end_position().row < before.start_position().row)
    {
        first = before;
    }
    let start = first.start_byte();
    let before = text.get(..start).unwrap_or_default();
    before
        .rfind('\n')
        .map_or(start - before.trim_start_matches('\u{feff}').len(), |end| {
            end + 1
        })
}

/// The white space that the line of a node begins with.
pub(super) fn indent<'a>(text: &'a str, node: Node<'_>) -> &'a str {
    let before = text.get(..node.start_byte()).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let width = line.len() - line.trim_start().len();
    line.get(..width).unwrap_or_default()
}

/// The left side and the value of `module.exports = …`, `module.exports.a = …` and `exports.a = …`.
pub(super) fn export_of_common_js<'t>(
    statement: Node<'t>,
    text: &str,
) -> Option<(String, Node<'t>)> {
    let assignment = parts(statement).into_iter().next().filter(|it| {
        statement.kind() == "expression_statement" && it.kind() == "assignment_expression"
    })?;
    let left = said(assignment.child_by_field_name("left")?, text);
    let left: String = left.split_whitespace().collect();
    let exports = left.starts_with("module.exports") || left.starts_with("exports.");
    exports.then_some((left, assignment.child_by_field_name("right")?))
}

/// The function of that name on the outermost level, with the statement that it is in.
pub(super) fn function<'t>(root: Node<'t>, text: &str, name: &str) -> Option<(Node<'t>, Node<'t>)> {
    parts(root).into_iter().find_map(|statement| {
        let declaration = match statement.kind() {
            "export_statement" => statement.child_by_field_name("declaration")?,
            _ => statement,
        };
        let is_function = declaration.kind().starts_with("function_declaration")
            || declaration.kind() == "generator_function_declaration";
        let named = declaration.child_by_field_name("name")?;
        (is_function && said(named, text) == name).then_some((statement, declaration))
    })
}

/// Whether something on the outermost level goes by that name.
pub(super) fn binds(root: Node<'_>, text: &str, name: &str) -> bool {
    parts(root).into_iter().any(|statement| {
        let inner = match statement.kind() {
            "export_statement" => statement
                .child_by_field_name("declaration")
                .unwrap_or(statement),
            _ => statement,
        };
        match inner.kind() {
            "lexical_declaration" | "variable_declaration" => parts(inner).into_iter().any(|it| {
                it.child_by_field_name("name").is_some_and(|pattern| {
                    syntax::walk(pattern).any(|leaf| {
                        matches!(
                            leaf.kind(),
                            "identifier" | "shorthand_property_identifier_pattern"
                        ) && said(leaf, text) == name
                    })
                })
            }),
            "import_statement" => syntax::walk(inner)
                .any(|leaf| leaf.kind() == "identifier" && said(leaf, text) == name),
            _ => inner
                .child_by_field_name("name")
                .is_some_and(|named| said(named, text) == name),
        }
    })
}
