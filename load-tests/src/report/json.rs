//! An outcome as JSON.
//!
//! `results` has the fields of the reports that operators know (`samples`, `failures`, `p50_ms`, `p95_ms`,
//! `p99_ms`, `error_rate_percent`) and more beside them. What is not known is null.

use serde_json::{Map, Value, json};

use crate::latencies::Latencies;
use crate::measurement::Measurement;
use crate::outcome::Outcome;
use crate::sampler::{Sample, Track};

/// The version of the format.
pub const VERSION: u64 = 1;

/// See the file's head.
#[must_use]
pub fn report(outcome: &Outcome) -> Value {
    let results: Map<String, Value> = outcome
        .measurements
        .iter()
        .map(|(name, measurement)| (name.clone(), result(measurement)))
        .collect();
    let (mut ratios, mut figures) = (Map::new(), Map::new());
    for (name, figure) in &outcome.figures {
        match name.strip_prefix("ratios.") {
            Some(ratio) => ratios.insert(ratio.to_owned(), rounded(figure.value)),
            None => figures.insert(
                name.clone(),
                json!({
                    "value": rounded(figure.value), "unit": figure.unit,
                    "better": figure.more_is_better.map(|more| if more { "more" } else { "less" }),
                }),
            ),
        };
    }
    let checks: Vec<Value> = outcome
        .checks
        .iter()
        .map(|it| json!({"name": it.name, "passed": it.passed, "measured": it.is_measured, "words": it.words}))
        .collect();
    let resources: Map<String, Value> = outcome
        .tracks
        .iter()
        .map(|track| (track.process.clone(), resource(track)))
        .collect();
    json!({
        "version": VERSION,
        "timestamp_utc": jiff::Timestamp::now().to_string(),
        "scenario": outcome.scenario,
        "config": outcome.config,
        "results": results,
        "ratios": ratios,
        "figures": figures,
        "checks": checks,
        "passed": outcome.passed(),
        "resources": resources,
    })
}

fn result(of: &Measurement) -> Value {
    let (fine, bad) = (&of.successes, &of.failures);
    let errors: Map<String, Value> = of
        .errors
        .iter()
        .map(|(kind, count)| (kind.to_string(), (*count).into()))
        .collect();
    let timeline: Vec<Value> = of
        .timeline
        .iter()
        .map(|second| json!([second.succeeded, second.failed]))
        .collect();
    let curve: Vec<Value> = fine
        .curve()
        .into_iter()
        .map(|(part, ms)| json!([part, rounded(Some(ms))]))
        .collect();
    json!({
        "samples": of.samples(),
        "failures": of.failed(),
        "p50_ms": part(fine, 0.5),
        "p90_ms": part(fine, 0.9),
        "p95_ms": part(fine, 0.95),
        "p99_ms": part(fine, 0.99),
        "p999_ms": part(fine, 0.999),
        "max_ms": rounded(fine.max_ms()),
        "min_ms": rounded(fine.min_ms()),
        "mean_ms": rounded(fine.mean_ms()),
        "error_rate_percent": rounded(of.error_rate_percent()),
        "errors": errors,
        "per_second": rounded(of.per_second()),
        "seconds": rounded(Some(of.elapsed.as_secs_f64())),
        "unsent": of.unsent,
        "late_p99_ms": part(&of.lateness, 0.99),
        "late_max_ms": rounded(of.lateness.max_ms()),
        "failures_p50_ms": part(bad, 0.5),
        "failures_max_ms": rounded(bad.max_ms()),
        "curve": curve,
        "timeline": timeline,
    })
}

fn resource(track: &Track) -> Value {
    let samples: Vec<Value> = track.samples.iter().map(sample).collect();
    json!({
        "cpu_seconds": rounded(track.cpu_seconds()),
        "cpu_cores": rounded(track.cores()),
        "rss_mib_max": rounded(track.most(Sample::rss_mib)),
        "descriptors_max": rounded(track.most(|it| it.used.descriptors as f64)),
        "threads_max": rounded(track.most(|it| it.used.threads as f64)),
        "wal_mib_max": rounded(track.most(Sample::wal_mib)),
        "queue_max": rounded(track.most(Sample::queued)),
        "samples": samples,
    })
}

fn sample(of: &Sample) -> Value {
    json!({
        "at_s": rounded(Some(of.at.as_secs_f64())),
        "cpu_s": rounded(Some(of.used.cpu_seconds)),
        "rss_mib": rounded(Some(of.rss_mib())),
        "descriptors": of.used.descriptors,
        "threads": of.used.threads,
        "wal_mib": rounded(Some(of.wal_mib())),
        "wals_mib": of.wals.iter().map(mib).collect::<Map<String, Value>>(),
        "queued": of.queued(),
        "gauges": of.gauges,
    })
}

fn mib((database, bytes): (&String, &u64)) -> (String, Value) {
    let mib = *bytes as f64 / f64::from(1 << 20);
    (database.clone(), rounded(Some(mib)))
}

fn part(of: &Latencies, part: f64) -> Value {
    rounded(of.percentile_ms(part))
}

/// Six digits behind the point say more than any clock here knows.
fn rounded(value: Option<f64>) -> Value {
    value.map_or(Value::Null, |value| ((value * 1e6).round() / 1e6).into())
}
