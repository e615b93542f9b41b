//! JSON Schema as skills describe their arguments with it: the keywords that a call is held to, and
//! which ones in a schema are none of them.

use std::fmt;

use regex::Regex;
use serde_json::{Map, Value};

/// Keywords that only describe.
const DESCRIBING: &[&str] = &[
    "$comment",
    "$id",
    "$schema",
    "contentEncoding",
    "contentMediaType",
    "default",
    "deprecated",
    "description",
    "example",
    "examples",
    "format",
    "readOnly",
    "title",
    "writeOnly",
];
/// Keywords whose value is a number from 0.
const COUNTS: &[&str] = &[
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
];
/// Keywords whose value is a number.
const NUMBERS: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
];
/// Keywords whose value is a list of schemas.
const CHOICES: &[&str] = &["allOf", "anyOf", "oneOf"];
const TYPES: &[&str] = &[
    "string", "number", "integer", "boolean", "object", "array", "null",
];

/// What is wrong, and where: `size.width`, `items[2]`; empty for the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Where.
    pub place: String,
    /// What.
    pub what: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => f.write_str(&self.what),
            place => write!(f, "`{place}` {}", self.what),
        }
    }
}

/// Whether `value` fits `schema`, every keyword of which must be one that is known.
///
/// # Errors
///
/// The first thing that does not fit.
pub fn check(value: &Value, schema: &Value, place: &str) -> Result<(), Wrong> {
    let wrong = |what: String| {
        let place = place.to_owned();
        Err(Wrong { place, what })
    };
    let map = match schema {
        Value::Object(map) => map,
        Value::Bool(false) => return wrong("is not expected".to_owned()),
        _ => return Ok(()),
    };
    if let Some(types) = map.get("type")
        && !is_of(value, types)
    {
        return wrong(format!("is {} and must be {}", kind(value), named(types)));
    }
    if let Some(only) = map.get("const")
        && !same(value, only)
    {
        return wrong(format!("must be {only}"));
    }
    if let Some(Value::Array(all)) = map.get("enum")
        && !all.iter().any(|one| same(value, one))
    {
        let all: Vec<String> = all.iter().map(Value::to_string).collect();
        return wrong(format!("must be one of {}", all.join(", ")));
    }
    let bound = match value {
        Value::Number(_) => number(value, map),
        Value::String(text) => text_of(text, map),
        Value::Array(_) | Value::Object(_) | Value::Null | Value::Bool(_) => None,
    };
    if let Some(what) = bound {
        return wrong(what);
    }
    match value {
        Value::Array(items) => list(items, map, place)?,
        Value::Object(fields) => object(fields, map, place)?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    chosen(value, map, place)
}

fn number(value: &Value, map: &Map<String, Value>) -> Option<String> {
    let number = value.as_f64()?;
    let bound = |key: &str| map.get(key).and_then(Value::as_f64);
    type Test = fn(f64, f64) -> bool;
    let tests: [(&str, Test, &str); 5] = [
        ("minimum", |n, b| n >= b, "must be at least"),
        ("maximum", |n, b| n <= b, "must be at most"),
        ("exclusiveMinimum", |n, b| n > b, "must be greater than"),
        ("exclusiveMaximum", |n, b| n < b, "must be less than"),
        (
            "multipleOf",
            |n, b| (n / b - (n / b).round()).abs() < 1e-9,
            "must be a multiple of",
        ),
    ];
    tests.into_iter().find_map(|(key, holds, words)| {
        let bound = bound(key)?;
        (!holds(number, bound)).then(|| format!("is {value} and {words} {bound}"))
    })
}

fn text_of(text: &str, map: &Map<String, Value>) -> Option<String> {
    let length = text.chars().count();
    if let Some(what) = count(length, map, ["minLength", "maxLength"], "characters") {
        return Some(what);
    }
    let pattern = map.get("pattern")?.as_str()?;
    let fits = Regex::new(pattern).is_ok_and(|it| it.is_match(text));
    (!fits).then(|| format!("must match `{pattern}`"))
}

fn list(items: &[Value], map: &Map<String, Value>, place: &str) -> Result<(), Wrong> {
    let wrong = |what: String| Wrong {
        place: place.to_owned(),
        what,
    };
    if let Some(what) = count(items.len(), map, ["minItems", "maxItems"], "items") {
        return Err(wrong(what));
    }
    let is_unique = map.get("uniqueItems") == Some(&Value::Bool(true));
    let twice = |(at, item): (usize, &Value)| items.iter().take(at).any(|other| same(other, item));
    if is_unique && items.iter().enumerate().any(twice) {
        return Err(wrong("holds the same item twice".to_owned()));
    }
    if let Some(schema) = map.get("items") {
        for (at, item) in items.iter().enumerate() {
            check(item, schema, &format!("{place}[{at}]"))?;
        }
    }
    Ok(())
}

fn object(fields: &Map<String, Value>, map: &Map<String, Value>, place: &str) -> Result<(), Wrong> {
    let below = |name: &str| match place {
        "" => name.to_owned(),
        _ => format!("{place}.{name}"),
    };
    let required = map.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            let place = below(name);
            let what = "is missing".to_owned();
            return Err(Wrong { place, what });
        }
    }
    let bounds = ["minProperties", "maxProperties"];
    if let Some(what) = count(fields.len(), map, bounds, "fields") {
        let place = place.to_owned();
        return Err(Wrong { place, what });
    }
    let properties = map.get("properties").and_then(Value::as_object);
    for (name, value) in fields {
        let known = properties.and_then(|it| it.get(name));
        if let Some(schema) = known.or_else(|| map.get("additionalProperties")) {
            check(value, schema, &below(name))?;
        }
    }
    Ok(())
}

