//! The list of all routes, `src/routes/index.js`: which style it is written in, what it calls the router,
//! and where a route goes into it.

use tree_sitter::{Node, Tree};

use super::RouteError;
use super::plan::{Style, Words};
use super::source::{after_line, before_comments, binds, export_of_common_js, line_end, tree};
use crate::syntax::{parts, said, splice, walk};

/// A list of routes that was understood.
pub(super) struct List {
    tree: Tree,
    style: Style,
    router: String,
}

/// Reads the list.
pub(super) fn read(path: &str, text: &str) -> Result<(Style, List), RouteError> {
    let refuse = |why: &str| {
        Err(RouteError::Style {
            path: path.to_owned(),
            why: why.to_owned(),
        })
    };
    let tree = tree(path, text)?;
    let statements = parts(tree.root_node());
    let is_module = statements
        .iter()
        .any(|it| matches!(it.kind(), "import_statement" | "export_statement"));
    let is_common = statements
        .iter()
        .any(|it| export_of_common_js(*it, text).is_some());
    let style = match (is_common, is_module) {
        (true, true) => return refuse("has both `export` and `module.exports`"),
        (_, true) => Style::EsModule,
        (true, false) => Style::CommonJs,
        (false, false) => return refuse("exports nothing"),
    };
    let Some(router) = router(&statements, text)
        .or_else(|| binds(tree.root_node(), text, "router").then(|| "router".to_owned()))
    else {
        return refuse("declares no `router` that it exports");
    };
    Ok((
        style,
        List {
            tree,
            style,
            router,
        },
    ))
}

