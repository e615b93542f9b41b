//! Holds bodies to the documented shape: known fields of the right type, the required ones there.

use serde_json::{Map, Value};

/// What a field may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Text,
    /// Not empty, not only blanks.
    Words,
    Flag,
    Number,
    /// Ids of labels and the like.
    Numbers,
    Texts,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// `#` or nothing, and six hexadecimal digits.
    Color,
}

/// A field of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
}

/// A field that must be there.
pub(crate) const fn required(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        required: true,
    }
}

/// A field that may be there.
pub(crate) const fn optional(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        required: false,
    }
}

/// The body's fields, or everything that is wrong with it.
pub(crate) fn checked(body: &[u8], fields: &[Field]) -> Result<Map<String, Value>, Vec<String>> {
    let body = match serde_json::from_slice(body) {
        Ok(Value::Object(body)) => body,
        Ok(_) => return Err(vec!["the body is not a JSON object".to_owned()]),
        Err(error) => return Err(vec![format!("the body is not JSON: {error}")]),
    };
    let mut wrong = Vec::new();
    for (name, value) in &body {
        match fields.iter().find(|field| field.name == name) {
            None => wrong.push(format!("unknown field `{name}`")),
            Some(field) if !field.kind.holds(value) => {
                wrong.push(format!("`{name}` must be {:?}, not {value}", field.kind));
            }
            Some(_) => {}
        }
    }
    for field in fields.iter().filter(|field| field.required) {
        if !body.contains_key(field.name) {
            wrong.push(format!("`{}` is missing", field.name));
        }
    }
    if wrong.is_empty() {
        Ok(body)
    } else {
        Err(wrong)
    }
}

impl Kind {
    fn holds(self, value: &Value) -> bool {
        let text = value.as_str();
        match self {
            Self::Text => text.is_some(),
            Self::Words => text.is_some_and(|text| !text.trim().is_empty()),
            Self::Flag => value.is_boolean(),
            Self::Number => value.is_u64(),
            Self::Numbers => value
                .as_array()
                .is_some_and(|all| all.iter().all(Value::is_u64)),
            Self::Texts => value
                .as_array()
                .is_some_and(|all| all.iter().all(Value::is_string)),
            Self::OneOf(words) => text.is_some_and(|text| words.contains(&text)),
            Self::Color => text.is_some_and(|text| {
                let digits = text.strip_prefix('#').unwrap_or(text);
                digits.len() == 6 && digits.chars().all(|digit| digit.is_ascii_hexdigit())
            }),
        }
    }
}
