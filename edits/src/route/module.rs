//! The file of a route, `src/routes/NAME.js`: a function that puts its methods on the router.

use tree_sitter::Node;

use super::plan::{Style, Words};
use super::source::{after_line, function, indent, tree, with};
use super::{METHODS, RouteError};
use crate::syntax::{parts, said, walk};

/// The file as it begins.
pub(super) fn written(words: &Words<'_>) -> String {
    let Words {
        route,
        register,
        handler,
        ..
    } = words;
    let (name, method) = (route.name(), route.method());
    let source = format!("../controllers/{name}_controller");
    let body = format!(
        "/** Puts /{name} on the router. */\n\
         {export}function {register}(router) {{\n  router.{method}('/{name}', controller.{handler});\n}}\n",
        export = match words.style {
            Style::CommonJs => "",
            Style::EsModule => "export ",
        },
    );
    match words.style {
        Style::CommonJs => format!(
            "'use strict';\n\nconst controller = require('{source}');\n\n{body}\nmodule.exports = {{ {register} }};\n"
        ),
        Style::EsModule => format!("import * as controller from '{source}.js';\n\n{body}"),
    }
}

/// The file with the method in it, besides those that it has.
pub(super) fn with_method(words: &Words<'_>, path: &str, text: &str) -> Result<String, RouteError> {
    let tree = tree(path, text)?;
    let registered = registered(words, path, text, tree.root_node())?;
    let method = words.route.method();
    if registered.iter().any(|it| it.method == method) {
        return Ok(text.to_owned());
    }
    let refuse = |why: String| {
        Err(RouteError::Conflict {
            path: path.to_owned(),
            why,
        })
    };
    let name = words.route.name();
    let Some(last) = registered.last() else {
        return refuse(format!("registers no method of /{name}"));
    };
    let Some(controller) = last.handler_of else {
        return refuse(format!(
            "takes the handlers of /{name} from nowhere that is known"
        ));
    };
    let (at, unended) = after_line(text, last.statement);
    let lead = if unended { "\n" } else { "" };
    let indent = indent(text, last.statement);
    let (router, handler) = (last.router, &words.handler);
    let line = format!("{lead}{indent}{router}.{method}('/{name}', {controller}.{handler});\n");
    Ok(with(text, at, &line))
}

/// The methods that the file puts on the router.
pub(super) fn methods(
    words: &Words<'_>,
    path: &str,
    text: &str,
) -> Result<Vec<&'static str>, RouteError> {
    let tree = tree(path, text)?;
    let registered = registered(words, path, text, tree.root_node())?;
    Ok(registered.into_iter().map(|it| it.method).collect())
}

/// `router.get('/users', controller.getUsers);`
struct Registered<'t, 'a> {
    statement: Node<'t>,
    router: &'a str,
    method: &'static str,
    /// What the handler is a member of.
    handler_of: Option<&'a str>,
}

fn registered<'t, 'a>(
    words: &Words<'_>,
    path: &str,
    text: &'a str,
    root: Node<'t>,
) -> Result<Vec<Registered<'t, 'a>>, RouteError> {
    let Some((_, function)) = function(root, text, &words.register) else {
        return Err(RouteError::Conflict {
            path: path.to_owned(),
            why: format!("has no function `{}`", words.register),
        });
    };
    let wanted = format!("/{}", words.route.name());
    let found = walk(function).filter_map(|statement| {
        let call = statement.named_child(0).filter(|it| {
            statement.kind() == "expression_statement" && it.kind() == "call_expression"
        })?;
        let called = call.child_by_field_name("function")?;
        let property = said(called.child_by_field_name("property")?, text);
        let method = METHODS.into_iter().find(|method| *method == property)?;
        let arguments = parts(call.child_by_field_name("arguments")?);
        let path = said(*arguments.first()?, text).trim_matches(['\'', '"', '`']);
        let handler = arguments.last()?;
        (path == wanted).then(|| Registered {
            statement,
            router: called
                .child_by_field_name("object")
                .map_or("router", |it| said(it, text)),
            method,
            handler_of: handler
                .child_by_field_name("object")
                .map(|it| said(it, text)),
        })
    });
    Ok(found.collect())
}
