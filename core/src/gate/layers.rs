//! iDesign: where source files lie, how they are called, and which layer may use which.
//!
//! Python is read by statements, with strings and comments left out; of other languages the lines that
//! bring something in. A file that does not parse is the verifier's to refuse.

use serde_json::Value;

use super::python::{class, imports, statements};
use super::{GateScope, RULE_IDESIGN, clip, refuse};
use crate::tool::ToolCall;
use crate::turn::Violation;

/// The folders that source files may lie in.
const FOLDERS: [&str; 12] = [
    "managers",
    "engines",
    "accessors",
    "utils",
    "controllers",
    "tests",
    "schemas",
    "models",
    "infrastructure",
    "services",
    "agent_output",
    "verification",
];

/// Endings of source files.
const SOURCES: [&str; 9] = ["py", "js", "ts", "jsx", "tsx", "rs", "go", "java", "cs"];

/// What the names in a folder must hold, and the layers that it may not use.
const LAYERS: [(&str, &str, &[&str]); 4] = [
    ("managers", "manager", &[]),
    ("engines", "engine", &["manager"]),
    ("accessors", "accessor", &["manager", "engine"]),
    ("controllers", "controller", &[]),
];

/// Checks a `write_file` to the normal path `path`.
pub(super) fn check(call: &ToolCall, path: &str, scope: &GateScope<'_>) -> Result<(), Violation> {
    let Some((stem, ending)) = file_name(path).rsplit_once('.') else {
        return Ok(());
    };
    if !scope.policy.idesign || !SOURCES.contains(&ending.to_lowercase().as_str()) {
        return Ok(());
    }
    let parts: Vec<&str> = path.split('/').collect();
    let top = parts.first().copied().unwrap_or_default().to_lowercase();
    if parts.len() < 2 || !FOLDERS.contains(&top.as_str()) {
        let message = format!(
            "write_file: under iDesign the source file {:?} must lie in one of: {}",
            clip(path),
            FOLDERS.join(", ")
        );
        return Err(refuse(RULE_IDESIGN, message, path));
    }
    let folders: Vec<String> = parts
        .iter()
        .rev()
        .skip(1)
        .map(|it| it.to_lowercase())
        .collect();
    let layer = LAYERS
        .iter()
        .find(|(folder, ..)| folders.iter().any(|it| it == folder));
    let Some((folder, fragment, closed)) = layer else {
        return Ok(());
    };
    let is_mark = ["__init__", "index", "mod"].contains(&stem);
    if !is_mark && !stem.to_lowercase().contains(fragment) {
        let message = format!(
            "write_file: under iDesign a source file in {folder}/ has `{fragment}` in its name, and \
             {:?} has not",
            clip(path)
        );
        return Err(refuse(RULE_IDESIGN, message, path));
    }
    let text = call
        .args
        .get("content")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let ending = ending.to_lowercase();
    let python = if ending == "py" || ending == "pyi" {
        statements(text)
    } else {
        Vec::new()
    };
    let names: Vec<&str> = if python.is_empty() {
        text.lines().filter_map(imported).collect()
    } else {
        python.iter().flat_map(|line| imports(line)).collect()
    };
    let used = names.into_iter().find_map(|name| {
        let name = name.to_lowercase();
        closed
            .iter()
            .find(|layer| name.contains(**layer))
            .map(|layer| (*layer, name))
    });
    if let Some((layer, name)) = used {
        let message = format!(
            "write_file: under iDesign what lies in {folder}/ uses no {layer}; {:?} does",
            clip(path)
        );
        return Err(refuse(RULE_IDESIGN, message, &name));
    }
    let mut classes = python.iter().filter_map(|line| class(line)).peekable();
    let first = classes.peek().map(|name| (*name).to_owned());
    let fits = |name: &str| name.to_lowercase().ends_with(fragment);
    match first {
        Some(first) if !classes.any(fits) => {
            let message = format!(
                "write_file: under iDesign one of the classes of a Python file in {folder}/ is a \
                 {fragment} by its name (such as {}{}); {:?} has none",
                first,
                capitalised(fragment),
                clip(path)
            );
            Err(refuse(RULE_IDESIGN, message, &format!("class {first}")))
        }
        Some(_) | None => Ok(()),
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// A line that brings in another module.
fn imported(line: &str) -> Option<&str> {
    let line = line.trim();
    let begins = |word: &str| {
        line.strip_prefix(word)
            .is_some_and(|it| it.starts_with(' '))
    };
    let brings = begins("import") || begins("from") || begins("use") || begins("using");
    (brings || line.contains("require(")).then_some(line)
}
