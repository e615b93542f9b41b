//! The runs of one quantization made into a row.
//!
//! A row is as good as the worst of its runs: the token status is the worst one, and it is clean only if
//! every run is. (The Python Orket took the best token status, so one run hid nine.)

use std::collections::BTreeSet;

use crate::lane::{Lane, VramProfile};
use crate::rank;
use crate::round::{three, two};
use crate::row::QuantRow;
use crate::run_report::RunReport;
use crate::sidecar::{self, SidecarRecord};
use crate::statistics::mean_of_known;
use crate::telemetry::{QualityReason, RunQuality, Telemetry, TokenStatus, VibeDeltaStatus};
use crate::validity;

/// What a row is of.
#[derive(Debug, Clone, Default)]
pub struct RowHead {
    /// The quantization.
    pub quant_tag: String,
    /// Where the report is.
    pub report_path: String,
    /// Where it ran.
    pub execution_lane: Lane,
    /// How much graphics memory it might take.
    pub vram_profile: VramProfile,
    /// What the hardware was seen doing, before the runs' own figures are put into it.
    pub hardware_sidecar: SidecarRecord,
    /// The model as its server was asked for it.
    pub served_model: Option<String>,
}

/// The row of a report. Its vibe delta is not known before there is a baseline.
#[must_use]
pub fn row(head: RowHead, report: &RunReport) -> QuantRow {
    let runs: Vec<&Telemetry> = report.test_runs.iter().map(|run| &run.telemetry).collect();
    let mean = |of: fn(&Telemetry) -> Option<f64>| mean_of_known(runs.iter().map(|run| of(run)));
    let prefill = mean(|it| it.token_metrics.latencies.prefill_seconds);
    let mut row = QuantRow {
        quant_rank: rank::of(&head.quant_tag),
        quant_tag: head.quant_tag,
        report_path: head.report_path,
        hardware_sidecar: head.hardware_sidecar,
        adherence_score: mean(|it| it.adherence_score).map(three),
        peak_memory_rss: mean(|it| it.peak_memory_rss).map(three),
        total_latency: mean(|it| it.total_latency).map(three),
        init_latency: mean(|it| it.init_latency).map(three),
        prompt_tokens_per_second: mean(|it| it.token_metrics.throughput.prompt_tokens_per_second)
            .map(two),
        generation_tokens_per_second: mean(|it| {
            it.token_metrics.throughput.generation_tokens_per_second
        })
        .map(two),
        orchestration_overhead_ratio: mean(|it| it.orchestration_overhead_ratio).map(three),
        token_metrics_status: worst_token_status(&runs),
        run_quality_status: quality(&runs),
        run_quality_reasons: reasons(&runs),
        determinism_rate: report.determinism_rate,
        test_runs: u64::try_from(runs.len()).unwrap_or(u64::MAX),
        execution_lane: head.execution_lane,
        vram_profile: head.vram_profile,
        valid: false,
        vibe_delta: None,
        vibe_delta_status: VibeDeltaStatus::Unknown,
        ttft_ms: prefill.map(|seconds| three(seconds * 1000.0)),
        served_model: head.served_model,
    };
    sidecar::complete_from_row(&mut row);
    row.valid = validity::is_valid(&row);
    row
}

fn worst_token_status(runs: &[&Telemetry]) -> TokenStatus {
    runs.iter()
        .map(|run| run.token_metrics_status)
        .max()
        .unwrap_or_default()
}

fn quality(runs: &[&Telemetry]) -> RunQuality {
    let clean = runs
        .iter()
        .all(|run| run.run_quality_status == RunQuality::Clean);
    if clean && !runs.is_empty() {
        RunQuality::Clean
    } else {
        RunQuality::Polluted
    }
}

fn reasons(runs: &[&Telemetry]) -> Vec<QualityReason> {
    if runs.is_empty() {
        return vec![QualityReason::MissingTelemetry];
    }
    let union: BTreeSet<_> = runs
        .iter()
        .flat_map(|run| run.run_quality_reasons.iter().cloned())
        .collect();
    union.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_report::TestRun;

    fn clean(adherence: f64) -> Telemetry {
        Telemetry {
            adherence_score: Some(adherence),
            total_latency: Some(1.0),
            run_quality_status: RunQuality::Clean,
            token_metrics_status: TokenStatus::Ok,
            ..Telemetry::default()
        }
    }

    fn of(runs: Vec<Telemetry>) -> QuantRow {
        let head = RowHead {
            quant_tag: "Q6_K".to_owned(),
            ..RowHead::default()
        };
        let test_runs = runs
            .into_iter()
            .map(|telemetry| TestRun {
                telemetry,
                ..TestRun::default()
            })
            .collect();
        row(
            head,
            &RunReport {
                test_runs,
                ..RunReport::default()
            },
        )
    }

    #[test]
    fn one_run_without_timings_marks_the_row() {
        let mut silent = clean(0.5);
        silent.token_metrics_status = TokenStatus::TimingUnavailable;
        silent.run_quality_status = RunQuality::Polluted;
        silent.run_quality_reasons = vec![
            QualityReason::MissingTokenTimings,
            QualityReason::HighSystemLoad,
        ];
        let mut busy = silent.clone();
        busy.run_quality_reasons = vec![QualityReason::HighCpuSaturation];
        let mut runs = vec![clean(1.0); 9];
        runs.extend([silent, busy]);
        let row = of(runs);
        assert_eq!(row.token_metrics_status, TokenStatus::TimingUnavailable);
        assert_eq!(row.run_quality_status, RunQuality::Polluted);
        assert_eq!(
            row.run_quality_reasons,
            [
                QualityReason::HighCpuSaturation,
                QualityReason::HighSystemLoad,
                QualityReason::MissingTokenTimings
            ]
        );
        assert!(!row.valid);
    }

    #[test]
    fn means_are_of_what_is_known() {
        let mut unknown = clean(1.0);
        unknown.adherence_score = None;
        let row = of(vec![clean(1.0), clean(0.5), clean(0.5), unknown]);
        assert_eq!(row.adherence_score, Some(0.667));
        assert_eq!(row.total_latency, Some(1.0));
        assert_eq!((row.peak_memory_rss, row.ttft_ms), (None, None));
        assert_eq!(
            (row.test_runs, row.quant_rank, row.valid),
            (4, Some(634), true)
        );
    }

    #[test]
    fn no_runs_are_no_clean_row() {
        let row = of(vec![]);
        assert_eq!(row.run_quality_reasons, [QualityReason::MissingTelemetry]);
        assert!(!row.valid);
        assert_eq!(row.adherence_score, None);
    }
}
