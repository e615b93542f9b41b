//! What belongs to something outside in Rust: what is used from other crates, and paths and fields of it.

use tree_sitter::Node;

use super::role::{Beside, Context, Role, is_field};
use crate::syntax::{children, walk};

/// Crates that are always there.
const STANDARD: [&str; 4] = ["std", "core", "alloc", "proc_macro"];

/// Notes what the file calls that which it uses from other crates.
pub(super) fn learn(context: &mut Context<'_>, root: Node<'_>) {
    let uses = walk(root).filter(|node| node.kind() == "use_declaration");
    for node in uses.flat_map(walk) {
        if node.kind() == "self" {
            // `use std::fs::{self, File}`
            let list = node.parent().filter(|list| list.kind() == "use_list");
            let path = list.and_then(|list| list.parent()?.child_by_field_name("path"));
            if let Some(path) = path
                && let Some(last) = last_segment(path)
                && is_outside_root(
                    context,
                    context.said(first_segment(path)),
                    context.said(last),
                )
            {
                let name = context.said(last);
                context.outside.insert(name);
            }
            continue;
        }
        if node.kind() != "identifier" {
            continue;
        }
        if let Some(Used { bound: true, first }) = used(context, node)
            && is_outside_root(context, first, context.said(node))
        {
            let name = context.said(node);
            context.outside.insert(name);
        } else if let Some(parent) = node.parent()
            && parent.kind() == "use_as_clause"
            && is_field(parent, "alias", node)
        {
            let path = parent.child_by_field_name("path");
            let last = path.and_then(last_segment);
            if let Some(last) = last
                && let Some(Used { first, .. }) = used(context, last)
                && is_outside_root(context, first, context.said(last))
            {
                let name = context.said(node);
                context.outside.insert(name);
            }
        }
    }
}

pub(super) fn role(context: &Context<'_>, node: Node<'_>) -> Option<Role> {
    let parent = node.parent()?;
    if in_use(node).is_some() {
        return in_use_role(context, parent, node);
    }
    match parent.kind() {
        "mod_item" => (is_field(parent, "name", node)
            && parent.child_by_field_name("body").is_none())
        .then_some(Role::Module),
        "extern_crate_declaration" => match parent.child_by_field_name("alias") {
            None => Some(Role::Bound(Beside::As)),
            Some(_) => is_field(parent, "name", node).then_some(Role::Outside),
        },
        "scoped_identifier" | "scoped_type_identifier" => {
            let path = parent.child_by_field_name("path")?;
            (is_field(parent, "name", node) && is_outside_path(context, path))
                .then_some(Role::Outside)
        }
        "token_tree" => {
            let first = first_in_tokens(node)?;
            let name = context.said(first);
            (STANDARD.contains(&name) || context.outside.contains(name)).then_some(Role::Outside)
        }
        "field_initializer" => {
            let expression = parent.parent()?.parent()?;
            (is_field(parent, "field", node) && is_outside_struct(context, expression, "name"))
                .then_some(Role::Outside)
        }
        "shorthand_field_initializer" => {
            is_outside_struct(context, parent.parent()?.parent()?, "name")
                .then_some(Role::Bound(Beside::Colon))
        }
        "field_pattern" if is_field(parent, "name", node) => {
            if !is_outside_struct(context, parent.parent()?, "type") {
                return None;
            }
            Some(if node.kind() == "shorthand_field_identifier" {
                Role::Bound(Beside::Colon)
            } else {
                Role::Outside
            })
        }
        _ => None,
    }
}

fn in_use_role(context: &Context<'_>, parent: Node<'_>, node: Node<'_>) -> Option<Role> {
    if parent.kind() == "use_as_clause" && is_field(parent, "alias", node) {
        let last = parent.child_by_field_name("path").and_then(last_segment)?;
        let first = used(context, last)?.first;
        let same = context.said(last) == context.other;
        return (same && is_outside_root(context, first, context.said(last)))
            .then(|| Role::Again(last.start_byte()..node.end_byte()));
    }
    let Used { first, bound } = used(context, node)?;
    if !is_outside_root(context, first, context.said(node)) {
        return None;
    }
    Some(if bound {
        Role::Bound(Beside::As)
    } else {
        Role::Outside
    })
}

