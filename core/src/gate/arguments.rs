//! Whether a call's arguments fit its tool's schema: what is required and of which type, and, for
//! skills, whatever else the schema says.

use serde_json::Value;

use super::{RULE_ARGUMENTS, refuse, shown};
use crate::argument_schema::{self, Wrong};
use crate::tool::{ToolCall, ToolSpec};
use crate::tool_catalogue;
use crate::turn::Violation;

/// Checks the call against the tool's schema. Optional arguments may be null.
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
            && !argument_schema::is_of(value, types)
        {
            return Err(wrong(
                name,
                format!("the argument `{name}` is {}", argument_schema::kind(value)),
            ));
        }
    }
    // What a built-in tool demands beyond that is checked where its rules are, in words of its own.
    if tool_catalogue::is_built_in(&call.tool) {
        return Ok(());
    }
    whole(call, spec).map_err(|found| {
        let message = format!("{}: the argument {found}", call.tool);
        refuse(RULE_ARGUMENTS, message, &shown(call))
    })
}

/// Checks everything that the schema says.
fn whole(call: &ToolCall, spec: &ToolSpec) -> Result<(), Wrong> {
    let required = spec.parameters.get("required").and_then(Value::as_array);
    let is_required = |name: &String| {
        let mut names = required.into_iter().flatten();
        names.any(|it| it.as_str() == Some(name))
    };
    // An optional argument that is null is as good as left out.
    let given = call.args.iter();
    let given = given.filter(|(name, value)| is_required(name) || !value.is_null());
    let args = given.map(|(name, value)| (name.clone(), value.clone()));
    argument_schema::check(&Value::Object(args.collect()), &spec.parameters, "")
}

fn wanted(name: &str, types: Option<&Value>) -> String {
    match types.map(argument_schema::named) {
        Some(list) if !list.is_empty() => format!("give `{name}` as {list}"),
        Some(_) | None => format!("give `{name}`"),
    }
}
