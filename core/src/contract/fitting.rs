//! Just enough of JSON Schema for what [`super::schema`] writes: whether a value fits, and values
//! that do. A word that is not known here fails the test.

use std::cell::RefCell;
use std::collections::HashMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::string::string_regex;
use proptest::test_runner::TestRunner;
use regex::Regex;
use serde_json::{Map, Value, json};

thread_local! {
    static PATTERNS: RefCell<HashMap<String, Regex>> = RefCell::default();
    static TEXTS: RefCell<HashMap<String, BoxedStrategy<String>>> = RefCell::default();
}

fn refers<'a>(schema: &Value, root: &'a Value) -> Option<&'a Value> {
    let name = schema.get("$ref")?.as_str()?;
    root.pointer(name.trim_start_matches('#'))
}

/// Whether `value` is what `schema` describes.
pub(super) fn fits(value: &Value, schema: &Value, root: &Value) -> bool {
    if let Some(target) = refers(schema, root) {
        return fits(value, target, root);
    }
    let words = schema.as_object().unwrap();
    words.iter().all(|(word, rule)| match word.as_str() {
        "const" => value == rule,
        "enum" => rule.as_array().unwrap().contains(value),
        "anyOf" => {
            let mut shapes = rule.as_array().unwrap().iter();
            shapes.any(|one| fits(value, one, root))
        }
        "type" => match rule.as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            _ => panic!("{rule}"),
        },
        "pattern" => value.as_str().is_some_and(|text| matches(text, rule)),
        "required" => {
            let mut names = rule.as_array().unwrap().iter().filter_map(Value::as_str);
            names.all(|name| value.get(name).is_some())
        }
        "properties" => {
            let mut all = rule.as_object().unwrap().iter();
            all.all(|(name, inner)| value.get(name).is_none_or(|it| fits(it, inner, root)))
        }
        "additionalProperties" => {
            let known = &schema["properties"];
            let fields = value.as_object();
            fields.is_none_or(|it| it.keys().all(|name| known.get(name).is_some()))
        }
        "prefixItems" => {
            let shapes = rule.as_array().unwrap();
            let mut pairs = value.as_array().unwrap().iter().zip(shapes);
            pairs.all(|(item, shape)| fits(item, shape, root))
        }
        "items" => {
            let mut items = value.as_array().unwrap().iter();
            items.all(|item| fits(item, rule, root))
        }
        "minItems" => value.as_array().unwrap().len() as u64 >= rule.as_u64().unwrap(),
        "maxItems" => value.as_array().unwrap().len() as u64 <= rule.as_u64().unwrap(),
        "$defs" => true,
        other => panic!("the test does not know {other}"),
    })
}

fn matches(text: &str, pattern: &Value) -> bool {
    let pattern = pattern.as_str().unwrap();
    PATTERNS.with_borrow_mut(|known| {
        known
            .entry(pattern.to_owned())
            .or_insert_with(|| Regex::new(pattern).unwrap())
            .is_match(text)
    })
}

/// Some value that fits.
pub(super) fn some(schema: &Value, root: &Value, runner: &mut TestRunner) -> Value {
    if let Some(target) = refers(schema, root) {
        return some(target, root, runner);
    }
    let get = |word: &str| schema.get(word);
    if let Some(value) = get("const") {
        return value.clone();
    }
    for word in ["enum", "anyOf"] {
        if let Some(all) = get(word).and_then(Value::as_array) {
            let one = &all[below(all.len(), runner)];
            return if word == "enum" {
                one.clone()
            } else {
                some(one, root, runner)
            };
        }
    }
    match get("type").and_then(Value::as_str) {
        Some("string") => {
            let pattern = get("pattern")
                .and_then(Value::as_str)
                .unwrap_or("^.{0,12}$");
            json!(text(pattern, runner))
        }
        Some("array") => {
            if let Some(shapes) = get("prefixItems").and_then(Value::as_array) {
                return shapes.iter().map(|it| some(it, root, runner)).collect();
            }
            let bound = |word| get(word).and_then(Value::as_u64).unwrap() as usize;
            let (least, most) = (bound("minItems"), bound("maxItems"));
            let count = least + below(most - least + 1, runner);
            (0..count)
                .map(|_| some(&schema["items"], root, runner))
                .collect()
        }
        Some("object") => {
            let due = get("required").and_then(Value::as_array).unwrap();
            let mut fields = Map::new();
            for (name, inner) in get("properties").and_then(Value::as_object).unwrap() {
                if due.iter().any(|it| it == name) || below(2, runner) == 0 {
                    fields.insert(name.clone(), some(inner, root, runner));
                }
            }
            Value::Object(fields)
        }
        _ => panic!("the test does not know {schema}"),
    }
}

fn below(bound: usize, runner: &mut TestRunner) -> usize {
    (0..bound).new_tree(runner).unwrap().current()
}

fn text(pattern: &str, runner: &mut TestRunner) -> String {
    TEXTS.with_borrow_mut(|known| {
        let strategy = known.entry(pattern.to_owned()).or_insert_with(|| {
            let inner = pattern
                .strip_prefix('^')
                .and_then(|it| it.strip_suffix('$'));
            string_regex(inner.unwrap()).unwrap().boxed()
        });
        strategy.new_tree(runner).unwrap().current()
    })
}
