//! Reads of a JSON text only what something follows from. Payloads are large, most of each is of no use
//! here, and whoever signs them decides what is in the rest.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// What is kept of an object: names, each with what is kept below it; nothing below it keeps all.
pub(super) struct Tree(pub &'static [(&'static str, Option<&'static Tree>)]);

const USER: Tree = Tree(&[("login", None), ("username", None)]);
const HEAD: Tree = Tree(&[("sha", None), ("ref", None)]);
const REPOSITORY: Tree = Tree(&[("name", None), ("owner", Some(&USER))]);
const PULL_REQUEST: Tree = Tree(&[
    ("number", None),
    ("title", None),
    ("state", None),
    ("merged", None),
    ("user", Some(&USER)),
    ("head", Some(&HEAD)),
]);
const REVIEW: Tree = Tree(&[
    ("state", None),
    ("type", None),
    ("body", None),
    ("content", None),
    ("user", Some(&USER)),
]);
/// What is kept of a payload.
pub(super) const PAYLOAD: Tree = Tree(&[
    ("action", None),
    ("number", None),
    ("secret", None),
    ("pull_request", Some(&PULL_REQUEST)),
    ("repository", Some(&REPOSITORY)),
    ("review", Some(&REVIEW)),
    ("sender", Some(&USER)),
]);

/// The value in a text, pruned. The whole text is read, so that what is no JSON is none.
pub(super) fn pruned(text: &str, tree: &'static Tree) -> serde_json::Result<Value> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Keep(Some(tree)).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Keeps of a value what its tree says.
struct Keep(Option<&'static Tree>);

impl<'de> DeserializeSeed<'de> for Keep {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keep {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    /// Nothing that is kept is a list: that it is one is all there is to know.
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(Vec::new()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while let Some(known) = fields.next_key_seed(Known(self.0))? {
            match known {
                Some((name, below)) => {
                    let value = fields.next_value_seed(Keep(below))?;
                    kept.insert(name.to_owned(), value);
                }
                None => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Value::Object(kept))
    }
}

type Branch = (&'static str, Option<&'static Tree>);

/// The branch of a tree that a name leads to.
struct Known(Option<&'static Tree>);

impl<'de> DeserializeSeed<'de> for Known {
    type Value = Option<Branch>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Known {
    type Value = Option<Branch>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        let branches = self.0.map_or(&[][..], |tree| tree.0);
        Ok(branches.iter().find(|(known, _)| *known == name).copied())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_of_use_is_kept_and_nothing_else() {
        let text = json!({
            "action": "opened", "number": 7, "other": {"deep": [1, 2, {"x": 3}]},
            "pull_request": {"number": 7, "user": {"login": "ada", "email": "a@b"}, "labels": [1], "title": null},
            "repository": "nonsense", "review": [1, 2], "sender": 1.5,
        });
        let kept = pruned(&text.to_string(), &PAYLOAD).unwrap();
        let expected = json!({
            "action": "opened", "number": 7,
            "pull_request": {"number": 7, "user": {"login": "ada"}, "title": null},
            "repository": "nonsense", "review": [], "sender": 1.5,
        });
        assert_eq!(kept, expected);
        for broken in ["", "{", "{\"a\":}", "{} {}", "{\"other\": [1,}", "\u{0}"] {
            assert!(pruned(broken, &PAYLOAD).is_err(), "{broken}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z\"\\\\]{0,6}".prop_map(Value::from),
        ];
        let name = prop_oneof![
            Just("login".to_owned()),
            Just("pull_request".to_owned()),
            Just("user".to_owned()),
            Just("number".to_owned()),
            "[a-z]{1,4}",
        ];
        leaf.prop_recursive(4, 40, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((name.clone(), inner), 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    /// The same by hand, of the whole value.
    fn by_hand(value: &Value, tree: Option<&'static Tree>) -> Value {
        match (value, tree) {
            (Value::Object(fields), tree) => {
                let branches = tree.map_or(&[][..], |tree| tree.0);
                let kept = fields.iter().filter_map(|(name, value)| {
                    let (_, below) = branches.iter().find(|(known, _)| known == name)?;
                    Some((name.clone(), by_hand(value, *below)))
                });
                Value::Object(kept.collect())
            }
            (Value::Array(_), _) => json!([]),
            (other, _) => other.clone(),
        }
    }

    proptest! {
        #[test]
        fn pruning_while_reading_is_reading_and_then_pruning(value in any_json()) {
            let text = value.to_string();
            let kept = pruned(&text, &PAYLOAD).unwrap();
            prop_assert_eq!(kept, by_hand(&value, Some(&PAYLOAD)));
        }
    }
}
