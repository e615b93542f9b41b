//! What belongs to something outside in JavaScript and TypeScript: what is imported or required from
//! packages, members of it and of the objects that are always there, and the elements of HTML.

use tree_sitter::Node;

use super::role::{Beside, Context, Role, is_field};
use crate::syntax::walk;

/// Objects of the language and of its hosts whose members are theirs.
const GLOBALS: [&str; 23] = [
    "Array", "Atomics", "BigInt", "Boolean", "Buffer", "Date", "Error", "Intl", "JSON", "Map",
    "Math", "Number", "Object", "Promise", "Proxy", "Reflect", "RegExp", "Set", "String", "Symbol",
    "console", "document", "process",
];

/// Notes what the file calls that which it takes from outside.
pub(super) fn learn(context: &mut Context<'_>, root: Node<'_>) {
    for node in walk(root) {
        match node.kind() {
            "import_statement" if is_outside_source(context, node) => {
                for bound in walk(node).filter(|it| it.kind() == "identifier") {
                    let parent = bound.parent();
                    let has_alias = parent.is_some_and(|parent| {
                        parent.kind() == "import_specifier"
                            && parent.child_by_field_name("alias").is_some()
                            && is_field(parent, "name", bound)
                    });
                    if !has_alias {
                        let name = context.said(bound);
                        context.outside.insert(name);
                    }
                }
            }
            "variable_declarator" => {
                let value = node.child_by_field_name("value");
                if let Some(pattern) = node.child_by_field_name("name")
                    && value.is_some_and(|value| is_outside(context, value))
                {
                    for bound in walk(pattern) {
                        if matches!(
                            bound.kind(),
                            "identifier" | "shorthand_property_identifier_pattern"
                        ) {
                            let name = context.said(bound);
                            context.outside.insert(name);
                        }
                    }
                }
            }
            _ => {}
        }
    }
}

pub(super) fn role(context: &Context<'_>, node: Node<'_>) -> Option<Role> {
    let parent = node.parent()?;
    match parent.kind() {
        "import_specifier" | "export_specifier" => specifier(context, parent, node),
        "member_expression" | "nested_identifier" | "nested_type_identifier" => {
            let last = ["property", "name"]
                .into_iter()
                .any(|field| is_field(parent, field, node));
            let of = parent
                .child_by_field_name("object")
                .or_else(|| parent.child_by_field_name("module"))?;
            (last && is_outside(context, of)).then_some(Role::Outside)
        }
        "object_pattern" | "object_assignment_pattern"
            if node.kind() == "shorthand_property_identifier_pattern" =>
        {
            takes_from_outside(context, parent).then_some(Role::Bound(Beside::Colon))
        }
        "pair_pattern" => {
            if !takes_from_outside(context, parent) {
                return None;
            }
            if is_field(parent, "key", node) {
                return Some(Role::Outside);
            }
            let key = parent.child_by_field_name("key")?;
            (context.said(key) == context.other).then(|| Role::Again(parent.byte_range()))
        }
        "jsx_opening_element" | "jsx_closing_element" | "jsx_self_closing_element" => {
            is_field(parent, "name", node).then(|| {
                if is_element(context.said(node)) {
                    Role::Outside
                } else {
                    Role::Tag
                }
            })
        }
        "jsx_attribute" => {
            let tag = parent.parent()?.child_by_field_name("name")?;
            let of_outside = (tag.kind() == "identifier" && is_element(context.said(tag)))
                || is_outside(context, tag);
            (of_outside && parent.named_child(0) == Some(node)).then_some(Role::Outside)
        }
        "jsx_namespace_name" => Some(Role::Outside),
        _ => None,
    }
}

/// Whether JSX reads a tag as an element of HTML.
pub(super) fn is_element(tag: &str) -> bool {
    tag.starts_with(|c: char| c.is_ascii_lowercase())
}

fn specifier(context: &Context<'_>, specifier: Node<'_>, node: Node<'_>) -> Option<Role> {
    let mut statement = specifier.parent()?;
    while !matches!(statement.kind(), "import_statement" | "export_statement") {
        statement = statement.parent()?;
    }
    if !is_outside_source(context, statement) {
        return None;
    }
    let name = specifier.child_by_field_name("name")?;
    match specifier.child_by_field_name("alias") {
        None => Some(Role::Bound(Beside::As)),
        Some(_) if name == node => Some(Role::Outside),
        Some(alias) => (context.said(name) == context.other)
            .then(|| Role::Again(name.start_byte()..alias.end_byte())),
    }
}

/// Whether a statement names a source, and that one is outside.
fn is_outside_source(context: &Context<'_>, statement: Node<'_>) -> bool {
    let source = statement.child_by_field_name("source").or_else(|| {
        // `import a = require("…")`
        let clause = walk(statement).find(|it| it.kind() == "import_require_clause")?;
        clause.child_by_field_name("source")
    });
    source.is_some_and(|source| is_outside_specifier(context, source))
}

fn is_outside_specifier(context: &Context<'_>, string: Node<'_>) -> bool {
    let specifier = context.said(string).trim_matches(['"', '\'', '`']);
    string.kind() == "string" && !context.project.has_script(context.path, specifier)
}

/// Whether the pattern takes apart a value from outside.
fn takes_from_outside(context: &Context<'_>, pattern: Node<'_>) -> bool {
    let mut node = pattern;
    while let Some(parent) = node.parent() {
        let value = match parent.kind() {
            "variable_declarator" if is_field(parent, "name", node) => {
                parent.child_by_field_name("value")
            }
            "assignment_expression" if is_field(parent, "left", node) => {
                parent.child_by_field_name("right")
            }
            "object_pattern"
            | "pair_pattern"
            | "object_assignment_pattern"
            | "array_pattern"
            | "assignment_pattern" => {
                node = parent;
                continue;
            }
            _ => None,
        };
        return value.is_some_and(|value| is_outside(context, value));
    }
    false
}

/// Whether a value is from outside: a module, what a file imports of it, or a member of such.
fn is_outside(context: &Context<'_>, value: Node<'_>) -> bool {
    let mut node = value;
    loop {
        let inner = match node.kind() {
            "identifier" => {
                let name = context.said(node);
                return context.outside.contains(name) || GLOBALS.contains(&name);
            }
            "call_expression" => return is_outside_call(context, node),
            "member_expression" | "nested_identifier" => node.child_by_field_name("object"),
            "nested_type_identifier" => node.child_by_field_name("module"),
            "parenthesized_expression"
            | "await_expression"
            | "non_null_expression"
            | "as_expression"
            | "satisfies_expression" => node.named_child(0),
            _ => None,
        };
        match inner {
            Some(inner) => node = inner,
            None => return false,
        }
    }
}

/// `require("…")` and `import("…")`.
fn is_outside_call(context: &Context<'_>, call: Node<'_>) -> bool {
    let called = call.child_by_field_name("function");
    let imports = called.is_some_and(|called| matches!(context.said(called), "require" | "import"));
    let first = call
        .child_by_field_name("arguments")
        .and_then(|arguments| arguments.named_child(0));
    imports && first.is_some_and(|first| is_outside_specifier(context, first))
}
