//! The shapes in which models write calls as JSON.

use serde_json::{Map, Value};

use super::diagnostic::Notes;
use crate::tool::ToolCall;

/// Takes every call out of a JSON object.
///
/// Shapes: `{"tool","args"}`, `{"name","arguments"}`, `{"function":{"name","arguments"}}`,
/// `{"tool_calls":[…]}` and `{"calls":[…]}` of these. The depth is bounded by the JSON parser.
pub(super) fn take_calls(
    mut object: Map<String, Value>,
    calls: &mut Vec<ToolCall>,
    notes: &mut Notes,
) {
    if let Some(call) = named(&mut object, "tool", &["args", "arguments"])
        .or_else(|| named(&mut object, "name", &["arguments", "args"]))
        .or_else(|| llama(&mut object))
    {
        calls.push(call);
        return;
    }
    if let Some(Value::Object(function)) = object.get_mut("function")
        && let Some(call) =
            named(function, "name", &["arguments", "args"]).or_else(|| llama(function))
    {
        calls.push(call);
        return;
    }
    for key in ["tool_calls", "calls"] {
        if let Some(Value::Array(items)) = object.get_mut(key) {
            for item in std::mem::take(items) {
                if let Value::Object(inner) = item {
                    take_calls(inner, calls, notes);
                }
            }
            return;
        }
    }
    notes.ignored(&object);
}

/// A call whose name stands under `name_key` and whose arguments under one of `args_keys`.
fn named(object: &mut Map<String, Value>, name_key: &str, args_keys: &[&str]) -> Option<ToolCall> {
    let name = object.get(name_key)?.as_str()?.trim();
    let args_key = args_keys.iter().find(|key| object.contains_key(**key));
    if name.is_empty() || (args_key.is_none() && (name_key != "tool" || object.len() > 1)) {
        return None;
    }
    let tool = name.to_owned();
    let args = args_key.and_then(|key| object.get_mut(*key));
    Some(ToolCall {
        tool,
        args: args.map(arguments).unwrap_or_default(),
    })
}

/// Llama's own shape, `{"name","parameters"}`; with a description it is a tool's schema, repeated.
fn llama(object: &mut Map<String, Value>) -> Option<ToolCall> {
    if object.contains_key("description") {
        return None;
    }
    named(object, "name", &["parameters"])
}

/// Arguments as an object, or as the JSON text of one; anything else is none.
fn arguments(value: &mut Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => std::mem::take(map),
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => Map::new(),
    }
}
