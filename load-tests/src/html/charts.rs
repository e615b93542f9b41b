//! Which charts a report has.

use serde_json::Value;

use super::chart::{Chart, Line, seconds};
use super::{fields, tables::heading};

/// Latency by percentile. The axis is that of HDR histograms: each step to the right is ten times rarer.
pub fn percentiles(report: &Value) -> String {
    let lines: Vec<Line> = fields(report, "results")
        .map(|(name, result)| Line {
            name: name.clone(),
            points: pairs(result.get("curve"))
                .into_iter()
                .map(|(part, ms)| (nines(part), ms))
                .collect(),
        })
        .filter(|line| line.points.len() > 1)
        .collect();
    let marks = [
        (0.0, "p0"),
        (0.5, "p50"),
        (0.9, "p90"),
        (0.99, "p99"),
        (0.999, "p99.9"),
        (0.9999, "p99.99"),
    ];
    let marks = marks.map(|(part, words)| (nines(part), words.to_owned()));
    let chart = Chart {
        title: "Time of successes by percentile".to_owned(),
        unit: "ms",
        marks: marks.to_vec(),
        lines,
    };
    heading("Latency", chart.figure())
}

/// Successes and failures a second.
pub fn rates(report: &Value) -> String {
    let mut lines = Vec::new();
    let mut longest = 0.0_f64;
    for (name, result) in fields(report, "results") {
        let counts = pairs(result.get("timeline"));
        longest = longest.max(counts.len() as f64);
        let line = |of: fn(&(f64, f64)) -> f64| -> Vec<(f64, f64)> {
            let at = (0..counts.len()).map(|second| second as f64);
            at.zip(counts.iter().map(of)).collect()
        };
        lines.push(Line {
            name: name.clone(),
            points: line(|(succeeded, _)| *succeeded),
        });
        if counts.iter().any(|(_, failed)| *failed > 0.0) {
            lines.push(Line {
                name: format!("{name}, failed"),
                points: line(|(_, failed)| *failed),
            });
        }
    }
    lines.retain(|line| line.points.len() > 1);
    let chart = Chart {
        title: "Answers in each second".to_owned(),
        unit: "/s",
        marks: seconds(longest),
        lines,
    };
    heading("Rate", chart.figure())
}

/// What processes used.
pub fn resources(report: &Value) -> String {
    let shown = [
        ("rss_mib", "Resident memory", "MiB"),
        ("descriptors", "Open descriptors", "count"),
        ("wal_mib", "Write-ahead logs", "MiB"),
        ("queued", "Waiting in queues", "count"),
    ];
    let mut figures = String::new();
    for (field, title, unit) in shown {
        let lines: Vec<Line> = fields(report, "resources")
            .map(|(process, used)| Line {
                name: process.clone(),
                points: samples(used, field),
            })
            // A generator has no write-ahead log and no queue.
            .filter(|line| line.name == "server" || line.points.iter().any(|(_, y)| *y > 0.0))
            .collect();
        let points = lines.iter().flat_map(|line| &line.points);
        let longest = points.map(|(at, _)| *at).fold(0.0, f64::max);
        let chart = Chart {
            title: title.to_owned(),
            unit,
            marks: seconds(longest),
            lines,
        };
        figures.push_str(&chart.figure());
    }
    heading("Resources over time", figures)
}

fn samples(used: &Value, field: &str) -> Vec<(f64, f64)> {
    let all = used.get("samples").and_then(Value::as_array);
    all.into_iter()
        .flatten()
        .filter_map(|sample| Some((sample.get("at_s")?.as_f64()?, sample.get(field)?.as_f64()?)))
        .collect()
}

/// How many nines a percentile has: 0.9 has one, 0.99 two.
fn nines(part: f64) -> f64 {
    -(1.0 - part).max(1e-6).log10()
}

fn pairs(of: Option<&Value>) -> Vec<(f64, f64)> {
    let all = of.and_then(Value::as_array).into_iter().flatten();
    all.filter_map(|pair| Some((pair.get(0)?.as_f64()?, pair.get(1)?.as_f64()?)))
        .collect()
}
