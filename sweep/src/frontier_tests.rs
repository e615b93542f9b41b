//! Frontiers: the reference's vector, ties, and what is not known.

use super::*;
use crate::rank;
use crate::sidecar::SidecarStatus;
use crate::telemetry::{RunQuality, TokenStatus};

const DEMANDS: Demands = Demands {
    adherence_threshold: 0.95,
    latency_ceiling: 10.0,
    include_invalid: false,
};

fn row(tag: &str, adherence: f64, memory: f64, latency: f64) -> QuantRow {
    QuantRow {
        quant_tag: tag.to_owned(),
        quant_rank: rank::of(tag),
        adherence_score: Some(adherence),
        peak_memory_rss: Some(memory),
        total_latency: Some(latency),
        run_quality_status: RunQuality::Clean,
        token_metrics_status: TokenStatus::Ok,
        ..QuantRow::default()
    }
}

fn chosen(rows: &[QuantRow], demands: &Demands) -> (Option<String>, Option<String>) {
    let frontier = of(rows, &rows[0].quant_tag, demands);
    assert_eq!(
        frontier.optimal_quant_tag,
        frontier.minimum_viable_quant_tag
    );
    (
        frontier.minimum_viable_quant_tag,
        frontier.best_value_quant_tag,
    )
}

fn pair(minimum: &str, best: &str) -> (Option<String>, Option<String>) {
    (Some(minimum.to_owned()), Some(best.to_owned()))
}

#[test]
fn the_reference_s_vector() {
    let rows = [
        row("Q8_0", 1.0, 3000.0, 1.0),
        row("Q6_K", 0.98, 2300.0, 1.0),
        row("Q4_K_M", 0.75, 1600.0, 1.0),
    ];
    insta::assert_json_snapshot!(of(&rows, "Q8_0", &DEMANDS), @r#"
    {
      "adherence_threshold": 0.95,
      "latency_ceiling": 10.0,
      "minimum_viable_quant_tag": "Q6_K",
      "best_value_quant_tag": "Q8_0",
      "optimal_quant_tag": "Q6_K",
      "reason": "the lowest valid rank with adherence >= 0.95 and latency <= 10 s",
      "target_adherence": 0.95
    }
    "#);
}

#[test]
fn ties_are_broken_one_after_the_other() {
    // Equal value: more adherence.
    let by_adherence = [row("Q8_0", 1.0, 1.0, 2.0), row("Q6_K", 0.96, 1.0, 1.92)];
    assert_eq!(chosen(&by_adherence, &DEMANDS), pair("Q6_K", "Q8_0"));
    // Everything equal: the higher rank is the better value, the lower one the minimum.
    let by_rank = [row("Q8_0", 1.0, 1.0, 1.0), row("Q4_0", 1.0, 1.0, 1.0)];
    assert_eq!(chosen(&by_rank, &DEMANDS), pair("Q4_0", "Q8_0"));
    // Ranks equal: less memory, then the order of the matrix.
    let by_memory = [row("F16", 1.0, 9.0, 1.0), row("BF16", 1.0, 8.0, 1.0)];
    assert_eq!(chosen(&by_memory, &DEMANDS), pair("BF16", "F16"));
    // Within four bits the formats are told apart.
    let by_format = [
        row("Q4_K_M", 1.0, 3.0, 1.0),
        row("Q4_K_S", 1.0, 3.0, 1.0),
        row("Q4_0", 1.0, 3.0, 1.0),
    ];
    assert_eq!(chosen(&by_format, &DEMANDS), pair("Q4_0", "Q4_K_M"));
    // Latencies that round to nothing do not make an infinite value.
    let by_nothing = [row("Q8_0", 1.0, 1.0, 0.0), row("Q6_K", 0.96, 1.0, 0.001)];
    assert_eq!(chosen(&by_nothing, &DEMANDS), pair("Q6_K", "Q8_0"));
}

#[test]
fn limits_are_met_by_what_is_equal_to_them() {
    let rows = [
        row("Q8_0", 0.97, 1.0, 10.0),
        row("Q6_K", 0.9215, 1.0, 10.001),
    ];
    assert_eq!(chosen(&rows, &DEMANDS), pair("Q8_0", "Q8_0"));
    let rows = [row("Q8_0", 0.97, 1.0, 1.0), row("Q6_K", 0.9215, 1.0, 1.0)];
    assert_eq!(chosen(&rows, &DEMANDS).0.as_deref(), Some("Q6_K"));
}

#[test]
fn it_is_said_why_nothing_can_be_chosen() {
    let reason = |rows: &[QuantRow], demands: &Demands| {
        let frontier = of(rows, "Q8_0", demands);
        assert_eq!(frontier.minimum_viable_quant_tag, None);
        assert_eq!(frontier.best_value_quant_tag, None);
        frontier.reason
    };
    let mut unknown = row("Q8_0", 1.0, 1.0, 1.0);
    unknown.adherence_score = None;
    let mut polluted = row("Q8_0", 1.0, 1.0, 1.0);
    polluted.run_quality_status = RunQuality::Polluted;
    let slow = row("Q8_0", 1.0, 1.0, 11.0);
    // The baseline is too loud to be chosen and still what the others are measured by.
    let mut loud = row("Q8_0", 1.0, 1.0, 1.0);
    loud.hardware_sidecar.sidecar_parse_status = SidecarStatus::ParseError;
    let reasons = [
        reason(&[unknown], &DEMANDS),
        reason(std::slice::from_ref(&polluted), &DEMANDS),
        reason(&[slow], &DEMANDS),
        reason(&[loud, row("Q6_K", 0.5, 1.0, 1.0)], &DEMANDS),
    ];
    insta::assert_snapshot!(reasons.join("\n"), @r"
    the baseline's adherence is not known, so there is nothing to compare with
    no row is valid
    no row with adherence >= 0.95 has latency <= 10 s
    no row reaches adherence 0.95
    ");
    let let_in = Demands {
        include_invalid: true,
        ..DEMANDS
    };
    assert_eq!(chosen(&[polluted], &let_in), pair("Q8_0", "Q8_0"));
}
