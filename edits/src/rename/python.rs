//! What belongs to something outside in Python: what is imported from modules that are not given, members
//! of it, and the keywords of its calls. Names in an import that are names of files stay as well.

use tree_sitter::Node;

use super::project::Taken;
use super::role::{Beside, Context, Role, is_field};
use crate::syntax::{children, walk};

/// Types that are always there; their members are theirs.
const BUILTINS: [&str; 13] = [
    "bool",
    "bytearray",
    "bytes",
    "complex",
    "dict",
    "float",
    "frozenset",
    "int",
    "list",
    "object",
    "set",
    "str",
    "tuple",
];

/// Notes what the file calls that which it takes from outside.
pub(super) fn learn(context: &mut Context<'_>, root: Node<'_>) {
    for node in walk(root) {
        let from = match node.kind() {
            "import_statement" => None,
            "import_from_statement" => match node.child_by_field_name("module_name") {
                Some(module) => Some(module),
                None => continue,
            },
            _ => continue,
        };
        let mut cursor = node.walk();
        for imported in node.children_by_field_name("name", &mut cursor) {
            let name = imported.child_by_field_name("name").unwrap_or(imported);
            let said = context.said(name);
            let is_outside = match from {
                None => !context.project.has_python(said),
                Some(module) => taken(context, module, said) == Taken::Outside,
            };
            if is_outside {
                let alias = imported.child_by_field_name("alias");
                let first = said.split('.').next().unwrap_or(said).trim();
                let bound = alias.map_or(first, |alias| context.said(alias));
                context.outside.insert(bound);
            }
        }
    }
}

pub(super) fn role(context: &Context<'_>, node: Node<'_>) -> Option<Role> {
    let parent = node.parent()?;
    match parent.kind() {
        "dotted_name" => imported(context, parent, node),
        "aliased_import" => alias(context, parent, node),
        "attribute" => {
            let of = parent.child_by_field_name("object")?;
            (is_field(parent, "attribute", node) && is_outside(context, of))
                .then_some(Role::Outside)
        }
        "keyword_argument" if is_field(parent, "name", node) => {
            let call = parent.parent()?.parent()?;
            let called = call.child_by_field_name("function")?;
            // A format says the names of its arguments in a string, and strings stay.
            let formats = called
                .child_by_field_name("attribute")
                .is_some_and(|name| context.said(name) == "format");
            (formats || is_outside(context, called)).then_some(Role::Outside)
        }
        _ => None,
    }
}

/// A name in an import, which may be that of a module.
fn imported(context: &Context<'_>, dotted: Node<'_>, node: Node<'_>) -> Option<Role> {
    let mut statement = dotted.parent()?;
    let aliased = statement.kind() == "aliased_import";
    if aliased {
        statement = statement.parent()?;
    }
    match statement.kind() {
        "import_statement" if aliased => Some(Role::Outside),
        "import_statement" => {
            let is_first = dotted.named_child(0) == Some(node);
            let alone = dotted.named_child_count() == 1;
            let is_outside = !context.project.has_python(context.said(dotted));
            Some(match (is_first, alone) {
                (true, true) => Role::Bound(Beside::As),
                (false, _) if is_outside => Role::Outside,
                _ => Role::Module,
            })
        }
        "import_from_statement" => {
            let module = statement.child_by_field_name("module_name")?;
            if module == dotted {
                return Some(Role::Outside);
            }
            match taken(context, module, context.said(dotted)) {
                Taken::Inside => None,
                Taken::Module | Taken::Outside if aliased => Some(Role::Outside),
                Taken::Module | Taken::Outside => Some(Role::Bound(Beside::As)),
            }
        }
        // `from .A import b`, and `from __future__ import A`.
        "relative_import" | "future_import_statement" => Some(Role::Outside),
        _ => None,
    }
}

/// The name that an import gives: `import name as A`.
fn alias(context: &Context<'_>, aliased: Node<'_>, node: Node<'_>) -> Option<Role> {
    let name = aliased.child_by_field_name("name")?;
    let statement = aliased.parent()?;
    let is_inside = match statement.child_by_field_name("module_name") {
        Some(module) => taken(context, module, context.said(name)) == Taken::Inside,
        None => false,
    };
    let same = context.said(name) == context.other;
    (is_field(aliased, "alias", node) && same && !is_inside)
        .then(|| Role::Again(aliased.byte_range()))
}

fn taken(context: &Context<'_>, module: Node<'_>, name: &str) -> Taken {
    let module: String = match module.kind() {
        "relative_import" => children(module)
            .into_iter()
            .map(|part| context.said(part))
            .collect(),
        _ => context.said(module).to_owned(),
    };
    let module: String = module.split_whitespace().collect();
    context.project.python_taken(context.path, &module, name)
}

/// Whether a value is from outside: what a file imports, or a member of it.
fn is_outside(context: &Context<'_>, value: Node<'_>) -> bool {
    let mut node = value;
    loop {
        match node.kind() {
            "identifier" => {
                let name = context.said(node);
                return context.outside.contains(name) || BUILTINS.contains(&name);
            }
            "attribute" => match node.child_by_field_name("object") {
                Some(object) => node = object,
                None => return false,
            },
            _ => return false,
        }
    }
}
