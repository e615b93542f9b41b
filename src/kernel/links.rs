//! What a body refers to: any value of its links, or element of a list there, that is an object with
//! a text `type` and a text `id`.

use serde_json::{Map, Value};

use super::below;
use super::name::escaped;
use super::record::Target;

/// One reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// What it leads to.
    pub target: Target,
    /// Where it is: `/links/<key>`, or `/links/<key>/<place>`.
    pub location: String,
    /// What the link says of itself.
    pub relationship: Option<String>,
}

/// A reference whose `type` or `id` can be the name of nothing; with where it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 240 bytes")]
pub struct Unnameable(pub String);

/// The references in `links`.
///
/// # Errors
///
/// [`Unnameable`] for the first that is empty or too long.
pub fn references(links: &Map<String, Value>) -> Result<Vec<Reference>, Unnameable> {
    let mut found = Vec::new();
    for (key, value) in links {
        let location = below("/links", key);
        match value {
            Value::Array(items) => {
                for (place, item) in items.iter().enumerate() {
                    found.extend(reference(item, &below(&location, &place.to_string()))?);
                }
            }
            value => found.extend(reference(value, &location)?),
        }
    }
    Ok(found)
}

fn reference(value: &Value, location: &str) -> Result<Option<Reference>, Unnameable> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let (Some(kind), Some(id)) = (text("type"), text("id")) else {
        return Ok(None);
    };
    for (name, text) in [("type", kind), ("id", id)] {
        if escaped(text).is_none() {
            return Err(Unnameable(below(location, name)));
        }
    }
    Ok(Some(Reference {
        target: Target {
            kind: kind.to_owned(),
            id: id.to_owned(),
        },
        location: location.to_owned(),
        relationship: text("relationship").map(str::to_owned),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(links: Value) -> Result<Vec<(String, String, String)>, Unnameable> {
        let references = references(links.as_object().unwrap())?;
        Ok(references
            .into_iter()
            .map(|it| (it.location, it.target.kind, it.target.id))
            .collect())
    }

    #[test]
    fn references_are_found_in_values_and_in_lists() {
        let links = json!({
            "a/b": {"type": "skill", "id": "S1", "relationship": "uses"},
            "many": [{"type": "role", "id": "R1"}, "text", {"type": "role"}],
            "deep": {"in": {"type": "x", "id": "y"}},
            "number": {"type": "x", "id": 1},
        });
        let triple = |one: &str, two: &str, three: &str| (one.into(), two.into(), three.into());
        assert_eq!(
            found(links).unwrap(),
            [
                triple("/links/a~1b", "skill", "S1"),
                triple("/links/many/0", "role", "R1")
            ]
        );
    }

    #[test]
    fn what_cannot_be_named_is_refused_with_its_place() {
        assert_eq!(
            found(json!({"a": [{"type": "", "id": "x"}]})),
            Err(Unnameable("/links/a/0/type".into()))
        );
        assert_eq!(
            found(json!({"a": {"type": "x", "id": "y".repeat(241)}})),
            Err(Unnameable("/links/a/id".into()))
        );
    }
}