fn chosen(value: &Value, map: &Map<String, Value>, place: &str) -> Result<(), Wrong> {
    let all = |key: &str| map.get(key).and_then(Value::as_array);
    let fits = |schema: &&Value| check(value, schema, place).is_ok();
    let wrong = |what: &str| {
        Err(Wrong {
            place: place.to_owned(),
            what: what.to_owned(),
        })
    };
    for schema in all("allOf").into_iter().flatten() {
        check(value, schema, place)?;
    }
    if all("anyOf").is_some_and(|any| !any.iter().any(|schema| fits(&schema))) {
        return wrong("fits none of the forms it may have");
    }
    if all("oneOf").is_some_and(|one| one.iter().filter(fits).count() != 1) {
        return wrong("must fit exactly one of the forms it may have");
    }
    if map.get("not").is_some_and(|not| fits(&not)) {
        return wrong("has a form that it must not have");
    }
    Ok(())
}

/// What is wrong with this many of something.
fn count(found: usize, map: &Map<String, Value>, keys: [&str; 2], what: &str) -> Option<String> {
    let [least, most] = keys.map(|key| map.get(key).and_then(Value::as_u64));
    let found = u64::try_from(found).unwrap_or(u64::MAX);
    if let Some(least) = least.filter(|least| found < *least) {
        return Some(format!("has {found} {what} and must have at least {least}"));
    }
    let most = most.filter(|most| found > *most)?;
    Some(format!("has {found} {what} and must have at most {most}"))
}

/// Whether a value is of this type, or of one of these.
#[must_use]
pub fn is_of(value: &Value, types: &Value) -> bool {
    match types {
        Value::String(one) => is_a(value, one),
        Value::Array(many) => many
            .iter()
            .filter_map(Value::as_str)
            .any(|one| is_a(value, one)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
    }
}

fn is_a(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
        }
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        _ => true,
    }
}

/// What a value is, in words.
#[must_use]
pub const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// The types of a `type`, in words; empty where it says none.
#[must_use]
pub fn named(types: &Value) -> String {
    match types {
        Value::String(one) => one.clone(),
        Value::Array(many) => many
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" or "),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

/// `1` is `1.0`.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => one == other,
    }
}

/// What of a schema cannot be enforced, or is none: place and reason each.
#[must_use]
pub fn unenforceable(schema: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    search(schema, "", &mut found);
    found
}

fn search(schema: &Value, at: &str, found: &mut Vec<(String, String)>) {
    let map = match schema {
        Value::Object(map) => map,
        Value::Bool(_) => return,
        _ => {
            found.push((at.to_owned(), "must be a schema".to_owned()));
            return;
        }
    };
    for (key, value) in map {
        let place = match at {
            "" => key.clone(),
            _ => format!("{at}.{key}"),
        };
        let wrong = match key.as_str() {
            "type" => (!is_type(value)).then_some("must be a type of JSON, or a list of them"),
            "enum" => (!value.is_array()).then_some("must be a list"),
            "required" => (!is_texts(value)).then_some("must be a list of texts"),
            "uniqueItems" => (!value.is_boolean()).then_some("must be true or false"),
            "pattern" => {
                let pattern = value.as_str().and_then(|text| Regex::new(text).ok());
                pattern
                    .is_none()
                    .then_some("must be a regular expression without look-around and references")
            }
            "const" => None,
            "items" | "additionalProperties" | "not" => {
                search(value, &place, found);
                None
            }
            "properties" => match value {
                Value::Object(fields) => {
                    for (name, schema) in fields {
                        search(schema, &format!("{place}.{name}"), found);
                    }
                    None
                }
                _ => Some("must be an object"),
            },
            key if COUNTS.contains(&key) => {
                (!value.is_u64()).then_some("must be a whole number from 0")
            }
            key if NUMBERS.contains(&key) => (!value.is_number()).then_some("must be a number"),
            key if CHOICES.contains(&key) => match value {
                Value::Array(all) => {
                    for (number, schema) in all.iter().enumerate() {
                        search(schema, &format!("{place}.{number}"), found);
                    }
                    None
                }
                _ => Some("must be a list of schemas"),
            },
            key if DESCRIBING.contains(&key) || key.starts_with("x-") => None,
            _ => Some("is not enforced; say it with other keywords, or leave it out"),
        };
        if let Some(what) = wrong {
            found.push((place, what.to_owned()));
        }
    }
}

