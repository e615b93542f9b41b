//! What requests hold, `src/types/NAME.json`: the schema of the route, and of those methods that have
//! another.
//!
//! ```json
//! {
//!   "route": "users",
//!   "request_schema": { "id": "int" },
//!   "methods": { "post": { "request_schema": { "name": "string" } } }
//! }
//! ```

use serde_json::{Map, Value, json};

use super::{Route, RouteError, Schema};

const SCHEMA: &str = "request_schema";
const METHODS: &str = "methods";

/// The file with the schema of the route's method. `methods` are all that the route has then.
pub(super) fn with_schema(
    route: &Route,
    methods: &[&str],
    path: &str,
    old: Option<&str>,
) -> Result<String, RouteError> {
    let wanted = object_of(route.schema());
    let Some(text) = old else {
        let fresh = json!({ "route": route.name(), SCHEMA: wanted });
        return Ok(printed(&fresh, "\n"));
    };
    let refuse = |why: &str| RouteError::Conflict {
        path: path.to_owned(),
        why: why.to_owned(),
    };
    let bare = text.trim_start_matches('\u{feff}');
    let read: Value =
        serde_json::from_str(bare).map_err(|error| refuse(&format!("is no JSON: {error}")))?;
    let Value::Object(mut types) = read.clone() else {
        return Err(refuse("is no JSON object"));
    };
    let mut own = match types.get(METHODS) {
        None => Map::new(),
        Some(Value::Object(own)) => own.clone(),
        Some(_) => return Err(refuse("has `methods` that are no object")),
    };
    let method = route.method();
    let alone = methods.iter().all(|it| *it == method);
    // Whether two schemas say the same in the same order.
    let same = |schema: Option<&Value>| {
        schema.is_some_and(|schema| printed(schema, "\n") == printed(&wanted, "\n"))
    };
    if alone {
        own.shift_remove(method);
        types.insert(SCHEMA.to_owned(), wanted);
    } else if same(types.get(SCHEMA)) {
        own.shift_remove(method);
    } else {
        let entry = own.entry(method).or_insert_with(|| json!({}));
        match entry {
            Value::Object(entry) => {
                entry.insert(SCHEMA.to_owned(), wanted);
            }
            _ => return Err(refuse("has a method that is no object")),
        }
    }
    if own.is_empty() {
        types.shift_remove(METHODS);
    } else {
        types.insert(METHODS.to_owned(), Value::Object(own));
    }
    types.entry("route").or_insert_with(|| json!(route.name()));
    let changed = Value::Object(types);
    if printed(&changed, "\n") == printed(&read, "\n") {
        return Ok(text.to_owned());
    }
    let bom = if bare.len() < text.len() {
        "\u{feff}"
    } else {
        ""
    };
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    Ok(format!("{bom}{}", printed(&changed, end)))
}

fn object_of(schema: &Schema) -> Value {
    let fields = schema
        .fields()
        .iter()
        .map(|field| (field.name.clone(), Value::String(field.kind.clone())));
    Value::Object(fields.collect())
}

fn printed(value: &Value, end: &str) -> String {
    // Writing a value that was read cannot fail.
    let told = format!("{value:#}\n");
    if end == "\n" {
        told
    } else {
        told.replace('\n', end)
    }
}
