//! A report for a person at a terminal.

use std::fmt::Write as _;

use serde_json::Value;

/// The table of results, then ratios, figures, checks and what processes used.
#[must_use]
pub fn table(report: &Value) -> String {
    let mut text = String::new();
    let section = |name: &str| report.get(name).and_then(Value::as_object);
    if let Some(results) = section("results").filter(|it| !it.is_empty()) {
        let width = results.keys().map(String::len).max().unwrap_or(0).max(6);
        let _ = writeln!(
            text,
            "{:<width$} {:>9} {:>8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "", "samples", "failed", "/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms"
        );
        for (name, result) in results {
            let field = |field: &str| number(result.get(field));
            let _ = writeln!(
                text,
                "{name:<width$} {:>9} {:>8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
                field("samples"),
                field("failures"),
                field("per_second"),
                field("p50_ms"),
                field("p90_ms"),
                field("p99_ms"),
                field("p999_ms"),
                field("max_ms"),
            );
            for (kind, count) in result
                .get("errors")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                let _ = writeln!(text, "{:<width$} {count:>9} failed with {kind}", "");
            }
            if let Some(unsent) = result
                .get("unsent")
                .and_then(Value::as_u64)
                .filter(|it| *it > 0)
            {
                let _ = writeln!(
                    text,
                    "{:<width$} {unsent:>9} were due and not sent in time",
                    ""
                );
            }
        }
    }
    for (name, value) in section("ratios").into_iter().flatten() {
        let _ = writeln!(text, "ratio {name}: {}", number(Some(value)));
    }
    for (name, figure) in section("figures").into_iter().flatten() {
        let unit = figure
            .get("unit")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let _ = writeln!(text, "{name}: {} {unit}", number(figure.get("value")));
    }
    for (process, used) in section("resources").into_iter().flatten() {
        let field = |field: &str| number(used.get(field));
        let _ = writeln!(
            text,
            "{process}: {} cores, at most {} MiB, {} descriptors, {} threads, {} MiB of WAL",
            field("cpu_cores"),
            field("rss_mib_max"),
            field("descriptors_max"),
            field("threads_max"),
            field("wal_mib_max"),
        );
    }
    for check in report
        .get("checks")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let of = |field: &str| check.get(field).and_then(Value::as_str).unwrap_or_default();
        let how = match check.get("passed").and_then(Value::as_bool) {
            Some(true) => "ok",
            _ => "FAILED",
        };
        let _ = writeln!(text, "{how}: {}: {}", of("name"), of("words"));
    }
    text
}

/// Short, and `-` for what is not known.
pub fn number(value: Option<&Value>) -> String {
    match value {
        Some(Value::Number(number)) if number.is_u64() => number.to_string(),
        Some(value) => value.as_f64().map_or_else(
            || "-".to_owned(),
            |value| match value.abs() {
                _ if value.fract() == 0.0 => format!("{value:.0}"),
                1_000.0.. => format!("{value:.0}"),
                10.0.. => format!("{value:.1}"),
                0.1.. => format!("{value:.2}"),
                _ => format!("{value:.3}"),
            },
        ),
        None => "-".to_owned(),
    }
}
