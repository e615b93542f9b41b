//! Reports as they are read.

use super::*;
use crate::explorers::{scatter, svg};
use crate::frontier::Demands;
use crate::row::QuantRow;
use crate::telemetry::{RunQuality, TokenStatus};
use crate::{kpi, session};

fn row(tag: &str, adherence: f64, tps: Option<f64>, quality: RunQuality) -> QuantRow {
    QuantRow {
        quant_tag: tag.to_owned(),
        quant_rank: crate::rank::of(tag),
        adherence_score: Some(adherence),
        generation_tokens_per_second: tps,
        total_latency: Some(1.5),
        peak_memory_rss: Some(1000.0),
        run_quality_status: quality,
        token_metrics_status: TokenStatus::Ok,
        test_runs: 48,
        ..QuantRow::default()
    }
}

fn summary() -> Summary {
    let demands = Demands {
        adherence_threshold: 0.95,
        latency_ceiling: 10.0,
        include_invalid: false,
    };
    let clean = RunQuality::Clean;
    let sessions = vec![
        session::of(
            "qwen2.5-coder:7b",
            vec![
                row("Q8_0", 1.0, Some(28.7), clean),
                row("Q6_K", 0.98, Some(31.0), clean),
                row("Q4_K_M", 0.75, Some(42.13), clean),
            ],
            &demands,
        ),
        session::of(
            "llama|3.1<b>`x`:8b",
            vec![
                row("Q8_0", 0.97, None, clean),
                row("Q6_K", 0.97, Some(30.9), RunQuality::Polluted),
            ],
            &demands,
        ),
    ];
    let mut summary = Summary {
        generated_at: "2026-02-20T23:00:00Z".to_owned(),
        hardware_fingerprint: "linux-6|cpu|8c|32gb|none".to_owned(),
        stability_kpis: Some(kpi::of_sessions(&sessions)),
        sessions,
        ..Summary::default()
    };
    summary.matrix.task_bank = "orket-24".to_owned();
    summary.matrix.runs_per_quant = 2;
    summary
}

const LINKS: Links<'_> = Links {
    svg: "scatter.svg",
    scatter: "scatter.json",
};

#[test]
fn it_reads_like_a_report() {
    let summary = summary();
    let scatter = scatter::of(&summary, "s.json", false, "2026-02-21T00:00:00Z");
    insta::assert_snapshot!(markdown(&summary, &scatter, &LINKS));
}

#[test]
fn the_plot_is_the_same_bytes_each_time() {
    let summary = summary();
    let all = scatter::of(&summary, "s.json", true, "2026-02-21T00:00:00Z");
    let plot = svg::plot(&all);
    assert_eq!(plot, svg::plot(&all));
    insta::assert_snapshot!(plot);
}

#[test]
fn nothing_measured_makes_a_report_too() {
    let empty = Summary::default();
    let scatter = scatter::of(&empty, "s.json", false, "now");
    let text = markdown(&empty, &scatter, &LINKS);
    assert!(text.contains("Nothing was measured."));
    assert!(svg::plot(&scatter).contains("no point has both figures"));
}
