//! The handlers of a route, `src/controllers/NAME_controller.js`. What stands between `ORKET:USER-START`
//! and `ORKET:USER-END`, as all else that a person wrote, is never changed; only the comment above a
//! handler is ours, and follows the schema.

use tree_sitter::Node;

use super::RouteError;
use super::plan::{Style, Words};
use super::schema::Field;
use super::source::{
    after_line, before_comments, export_of_common_js, function, line_end, tree, with,
};
use crate::syntax::{parts, said, splice};

/// The file as it begins.
pub(super) fn written(words: &Words<'_>) -> String {
    let block = block(words);
    match words.style {
        Style::CommonJs => format!(
            "'use strict';\n\n{block}\nmodule.exports = {{ {} }};\n",
            words.handler
        ),
        Style::EsModule => block,
    }
}

/// The file with the handler in it, and the comment above it as the schema is.
pub(super) fn with_handler(
    words: &Words<'_>,
    path: &str,
    text: &str,
    notes: &mut Vec<String>,
) -> Result<String, RouteError> {
    let tree = tree(path, text)?;
    let root = tree.root_node();
    match function(root, text, &words.handler) {
        Some((statement, _)) => Ok(with_comment(words, path, text, statement, notes)),
        None => with_block(words, path, text, root),
    }
}

/// The comment and the function.
fn block(words: &Words<'_>) -> String {
    let handler = &words.handler;
    let export = match words.style {
        Style::CommonJs => "",
        Style::EsModule => "export ",
    };
    format!(
        "{comment}\n\
         {export}function {handler}(request, response) {{\n  \
           // ORKET:USER-START {handler}\n  \
           response.statusCode = 501;\n  \
           response.setHeader('content-type', 'application/json; charset=utf-8');\n  \
           response.end(JSON.stringify({{ error: 'not implemented' }}));\n  \
           // ORKET:USER-END {handler}\n\
         }}\n",
        comment = comment(words),
    )
}

/// The comment, whose first lines tell ours from others.
fn comment(words: &Words<'_>) -> String {
    let route = words.route;
    let mut told = format!("{}\n * A request has:\n *\n", first_line(words));
    for field in route.schema().fields() {
        told.push_str(&format!(
            " * @property {{{}}} {} {}\n",
            script_type(field),
            field.name,
            field.kind
        ));
    }
    told.push_str(" */");
    told
}

fn first_line(words: &Words<'_>) -> String {
    let method = words.route.method().to_uppercase();
    format!("/**\n * {method} /{}\n *", words.route.name())
}

/// The type as JSDoc has it.
fn script_type(field: &Field) -> String {
    let (kind, list) = match field.kind.strip_suffix("[]") {
        Some(kind) => (kind, "[]"),
        None => (field.kind.as_str(), ""),
    };
    let told = match kind {
        "int" | "integer" | "number" | "float" => "number",
        "bool" | "boolean" => "boolean",
        "json" => "object",
        "any" => "*",
        // Dates and UUIDs come as text.
        _ => "string",
    };
    format!("{told}{list}")
}

fn with_comment(
    words: &Words<'_>,
    path: &str,
    text: &str,
    statement: Node<'_>,
    notes: &mut Vec<String>,
) -> String {
    let end = line_end(text);
    let told = comment(words).replace('\n', end);
    let lead = first_line(words).replace('\n', end);
    let above = statement.prev_sibling().filter(|it| it.kind() == "comment");
    match above {
        Some(comment) if said(comment, text).starts_with(&lead) => {
            splice(text, vec![(comment.byte_range(), told)])
        }
        _ => {
            notes.push(format!(
                "{path}: the comment above `{}` is not Orket's, and stays as it is",
                words.handler
            ));
            text.to_owned()
        }
    }
}

fn with_block(
    words: &Words<'_>,
    path: &str,
    text: &str,
    root: Node<'_>,
) -> Result<String, RouteError> {
    let block = block(words);
    let statements = parts(root);
    if words.style == Style::EsModule {
        let lead = if text.ends_with('\n') { "\n" } else { "\n\n" };
        return Ok(with(text, text.len(), &format!("{lead}{block}")));
    }
    let export = statements.iter().find_map(|it| {
        let (left, value) = export_of_common_js(*it, text)?;
        (left == "module.exports" && value.kind() == "object").then_some((*it, value))
    });
    let Some((export, object)) = export else {
        return Err(RouteError::Conflict {
            path: path.to_owned(),
            why: "has no `module.exports = { … }` that a handler could be added to".to_owned(),
        });
    };
    let handler = &words.handler;
    let members = parts(object);
    let Some(last) = members.last() else {
        let told = splice(
            text,
            vec![(object.byte_range(), format!("{{ {handler} }}"))],
        );
        return Ok(with(
            &told,
            before_comments(text, export),
            &format!("{block}\n"),
        ));
    };
    // A member on a line of its own gets one below it.
    let own_line = last.start_position().row > object.start_position().row;
    let at = last.end_byte();
    let told = if own_line {
        let comma = text
            .get(at..)
            .is_some_and(|rest| rest.trim_start().starts_with(','));
        let indent = super::source::indent(text, *last);
        let (line, _) = after_line(text, *last);
        if comma {
            with(text, line, &format!("{indent}{handler},\n"))
        } else {
            with(text, at, &format!(",\n{indent}{handler}"))
        }
    } else {
        with(text, at, &format!(", {handler}"))
    };
    Ok(with(
        &told,
        before_comments(text, export),
        &format!("{block}\n"),
    ))
}
