//! Ceilings.

use super::*;
use crate::summary::{EfficiencyFrontier, Session};
use crate::telemetry::{RunQuality, TokenStatus};

fn tried(context: u32, adherence: f64, ttft: f64, decode: f64) -> Tried {
    let mut row = QuantRow {
        quant_tag: "Q6_K".to_owned(),
        quant_rank: Some(634),
        adherence_score: Some(adherence),
        generation_tokens_per_second: Some(decode),
        run_quality_status: RunQuality::Clean,
        token_metrics_status: TokenStatus::Ok,
        ..QuantRow::default()
    };
    row.hardware_sidecar.figures.ttft_ms = Some(ttft);
    let session = Session {
        model_id: "qwen".to_owned(),
        efficiency_frontier: EfficiencyFrontier {
            minimum_viable_quant_tag: Some("Q6_K".to_owned()),
            ..EfficiencyFrontier::default()
        },
        per_quant: vec![row],
        ..Session::default()
    };
    let summary = Summary {
        hardware_fingerprint: "linux|cpu|8c|32gb|none".to_owned(),
        sessions: vec![session],
        ..Summary::default()
    };
    Tried {
        context,
        summary_path: format!("{context}.json"),
        summary: Some(summary),
    }
}

fn wish() -> Wish {
    Wish {
        thresholds: Thresholds {
            adherence_min: 0.95,
            ttft_ceiling_ms: 250.0,
            decode_floor_tps: 20.0,
            include_invalid: false,
        },
        summary_template: "{context}.json".to_owned(),
        reference: "ci/7".to_owned(),
        ..Wish::default()
    }
}

#[test]
fn a_pass_above_a_failure_does_not_count() {
    let artifact = of(
        vec![
            tried(32_768, 1.0, 100.0, 30.0),
            tried(4096, 1.0, 100.0, 30.0),
            tried(16_384, 0.9, 260.0, 19.0),
            tried(8192, 0.97, 250.0, 20.0),
        ],
        &wish(),
        "2026-02-21T00:00:00Z",
    );
    insta::assert_json_snapshot!(artifact);
    assert_eq!(artifact.safe_context_ceiling, Some(8192));
}

#[test]
fn what_is_not_known_fails_where_it_is_asked_for() {
    let mut unknown = tried(8192, 1.0, 1.0, 1.0);
    let row = &mut unknown.summary.as_mut().unwrap().sessions[0].per_quant[0];
    row.adherence_score = None;
    row.generation_tokens_per_second = None;
    row.hardware_sidecar.figures.ttft_ms = None;
    row.run_quality_status = RunQuality::Polluted;
    let missing = Tried {
        context: 2048,
        summary_path: "x".to_owned(),
        summary: None,
    };
    let artifact = of(vec![missing, unknown.clone()], &wish(), "now");
    let reasons: Vec<_> = artifact
        .points
        .iter()
        .map(|point| words(&point.reasons))
        .collect();
    assert_eq!(
        reasons,
        [
            "ROW_MISSING",
            "INVALID_ROW, ADHERENCE_MISSING, TTFT_MISSING, DECODE_TPS_MISSING"
        ]
    );
    assert_eq!(artifact.safe_context_ceiling, None);
    assert_eq!(
        artifact.recommendation,
        "none: already 2048 tokens fail (ROW_MISSING)"
    );
    let nothing_asked = Wish {
        thresholds: Thresholds {
            include_invalid: true,
            ..Thresholds::default()
        },
        ..wish()
    };
    assert_eq!(
        of(vec![unknown], &nothing_asked, "now").safe_context_ceiling,
        Some(8192)
    );
}

#[test]
fn nothing_tried_is_no_ceiling() {
    let artifact = of(vec![], &wish(), "now");
    assert_eq!(artifact.safe_context_ceiling, None);
    assert_eq!(
        (artifact.model_id.as_str(), artifact.recommendation.as_str()),
        ("unknown", "no context was tried")
    );
}