fn is_type(value: &Value) -> bool {
    let known = |one: &Value| one.as_str().is_some_and(|one| TYPES.contains(&one));
    match value {
        Value::Array(many) => !many.is_empty() && many.iter().all(known),
        one => known(one),
    }
}

fn is_texts(value: &Value) -> bool {
    let items = value.as_array();
    items.is_some_and(|items| items.iter().all(Value::is_string))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_keyword_has_a_value_that_fits_and_one_that_does_not() {
        let table = [
            (json!({"type": "integer"}), json!(3.0), json!(3.5)),
            (json!({"type": ["string", "null"]}), json!(null), json!(1)),
            (json!({"const": 1}), json!(1.0), json!(2)),
            (json!({"enum": ["a", 2]}), json!("a"), json!("b")),
            (json!({"minimum": 3}), json!(3), json!(2)),
            (json!({"maximum": 3}), json!(3), json!(99)),
            (json!({"exclusiveMinimum": 3}), json!(3.1), json!(3)),
            (json!({"exclusiveMaximum": 3}), json!(2), json!(3)),
            (json!({"multipleOf": 0.1}), json!(0.3), json!(0.35)),
            (json!({"minLength": 2}), json!("éé"), json!("é")),
            (json!({"maxLength": 2}), json!("éé"), json!("abc")),
            (json!({"pattern": "^a+$"}), json!("aa"), json!("ab")),
            (json!({"minItems": 1}), json!([1]), json!([])),
            (json!({"maxItems": 1}), json!([1]), json!([1, 2])),
            (json!({"uniqueItems": true}), json!([1, 2]), json!([1, 1.0])),
            (
                json!({"items": {"type": "string"}}),
                json!(["a"]),
                json!(["a", 1]),
            ),
            (
                json!({"properties": {"a": {"properties": {"b": {"maximum": 1}}}}}),
                json!({"a": {"b": 1}}),
                json!({"a": {"b": 2}}),
            ),
            (json!({"required": ["a"]}), json!({"a": null}), json!({})),
            (
                json!({"properties": {"a": true}, "additionalProperties": false}),
                json!({"a": 1}),
                json!({"a": 1, "b": 1}),
            ),
            (
                json!({"additionalProperties": {"type": "string"}}),
                json!({"a": "x"}),
                json!({"a": 1}),
            ),
            (json!({"minProperties": 1}), json!({"a": 1}), json!({})),
            (json!({"maxProperties": 0}), json!({}), json!({"a": 1})),
            (
                json!({"allOf": [{"minimum": 1}, {"maximum": 2}]}),
                json!(2),
                json!(3),
            ),
            (
                json!({"anyOf": [{"const": 1}, {"const": 2}]}),
                json!(2),
                json!(3),
            ),
            (
                json!({"oneOf": [{"minimum": 1}, {"maximum": 2}]}),
                json!(3),
                json!(2),
            ),
            (json!({"not": {"type": "string"}}), json!(1), json!("a")),
            (json!({"items": false}), json!([]), json!([1])),
        ];
        for (schema, right, wrong) in table {
            assert_eq!(unenforceable(&schema), []);
            assert_eq!(check(&right, &schema, ""), Ok(()), "{schema}");
            assert!(check(&wrong, &schema, "").is_err(), "{schema} {wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let schema = json!({"properties": {"box": {"required": ["w"],
            "properties": {"w": {"maximum": 3}}}, "list": {"items": {"enum": ["a", "b"]}}}});
        let said = |value: Value| check(&value, &schema, "").unwrap_err().to_string();
        assert_eq!(said(json!({"box": {}})), "`box.w` is missing");
        assert_eq!(
            said(json!({"box": {"w": 9}})),
            "`box.w` is 9 and must be at most 3"
        );
        assert_eq!(
            said(json!({"list": ["a", "z"]})),
            "`list[1]` must be one of \"a\", \"b\""
        );
    }

    #[test]
    fn what_cannot_be_enforced_is_named() {
        let schema = json!({"type": "text", "properties": {"a": {"$ref": "#/x"}, "b": 1},
            "anyOf": [{"pattern": "(?=a)"}], "minLength": -1, "description": "x", "x-note": 1});
        let found: Vec<_> = unenforceable(&schema)
            .into_iter()
            .map(|(place, _)| place)
            .collect();
        assert_eq!(
            found,
            [
                "type",
                "properties.a.$ref",
                "properties.b",
                "anyOf.0.pattern",
                "minLength"
            ]
        );
    }
}
