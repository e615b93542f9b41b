//! `orket compare replay`: where two artifacts differ, the time and the id aside.

use serde::Serialize;
use serde_json::Value;

/// How much of a value a mismatch quotes, in characters.
const CLIPPED: usize = 160;
/// Fields at the top that differ between equal outcomes.
const PASSED_OVER: [&str; 2] = ["recorded_at", "artifact_id"];

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// Where: `request.scope[0]`.
    pub field: String,
    /// What kind it is.
    pub reason: Reason,
    /// The value on the left, as JSON.
    pub left: Option<String>,
    /// The value on the right.
    pub right: Option<String>,
}

/// Kinds of differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A number against a text.
    TypeMismatch,
    /// Only on the right.
    MissingLeft,
    /// Only on the left.
    MissingRight,
    /// Lists of different lengths; those elements that both have are compared too.
    LengthMismatch,
    /// The same kind, another value.
    ValueMismatch,
}

impl Reason {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TypeMismatch => "type_mismatch",
            Self::MissingLeft => "missing_left",
            Self::MissingRight => "missing_right",
            Self::LengthMismatch => "length_mismatch",
            Self::ValueMismatch => "value_mismatch",
        }
    }
}

impl Mismatch {
    /// In a line: `result.code: value_mismatch`.
    #[must_use]
    pub fn summary(&self) -> String {
        format!("{}: {}", self.field, self.reason.as_str())
    }
}

/// All differences, in order of the fields.
#[must_use]
pub fn compare(left: &Value, right: &Value) -> Vec<Mismatch> {
    let mut found = Vec::new();
    walk("", left, right, &mut found);
    found
}

fn walk(at: &str, left: &Value, right: &Value, found: &mut Vec<Mismatch>) {
    let mut tell = |reason| {
        found.push(Mismatch {
            field: if at.is_empty() { "$" } else { at }.to_owned(),
            reason,
            left: Some(clipped(left)),
            right: Some(clipped(right)),
        });
    };
    match (left, right) {
        (Value::Object(one), Value::Object(other)) => {
            let mut keys: Vec<&String> = one.keys().chain(other.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                if at.is_empty() && PASSED_OVER.contains(&key.as_str()) {
                    continue;
                }
                let field = if at.is_empty() {
                    key.clone()
                } else {
                    format!("{at}.{key}")
                };
                match (one.get(key), other.get(key)) {
                    (Some(left), Some(right)) => walk(&field, left, right, found),
                    (left, right) => found.push(Mismatch {
                        field,
                        reason: if left.is_none() {
                            Reason::MissingLeft
                        } else {
                            Reason::MissingRight
                        },
                        left: left.map(clipped),
                        right: right.map(clipped),
                    }),
                }
            }
        }
        (Value::Array(one), Value::Array(other)) => {
            if one.len() != other.len() {
                tell(Reason::LengthMismatch);
            }
            for (number, (left, right)) in one.iter().zip(other).enumerate() {
                walk(&format!("{at}[{number}]"), left, right, found);
            }
        }
        _ if std::mem::discriminant(left) != std::mem::discriminant(right) => {
            tell(Reason::TypeMismatch);
        }
        _ if left != right => tell(Reason::ValueMismatch),
        _ => {}
    }
}

fn clipped(value: &Value) -> String {
    value.to_string().chars().take(CLIPPED).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_difference_is_named_where_it_is() {
        let left = json!({
            "artifact_id": "a", "recorded_at": "x", "same": [1, {"k": null}],
            "type": 1, "gone": true, "list": [1, 2], "deep": {"recorded_at": 1}, "text": "a".repeat(200),
        });
        let right = json!({
            "artifact_id": "b", "recorded_at": "y", "same": [1, {"k": null}],
            "type": "1", "new": {}, "list": [3], "deep": {"recorded_at": 2}, "text": "b",
        });
        let found = compare(&left, &right);
        let summary: Vec<String> = found.iter().map(Mismatch::summary).collect();
        assert_eq!(
            summary,
            [
                "deep.recorded_at: value_mismatch",
                "gone: missing_right",
                "list: length_mismatch",
                "list[0]: value_mismatch",
                "new: missing_left",
                "text: value_mismatch",
                "type: type_mismatch",
            ]
        );
        let text = found.iter().find(|it| it.field == "text").unwrap();
        assert_eq!(text.left.as_ref().unwrap().chars().count(), 160);
        assert_eq!(compare(&left, &left), []);
        assert_eq!(compare(&json!(1), &json!([])).len(), 1);
    }
}
