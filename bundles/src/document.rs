//! YAML and JSON as one kind of value. A key that is there twice is an error in both, for nobody could
//! say which one counts.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The largest manifest, in bytes.
pub(crate) const MAX_BYTES: u64 = 1024 * 1024;

/// What a manifest may be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Yaml,
    Json,
}

impl Format {
    /// By the end of a file's name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// The value that a text stands for.
///
/// # Errors
///
/// In words, with the line.
pub(crate) fn read(bytes: &[u8], format: Format) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is no UTF-8 text".to_owned())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Strict(value) = match format {
        Format::Json => serde_json::from_str(text)
            .map_err(|error| format!("is no valid JSON: {}", one_line(&error.to_string())))?,
        Format::Yaml => {
            let options = serde_saphyr::options! {
                strict_booleans: true,
                with_snippet: false,
            };
            serde_saphyr::from_str_with_options(text, options)
                .map_err(|error| format!("is no valid YAML: {}", one_line(&error.to_string())))?
        }
    };
    Ok(value)
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(300).collect()
}

/// A value without twins among its keys.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values).map(Strict)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a manifest")
    }

    fn visit_bool<E>(self, it: bool) -> Result<Value, E> {
        Ok(Value::Bool(it))
    }

    fn visit_i64<E>(self, it: i64) -> Result<Value, E> {
        Ok(Value::from(it))
    }

    fn visit_u64<E>(self, it: u64) -> Result<Value, E> {
        Ok(Value::from(it))
    }

    fn visit_f64<E>(self, it: f64) -> Result<Value, E> {
        Ok(Number::from_f64(it).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, it: &str) -> Result<Value, E> {
        Ok(Value::String(it.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, it: D) -> Result<Value, D::Error> {
        it.deserialize_any(Self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, Strict(value))) = fields.next_entry::<String, Strict>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{key}` is there twice")));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_and_json_say_the_same() {
        let json = br#"{"a": {"b": ["x", 1, true, null]}, "v": "0.1.0"}"#;
        let yaml = b"a:\n  b: [x, 1, true, null]\nv: 0.1.0\n";
        let whole = json!({"a": {"b": ["x", 1, true, null]}, "v": "0.1.0"});
        assert_eq!(read(json, Format::Json), Ok(whole.clone()));
        assert_eq!(read(yaml, Format::Yaml), Ok(whole));
        assert_eq!(
            read(b"answer: yes\n", Format::Yaml),
            Ok(json!({"answer": "yes"})),
            "only true and false are truth values"
        );
    }

    #[test]
    fn twins_and_bombs_are_refused() {
        let twice = read(br#"{"a": 1, "b": {"c": 1, "c": 2}}"#, Format::Json).unwrap_err();
        assert!(twice.contains("the key `c` is there twice"), "{twice}");
        let twice = read(b"a: 1\na: 2\n", Format::Yaml).unwrap_err();
        assert!(twice.starts_with("is no valid YAML"), "{twice}");
        let mut laughs = "a0: &a0 [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n".to_owned();
        for level in 1..12 {
            let below = format!("*a{},", level - 1).repeat(9);
            laughs.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert!(read(laughs.as_bytes(), Format::Yaml).is_err());
        assert!(read("[".repeat(100_000).as_bytes(), Format::Yaml).is_err());
        assert!(read("[".repeat(100_000).as_bytes(), Format::Json).is_err());
        assert_eq!(
            read(b"\xff", Format::Json),
            Err("is no UTF-8 text".to_owned())
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes, Format::Yaml);
            let _ = read(&bytes, Format::Json);
        }

        #[test]
        fn any_text_of_yaml_signs_is_read_or_refused(text in "[-a&*!|>{}\\[\\]:,#'\"% \n\t?~0-9]{0,80}") {
            let _ = read(text.as_bytes(), Format::Yaml);
        }
    }
}
