//! What people read.

use std::collections::BTreeMap;

use super::*;
use crate::bands;
use crate::baselines::{GoldTelemetry, Metadata, Record, TestBaselines};
use crate::explorers::context::{self, Tried, Wish};
use crate::explorers::{frontier as frontiers, rollup as rollups, thermal as heat};
use crate::frontier::Demands;
use crate::guards::{self as guarding};
use crate::kpi_gate::{Thresholds, report};
use crate::lane::VramProfile;
use crate::row::QuantRow;
use crate::run_report::{Outcome, RunRecord, RunReport, TaskDetail};
use crate::session;
use crate::sidecar::{SidecarFigures, SidecarStatus};
use crate::summary::Summary;
use crate::telemetry::{RunQuality, TokenStatus};

fn row(tag: &str, adherence: f64, memory: f64, start: Option<f64>) -> QuantRow {
    let mut row = QuantRow {
        quant_tag: tag.to_owned(),
        quant_rank: crate::rank::of(tag),
        adherence_score: Some(adherence),
        peak_memory_rss: Some(memory),
        total_latency: Some(1.0),
        generation_tokens_per_second: Some(31.25),
        run_quality_status: RunQuality::Clean,
        token_metrics_status: TokenStatus::Ok,
        test_runs: 48,
        ..QuantRow::default()
    };
    row.hardware_sidecar.figures = SidecarFigures {
        thermal_start_c: start,
        ..SidecarFigures::default()
    };
    row
}

fn summary() -> Summary {
    let demands = Demands {
        adherence_threshold: 0.95,
        latency_ceiling: 10.0,
        include_invalid: false,
    };
    let rows = vec![
        row("Q8_0", 1.0, 3000.0, Some(41.0)),
        row("Q6_K", 0.98, 2300.0, Some(55.5)),
        row("Q4_K_M", 0.75, 1600.0, None),
    ];
    Summary {
        sessions: vec![session::of("qwen2.5-coder:7b\u{1b}[31m", rows, &demands)],
        ..Summary::default()
    }
}

fn fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
        assert!(!line.contains('\u{1b}'));
    }
}

#[test]
fn a_frontier_and_its_figures() {
    let summary = summary();
    let gate = report(&summary, "s.json", &Thresholds::default());
    let text = [
        frontier(&frontiers::of(&summary, "s.json", "ci/7", "now")),
        kpi(&gate.stability_kpis),
        kpi_gate(
            &gate.stability_kpis,
            &gate.thresholds,
            gate.status,
            &gate.failures,
        ),
    ]
    .join("\n");
    fits(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn guards_and_heat() {
    let summary = summary();
    let demands = guarding::Demands {
        cooldown_target_c: 50.0,
        profile: VramProfile::Balanced,
    };
    let summaries = [
        ("a.json".to_owned(), summary.clone()),
        ("b.json".to_owned(), Summary::default()),
    ];
    let text = [
        guards(&guarding::check(&summary, "s.json", &demands)),
        thermal(&heat::of(&summaries, &heat::Wish::default(), "now")),
    ]
    .join("\n");
    fits(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn ceilings_scores_and_a_probe() {
    let tried = [4096, 8192].map(|context| Tried {
        context,
        summary_path: "s.json".to_owned(),
        summary: (context == 4096).then(summary),
    });
    let ceiling = context::of(tried.to_vec(), &Wish::default(), "now");
    let detail = TaskDetail {
        tier: 1,
        unique_hashes: 1,
        deterministic: Some(true),
        runs: vec![
            RunRecord {
                outcome: Outcome::Pass,
                ..RunRecord::default()
            };
            2
        ],
        ..TaskDetail::default()
    };
    let details = BTreeMap::from([
        ("001".to_owned(), detail.clone()),
        (
            "002".to_owned(),
            TaskDetail {
                deterministic: None,
                ..detail
            },
        ),
    ]);
    let scored = bands::score(
        &RunReport {
            details,
            ..RunReport::default()
        },
        "r.json",
    );
    let payload = crate::sidecar::probe::Payload {
        probe_generated_at: "now".to_owned(),
        backend: crate::sidecar::probe::Backend::Nvidia,
        model: "qwen".to_owned(),
        quant: "Q6_K".to_owned(),
        sidecar_parse_status: SidecarStatus::RequiredFieldMissing,
        sidecar_parse_errors: vec!["missing:ttft_ms".to_owned()],
        figures: SidecarFigures {
            vram_total_mb: Some(24_576.0),
            thermal_end_c: Some(61.5),
            ..SidecarFigures::default()
        },
        probe_note: None,
    };
    let text = [
        rollup(&rollups::of(
            &[("c.json".to_owned(), ceiling)],
            "ci/7",
            "now",
        )),
        scores(&scored, &bands::failures(&scored)),
        sidecar(&payload),
    ]
    .join("\n");
    fits(&text);
    insta::assert_snapshot!(text);
}

#[test]
fn baselines_of_a_test() {
    let of = |reference: &str, pinned| Record {
        baseline_metadata: Metadata {
            test_run_id: reference.to_owned(),
            model_id: "qwen".to_owned(),
            quant_tag: "Q6_K".to_owned(),
            ..Metadata::default()
        },
        gold_telemetry: GoldTelemetry {
            adherence_score: Some(1.0),
            ..GoldTelemetry::default()
        },
        pinned,
    };
    let all = TestBaselines {
        test_id: "001".to_owned(),
        history: vec![of("run-1", true), of("run-2", false)],
    };
    let listed = crate::baselines::store::Listed {
        test_id: "001".to_owned(),
        records: 2,
        pinned: 1,
        newest: Some("run-2".to_owned()),
    };
    let counted = crate::baselines::health::of(std::slice::from_ref(&all), Some("m"), None);
    let text = [
        baselines(&[listed]),
        baselines(&[]),
        record(&all),
        health(&counted),
    ]
    .join("\n");
    fits(&text);
    insta::assert_snapshot!(text);
}
