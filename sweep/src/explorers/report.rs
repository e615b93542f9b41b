//! A summary as Markdown.

use std::fmt::Write as _;

use super::scatter::{Point, Scatter};
use crate::summary::{StabilityKpis, Summary};

/// Where the plot and the points are, as the Markdown links to them.
#[derive(Debug, Clone, Copy)]
pub struct Links<'a> {
    /// The plot.
    pub svg: &'a str,
    /// The points.
    pub scatter: &'a str,
}

/// The Markdown of a summary and its points.
#[must_use]
pub fn markdown(summary: &Summary, scatter: &Scatter, links: &Links<'_>) -> String {
    let mut text = String::from("# Quant sweep\n\n");
    head(&mut text, summary, scatter);
    text.push_str("\n## What to use\n\n");
    for session in &summary.sessions {
        sentence(&mut text, &session.model_id, &session.recommendation);
    }
    if summary.sessions.is_empty() {
        text.push_str("Nothing was measured.\n");
    }
    text.push_str("\n## Speed against adherence\n\n");
    let _ = writeln!(
        text,
        "![Speed against adherence, a point for each quantization]({})\n",
        links.svg
    );
    table(&mut text, &scatter.points);
    let hidden = summary
        .sessions
        .iter()
        .map(|it| it.per_quant.len())
        .sum::<usize>()
        - scatter.points.len();
    if hidden > 0 {
        let _ = writeln!(
            text,
            "\nLeft out because they are not valid: {hidden}. --include-invalid shows them."
        );
    }
    let _ = writeln!(
        text,
        "\nThe same points for programs: [{0}]({0}).",
        links.scatter
    );
    if let Some(kpis) = &summary.stability_kpis {
        text.push_str("\n## How far this can be trusted\n\n");
        trust(&mut text, kpis);
    }
    text
}

fn head(text: &mut String, summary: &Summary, scatter: &Scatter) {
    let commit = summary.commit_sha.as_deref().unwrap_or("unknown");
    let lines = [
        ("generated_at", scatter.generated_at.as_str()),
        ("summary", &scatter.source_summary),
        ("summary_generated_at", &summary.generated_at),
        ("commit_sha", commit),
        ("hardware_fingerprint", &summary.hardware_fingerprint),
        ("execution_lane", summary.execution_lane.as_str()),
        ("vram_profile", summary.vram_profile.as_str()),
        ("task_bank", &summary.matrix.task_bank),
    ];
    for (name, value) in lines {
        let value = if value.is_empty() { "unknown" } else { value };
        let _ = writeln!(text, "- {name}: {}", code(value));
    }
    let _ = writeln!(
        text,
        "- runs of each task: {}",
        summary.matrix.runs_per_quant
    );
}

fn sentence(text: &mut String, model: &str, recommendation: &str) {
    let _ = writeln!(text, "- {}: {}", code(model), plain(recommendation));
}

fn table(text: &mut String, points: &[Point]) {
    text.push_str(
        "| Model | Quantization | Tokens/s | Adherence | Seconds | Valid | Chosen as |\n\
         |---|---|---:|---:|---:|---|---|\n",
    );
    for point in points {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            cell(&point.model_id),
            cell(&point.quant_tag),
            number(point.generation_tps, 2),
            number(point.adherence_score, 3),
            number(point.total_latency, 3),
            if point.valid { "yes" } else { "no" },
            match point.frontier_role {
                Some(role) => role.as_str(),
                None => "",
            }
        );
    }
}

fn trust(text: &mut String, kpis: &StabilityKpis) {
    let rates = [
        ("determinism_rate", kpis.determinism_rate),
        ("missing_telemetry_rate", kpis.missing_telemetry_rate),
        ("polluted_run_rate", kpis.polluted_run_rate),
        ("frontier_success_rate", kpis.frontier_success_rate),
    ];
    for (name, rate) in rates {
        let _ = writeln!(text, "- {name}: {}", number(rate, 6));
    }
    let _ = writeln!(
        text,
        "- rows: {}, models: {}, runs: {}",
        kpis.quant_rows, kpis.sessions, kpis.weighted_runs
    );
}

/// A number to so many places, or that it is not known.
fn number(value: Option<f64>, places: usize) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.places$}"))
}

/// Text on one line, without what Markdown would read as a mark.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '\\' | '`' | '*' | '[' | ']' | '<' | '|' => plain.extend(['\\', it]),
            it if it.is_control() => plain.push(' '),
            it => plain.push(it),
        }
    }
    plain
}

fn cell(text: &str) -> String {
    plain(text)
}

/// Text as code, whatever stands in it.
fn code(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|it| {
            if it.is_control() || it == '`' {
                ' '
            } else {
                it
            }
        })
        .collect();
    format!("`{text}`")
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
