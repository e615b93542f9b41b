//! The part of the schema language that OpenAI's own service decodes under strictly: each schema has a
//! type, each object names all of its properties as required and allows no others.

use serde_json::Value;

/// The words that it knows.
const WORDS: [&str; 13] = [
    "$defs",
    "$ref",
    "additionalProperties",
    "anyOf",
    "const",
    "description",
    "enum",
    "items",
    "maxItems",
    "minItems",
    "pattern",
    "properties",
    "required",
];

/// Whether the whole schema can be asked for strictly.
pub(super) fn knows(schema: &Value) -> bool {
    let Some(words) = schema.as_object() else {
        return false;
    };
    let known = words
        .keys()
        .all(|word| word == "type" || WORDS.contains(&word.as_str()));
    let typed = ["type", "anyOf", "$ref"]
        .iter()
        .any(|word| words.contains_key(*word));
    known && typed && is_closed(schema) && parts(schema).all(knows)
}

fn is_closed(schema: &Value) -> bool {
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        return true;
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    let (Some(properties), Some(required)) = (properties, required) else {
        return false;
    };
    schema.get("additionalProperties") == Some(&Value::Bool(false))
        && properties
            .keys()
            .all(|name| required.iter().any(|it| it == name))
}

/// The schemas in a schema.
fn parts(schema: &Value) -> impl Iterator<Item = &Value> {
    let named = ["properties", "$defs"]
        .into_iter()
        .filter_map(|word| schema.get(word)?.as_object())
        .flat_map(|map| map.values());
    let listed = schema.get("anyOf").and_then(Value::as_array);
    named
        .chain(listed.into_iter().flatten())
        .chain(schema.get("items"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_the_service_knows_is_asked_for_strictly() {
        let object = |more: Value| {
            let mut schema = json!({
                "type": "object",
                "properties": {"a": {"type": "string", "pattern": "^x$"}, "b": {"$ref": "#/$defs/b"}},
                "required": ["a", "b"],
                "additionalProperties": false,
                "$defs": {"b": {"type": "array", "items": {"type": "string"}, "minItems": 1}},
            });
            for (key, value) in more.as_object().expect("an object") {
                schema[key] = value.clone();
            }
            schema
        };
        assert!(knows(&object(json!({}))));
        for wrong in [
            json!({"required": ["a"]}),
            json!({"additionalProperties": true}),
            json!({"minLength": 1}),
            json!({"$defs": {"b": {"type": "array", "prefixItems": []}}}),
            json!({"$defs": {"b": {"const": "untyped"}}}),
        ] {
            assert!(!knows(&object(wrong.clone())), "{wrong}");
        }
    }
}
