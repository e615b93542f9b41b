//! json-v1: the canonical JSON that traces of memory are compared by.
//!
//! UTF-8, texts in Unicode's composed form (NFC), keys sorted, floats with six decimals, no NaN and
//! no infinity, no white space. A missing key is not the same as one that is `null`. Times are
//! texts in UTC that end in `Z`; [`utc_text`] refuses others.
//!
//! Not the form of [`crate::canonical::to_string`], whose bytes idempotency keys depend on.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Number, Value};
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use super::sha256_hex;

/// The version that traces carry.
pub const VERSION: &str = "json-v1";

/// Why a value has no canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoForm {
    /// Two keys of one object are the same once composed.
    #[error("two keys of one object are both `{0}` in composed form")]
    SameKey(String),
    /// A number that is no finite one.
    #[error("the number {0} is not finite")]
    NotFinite(String),
    /// A time that is not in UTC.
    #[error("`{0}` is no time in UTC; it must end in `Z`")]
    NotUtc(String),
}

/// The canonical text of `value`.
///
/// # Errors
///
/// [`NoForm`] when two keys become one, or a number is not finite.
pub fn to_string(value: &Value) -> Result<String, NoForm> {
    let mut out = String::with_capacity(128);
    write(value, &mut out)?;
    Ok(out)
}

/// SHA-256 of the canonical text, lower-case hex.
///
/// # Errors
///
/// As [`to_string`].
pub fn fingerprint(value: &Value) -> Result<String, NoForm> {
    to_string(value).map(|text| sha256_hex(text.as_bytes()))
}

/// A time as it may stand in a canonical value: `2026-01-02T03:04:05Z`, `+00:00` becomes `Z`.
///
/// # Errors
///
/// [`NoForm::NotUtc`] for every other zone, and for none.
pub fn utc_text(time: &str) -> Result<String, NoForm> {
    let base = time
        .strip_suffix('Z')
        .or_else(|| time.strip_suffix("+00:00"))
        .or_else(|| time.strip_suffix("-00:00"));
    match base {
        Some(base) if base.contains('T') => Ok(format!("{base}Z")),
        Some(_) | None => Err(NoForm::NotUtc(time.to_owned())),
    }
}

fn write(value: &Value, out: &mut String) -> Result<(), NoForm> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(number, out)?,
        Value::String(text) => super::write_text(&composed(text), out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out)?;
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut entries = BTreeMap::new();
            for (key, item) in map {
                let key = composed(key);
                if entries.insert(key.clone(), item).is_some() {
                    return Err(NoForm::SameKey(key.into_owned()));
                }
            }
            out.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                super::write_text(key, out);
                out.push(':');
                write(item, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// Most texts are composed already, and telling so costs far less than composing them.
fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

fn write_number(number: &Number, out: &mut String) -> Result<(), NoForm> {
    if number.is_i64() || number.is_u64() {
        out.push_str(&number.to_string());
        return Ok(());
    }
    // A number that is neither is a float; should it be none, it has no form.
    let float = number.as_f64().filter(|float| float.is_finite());
    let float = float.ok_or_else(|| NoForm::NotFinite(number.to_string()))?;
    let text = format!("{float:.6}");
    // Minus zero equals zero.
    let is_zero = !text.contains(|c: char| c.is_ascii_digit() && c != '0');
    out.push_str(if is_zero { "0.000000" } else { &text });
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_values_have_equal_texts() {
        let value = json!({"b": [1.0, -0.0, 0.1234567, 1e20], "a": {"é": null, "z": -3}});
        assert_eq!(
            to_string(&value).unwrap(),
            "{\"a\":{\"z\":-3,\"é\":null},\"b\":[1.000000,0.000000,0.123457,100000000000000000000.000000]}"
        );
        let decomposed = json!({"e\u{301}": "e\u{301}"});
        assert_eq!(to_string(&decomposed).unwrap(), "{\"é\":\"é\"}");
        assert_ne!(
            to_string(&json!({"a": null})).unwrap(),
            to_string(&json!({})).unwrap()
        );
    }

    #[test]
    fn the_fingerprint_is_that_of_the_text() {
        // printf '%s' '{"a":1.500000}' | sha256sum
        assert_eq!(
            fingerprint(&json!({"a": 1.5})).unwrap(),
            sha256_hex(b"{\"a\":1.500000}")
        );
    }

    #[test]
    fn what_has_no_form_is_refused() {
        let twice = json!({"e\u{301}": 1, "\u{e9}": 2});
        assert_eq!(to_string(&twice), Err(NoForm::SameKey("é".to_owned())));
        assert_eq!(
            utc_text("2026-01-02T03:04:05+00:00").unwrap(),
            "2026-01-02T03:04:05Z"
        );
        assert!(utc_text("2026-01-02T03:04:05Z").is_ok());
        for wrong in ["2026-01-02T03:04:05+01:00", "2026-01-02T03:04:05", "Z"] {
            assert!(utc_text(wrong).is_err(), "{wrong}");
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e9..1e9_f64).prop_map(Value::from),
            "\\PC{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(("[a-d]{1,2}", inner), 0..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    fn reversed(value: &Value) -> Value {
        match value {
            Value::Object(map) => Value::Object(
                map.iter()
                    .rev()
                    .map(|(key, item)| (key.clone(), reversed(item)))
                    .collect(),
            ),
            Value::Array(items) => Value::Array(items.iter().map(reversed).collect()),
            other => other.clone(),
        }
    }

    proptest! {
        #[test]
        fn the_order_of_keys_does_not_matter_and_the_text_is_its_own_form(value in values()) {
            let text = to_string(&value).unwrap();
            prop_assert_eq!(&text, &to_string(&reversed(&value)).unwrap());
            let read: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&text, &to_string(&read).unwrap());
        }
    }
}
