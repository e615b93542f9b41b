//! Canonical JSON as RFC 8785 has it, for values without floats, and the digest of it: SHA-256,
//! lower-case hex.
//!
//! Keys are sorted by their UTF-16 code units, there is no white space and no newline at the end.
//! Floats are refused, since a digest must not depend on how somebody prints them, and integers
//! beyond ±(2^53 − 1), which not every reader keeps.

use serde_json::{Map, Value};

use super::below;
use orket_core::canonical::sha256_hex;

/// The largest integer, either way.
const LARGEST: i64 = (1 << 53) - 1;

/// Why a value has no canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoForm {
    /// A number that is no integer.
    #[error("{number} is a float; give an integer or a text")]
    Float {
        /// Where, as a JSON pointer.
        at: String,
        /// Which.
        number: String,
    },
    /// An integer that is too large, or too small.
    #[error("{number} is beyond ±(2^53 - 1); give it as a text")]
    TooLarge {
        /// Where, as a JSON pointer.
        at: String,
        /// Which.
        number: String,
    },
}

impl NoForm {
    /// Where, as a JSON pointer into the value.
    #[must_use]
    pub fn at(&self) -> &str {
        match self {
            Self::Float { at, .. } | Self::TooLarge { at, .. } => at,
        }
    }
}

/// The canonical text of `value`.
///
/// # Errors
///
/// [`NoForm`] for the first number that has none.
pub fn to_string(value: &Value) -> Result<String, NoForm> {
    let mut out = String::with_capacity(256);
    write(value, "", &mut out)?;
    Ok(out)
}

/// The canonical text of an object.
///
/// # Errors
///
/// As [`to_string`].
pub fn object_to_string(object: &Map<String, Value>) -> Result<String, NoForm> {
    let mut out = String::with_capacity(256);
    write_object(object, "", &mut out)?;
    Ok(out)
}

/// The digest of `value`.
///
/// # Errors
///
/// As [`to_string`].
pub fn digest(value: &Value) -> Result<String, NoForm> {
    to_string(value).map(|text| sha256_hex(text.as_bytes()))
}

fn write(value: &Value, at: &str, out: &mut String) -> Result<(), NoForm> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => {
            if number.is_f64() {
                return Err(NoForm::Float {
                    at: at.to_owned(),
                    number: number.to_string(),
                });
            }
            if !number
                .as_i64()
                .is_some_and(|it| (-LARGEST..=LARGEST).contains(&it))
            {
                return Err(NoForm::TooLarge {
                    at: at.to_owned(),
                    number: number.to_string(),
                });
            }
            out.push_str(&number.to_string());
        }
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write(item, &below(at, &place.to_string()), out)?;
            }
            out.push(']');
        }
        Value::Object(object) => write_object(object, at, out)?,
    }
    Ok(())
}

fn write_object(object: &Map<String, Value>, at: &str, out: &mut String) -> Result<(), NoForm> {
    let mut entries: Vec<(&String, &Value)> = object.iter().collect();
    entries.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
    out.push('{');
    for (place, (key, item)) in entries.into_iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write_text(key, out);
        out.push(':');
        write(item, &below(at, key), out)?;
    }
    out.push('}');
    Ok(())
}

/// As RFC 8785 §3.2.2.2 wants texts: only `"`, `\` and control characters are escaped, those that
/// have a short form by it, the others as `\u00xx`.
fn write_text(text: &str, out: &mut String) {
    // Printing a text as JSON cannot fail.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_digests_are_those_of_the_contract() {
        let vectors = [
            (
                json!({"b": 2, "a": 1}),
                "43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777",
            ),
            (
                json!({}),
                "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            ),
            (
                json!({"m": "🚀"}),
                "7f22f9209e36c918c6b6464498b025aa1b358339dffa766c6affd53b31670d52",
            ),
        ];
        for (value, expected) in vectors {
            assert_eq!(digest(&value).unwrap(), expected, "{value}");
        }
    }

    #[test]
    fn keys_are_sorted_by_utf_16_and_texts_escaped_as_the_rfc_says() {
        // RFC 8785 §3.2.3; by code points the last two would change places.
        let value = json!({
            "\u{20ac}": 1, "\r": 2, "\u{fb33}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7,
        });
        let expected = "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}";
        assert_eq!(to_string(&value).unwrap(), expected);
        let text = json!("\u{20ac}$\u{f}\nA'B\"\\\u{7f}\u{8}/");
        assert_eq!(
            to_string(&text).unwrap(),
            "\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\u{7f}\\b/\""
        );
    }

    #[test]
    fn floats_and_integers_that_do_not_survive_are_refused_with_their_place() {
        let refused = |text: &str| to_string(&serde_json::from_str(text).unwrap()).unwrap_err();
        assert_eq!(
            refused(r#"{"a/b":[0,1.5]}"#),
            NoForm::Float {
                at: "/a~1b/1".into(),
                number: "1.5".into()
            }
        );
        for float in ["1.0", "1e2", "-0.0", "-0", "123456789012345678901234567890"] {
            assert!(matches!(refused(float), NoForm::Float { .. }), "{float}");
        }
        for large in [
            "9007199254740992",
            "-9007199254740992",
            "18446744073709551615",
        ] {
            assert!(matches!(refused(large), NoForm::TooLarge { .. }), "{large}");
        }
        for kept in ["9007199254740991", "-9007199254740991"] {
            assert_eq!(
                to_string(&serde_json::from_str(kept).unwrap()).unwrap(),
                kept
            );
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-LARGEST..=LARGEST).prop_map(Value::from),
            "\\PC{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(("\\PC{0,3}", inner), 0..4)
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
        fn the_order_of_keys_does_not_matter_and_the_text_reads_as_the_value(value in values()) {
            let text = to_string(&value).unwrap();
            prop_assert_eq!(&text, &to_string(&reversed(&value)).unwrap());
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }
}
