//! Reads fields out of a JSON object and remembers where each stands, so that everything that is
//! wrong with a file is reported at once, each with its field's path.
//!
//! A field that is absent or `null` has its default. Unknown keys are ignored, but one that is a
//! letter or two away from a known key is warned of: a misspelt `depends_on` must not be silent.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::name;
use super::problem::Problem;

/// What was found while one file was read.
#[derive(Debug, Default)]
pub struct Report {
    file: String,
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
}

impl Report {
    pub(crate) fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            ..Self::default()
        }
    }

    pub(crate) fn problem(&self, field: impl Into<String>, message: impl Into<String>) {
        let problem = Problem::new(&self.file, field, message);
        self.problems.borrow_mut().push(problem);
    }

    pub(crate) fn warn(&self, field: impl Into<String>, message: impl Into<String>) {
        let warning = Problem::new(&self.file, field, message);
        self.warnings.borrow_mut().push(warning);
    }

    /// The problems and the warnings.
    pub(crate) fn into_parts(self) -> (Vec<Problem>, Vec<Problem>) {
        (self.problems.into_inner(), self.warnings.into_inner())
    }
}

/// One object of the file.
pub struct Reader<'a> {
    report: &'a Report,
    map: &'a Map<String, Value>,
    path: String,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(report: &'a Report, map: &'a Map<String, Value>, path: String) -> Self {
        Self {
            report,
            map,
            path,
            asked: RefCell::default(),
        }
    }

    /// The path of `key` in this object.
    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    pub(crate) fn problem(&self, key: &str, message: impl Into<String>) {
        self.report.problem(self.path_of(key), message);
    }

    /// The value under `key`; `null` counts as absent.
    pub(crate) fn value(&self, key: &'static str) -> Option<&'a Value> {
        self.asked.borrow_mut().insert(key);
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// The value under the first of `keys` that is given, with that key.
    pub(crate) fn either(&self, keys: &[&'static str]) -> Option<(&'static str, &'a Value)> {
        let given: Vec<_> = keys
            .iter()
            .filter_map(|key| self.value(key).map(|value| (*key, value)))
            .collect();
        if let [(first, value), (second, other), ..] = given.as_slice()
            && value != other
        {
            let message = format!("is ignored, because `{first}` is given too; keep one of them");
            self.report.warn(self.path_of(second), message);
        }
        given.first().copied()
    }

    pub(crate) fn text(&self, key: &'static str) -> Option<String> {
        self.value(key).and_then(|value| self.as_text(key, value))
    }

    pub(crate) fn text_or(&self, key: &'static str, default: &str) -> String {
        self.text(key).unwrap_or_else(|| default.to_owned())
    }

    /// A text that must be there; the first of `keys` names it in the error.
    pub(crate) fn required_text(&self, keys: &[&'static str], meaning: &str) -> String {
        let Some((key, value)) = self.either(keys) else {
            let names: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
            let first = keys.first().copied().unwrap_or_default();
            let message = format!("is missing; give {} ({meaning})", names.join(" or "));
            self.problem(first, message);
            return String::new();
        };
        let text = self.as_text(key, value).unwrap_or_default();
        if text.trim().is_empty() && value.is_string() {
            self.problem(key, format!("must not be empty; give {meaning}"));
        }
        text
    }

    fn as_text(&self, key: &str, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text.clone()),
            other => {
                self.problem(key, expected("a text", other));
                None
            }
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&self, key: &'static str) -> Vec<String> {
        let items = self.list(key);
        let texts = items.iter().enumerate().filter_map(|(index, item)| {
            let text = item.as_str().map(str::to_owned);
            if text.is_none() {
                self.problem(&format!("{key}[{index}]"), expected("a text", item));
            }
            text
        });
        texts.collect()
    }

    /// A text, or a list of texts that become its lines.
    pub(crate) fn lines(&self, key: &'static str) -> String {
        match self.value(key) {
            Some(Value::Array(_)) => self.texts(key).join("\n"),
            _ => self.text_or(key, ""),
        }
    }

    pub(crate) fn list(&self, key: &'static str) -> &'a [Value] {
        match self.value(key) {
            None => &[],
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.problem(key, expected("a list", other));
                &[]
            }
        }
    }

    pub(crate) fn flag(&self, key: &'static str, default: bool) -> bool {
        match self.value(key) {
            None => default,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => {
                self.problem(key, expected("true or false", other));
                default
            }
        }
    }

    /// A whole number that is not negative.
    pub(crate) fn count(&self, key: &'static str) -> Option<u32> {
        let value = self.value(key)?;
        let count = value.as_u64().and_then(|count| u32::try_from(count).ok());
        if count.is_none() {
            self.problem(key, expected("a whole number from 0", value));
        }
        count
    }

    pub(crate) fn number(&self, key: &'static str) -> Option<f64> {
        let value = self.value(key)?;
        let number = value.as_f64().filter(|number| number.is_finite());
        if number.is_none() {
            self.problem(key, expected("a number", value));
        }
        number
    }

    /// A number greater than zero.
    pub(crate) fn positive(&self, key: &'static str, unit: &str) -> Option<f64> {
        let number = self.number(key)?;
        if number > 0.0 {
            return Some(number);
        }
        self.problem(key, format!("must be {unit} greater than 0, not {number}"));
        None
    }

    /// One of the words of `T`.
    pub(crate) fn word<T>(&self, key: &'static str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.text(key)?;
        match text.parse() {
            Ok(word) => Some(word),
            Err(error) => {
                self.problem(key, error.to_string());
                None
            }
        }
    }

    /// An object as it is.
    pub(crate) fn map(&self, key: &'static str) -> Map<String, Value> {
        self.object_at(key).cloned().unwrap_or_default()
    }

    fn object_at(&self, key: &'static str) -> Option<&'a Map<String, Value>> {
        match self.value(key)? {
            Value::Object(map) => Some(map),
            other => {
                self.problem(key, expected("an object", other));
                None
            }
        }
    }

    /// An object read by `read`.
    pub(crate) fn object<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&Reader<'a>) -> T,
    ) -> Option<T> {
        let map = self.object_at(key)?;
        let inner = Reader::new(self.report, map, self.path_of(key));
        let value = read(&inner);
        inner.warn_of_misspelt_keys();
        Some(value)
    }

    /// A list of objects, each read by `read`, which also gets its place from 0.
    pub(crate) fn objects<T>(
        &self,
        keys: &[&'static str],
        mut read: impl FnMut(usize, &Reader<'a>) -> T,
    ) -> Vec<T> {
        let Some((key, value)) = self.either(keys) else {
            return Vec::new();
        };
        let Value::Array(items) = value else {
            self.problem(key, expected("a list of objects", value));
            return Vec::new();
        };
        let mut found = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let path = format!("{}[{index}]", self.path_of(key));
            match item {
                Value::Object(map) => {
                    let inner = Reader::new(self.report, map, path);
                    found.push(read(index, &inner));
                    inner.warn_of_misspelt_keys();
                }
                other => self.report.problem(path, expected("an object", other)),
            }
        }
        found
    }

    /// An object whose keys are names, each value read by `read`, in the order of the file.
    pub(crate) fn named<T>(
        &self,
        key: &'static str,
        mut read: impl FnMut(&str, &Reader<'a>) -> T,
    ) -> Vec<T> {
        let Some(map) = self.object_at(key) else {
            return Vec::new();
        };
        let mut found = Vec::with_capacity(map.len());
        for (name, item) in map {
            let path = self.path_of(&format!("{key}.{name}"));
            match item {
                Value::Object(map) => {
                    let inner = Reader::new(self.report, map, path);
                    found.push(read(name, &inner));
                    inner.warn_of_misspelt_keys();
                }
                other => self.report.problem(path, expected("an object", other)),
            }
        }
        found
    }

    /// Warns of keys nobody asked for that look like a known one.
    pub(crate) fn warn_of_misspelt_keys(&self) {
        let asked = self.asked.borrow();
        for key in self.map.keys().filter(|key| !asked.contains(key.as_str())) {
            if let Some(known) = name::nearest(key, asked.iter().copied()).first() {
                let message = format!("is no known key and is ignored; did you mean `{known}`?");
                self.report.warn(self.path_of(key), message);
            }
        }
    }
}

/// "must be a text, but is the number 5".
pub(crate) fn expected(what: &str, found: &Value) -> String {
    let found = match found {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => {
            let shown: String = text.chars().take(40).collect();
            format!("the text `{}`", shown.escape_debug())
        }
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    };
    format!("must be {what}, but is {found}")
}
