//! The line format that older prompts taught, read only when a reply holds no JSON call:
//!
//! ```text
//! [write_file]            or    TOOL: write_file
//! path: notes/a.txt
//! content:
//! every line down to the next header, `[/write_file]` or the end
//! ```

use serde_json::{Map, Value, json};

use super::diagnostic::Notes;
use crate::tool::ToolCall;
use crate::tool_catalogue::{ADD_ISSUE_COMMENT, CREATE_ISSUE, GET_ISSUE_CONTEXT, WRITE_FILE};

/// A tool of the format: its name, its one-line arguments, the argument that takes the rest, and
/// those it needs.
struct Form {
    tool: &'static str,
    lines: &'static [&'static str],
    rest: Option<&'static str>,
    needed: &'static [&'static str],
}

const FORMS: [Form; 4] = [
    Form {
        tool: WRITE_FILE,
        lines: &["path"],
        rest: Some("content"),
        needed: &["path", "content"],
    },
    Form {
        tool: CREATE_ISSUE,
        lines: &["seat", "summary", "type", "priority"],
        rest: None,
        needed: &["seat", "summary"],
    },
    Form {
        tool: ADD_ISSUE_COMMENT,
        lines: &["issue_id"],
        rest: Some("comment"),
        needed: &["comment"],
    },
    Form {
        tool: GET_ISSUE_CONTEXT,
        lines: &["issue_id"],
        rest: None,
        needed: &[],
    },
];

/// Takes the calls out of `text`; what stands outside them is added to `outside`.
pub(super) fn take_calls(text: &str, outside: &mut String, notes: &mut Notes) -> Vec<ToolCall> {
    let mut calls = Vec::new();
    let mut open: Option<Open> = None;
    for line in text.lines() {
        if let Some(form) = header(line) {
            finish(open.take(), &mut calls, notes);
            open = Some(Open::new(form));
        } else if open.as_ref().is_some_and(|block| is_end(line, block.form)) {
            finish(open.take(), &mut calls, notes);
        } else if let Some(block) = &mut open {
            block.line(line);
        } else {
            outside.push_str(line);
            outside.push('\n');
        }
    }
    finish(open, &mut calls, notes);
    calls
}

fn header(line: &str) -> Option<&'static Form> {
    let line = line.trim();
    let bracketed = line
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let inner = bracketed.unwrap_or(line).trim();
    let prefixed = inner
        .get(..5)
        .filter(|prefix| prefix.eq_ignore_ascii_case("tool:"))
        .and_then(|_| inner.get(5..));
    let name = match (bracketed, prefixed) {
        (_, Some(name)) => name.trim().trim_matches(['[', ']', '`']),
        (Some(_), None) => inner,
        (None, None) => return None,
    };
    FORMS.iter().find(|form| form.tool == name)
}

fn is_end(line: &str, form: &Form) -> bool {
    line.trim()
        .strip_prefix("[/")
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|name| name == form.tool || name.eq_ignore_ascii_case("tool"))
}

/// A block being read.
struct Open {
    form: &'static Form,
    args: Map<String, Value>,
    /// The lines of the argument that takes the rest, once it has begun.
    rest: Option<String>,
}

impl Open {
    fn new(form: &'static Form) -> Self {
        Self {
            form,
            args: Map::new(),
            rest: None,
        }
    }

    fn line(&mut self, line: &str) {
        if let Some(rest) = &mut self.rest {
            rest.push_str(line);
            rest.push('\n');
            return;
        }
        let Some((key, value)) = line.split_once(':') else {
            return;
        };
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
        if self.form.rest.is_some() && (key == "content" || Some(key.as_str()) == self.form.rest) {
            let mut rest = String::new();
            if !value.is_empty() {
                rest.push_str(value);
                rest.push('\n');
            }
            self.rest = Some(rest);
        } else if let Some(name) = self.form.lines.iter().find(|name| **name == key) {
            let value = value.trim_matches(['"', '\'', '`']);
            self.args.insert((*name).to_owned(), Value::from(value));
        }
    }
}

fn finish(open: Option<Open>, calls: &mut Vec<ToolCall>, notes: &mut Notes) {
    let Some(mut block) = open else {
        return;
    };
    if let (Some(name), Some(rest)) = (block.form.rest, block.rest.take()) {
        block
            .args
            .insert(name.to_owned(), Value::from(unfenced(&rest)));
    }
    let lacks = |name: &&&str| {
        block
            .args
            .get(**name)
            .and_then(Value::as_str)
            .is_none_or(str::is_empty)
    };
    if block.form.needed.iter().any(|name| lacks(&name)) {
        notes.add("dsl_block_rejected", || {
            json!({
                "tool": block.form.tool,
                "has_path": block.args.contains_key("path"),
                "has_content": block.form.rest.is_some_and(|name| block.args.contains_key(name)),
            })
        });
        return;
    }
    calls.push(ToolCall {
        tool: block.form.tool.to_owned(),
        args: block.args,
    });
}

/// The text without blank lines at its ends, and without a code fence that wraps all of it.
fn unfenced(text: &str) -> &str {
    let text = text.trim_start_matches('\n').trim_end();
    let inner = text
        .strip_prefix("```")
        .and_then(|rest| rest.strip_suffix("```"))
        .and_then(|rest| rest.split_once('\n'));
    match inner {
        Some((_, body)) => body.trim_end(),
        None => text,
    }
}
