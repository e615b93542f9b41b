//! Walks through a value and takes the fields out of it, noting everything that is not as it should
//! be, with its path: `model.preferred`, `guards[1]`.

use serde_json::{Map, Value};

/// A path and what is wrong there.
pub(crate) type Wrong = (String, String);

/// One object on the way.
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: String,
}

/// What was noted.
#[derive(Debug, Default)]
pub(crate) struct Notes(pub(crate) Vec<Wrong>);

impl Notes {
    pub(crate) fn note(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push((path.into(), message.into()));
    }
}

impl<'a> Fields<'a> {
    /// The whole document.
    pub(crate) fn root(value: &'a Value, known: &[&str], notes: &mut Notes) -> Option<Self> {
        Self::of(value, String::new(), known, notes)
    }

    fn of(value: &'a Value, path: String, known: &[&str], notes: &mut Notes) -> Option<Self> {
        let place = || {
            if path.is_empty() {
                "manifest".to_owned()
            } else {
                path.clone()
            }
        };
        let Some(map) = value.as_object() else {
            notes.note(place(), format!("must be an object, is {}", kind(value)));
            return None;
        };
        let fields = Self { map, path };
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            let message = format!("unknown field; known: {}", known.join(", "));
            notes.note(fields.at(key), message);
        }
        Some(fields)
    }

    /// The path of a field.
    pub(crate) fn at(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn required(&self, key: &str, notes: &mut Notes) -> Option<&'a Value> {
        let value = self.map.get(key);
        if value.is_none() {
            notes.note(self.at(key), "is missing");
        }
        value
    }

    /// An object below this one that must be there.
    pub(crate) fn object(&self, key: &str, known: &[&str], notes: &mut Notes) -> Option<Self> {
        let value = self.required(key, notes)?;
        Self::of(value, self.at(key), known, notes)
    }

    /// The objects of a list that must be there.
    pub(crate) fn objects(&self, key: &str, known: &[&str], notes: &mut Notes) -> Vec<Self> {
        let Some(items) = self.required(key, notes) else {
            return Vec::new();
        };
        let path = self.at(key);
        let Some(items) = items.as_array() else {
            notes.note(path, format!("must be a list, is {}", kind(items)));
            return Vec::new();
        };
        let places = items.iter().enumerate();
        places
            .filter_map(|(place, item)| Self::of(item, format!("{path}[{place}]"), known, notes))
            .collect()
    }

    /// A text that must be there and hold something.
    pub(crate) fn text(&self, key: &str, notes: &mut Notes) -> Option<String> {
        let value = self.required(key, notes)?;
        text(value, &self.at(key), notes)
    }

    /// A text that may be missing.
    pub(crate) fn optional_text(&self, key: &str, notes: &mut Notes) -> Option<String> {
        match self.map.get(key)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => {
                notes.note(self.at(key), format!("must be a text, is {}", kind(other)));
                None
            }
        }
    }

    /// A text that must be this one.
    pub(crate) fn constant(&self, key: &str, expected: &str, notes: &mut Notes) {
        if let Some(text) = self.text(key, notes)
            && text != expected
        {
            notes.note(self.at(key), format!("must be `{expected}`, is `{text}`"));
        }
    }

    /// A truth value; it must be there unless there is a default.
    pub(crate) fn flag(&self, key: &str, default: Option<bool>, notes: &mut Notes) -> Option<bool> {
        match (self.map.get(key), default) {
            (None, Some(default)) => Some(default),
            (None, None) => {
                notes.note(self.at(key), "is missing");
                None
            }
            (Some(Value::Bool(it)), _) => Some(*it),
            (Some(other), _) => {
                let message = format!("must be true or false, is {}", kind(other));
                notes.note(self.at(key), message);
                None
            }
        }
    }

    /// Texts, each once; none when the list is missing.
    pub(crate) fn texts(&self, key: &str, notes: &mut Notes) -> Vec<String> {
        let Some(value) = self.map.get(key) else {
            return Vec::new();
        };
        let path = self.at(key);
        let Some(items) = value.as_array() else {
            notes.note(path, format!("must be a list, is {}", kind(value)));
            return Vec::new();
        };
        let mut texts: Vec<String> = Vec::new();
        for (place, item) in items.iter().enumerate() {
            let path = format!("{path}[{place}]");
            if let Some(text) = text(item, &path, notes) {
                if texts.contains(&text) {
                    notes.note(path, format!("`{text}` is there twice"));
                } else {
                    texts.push(text);
                }
            }
        }
        texts
    }
}

fn text(value: &Value, path: &str, notes: &mut Notes) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::String(_) => {
            notes.note(path, "must not be empty");
            None
        }
        Value::Number(_) => {
            notes.note(path, "must be a text, is a number; put it in quotes");
            None
        }
        other => {
            notes.note(path, format!("must be a text, is {}", kind(other)));
            None
        }
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
