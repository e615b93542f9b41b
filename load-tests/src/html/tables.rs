//! The tables of a report.

use std::fmt::Write as _;

use serde_json::Value;

use super::chart::short;
use super::{escape, fields};

/// A section, if there is anything in it.
pub fn heading(title: &str, body: String) -> String {
    match body.is_empty() {
        true => body,
        false => format!("<h2>{}</h2>\n{body}", escape(title)),
    }
}

/// Checks and thresholds, what failed first.
pub fn verdict(report: &Value) -> String {
    let all = |name: &str| {
        let rows = report.get(name).and_then(Value::as_array);
        rows.into_iter().flatten()
    };
    let mut failed = String::new();
    let mut passed = String::new();
    for check in all("checks") {
        let of = |field: &str| check.get(field).and_then(Value::as_str).unwrap_or_default();
        let is_passed = check.get("passed").and_then(Value::as_bool) == Some(true);
        let (class, word) = match is_passed {
            true => ("good", "ok"),
            false => ("bad", "failed"),
        };
        let row = format!(
            "<tr><td>{}</td><td class=\"{class}\">{word}</td><td class=\"words\">{}</td></tr>\n",
            escape(of("name")),
            escape(of("words"))
        );
        match is_passed {
            true => passed.push_str(&row),
            false => failed.push_str(&row),
        }
    }
    for miss in all("missed").filter_map(Value::as_str) {
        let _ = writeln!(
            failed,
            "<tr><td>threshold</td><td class=\"bad\">missed</td><td class=\"words\">{}</td></tr>",
            escape(miss)
        );
    }
    let rows = failed + &passed;
    let table = match rows.is_empty() {
        true => rows,
        false => wide(&["check", "", ""], &rows),
    };
    heading("Checks", table)
}

/// The measurements.
pub fn results(report: &Value) -> String {
    let columns = [
        ("samples", "samples"),
        ("failures", "failed"),
        ("unsent", "not sent"),
        ("per_second", "/s"),
        ("p50_ms", "p50 ms"),
        ("p90_ms", "p90 ms"),
        ("p95_ms", "p95 ms"),
        ("p99_ms", "p99 ms"),
        ("p999_ms", "p99.9 ms"),
        ("max_ms", "max ms"),
    ];
    let mut rows = String::new();
    for (name, result) in fields(report, "results") {
        let _ = write!(rows, "<tr><td>{}</td>", escape(name));
        for (field, _) in columns {
            let _ = write!(rows, "<td>{}</td>", cell(result.get(field)));
        }
        rows.push_str("</tr>\n");
        for (kind, count) in fields(result, "errors") {
            let _ = writeln!(
                rows,
                "<tr><td>{} failed with {}</td><td></td><td class=\"bad\">{}</td><td colspan=\"8\"></td></tr>",
                escape(name),
                escape(kind),
                cell(Some(count))
            );
        }
    }
    let mut names = vec![""];
    names.extend(columns.map(|(_, name)| name));
    match rows.is_empty() {
        true => rows,
        false => heading("Measurements", wide(&names, &rows)),
    }
}

/// Ratios and figures.
pub fn numbers(report: &Value) -> String {
    let mut rows = String::new();
    for (name, value) in fields(report, "ratios") {
        let _ = writeln!(
            rows,
            "<tr><td>{}</td><td>{}</td><td class=\"words\">to what was measured beside it</td></tr>",
            escape(name),
            cell(Some(value))
        );
    }
    for (name, figure) in fields(report, "figures") {
        let unit = figure
            .get("unit")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let _ = writeln!(
            rows,
            "<tr><td>{}</td><td>{}</td><td class=\"words\">{}</td></tr>",
            escape(name),
            cell(figure.get("value")),
            escape(unit)
        );
    }
    match rows.is_empty() {
        true => rows,
        false => heading("Figures", wide(&["", "", ""], &rows)),
    }
}

/// What processes used at most.
pub fn resources(report: &Value) -> String {
    let columns = [
        ("cpu_cores", "cores"),
        ("cpu_seconds", "CPU s"),
        ("rss_mib_max", "RSS MiB"),
        ("descriptors_max", "descriptors"),
        ("threads_max", "threads"),
        ("wal_mib_max", "WAL MiB"),
        ("queue_max", "waiting"),
    ];
    let mut rows = String::new();
    for (process, used) in fields(report, "resources") {
        let _ = write!(rows, "<tr><td>{}</td>", escape(process));
        for (field, _) in columns {
            let _ = write!(rows, "<td>{}</td>", cell(used.get(field)));
        }
        rows.push_str("</tr>\n");
    }
    let mut names = vec![""];
    names.extend(columns.map(|(_, name)| name));
    match rows.is_empty() {
        true => rows,
        false => heading("Resources", wide(&names, &rows)),
    }
}

/// What was asked for.
pub fn config(report: &Value) -> String {
    let mut rows = String::new();
    for (name, value) in fields(report, "config") {
        let words = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let _ = writeln!(
            rows,
            "<tr><td>{}</td><td class=\"words\">{}</td></tr>",
            escape(name),
            escape(&words)
        );
    }
    match rows.is_empty() {
        true => rows,
        false => heading("Asked for", wide(&["", ""], &rows)),
    }
}

fn wide(columns: &[&str], rows: &str) -> String {
    let mut head = String::new();
    for name in columns {
        let _ = write!(head, "<th scope=\"col\">{}</th>", escape(name));
    }
    format!(
        "<div class=\"wide\"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )
}

fn cell(value: Option<&Value>) -> String {
    let number = value.and_then(Value::as_f64);
    number.map_or_else(|| "-".to_owned(), short)
}
