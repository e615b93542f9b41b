//! Placeholders, `{{name}}`, and what is put in their place: written so as the file's language reads it
//! back as it was given.

use std::collections::BTreeMap;

use super::{Blueprint, BlueprintError, Variable};

/// The longest value, in characters.
const LONGEST: usize = 200;

/// The value of every placeholder.
pub(super) fn values(
    blueprint: &Blueprint,
    project_name: &str,
    vars: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, BlueprintError> {
    let known = |name: &str| blueprint.variables.iter().any(|it| it.name == name);
    if let Some(name) = vars.keys().find(|name| !known(name)) {
        return Err(BlueprintError::Variable {
            name: name.clone(),
            blueprint: blueprint.name,
            known: blueprint.variables.iter().map(|it| it.name).collect(),
        });
    }
    let mut values = BTreeMap::from([("project_name".to_owned(), project_name.to_owned())]);
    for variable in blueprint.variables {
        let value = match vars.get(variable.name) {
            Some(value) => checked(variable, value)?,
            None => variable.default,
        };
        values.insert(variable.name.to_owned(), value.to_owned());
    }
    Ok(values)
}

fn checked<'v>(variable: &Variable, value: &'v str) -> Result<&'v str, BlueprintError> {
    let refuse = |why: &str| {
        Err(BlueprintError::Value {
            name: variable.name.to_owned(),
            why: why.to_owned(),
        })
    };
    if value.trim().is_empty() {
        return refuse("is empty");
    }
    if value.chars().any(char::is_control) {
        return refuse("has line breaks or other control characters");
    }
    if value.chars().count() > LONGEST {
        return refuse("is longer than 200 characters");
    }
    let is_number =
        !variable.default.is_empty() && variable.default.chars().all(|c| c.is_ascii_digit());
    if is_number
        && !value
            .parse::<u16>()
            .is_ok_and(|port| port > 0 && port.to_string() == value)
    {
        return refuse("is not a number from 1 to 65535");
    }
    Ok(value)
}

/// The text with every placeholder filled that has a value; one pass, so that a value cannot bring
/// in another placeholder.
pub(super) fn filled(path: &str, text: &str, values: &BTreeMap<String, String>) -> String {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        told.push_str(before);
        let filled = after
            .split_once("}}")
            .and_then(|(name, after)| Some((values.get(name)?, after)));
        match filled {
            Some((value, after)) => {
                told.push_str(&escaped(path, value));
                rest = after;
            }
            None => {
                told.push_str("{{");
                rest = after;
            }
        }
    }
    told.push_str(rest);
    told
}

/// The value as the language of the file has it within double quotes, or in running text.
fn escaped(path: &str, value: &str) -> String {
    if path.ends_with(".md") {
        let mut told = String::with_capacity(value.len());
        for c in value.chars() {
            if "\\`*_{}[]<>#|!&~".contains(c) {
                told.push('\\');
            }
            told.push(c);
        }
        return told;
    }
    // TOML, Python, JavaScript and Rust read `\"` and `\\` as JSON does, and controls were refused.
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

/// A name of a project that is like the one given.
pub(super) fn slug(name: &str) -> Option<String> {
    let mut slug = String::new();
    for c in name.rsplit(['/', '\\']).next().unwrap_or(name).chars() {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_lowercase() || (!slug.is_empty() && (c.is_ascii_digit() || c == '_')) {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug: String = slug.chars().take(64).collect();
    let slug = slug.trim_end_matches('-');
    (!slug.is_empty()).then(|| slug.to_owned())
}
