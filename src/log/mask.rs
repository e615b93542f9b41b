//! Secrets are told by the names of their keys and never reach a log.

use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// What stands in place of a secret.
pub(super) const MASK: &str = "***";

/// Whether the value of this key must not be shown.
///
/// Numbers, booleans and nulls are shown whatever they are called (`prompt_tokens`, `has_key`), and
/// so is what is named `keys` or `…tokens` and holds no text of its own.
pub(super) fn hides(key: &str, value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(_) => {
            let words = Words::of(key);
            words.is_secret(key) || words.token
        }
        Value::Array(_) | Value::Object(_) => {
            let words = Words::of(key);
            // `token`, not `tokens`: the latter is a count.
            words.is_secret(key) || (words.token && !words.tokens)
        }
    }
}

/// What a key speaks of, in letters of any size. Found in one pass: every text of every event is asked.
#[derive(Default)]
struct Words {
    /// `key`.
    key: bool,
    /// `secret`, `password` or `authorization`.
    secret: bool,
    /// `token`, `tokens` included.
    token: bool,
    /// `tokens`.
    tokens: bool,
}

impl Words {
    fn of(key: &str) -> Self {
        let bytes = key.as_bytes();
        let mut words = Self::default();
        for (at, byte) in bytes.iter().enumerate() {
            let begins = |word: &str| {
                bytes
                    .get(at..at + word.len())
                    .is_some_and(|here| here.eq_ignore_ascii_case(word.as_bytes()))
            };
            match byte.to_ascii_lowercase() {
                b'k' => words.key |= begins("key"),
                b's' => words.secret |= begins("secret"),
                b'p' => words.secret |= begins("password"),
                b'a' => words.secret |= begins("authorization"),
                b't' if begins("token") => {
                    words.token = true;
                    words.tokens |= begins("tokens");
                }
                _ => {}
            }
        }
        words
    }

    fn is_secret(&self, key: &str) -> bool {
        self.secret || (self.key && !key.eq_ignore_ascii_case("keys"))
    }
}

/// The same value without its secrets, at any depth.
#[must_use]
pub fn masked(value: &Value) -> Value {
    serde_json::to_value(Masked(value)).unwrap_or(Value::Null)
}

/// A value without its secrets, at any depth.
pub(super) struct Masked<'a>(pub &'a Value);

impl Serialize for Masked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (key, value) in fields {
                    if hides(key, value) {
                        map.serialize_entry(key, MASK)?;
                    } else {
                        map.serialize_entry(key, &Masked(value))?;
                    }
                }
                map.end()
            }
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&Masked(item))?;
                }
                list.end()
            }
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                plain.serialize(serializer)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_told_by_their_names() {
        let data = json!({
            "api_key": "sk-1", "X-Api-Key": {"value": "sk-2"}, "access_token": "t", "refreshTokens": "a,b",
            "tokens": {"status": "OK", "prompt_tokens": 12}, "first_token_ms": 300, "keys": ["tool", "args"],
            "nested": [{"Authorization": "Bearer x", "client_secret": ["y"], "PASSWORD": "z", "path": "a.txt"}],
            "has_key": true, "secret": null,
        });
        assert_eq!(
            serde_json::to_value(Masked(&data)).unwrap(),
            json!({
                "api_key": "***", "X-Api-Key": "***", "access_token": "***", "refreshTokens": "***",
                "tokens": {"status": "OK", "prompt_tokens": 12}, "first_token_ms": 300, "keys": ["tool", "args"],
                "nested": [{"Authorization": "***", "client_secret": "***", "PASSWORD": "***", "path": "a.txt"}],
                "has_key": true, "secret": null,
            })
        );
    }
}
