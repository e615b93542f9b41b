//! docs/API.md is made from the OpenAPI document: `ORKET_WRITE_DOCS=1 cargo test -p orket --test api
//! reference` writes it again.

use std::fmt::Write as _;
use std::path::Path;

use orket::api::server::document;
use serde_json::Value;

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(path) => document
            .pointer(path.trim_start_matches('#'))
            .unwrap_or(schema),
        None => schema,
    }
}

/// A schema in few words: `string`, `integer or null`, `array of Session`.
fn words(schema: &Value) -> String {
    if let Some(path) = schema["$ref"].as_str() {
        let name = path.rsplit('/').next().unwrap();
        return format!("[{name}](#{})", name.to_lowercase());
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        if let Some(all) = schema[key].as_array() {
            let all: Vec<String> = all.iter().map(words).collect();
            return all.join(" or ");
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values
            .iter()
            .map(|value| format!("`{}`", value.as_str().unwrap_or("null")))
            .collect();
        return values.join(", ");
    }
    match &schema["type"] {
        Value::String(kind) if kind == "array" => format!("array of {}", words(&schema["items"])),
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => {
            let kinds: Vec<String> = kinds
                .iter()
                .filter_map(Value::as_str)
                .map(|kind| match kind {
                    "array" => format!("array of {}", words(&schema["items"])),
                    other => other.to_owned(),
                })
                .collect();
            kinds.join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

fn line(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

fn fields(document: &Value, schema: &Value, to: &mut String) {
    let schema = resolved(document, schema);
    let required: Vec<&str> = schema["required"]
        .as_array()
        .map(|all| all.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let Some(properties) = schema["properties"].as_object() else {
        let _ = writeln!(to, "{}\n", words(schema));
        return;
    };
    to.push_str("| Field | Type | |\n|---|---|---|\n");
    for (name, field) in properties {
        let is_required = required.contains(&name.as_str());
        let about = line(field["description"].as_str().unwrap_or(""));
        let _ = writeln!(
            to,
            "| `{name}`{} | {} | {about} |",
            if is_required { "" } else { "?" },
            words(field)
        );
    }
    to.push('\n');
}

fn markdown(document: &Value) -> String {
    let mut to = String::from(
        "# API\n\nMade from the server's own OpenAPI document (`/openapi.json`; a page to try it is at `/docs`): do not edit.\n\
         Keys, scopes and limits are in [SECURITY.md](SECURITY.md). Whatever is not done is answered as [ProblemBody](#problembody).\n\n",
    );
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            let _ = writeln!(to, "## {} {path}\n", verb.to_uppercase());
            for key in ["summary", "description"] {
                if let Some(text) = operation[key].as_str() {
                    let _ = writeln!(to, "{text}\n");
                }
            }
            match operation["security"][0]["api_key"][0].as_str() {
                Some(scope) => {
                    let _ = writeln!(to, "Scope: `{scope}`.\n");
                }
                None => to.push_str("Needs no key.\n\n"),
            }
            if let Some(parameters) = operation["parameters"].as_array() {
                to.push_str("| Parameter | In | Type | |\n|---|---|---|---|\n");
                for parameter in parameters {
                    let schema = &parameter["schema"];
                    let bounds = match (schema["minimum"].as_f64(), schema["maximum"].as_f64()) {
                        (Some(least), Some(most)) => format!(" ({least} to {most})"),
                        (Some(least), None) => format!(" ({least} or more)"),
                        (None, Some(most)) => format!(" (at most {most})"),
                        (None, None) => String::new(),
                    };
                    let _ = writeln!(
                        to,
                        "| `{}`{} | {} | {}{bounds} | {} |",
                        parameter["name"].as_str().unwrap(),
                        if parameter["required"] == true {
                            ""
                        } else {
                            "?"
                        },
                        parameter["in"].as_str().unwrap(),
                        words(schema),
                        line(parameter["description"].as_str().unwrap_or("")),
                    );
                }
                to.push('\n');
            }
            if let Some(content) = operation["requestBody"]["content"].as_object() {
                for body in content.values() {
                    let _ = writeln!(to, "Body: {}\n", words(&body["schema"]));
                }
            }
            for (status, response) in operation["responses"].as_object().unwrap() {
                if status == "default" {
                    continue;
                }
                let content = response["content"].as_object();
                let kinds: Vec<String> = content
                    .into_iter()
                    .flatten()
                    .map(|(kind, body)| match kind.as_str() {
                        "application/json" => words(&body["schema"]),
                        other => format!("`{other}`"),
                    })
                    .collect();
                let _ = writeln!(
                    to,
                    "{status}: {}\n",
                    if kinds.is_empty() {
                        line(response["description"].as_str().unwrap_or(""))
                    } else {
                        kinds.join("; ")
                    }
                );
            }
        }
    }
    to.push_str("# Shapes\n\nA field with `?` may be left out.\n\n");
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let _ = writeln!(to, "## {name}\n");
        if let Some(text) = schema["description"].as_str() {
            let _ = writeln!(to, "{}\n", line(text));
        }
        fields(document, schema, &mut to);
    }
    to
}

#[test]
fn the_reference_is_what_the_server_says_of_itself() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/API.md");
    let made = markdown(&serde_json::to_value(document()).unwrap());
    if std::env::var_os("ORKET_WRITE_DOCS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        known == made,
        "docs/API.md is out of date: ORKET_WRITE_DOCS=1 cargo test -p orket --test api reference"
    );
}
