//! Just enough of JSON Schema for what [`super::schema`] writes: whether a value fits, and values
//! that do. A word that is not known here fails the test.

use std::cell::RefCell;
use std::collections::HashMap;

use proptest::strategy::{Strategy, ValueTree};
use proptest::string::string_regex;
use proptest::test_runner::TestRunner;
use regex::Regex;
use serde_json::{Map, Value, json};

thread_local! {
    static PATTERNS: RefCell<HashMap<String, Regex>> = RefCell::default();
    static TEXTS: RefCell<HashMap<String, Vec<String>>> = RefCell::default();
}

/// Bits that are used up one after the other.
pub(super) struct Bits(u64);

impl Bits {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> bool {
        self.below(2) == 1
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        // A step of splitmix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % bound
    }

    pub(super) fn some<'a>(&mut self, all: &[&'a str]) -> Vec<&'a str> {
        all.iter().copied().filter(|_| self.below(4) == 0).collect()
    }

    fn place(&mut self, bound: usize) -> usize {
        self.below(bound as u64) as usize
    }
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
pub(super) fn some(schema: &Value, root: &Value, bits: &mut Bits) -> Value {
    if let Some(target) = refers(schema, root) {
        return some(target, root, bits);
    }
    let get = |word: &str| schema.get(word);
    if let Some(value) = get("const") {
        return value.clone();
    }
    for word in ["enum", "anyOf"] {
        if let Some(all) = get(word).and_then(Value::as_array) {
            let one = &all[bits.place(all.len())];
            return if word == "enum" {
                one.clone()
            } else {
                some(one, root, bits)
            };
        }
    }
    match get("type").and_then(Value::as_str) {
        Some("string") => {
            let pattern = get("pattern")
                .and_then(Value::as_str)
                .unwrap_or("^.{0,12}$");
            json!(text(pattern, bits))
        }
        Some("array") => {
            if let Some(shapes) = get("prefixItems").and_then(Value::as_array) {
                return shapes.iter().map(|it| some(it, root, bits)).collect();
            }
            let bound = |word| get(word).and_then(Value::as_u64).unwrap() as usize;
            let (least, most) = (bound("minItems"), bound("maxItems"));
            let count = least + bits.place(most - least + 1);
            (0..count)
                .map(|_| some(&schema["items"], root, bits))
                .collect()
        }
        Some("object") => {
            let due = get("required").and_then(Value::as_array).unwrap();
            let mut fields = Map::new();
            for (name, inner) in get("properties").and_then(Value::as_object).unwrap() {
                if due.iter().any(|it| it == name) || bits.next() {
                    fields.insert(name.clone(), some(inner, root, bits));
                }
            }
            Value::Object(fields)
        }
        _ => panic!("the test does not know {schema}"),
    }
}

/// Texts of a pattern are made once, a few hundred, and drawn from then.
fn text(pattern: &str, bits: &mut Bits) -> String {
    TEXTS.with_borrow_mut(|known| {
        let texts = known.entry(pattern.to_owned()).or_insert_with(|| {
            let inner = pattern
                .strip_prefix('^')
                .and_then(|it| it.strip_suffix('$'));
            // Long texts say no more than short ones.
            let short = inner
                .unwrap()
                .replace(",120}", ",9}")
                .replace(")*", "){0,9}");
            let strategy = string_regex(&short).unwrap();
            let runner = &mut TestRunner::default();
            let one = |_| strategy.new_tree(runner).unwrap().current();
            (0..300).map(one).collect()
        });
        texts[bits.place(texts.len())].clone()
    })
}
