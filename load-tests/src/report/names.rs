//! Every number of a report by its name: `api_heartbeat.p99_ms`, `ratios.heartbeat_to_bare`,
//! `figures.cards_per_second`, `resources.server.rss_mib_max`.

use serde_json::Value;

/// Which way of a number is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// A rate.
    More,
    /// A time, memory, errors.
    Less,
    /// Neither: how many samples there are.
    Neither,
}

/// A number of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// None where the report says null.
    pub value: Option<f64>,
    /// See there.
    pub better: Better,
}

/// See the file's head; in the order of the report.
#[must_use]
pub fn named(report: &Value) -> Vec<Named> {
    let mut all = Vec::new();
    for (name, result) in fields(report.get("results")) {
        for (field, value) in numbers(result) {
            all.push(Named {
                name: format!("{name}.{field}"),
                value: value.as_f64(),
                better: better_of_result(field),
            });
        }
        for (kind, value) in fields(result.get("errors")) {
            all.push(Named {
                name: format!("{name}.errors.{kind}"),
                value: value.as_f64(),
                better: Better::Less,
            });
        }
    }
    for (name, value) in fields(report.get("ratios")) {
        all.push(Named {
            name: format!("ratios.{name}"),
            value: value.as_f64(),
            better: Better::More,
        });
    }
    for (name, figure) in fields(report.get("figures")) {
        all.push(Named {
            name: format!("figures.{name}"),
            value: figure.get("value").and_then(Value::as_f64),
            better: match figure.get("better").and_then(Value::as_str) {
                Some("more") => Better::More,
                Some("less") => Better::Less,
                _ => Better::Neither,
            },
        });
    }
    for (process, resource) in fields(report.get("resources")) {
        for (field, value) in numbers(resource) {
            all.push(Named {
                name: format!("resources.{process}.{field}"),
                value: value.as_f64(),
                better: Better::Less,
            });
        }
    }
    all
}

fn fields(of: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    of.and_then(Value::as_object).into_iter().flatten()
}

/// Numbers, and nulls that stand where one would.
fn numbers(of: &Value) -> impl Iterator<Item = (&String, &Value)> {
    fields(Some(of)).filter(|(_, value)| value.is_number() || value.is_null())
}

fn better_of_result(field: &str) -> Better {
    match field {
        "per_second" => Better::More,
        "samples" | "seconds" => Better::Neither,
        // Of failures that come quickly or slowly, neither is better.
        field if field.starts_with("failures_") => Better::Neither,
        _ => Better::Less,
    }
}
