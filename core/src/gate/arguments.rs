//! Whether a call's arguments fit its tool's schema: what is required, and of which type.

use serde_json::Value;

use super::{RULE_ARGUMENTS, refuse, shown};
use crate::tool::{ToolCall, ToolSpec};
use crate::turn::Violation;

/// Checks `required` and the `type`s of the tool's schema. Optional arguments may be null.
pub(super) fn check(call: &ToolCall, spec: &ToolSpec) -> Result<(), Violation> {
    let properties = spec.parameters.get("properties").and_then(Value::as_object);
    let type_of = |name: &str| {
        properties
            .and_then(|p| p.get(name))
            .and_then(|p| p.get("type"))
    };
    let required = spec.parameters.get("required").and_then(Value::as_array);
    let wrong = |name: &str, what: String| {
        let message = format!("{}: {what}; {}", call.tool, wanted(name, type_of(name)));
        refuse(RULE_ARGUMENTS, message, &shown(call))
    };
    let mut needed = required.into_iter().flatten().filter_map(Value::as_str);
    if let Some(name) = needed.find(|name| call.args.get(*name).is_none_or(Value::is_null)) {
        return Err(wrong(name, format!("the argument `{name}` is missing")));
    }
    for (name, value) in &call.args {
        if let Some(types) = type_of(name)
            && !value.is_null()
            && !fits(value, types)
        {
            return Err(wrong(
                name,
                format!("the argument `{name}` is {}", kind(value)),
            ));
        }
    }
    Ok(())
}

fn wanted(name: &str, types: Option<&Value>) -> String {
    let list = match types {
        Some(Value::String(one)) => one.clone(),
        Some(Value::Array(many)) => many
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" or "),
        _ => return format!("give `{name}`"),
    };
    format!("give `{name}` as {list}")
}

fn fits(value: &Value, types: &Value) -> bool {
    match types {
        Value::String(one) => is_a(value, one),
        Value::Array(many) => many
            .iter()
            .filter_map(Value::as_str)
            .any(|one| is_a(value, one)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
    }
}

fn is_a(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
        }
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        _ => true,
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
