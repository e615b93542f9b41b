//! Whether a manifest has the fields of the contract, each of the right kind. Keys that the
//! contract does not know are ignored.

use serde_json::{Map, Value};

use super::Finding;
use super::limits::memory_bytes;

const TOP: &[&str] = &[
    "skill_contract_version",
    "skill_id",
    "skill_version",
    "description",
    "manifest_digest",
];
const ENTRYPOINT: &[&str] = &[
    "entrypoint_id",
    "runtime",
    "working_directory",
    "tool_profile_id",
    "tool_profile_version",
];
const OPTIONAL_TEXTS: &[&str] = &["runtime_version", "requested_determinism_profile"];
const SCHEMAS: &[&str] = &[
    "input_schema",
    "output_schema",
    "error_schema",
    "value_fingerprints",
];
const LISTS: &[&str] = &[
    "args_fingerprint_fields",
    "result_fingerprint_fields",
    "side_effect_fingerprint_fields",
    "side_effect_categories",
    "required_environment_variables",
];
const PERMISSIONS: &[&str] = &["requested_permissions", "required_permissions"];

/// Everything that is missing or of the wrong kind.
pub(super) fn findings(manifest: &Map<String, Value>) -> Vec<Finding> {
    let mut found = Vec::new();
    for key in TOP {
        required_text(manifest, key, "", &mut found);
    }
    for key in ["content_digest", "source_commit_digest"] {
        optional_text(manifest, key, "", &mut found);
    }
    match manifest.get("entrypoints") {
        Some(Value::Array(items)) if !items.is_empty() => {
            for (place, item) in items.iter().enumerate() {
                let at = format!("entrypoints.{place}");
                match item {
                    Value::Object(map) => entrypoint(map, &format!("{at}."), &mut found),
                    _ => found.push(Finding::schema(at, "must be an object")),
                }
            }
        }
        Some(Value::Array(_)) => {
            found.push(Finding::schema(
                "entrypoints",
                "must hold at least one entrypoint",
            ));
        }
        Some(Value::Null) | None => found.push(Finding::schema("entrypoints", "is missing")),
        Some(_) => found.push(Finding::schema("entrypoints", "must be a list")),
    }
    found
}

fn entrypoint(map: &Map<String, Value>, at: &str, found: &mut Vec<Finding>) {
    for key in ENTRYPOINT {
        required_text(map, key, at, found);
    }
    if let Err(message) = command(map.get("command")) {
        found.push(Finding::schema(format!("{at}command"), message));
    }
    for key in OPTIONAL_TEXTS {
        optional_text(map, key, at, found);
    }
    let mut of_kind = |keys: &[&str], fits: fn(&Value) -> bool, what: &str| {
        for key in keys {
            if given(map, key).is_some_and(|value| !fits(value)) {
                found.push(Finding::schema(format!("{at}{key}"), what));
            }
        }
    };
    of_kind(SCHEMAS, Value::is_object, "must be an object");
    of_kind(LISTS, is_texts, "must be a list of texts");
    of_kind(
        PERMISSIONS,
        |value| {
            let map = value.as_object();
            map.is_some_and(|map| {
                map.values()
                    .all(|value| value.is_string() || is_texts(value))
            })
        },
        "must be an object with a text or a list of texts for each scope",
    );
    of_kind(&["runtime_limits"], Value::is_object, "must be an object");
    if let Some(Value::Object(limits)) = given(map, "runtime_limits") {
        let time = given(limits, "max_execution_time");
        if time.is_some_and(|value| !value.as_f64().is_some_and(|seconds| seconds > 0.0)) {
            let place = format!("{at}runtime_limits.max_execution_time");
            found.push(Finding::schema(place, "must be seconds greater than 0"));
        }
        if given(limits, "max_memory").is_some_and(|value| memory_bytes(value).is_none()) {
            let place = format!("{at}runtime_limits.max_memory");
            let message = "must be mebibytes greater than 0, or a text such as 256MB";
            found.push(Finding::schema(place, message));
        }
    }
}

fn command(value: Option<&Value>) -> Result<(), &'static str> {
    match value {
        None | Some(Value::Null) => Err("is missing"),
        Some(Value::String(text)) if text.trim().is_empty() => Err("must not be empty"),
        Some(Value::String(_)) => Ok(()),
        Some(list @ Value::Array(items)) if is_texts(list) => {
            match items.first().and_then(Value::as_str) {
                Some(program) if !program.trim().is_empty() => Ok(()),
                Some(_) | None => Err("must not be empty"),
            }
        }
        Some(_) => Err("must be a text or a list of texts"),
    }
}

fn given<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    map.get(key).filter(|value| !value.is_null())
}

fn is_texts(value: &Value) -> bool {
    let items = value.as_array();
    items.is_some_and(|items| items.iter().all(Value::is_string))
}

fn required_text(map: &Map<String, Value>, key: &str, at: &str, found: &mut Vec<Finding>) {
    let message = match given(map, key) {
        None => "is missing",
        Some(Value::String(text)) if text.trim().is_empty() => "must not be empty",
        Some(Value::String(_)) => return,
        Some(_) => "must be a text",
    };
    found.push(Finding::schema(format!("{at}{key}"), message));
}

fn optional_text(map: &Map<String, Value>, key: &str, at: &str, found: &mut Vec<Finding>) {
    if given(map, key).is_some_and(|value| !value.is_string()) {
        found.push(Finding::schema(format!("{at}{key}"), "must be a text"));
    }
}