/// How a name is used in a `use`.
struct Used<'a> {
    /// The first part of the path that it is in.
    first: &'a str,
    /// Whether the file knows it by this name.
    bound: bool,
}

fn used<'a>(context: &Context<'a>, node: Node<'_>) -> Option<Used<'a>> {
    let mut bound = true;
    let mut first = node;
    let mut below = node;
    let mut parent = node.parent()?;
    loop {
        match parent.kind() {
            "scoped_identifier" | "scoped_use_list" => {
                if is_field(parent, "path", below) {
                    bound = false;
                } else if let Some(path) = parent.child_by_field_name("path") {
                    first = first_segment(path);
                }
            }
            "use_as_clause" => {
                if is_field(parent, "alias", below) {
                    return None;
                }
                bound = false;
            }
            "use_wildcard" => bound = false,
            "use_list" => {}
            "use_declaration" => {
                return Some(Used {
                    first: context.said(first),
                    bound,
                });
            }
            _ => return None,
        }
        below = parent;
        parent = parent.parent()?;
    }
}

fn in_use(node: Node<'_>) -> Option<Node<'_>> {
    let mut parent = node.parent()?;
    loop {
        match parent.kind() {
            "use_declaration" => return Some(parent),
            "scoped_identifier" | "scoped_use_list" | "use_as_clause" | "use_wildcard"
            | "use_list" => {
                parent = parent.parent()?;
            }
            _ => return None,
        }
    }
}

fn first_segment(path: Node<'_>) -> Node<'_> {
    let mut node = path;
    while let Some(inner) = node.child_by_field_name("path") {
        node = inner;
    }
    node.child_by_field_name("name").unwrap_or(node)
}

fn last_segment(path: Node<'_>) -> Option<Node<'_>> {
    match path.kind() {
        "scoped_identifier" => path.child_by_field_name("name"),
        _ => Some(path),
    }
}

/// Whether a path of a `use` that begins so leads to another crate.
fn is_outside_root(context: &Context<'_>, first: &str, name: &str) -> bool {
    if matches!(first, "crate" | "self" | "super" | "Self") {
        return false;
    }
    if STANDARD.contains(&first) {
        return true;
    }
    let project = context.project;
    let by_manifest = match project.crates.is_empty() {
        // Nothing says what the crates are called: what is declared here is taken to be meant.
        true => project.rust_items.contains(name),
        false => project.crates.contains(first),
    };
    !(project.rust_items.contains(first) || by_manifest)
}

/// Whether a path outside of a `use` leads to another crate.
fn is_outside_path(context: &Context<'_>, path: Node<'_>) -> bool {
    let mut node = path;
    loop {
        let inner = match node.kind() {
            "scoped_identifier" | "scoped_type_identifier" => node.child_by_field_name("path"),
            "generic_type" | "generic_type_with_turbofish" => node.child_by_field_name("type"),
            "bracketed_type" => node.named_child(0),
            _ => None,
        };
        match inner {
            Some(inner) => node = inner,
            None => break,
        }
    }
    let first = context.said(node);
    STANDARD.contains(&first) || context.outside.contains(first)
}

/// Whether a struct that is made or taken apart is another crate's.
fn is_outside_struct(context: &Context<'_>, node: Node<'_>, field: &str) -> bool {
    node.child_by_field_name(field)
        .is_some_and(|path| is_outside_path(context, path))
}

/// The first part of the path that a token belongs to, when it is not the first itself.
fn first_in_tokens(node: Node<'_>) -> Option<Node<'_>> {
    let tokens = children(node.parent()?);
    let mut at = tokens.iter().position(|token| *token == node)?;
    let mut first = None;
    while let [.., before, separator] = tokens.get(..at)?
        && separator.kind() == "::"
        && matches!(before.kind(), "identifier" | "self" | "super" | "crate")
    {
        first = Some(*before);
        at -= 2;
    }
    first
}
