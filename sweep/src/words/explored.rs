//! What is said of artifacts and baselines.

use std::fmt::Write as _;

use super::{figure, printable, table};
use crate::baselines::health::Health;
use crate::baselines::store::Listed;
use crate::baselines::{Record, TestBaselines};
use crate::explorers::frontier::FrontierSession;
use crate::explorers::{
    frontier as frontiers, index as indexes, rollup as rollups, thermal as heat,
};

/// A frontier.
#[must_use]
pub fn frontier(artifact: &frontiers::Artifact) -> String {
    let mut text = String::new();
    for session in &artifact.sessions {
        let _ = writeln!(text, "{}", printable(&session.model_id));
        let head = [
            "  quant",
            "adherence",
            "seconds",
            "MiB",
            "tokens/s",
            "valid",
            "chosen as",
        ];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for row in &session.quant_rows {
            rows.push(vec![
                format!("  {}", row.quant_tag),
                figure(row.adherence_score, 3),
                figure(row.total_latency, 3),
                figure(row.peak_memory_rss, 0),
                figure(row.generation_tokens_per_second, 2),
                if row.valid { "yes" } else { "no" }.to_owned(),
                role(session, &row.quant_tag),
            ]);
        }
        text.push_str(&table(&rows));
        let _ = writeln!(text, "  {}", printable(&session.recommendation));
    }
    if artifact.sessions.is_empty() {
        text.push_str("nothing was measured\n");
    }
    text
}

fn role(session: &FrontierSession, tag: &str) -> String {
    let is = |chosen: &Option<String>| chosen.as_deref() == Some(tag);
    let roles = [
        (tag == session.baseline_quant, "baseline"),
        (is(&session.minimum_viable_quant), "minimum"),
        (is(&session.best_value_quant), "best value"),
    ];
    let roles: Vec<_> = roles
        .into_iter()
        .filter_map(|(is, word)| is.then_some(word))
        .collect();
    roles.join(", ")
}

/// Heat.
#[must_use]
pub fn thermal(artifact: &heat::Artifact) -> String {
    let head = [
        "run",
        "seconds",
        "start °C",
        "end °C",
        "polluted",
        "reasons",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for point in &artifact.points {
        rows.push(vec![
            point.run_index.to_string(),
            figure(point.total_latency, 3),
            figure(point.thermal_start_c, 1),
            figure(point.thermal_end_c, 1),
            if point.polluted { "yes" } else { "no" }.to_owned(),
            point.reasons.join(" "),
        ]);
    }
    let mut text = format!(
        "{} {}\n{}",
        printable(&artifact.model_id),
        printable(&artifact.quant_tag),
        table(&rows)
    );
    let _ = writeln!(
        text,
        "heat soak {}, polluted {}, began too hot {}",
        if artifact.heat_soak_detected {
            "yes"
        } else {
            "no"
        },
        figure(artifact.polluted_run_rate, 6),
        figure(artifact.cooldown_failure_rate, 6),
    );
    let _ = writeln!(text, "{}", artifact.recommendation.replace("; ", "\n"));
    text
}

/// Ceilings counted together.
#[must_use]
pub fn rollup(artifact: &rollups::Artifact) -> String {
    let head = ["model", "quant", "profile", "ceiling"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for it in &artifact.ceilings {
        rows.push(vec![
            it.model_id.clone(),
            it.quant_tag.clone(),
            it.vram_profile.to_string(),
            it.safe_context_ceiling
                .map_or_else(|| "none".to_owned(), |it| it.to_string()),
        ]);
    }
    let mut text = table(&rows);
    let _ = writeln!(
        text,
        "{} of {} contexts passed",
        artifact.counts.passed, artifact.counts.contexts
    );
    for it in &artifact.failed_contexts {
        let reasons: Vec<_> = it.reasons.iter().map(|reason| reason.as_str()).collect();
        let _ = writeln!(
            text,
            "failed: {} {} {}  {}",
            printable(&it.model_id),
            printable(&it.quant_tag),
            it.context,
            reasons.join(" ")
        );
    }
    text
}

/// An index.
#[must_use]
pub fn index(index: &indexes::Index) -> String {
    let head = ["kind", "version", "provenance", "path"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for it in &index.artifacts {
        rows.push(vec![
            it.kind.clone(),
            it.schema_version.clone(),
            it.provenance_ref.clone().unwrap_or_default(),
            it.path.clone(),
        ]);
    }
    let mut text = table(&rows);
    for path in &index.unreadable {
        let _ = writeln!(text, "cannot be read: {}", printable(path));
    }
    text
}

/// Tests that have baselines.
#[must_use]
pub fn baselines(listed: &[Listed]) -> String {
    if listed.is_empty() {
        return "there are no baselines\n".to_owned();
    }
    let head = ["test", "baselines", "pinned", "newest"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for it in listed {
        rows.push(vec![
            it.test_id.clone(),
            it.records.to_string(),
            it.pinned.to_string(),
            it.newest.clone().unwrap_or_default(),
        ]);
    }
    table(&rows)
}

/// The baselines of a test, the newest first.
#[must_use]
pub fn record(baselines: &TestBaselines) -> String {
    let head = [
        "baseline",
        "model",
        "quant",
        "adherence",
        "seconds",
        "MiB",
        "pinned",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(baselines.history.iter().rev().map(cells));
    table(&rows)
}

fn cells(record: &Record) -> Vec<String> {
    let gold = record.gold_telemetry;
    vec![
        record.reference().to_owned(),
        record.baseline_metadata.model_id.clone(),
        record.baseline_metadata.quant_tag.clone(),
        figure(gold.adherence_score, 3),
        figure(gold.total_latency, 3),
        figure(gold.peak_memory_rss, 0),
        if record.pinned { "yes" } else { "no" }.to_owned(),
    ]
}

/// Counts of baselines.
#[must_use]
pub fn health(health: &Health) -> String {
    let rows = [
        ("tests", health.tests),
        ("baselines", health.records),
        ("pinned", health.pinned),
        ("not the newest of their test", health.stale),
        (
            "tests without one of this machine",
            health.hardware_mismatches,
        ),
        (
            "tests without one of this revision",
            health.revision_mismatches,
        ),
    ];
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(name, count)| vec![name.to_owned(), count.to_string()])
        .collect();
    table(&rows)
}
