//! What was seen of a run, as figures.

use serde_json::json;

use super::bench::{Job, Seen};
use crate::lane::{Lane, VramProfile};
use crate::overhead;
use crate::quality::{self, Limits, Observed};
use crate::round::three;
use crate::statistics::population_variance;
use crate::telemetry::{
    QualityReason, SystemLoad, Telemetry, TokenAudit, TokenStatus, VibeDeltaStatus, VibeMetrics,
};
use crate::tokens::{self, TurnTokens};

const MIB: f64 = 1_048_576.0;

/// The telemetry of a run.
#[must_use]
pub fn of(job: &Job<'_>, seen: &Seen, lane: Lane, profile: VramProfile) -> Telemetry {
    if let Some(told) = &seen.told {
        return Telemetry {
            execution_lane: lane,
            vram_profile: profile,
            total_latency: told
                .total_latency
                .or_else(|| Some(three(seen.wall_seconds))),
            system_load_start: seen.loads[0],
            system_load_end: seen.loads[1],
            ..told.clone()
        };
    }
    let turns: Vec<TurnTokens> = seen.turns.iter().map(|turn| turn.tokens.clone()).collect();
    let model_seconds = tokens::model_seconds(&turns);
    let loading = sum(seen.turns.iter().map(|turn| turn.load_seconds));
    let total = three(total_seconds(seen, &turns, model_seconds, loading));
    let metrics = tokens::of_turns(&turns, audit(&turns));
    let overhead = overhead::ratio(Some(total), model_seconds);
    // A scenario's times are the same on a busy machine: its load is told, and not held against them.
    let judged = if seen.is_declared {
        [SystemLoad::default(); 2]
    } else {
        seen.loads
    };
    let mut reasons = quality::reasons(
        &Observed {
            token_status: metrics.status,
            controls: job.controls,
            loads: judged,
            overhead_ratio: overhead,
        },
        &Limits::default(),
    );
    let lost = seen.unforwarded.iter();
    reasons.extend(lost.map(|it| QualityReason::Other(format!("CONTROL_NOT_FORWARDED_{it}"))));
    reasons.sort();
    Telemetry {
        execution_lane: lane,
        vram_profile: profile,
        init_latency: loading.map(three),
        total_latency: Some(total),
        peak_memory_rss: seen.memory_bytes.map(mebibytes),
        adherence_score: seen.score.as_ref().and_then(crate::score::Score::adherence),
        internal_model_seconds: model_seconds,
        orchestration_overhead_ratio: overhead,
        run_quality_status: quality::status(&reasons),
        run_quality_reasons: reasons,
        system_load_start: seen.loads[0],
        system_load_end: seen.loads[1],
        experimental_controls: job.controls.clone(),
        token_metrics_status: metrics.status,
        token_metrics: metrics,
        vibe_metrics: VibeMetrics {
            latency_variance: variance(&turns),
            code_density: seen
                .score
                .as_ref()
                .and_then(|it| it.code_permille)
                .map(|it| f64::from(it) / 1_000.0),
            gen_retries: seen.retries,
            vibe_delta: None,
            vibe_delta_status: VibeDeltaStatus::Unknown,
        },
    }
}

/// A run of a command that said nothing of itself: only its time is known.
#[must_use]
pub fn silent(seconds: f64) -> Telemetry {
    Telemetry {
        total_latency: Some(three(seconds)),
        run_quality_reasons: vec![QualityReason::MissingTelemetry],
        token_metrics_status: TokenStatus::TokenAndTimingUnavailable,
        ..Telemetry::default()
    }
}

/// The seconds of the whole run. Where times are declared the wait for the model is replaced by them.
fn total_seconds(
    seen: &Seen,
    turns: &[TurnTokens],
    model_seconds: Option<f64>,
    loading: Option<f64>,
) -> f64 {
    match model_seconds {
        Some(model) if seen.is_declared => {
            let waited: f64 = turns.iter().filter_map(|turn| turn.total_seconds).sum();
            (seen.wall_seconds - waited).max(0.0) + model + loading.unwrap_or(0.0)
        }
        Some(_) | None => seen.wall_seconds,
    }
}

fn sum(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    values.flatten().reduce(|sum, value| sum + value)
}

fn variance(turns: &[TurnTokens]) -> Option<f64> {
    let seconds: Option<Vec<f64>> = turns
        .iter()
        .map(|turn| Some(turn.prefill_seconds? + turn.decode_seconds?))
        .collect();
    population_variance(&seconds?).map(three)
}

fn mebibytes(bytes: u64) -> f64 {
    // Kibibytes of any memory fit in 32 bits up to four tebibytes.
    three(u32::try_from(bytes / 1_024).map_or(f64::INFINITY, f64::from) * 1_024.0 / MIB)
}

fn audit(turns: &[TurnTokens]) -> TokenAudit {
    let usage = |turn: &TurnTokens| json!({"prompt_tokens": turn.prompt_tokens, "output_tokens": turn.output_tokens});
    let timing = |turn: &TurnTokens| {
        json!({
            "prefill_seconds": turn.prefill_seconds,
            "decode_seconds": turn.decode_seconds,
            "total_seconds": turn.total_seconds,
        })
    };
    TokenAudit {
        raw_usage: turns.iter().map(usage).collect(),
        raw_timings: turns.iter().map(timing).collect(),
    }
}
