//! What is said of figures that are compared with limits.

use std::fmt::Write as _;

use super::{figure, printable, table};
use crate::bands::Scores;
use crate::guards::Report as GuardReport;
use crate::kpi_gate::{Status, Thresholds};
use crate::sidecar::probe::Payload;
use crate::summary::StabilityKpis;

fn rates(kpis: &StabilityKpis) -> [(&'static str, Option<f64>); 4] {
    [
        ("determinism_rate", kpis.determinism_rate),
        ("missing_telemetry_rate", kpis.missing_telemetry_rate),
        ("polluted_run_rate", kpis.polluted_run_rate),
        ("frontier_success_rate", kpis.frontier_success_rate),
    ]
}

fn counts(kpis: &StabilityKpis) -> String {
    format!(
        "rows {}, models {}, runs {}\n",
        kpis.quant_rows, kpis.sessions, kpis.weighted_runs
    )
}

/// The figures of a summary.
#[must_use]
pub fn kpi(kpis: &StabilityKpis) -> String {
    let rows: Vec<_> = rates(kpis)
        .into_iter()
        .map(|(name, value)| vec![name.to_owned(), figure(value, 6)])
        .collect();
    table(&rows) + &counts(kpis)
}

/// The figures beside their limits.
#[must_use]
pub fn kpi_gate(
    kpis: &StabilityKpis,
    thresholds: &Thresholds,
    status: Status,
    failures: &[String],
) -> String {
    let limits = [
        format!(">= {}", thresholds.min_determinism_rate),
        format!("<= {}", thresholds.max_missing_telemetry_rate),
        format!("<= {}", thresholds.max_polluted_run_rate),
        format!(">= {}", thresholds.min_frontier_success_rate),
    ];
    let rows: Vec<_> = rates(kpis)
        .into_iter()
        .zip(limits)
        .map(|((name, value), limit)| vec![name.to_owned(), figure(value, 6), limit])
        .collect();
    let mut text = table(&rows) + &counts(kpis);
    for failure in failures {
        let _ = writeln!(text, "not met: {failure}");
    }
    text.push_str(status.as_str());
    text.push('\n');
    text
}

/// What guards found.
#[must_use]
pub fn guards(report: &GuardReport) -> String {
    let mut text = format!(
        "{}  {} checks\nprofile {}: start at {} °C or below, at most {} of the memory\n",
        report.status.as_str(),
        report.checks,
        report.profile,
        report.thresholds.cooldown_target_c,
        report.thresholds.vram_ratio_limit,
    );
    let lists = [("violated", &report.violations), ("skipped", &report.skips)];
    for (word, findings) in lists {
        for it in findings {
            let row = match (it.model_id.as_str(), it.quant_tag.as_str()) {
                ("", "") => "the summary".to_owned(),
                (model, quant) => format!("{model} {quant}"),
            };
            let _ = writeln!(text, "{word}: {}  {}", printable(&row), it.code);
            if !it.detail.is_empty() {
                let _ = writeln!(text, "  {}", printable(&it.detail));
            }
        }
    }
    text
}

/// The scores of tasks.
#[must_use]
pub fn scores(scores: &Scores, failures: &[String]) -> String {
    let head = [
        "task", "tier", "success", "results", "score", "band", "needs", "",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (id, task) in &scores.per_task_scores {
        rows.push(vec![
            id.clone(),
            task.tier.to_string(),
            figure(task.success_rate, 3),
            task.unique_hashes.to_string(),
            figure(task.score, 3),
            task.band
                .map_or_else(|| "unknown".to_owned(), |it| it.to_string()),
            task.min_required_band.to_string(),
            if task.passed {
                "passed".to_owned()
            } else {
                task.reason_codes.join(" ")
            },
        ]);
    }
    let mut text = table(&rows);
    let _ = writeln!(
        text,
        "overall {}, determinism {}, {} of {} tasks passed",
        figure(scores.overall_avg_score, 3),
        figure(scores.determinism_rate, 6),
        scores.per_task_scores.len() - scores.failing_tasks.len(),
        scores.per_task_scores.len(),
    );
    for failure in failures {
        let _ = writeln!(text, "not met: {failure}");
    }
    text
}

/// What a probe saw.
#[must_use]
pub fn sidecar(payload: &Payload) -> String {
    let mut text = format!(
        "{}  {}\n",
        payload.backend,
        payload.sidecar_parse_status.as_str()
    );
    if let Some(note) = &payload.probe_note {
        let _ = writeln!(text, "  {}", printable(note));
    }
    let known: Vec<_> = payload
        .figures
        .all()
        .filter_map(|(name, value)| Some(vec![format!("  {name}"), value?.to_string()]))
        .collect();
    text + &table(&known)
}