/// What the list calls the router: the variable on the outermost level that it exports, when that is
/// one alone, or `router` among several.
fn router(statements: &[Node<'_>], text: &str) -> Option<String> {
    let exported = statements.iter().find_map(|it| {
        let value = match it.kind() {
            "export_statement" => it.child_by_field_name("value")?,
            _ => {
                export_of_common_js(*it, text)
                    .filter(|(left, _)| left == "module.exports")?
                    .1
            }
        };
        (value.kind() == "identifier").then(|| said(value, text))
    })?;
    let is_variable = statements.iter().any(|it| {
        matches!(it.kind(), "lexical_declaration" | "variable_declaration")
            && parts(*it).into_iter().any(|declarator| {
                declarator
                    .child_by_field_name("name")
                    .is_some_and(|name| said(name, text) == exported)
            })
    });
    is_variable.then(|| exported.to_owned())
}

impl List {
    /// The list with the route in it.
    pub(super) fn with_route(
        &self,
        words: &Words<'_>,
        path: &str,
        text: &str,
    ) -> Result<String, RouteError> {
        let root = self.tree.root_node();
        let source = format!("./{}", words.route.name());
        let call = self.call(words, text);
        let mut edits = Vec::new();
        match statement_that_takes(root, text, &words.register) {
            Some(from) if is_same_source(&from, &source) => {}
            Some(from) => {
                return Err(RouteError::Conflict {
                    path: path.to_owned(),
                    why: format!("takes `{}` from {from} already", words.register),
                });
            }
            None if binds(root, text, &words.register) => {
                return Err(RouteError::Conflict {
                    path: path.to_owned(),
                    why: format!("has a `{}` of its own", words.register),
                });
            }
            None => edits.push(self.import(words, &source, text, call.0)),
        }
        if !is_called(root, text, &words.register) {
            edits.push(call);
        }
        let end = line_end(text);
        let edits = edits
            .into_iter()
            .map(|(at, more)| (at..at, more.replace('\n', end)))
            .collect();
        Ok(splice(text, edits))
    }

    /// The call, and where it goes: below the calls of other routes, or else above the first export
    /// that comes after the router.
    fn call(&self, words: &Words<'_>, text: &str) -> (usize, String) {
        let statements = parts(self.tree.root_node());
        let declared = statements
            .iter()
            .position(|it| declares(*it, text, &self.router))
            .unwrap_or(0);
        let export = statements.iter().skip(declared + 1).find(|it| {
            let has_no_declaration = || it.child_by_field_name("declaration").is_none();
            export_of_common_js(**it, text).is_some()
                || (it.kind() == "export_statement" && has_no_declaration())
        });
        let call = format!("{}({});\n", words.register, self.router);
        let Some(export) = export else {
            let lead = if text.ends_with('\n') { "" } else { "\n" };
            return (text.len(), format!("{lead}\n{call}"));
        };
        let at = before_comments(text, *export);
        let above = statements
            .iter()
            .rev()
            .find(|it| it.end_byte() <= at)
            .filter(|it| is_register_call(**it, text));
        match above.map(|above| after_line(text, *above)) {
            Some((after, false)) if after <= at => (after, call),
            _ => (at, format!("{call}\n")),
        }
    }

    /// The line that takes the route's function, and where it goes: below the others like it that come
    /// before the call.
    fn import(
        &self,
        words: &Words<'_>,
        source: &str,
        text: &str,
        call_at: usize,
    ) -> (usize, String) {
        let line = match self.style {
            Style::CommonJs => format!("const {{ {} }} = require('{source}');\n", words.register),
            Style::EsModule => format!("import {{ {} }} from '{source}.js';\n", words.register),
        };
        let statements = parts(self.tree.root_node());
        let is_before = |it: &&Node<'_>| after_line(text, **it).0 <= call_at;
        let last = statements
            .iter()
            .filter(is_before)
            .rfind(|it| imports(**it, text));
        if let Some(last) = last {
            return (after_line(text, *last).0, line);
        }
        let leads = |it: &&Node<'_>| it.kind() == "hash_bang_line" || is_directive(**it);
        match statements.iter().take_while(leads).filter(is_before).last() {
            Some(lead) => (after_line(text, *lead).0, format!("\n{line}")),
            None => {
                let bom = if text.starts_with('\u{feff}') {
                    '\u{feff}'.len_utf8()
                } else {
                    0
                };
                (bom, format!("{line}\n"))
            }
        }
    }
}

fn is_directive(statement: Node<'_>) -> bool {
    statement.kind() == "expression_statement"
        && statement
            .named_child(0)
            .is_some_and(|it| it.kind() == "string")
}

/// Whether a statement takes something from another module, before anything else runs.
fn imports(statement: Node<'_>, text: &str) -> bool {
    match statement.kind() {
        "import_statement" => true,
        "lexical_declaration" | "variable_declaration" => parts(statement)
            .into_iter()
            .any(|it| required(it, text).is_some()),
        _ => false,
    }
}

/// What `… = require('…')` names.
fn required(declarator: Node<'_>, text: &str) -> Option<String> {
    let mut value = declarator.child_by_field_name("value")?;
    while value.kind() == "member_expression" {
        value = value.child_by_field_name("object")?;
    }
    let is_require = value.kind() == "call_expression"
        && said(value.child_by_field_name("function")?, text) == "require";
    let first = value.child_by_field_name("arguments")?.named_child(0)?;
    is_require.then(|| unquoted(said(first, text)))
}

fn unquoted(string: &str) -> String {
    string.trim_matches(['\'', '"', '`']).to_owned()
}

/// Where the list takes that name from, when it does.
fn statement_that_takes(root: Node<'_>, text: &str, name: &str) -> Option<String> {
    let says = |node: Node<'_>| {
        walk(node).any(|leaf| {
            matches!(
                leaf.kind(),
                "identifier" | "shorthand_property_identifier_pattern"
            ) && said(leaf, text) == name
        })
    };
    parts(root)
        .into_iter()
        .find_map(|statement| match statement.kind() {
            "import_statement" if says(statement) => Some(unquoted(said(
                statement.child_by_field_name("source")?,
                text,
            ))),
            "lexical_declaration" | "variable_declaration" => {
                parts(statement).into_iter().find_map(|declarator| {
                    let pattern = declarator.child_by_field_name("name")?;
                    required(declarator, text).filter(|_| says(pattern))
                })
            }
            _ => None,
        })
}

fn is_same_source(from: &str, source: &str) -> bool {
    from.strip_suffix(".js").unwrap_or(from) == source
}

/// Whether the list calls that function on its outermost level.
fn is_called(root: Node<'_>, text: &str, name: &str) -> bool {
    parts(root)
        .into_iter()
        .any(|statement| called(statement, text).is_some_and(|called| called == name))
}

fn is_register_call(statement: Node<'_>, text: &str) -> bool {
    called(statement, text)
        .is_some_and(|name| name.starts_with("register") && name.ends_with("Route"))
}

fn called<'a>(statement: Node<'_>, text: &'a str) -> Option<&'a str> {
    let call = statement.named_child(0).filter(|it| {
        statement.kind() == "expression_statement" && it.kind() == "call_expression"
    })?;
    Some(said(call.child_by_field_name("function")?, text))
}

fn declares(statement: Node<'_>, text: &str, name: &str) -> bool {
    let declaration = match statement.kind() {
        "export_statement" => statement.child_by_field_name("declaration"),
        _ => Some(statement),
    };
    declaration.is_some_and(|declaration| {
        matches!(
            declaration.kind(),
            "lexical_declaration" | "variable_declaration"
        ) && parts(declaration).into_iter().any(|it| {
            it.child_by_field_name("name")
                .is_some_and(|named| said(named, text) == name)
        })
    })
}
