//! What belongs to something outside in Go: what packages that are not given export, and the names of
//! those packages.

use tree_sitter::Node;

use super::role::{Context, Role, is_field};
use crate::syntax::walk;

/// Notes what the file calls the packages that it takes from outside.
pub(super) fn learn(context: &mut Context<'_>, root: Node<'_>) {
    for spec in walk(root).filter(|node| node.kind() == "import_spec") {
        let Some(path) = import_path(context, spec) else {
            continue;
        };
        if !context.project.has_go(path) {
            let name = match spec.child_by_field_name("name") {
                Some(name) => context.said(name),
                None => package_name(path),
            };
            context.outside.insert(name);
        }
    }
}

pub(super) fn role(context: &Context<'_>, node: Node<'_>) -> Option<Role> {
    let parent = node.parent()?;
    match parent.kind() {
        "selector_expression" => {
            let operand = parent.child_by_field_name("operand")?;
            (is_field(parent, "field", node) && is_outside(context, operand))
                .then_some(Role::Outside)
        }
        "qualified_type" => {
            let package = parent.child_by_field_name("package")?;
            (is_field(parent, "name", node) && is_outside(context, package))
                .then_some(Role::Outside)
        }
        "import_spec" => {
            let path = import_path(context, parent)?;
            let same = package_name(path) == context.other && !context.project.has_go(path);
            let string = parent.child_by_field_name("path")?;
            same.then(|| Role::Again(node.start_byte()..string.start_byte()))
        }
        "literal_element" => key_of_outside(context, parent, node),
        _ => None,
    }
}

/// The places before which an import needs the new name, because the package keeps the old one.
pub(super) fn unnamed_imports(context: &Context<'_>, root: Node<'_>, name: &str) -> Vec<usize> {
    walk(root)
        .filter(|spec| spec.kind() == "import_spec" && spec.child_by_field_name("name").is_none())
        .filter(|spec| {
            import_path(context, *spec)
                .is_some_and(|path| package_name(path) == name && !context.project.has_go(path))
        })
        .map(|spec| spec.start_byte())
        .collect()
}

fn import_path<'a>(context: &Context<'a>, spec: Node<'_>) -> Option<&'a str> {
    let path = spec.child_by_field_name("path")?;
    Some(context.said(path).trim_matches(['"', '`']))
}

/// What a package is called by default: the last part of its path, versions aside.
fn package_name(path: &str) -> &str {
    let is_version = |part: &str| {
        part.strip_prefix('v')
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit()))
    };
    let mut parts = path.rsplit('/');
    let last = parts.next().unwrap_or(path);
    if is_version(last) {
        return parts.next().unwrap_or(last);
    }
    last.split_once(".v").map_or(last, |(name, _)| name)
}

fn is_outside(context: &Context<'_>, node: Node<'_>) -> bool {
    context.outside.contains(context.said(node))
}

/// The key in a literal of a type that another package exports: its field. Keys that begin in lower
/// case can only be variables, since such fields cannot be seen from here.
fn key_of_outside(context: &Context<'_>, element: Node<'_>, node: Node<'_>) -> Option<Role> {
    let keyed = element.parent()?;
    if keyed.kind() != "keyed_element" || keyed.named_child(0) != Some(element) {
        return None;
    }
    let literal = keyed.parent()?.parent()?;
    let kind = literal.child_by_field_name("type")?;
    let package = kind.child_by_field_name("package")?;
    let exported = context.said(node).starts_with(char::is_uppercase);
    (exported && kind.kind() == "qualified_type" && is_outside(context, package))
        .then_some(Role::Outside)
}
