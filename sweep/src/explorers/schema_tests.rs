//! What we write passes; what contradicts itself does not.

use super::*;
use crate::frontier::Demands;
use crate::row::QuantRow;
use crate::session;
use crate::telemetry::{RunQuality, TokenStatus};

fn summary() -> Summary {
    let row = QuantRow {
        quant_tag: "Q8_0".to_owned(),
        quant_rank: Some(800),
        adherence_score: Some(1.0),
        total_latency: Some(1.0),
        run_quality_status: RunQuality::Clean,
        token_metrics_status: TokenStatus::Ok,
        ..QuantRow::default()
    };
    let demands = Demands {
        adherence_threshold: 0.95,
        latency_ceiling: 10.0,
        include_invalid: false,
    };
    Summary {
        generated_at: "2026-02-21T00:00:00Z".to_owned(),
        sessions: vec![session::of("qwen", vec![row], &demands)],
        ..Summary::default()
    }
}

fn frontier_value() -> Value {
    serde_json::to_value(super::frontier::of(&summary(), "s.json", "ci/7", "now")).unwrap()
}

fn context_artifact() -> context::Artifact {
    let tried = [4096, 8192].map(|context| context::Tried {
        context,
        summary_path: "s.json".to_owned(),
        summary: Some(summary()),
    });
    let wish = context::Wish {
        reference: "ci/7".to_owned(),
        ..context::Wish::default()
    };
    context::of(tried.to_vec(), &wish, "now")
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn what_we_write_passes() {
    let context = context_artifact();
    let thermal = thermal::of(
        &[("s.json".to_owned(), summary())],
        &thermal::Wish::default(),
        "now",
    );
    let rollup = rollup::of(&[("c.json".to_owned(), context.clone())], "ci/7", "now");
    let all = [
        failures(Kind::Frontier, &text(&frontier_value())),
        failures(Kind::Context, &text(&context)),
        failures(Kind::Thermal, &text(&thermal)),
        failures(Kind::Rollup, &text(&rollup)),
        failures(Kind::Summary, &text(&summary())),
    ];
    assert_eq!(all.concat(), Vec::<String>::new());
}

#[test]
fn what_contradicts_itself_does_not() {
    let mut unknown_quant = frontier_value();
    unknown_quant["sessions"][0]["best_value_quant"] = "Q1".into();
    unknown_quant["provenance"]["ref"] = " ".into();
    let mut no_rows = frontier_value();
    no_rows["sessions"][0]
        .as_object_mut()
        .unwrap()
        .remove("quant_rows");
    let mut boast = context_artifact();
    boast.safe_context_ceiling = Some(16_384);
    boast.points[1].passed = false;
    boast.model_id = "unknown".to_owned();
    let mut polluted = summary();
    polluted.sessions[0].per_quant[0].run_quality_status = RunQuality::Polluted;
    let all = [
        failures(Kind::Frontier, &text(&unknown_quant)),
        failures(Kind::Frontier, &text(&no_rows)),
        failures(Kind::Context, &text(&boast)),
        failures(Kind::Thermal, &text(&boast)),
        failures(Kind::Summary, &text(&polluted)),
        failures(Kind::Summary, "{}"),
        failures(Kind::Rollup, "{"),
    ];
    let mut below = summary();
    below.sessions[0].per_quant[0].adherence_score = Some(-5.0);
    let told = failures(Kind::Summary, &text(&below));
    assert!(
        told.len() == 1
            && told[0].starts_with("no_share:")
            && told[0].ends_with(":adherence_score"),
        "{told:?}"
    );
    insta::assert_snapshot!(all.concat().join("\n"));
}
