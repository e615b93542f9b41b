//! The first place in which two JSON values differ, named as a person would look for it.

use serde_json::Value;

/// Where two values part.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Such as `calls[0].args.path`; empty for the whole value.
    pub field: String,
    /// What the first has there; `None` when it has nothing.
    pub left: Option<Value>,
    /// What the second has.
    pub right: Option<Value>,
}

/// The first field in which `right` differs from `left`, in the order of `left`; `None` when they
/// are equal. The order of keys does not matter.
#[must_use]
pub fn first(left: &Value, right: &Value) -> Option<Difference> {
    walk(String::new(), Some(left), Some(right))
}

fn walk(field: String, left: Option<&Value>, right: Option<&Value>) -> Option<Difference> {
    match (left, right) {
        (Some(Value::Object(ours)), Some(Value::Object(theirs))) => {
            let ours_then_new = ours
                .keys()
                .chain(theirs.keys().filter(|key| !ours.contains_key(*key)));
            for key in ours_then_new {
                let below = if field.is_empty() {
                    key.clone()
                } else {
                    format!("{field}.{key}")
                };
                let found = walk(below, ours.get(key), theirs.get(key));
                if found.is_some() {
                    return found;
                }
            }
            None
        }
        (Some(Value::Array(ours)), Some(Value::Array(theirs))) => (0..ours.len().max(theirs.len()))
            .find_map(|nth| walk(format!("{field}[{nth}]"), ours.get(nth), theirs.get(nth))),
        (left, right) if left == right => None,
        (left, right) => Some(Difference {
            field,
            left: left.cloned(),
            right: right.cloned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn field(left: Value, right: Value) -> Option<String> {
        first(&left, &right).map(|it| it.field)
    }

    #[test]
    fn the_first_difference_is_named_by_its_path() {
        let left = json!({"a": 1, "calls": [{"args": {"path": "x"}}], "z": null});
        assert_eq!(field(left.clone(), left.clone()), None);
        let mut right = left.clone();
        right["calls"][0]["args"]["path"] = json!("y");
        assert_eq!(
            first(&left, &right),
            Some(Difference {
                field: "calls[0].args.path".to_owned(),
                left: Some(json!("x")),
                right: Some(json!("y")),
            })
        );
        assert_eq!(
            field(json!({"a": 1}), json!({"a": 1, "b": 2})).as_deref(),
            Some("b")
        );
        assert_eq!(field(json!([1]), json!([1, 2])).as_deref(), Some("[1]"));
        assert_eq!(field(json!(1), json!("1")).as_deref(), Some(""));
        assert_eq!(
            field(json!({"a": 1, "b": 2}), json!({"b": 2, "a": 1})),
            None
        );
    }
}
