//! The largest context that still does.
//!
//! The ceiling is the largest context below the first one that fails. A context that passes above a
//! failure does not count: whoever may use it may use all that are smaller. (The Python Orket took it.)

use serde::{Deserialize, Serialize};

use super::{known, pick_row};
use crate::lane::{Lane, VramProfile};
use crate::round::three;
use crate::row::QuantRow;
use crate::summary::Summary;
use crate::validity;

/// The version of the artifact.
pub const SCHEMA: &str = "explorer.context_ceiling.v1";

/// The artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// [`SCHEMA`].
    pub schema_version: String,
    /// When it was made, UTC.
    pub generated_at: String,
    /// Where it ran.
    pub execution_lane: Lane,
    /// How much graphics memory it might take.
    pub vram_profile: VramProfile,
    /// The machine.
    pub hardware_fingerprint: String,
    /// The model.
    pub model_id: String,
    /// Its quantization.
    pub quant_tag: String,
    /// Where the figures come from.
    pub provenance: Provenance,
    /// What a context must do.
    pub thresholds: Thresholds,
    /// The largest context below the first failure; `None` when the smallest fails.
    pub safe_context_ceiling: Option<u32>,
    /// In words.
    pub recommendation: String,
    /// Contexts, the smallest first.
    pub points: Vec<Point>,
}

/// Where the figures come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// What was said of it.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Where summaries are, with `{context}` in it.
    pub summary_template: String,
    /// The contexts.
    pub contexts: Vec<u32>,
}

/// What a context must do. A threshold of 0 demands nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Thresholds {
    /// At least this adherence.
    pub adherence_min: f64,
    /// At most these milliseconds to the first token.
    pub ttft_ceiling_ms: f64,
    /// At least these tokens in a second.
    pub decode_floor_tps: f64,
    /// Whether rows that are not valid may pass.
    pub include_invalid: bool,
}

/// One context.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Tokens.
    pub context: u32,
    /// Its adherence.
    pub adherence_score: Option<f64>,
    /// Adherence lost against the smallest context.
    pub degradation_from_baseline: Option<f64>,
    /// Milliseconds to the first token.
    pub ttft_ms: Option<f64>,
    /// Tokens written in a second.
    pub decode_tps: Option<f64>,
    /// Whether the row is.
    pub valid: bool,
    /// Whether it does.
    pub passed: bool,
    /// Why not.
    pub reasons: Vec<Reason>,
    /// The summary.
    pub summary_path: String,
}

/// Why a context does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    /// There is no summary, or no such row in it.
    RowMissing,
    /// The row is not valid.
    InvalidRow,
    /// Adherence is not known.
    AdherenceMissing,
    /// Too little adherence.
    AdherenceBelowMin,
    /// The time to the first token is not known.
    TtftMissing,
    /// It is too long.
    TtftAboveCeiling,
    /// The speed is not known.
    DecodeTpsMissing,
    /// It is too low.
    DecodeTpsBelowFloor,
}

impl Reason {
    /// As it stands in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RowMissing => "ROW_MISSING",
            Self::InvalidRow => "INVALID_ROW",
            Self::AdherenceMissing => "ADHERENCE_MISSING",
            Self::AdherenceBelowMin => "ADHERENCE_BELOW_MIN",
            Self::TtftMissing => "TTFT_MISSING",
            Self::TtftAboveCeiling => "TTFT_ABOVE_CEILING",
            Self::DecodeTpsMissing => "DECODE_TPS_MISSING",
            Self::DecodeTpsBelowFloor => "DECODE_TPS_BELOW_FLOOR",
        }
    }
}

/// The sweep of one context.
#[derive(Debug, Clone)]
pub struct Tried {
    /// Tokens.
    pub context: u32,
    /// Where its summary is.
    pub summary_path: String,
    /// What stands in it; `None` when the sweep came to nothing.
    pub summary: Option<Summary>,
}

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The model; `None` is the first.
    pub model_id: Option<String>,
    /// The quantization; `None` is the smallest that will do, else the largest.
    pub quant_tag: Option<String>,
    /// What a context must do.
    pub thresholds: Thresholds,
    /// Where it ran; `None` is what the summaries say.
    pub execution_lane: Option<Lane>,
    /// How much memory it might take; `None` is what the summaries say.
    pub vram_profile: Option<VramProfile>,
    /// Where summaries are, with `{context}` in it.
    pub summary_template: String,
    /// Where the figures come from.
    pub reference: String,
}

/// The artifact of contexts that were tried. The row is chosen once, in the smallest context that has one,
/// so that all points are about the same quantization.
#[must_use]
pub fn of(mut tried: Vec<Tried>, wish: &Wish, now: &str) -> Artifact {
    tried.sort_by_key(|it| it.context);
    let chosen = tried.iter().find_map(|it| {
        let summary = it.summary.as_ref()?;
        let (session, row) =
            pick_row(summary, wish.model_id.as_deref(), wish.quant_tag.as_deref())?;
        Some((summary, session.model_id.clone(), row.quant_tag.clone()))
    });
    let model_id = chosen
        .as_ref()
        .map_or(wish.model_id.clone(), |(_, model, _)| Some(model.clone()));
    let quant_tag = chosen
        .as_ref()
        .map_or(wish.quant_tag.clone(), |(_, _, quant)| Some(quant.clone()));
    let mut points: Vec<Point> = tried
        .iter()
        .map(|it| {
            let row = it
                .summary
                .as_ref()
                .and_then(|summary| pick_row(summary, model_id.as_deref(), quant_tag.as_deref()));
            point(it, row.map(|(_, row)| row), &wish.thresholds)
        })
        .collect();
    let first = points.first().and_then(|point| point.adherence_score);
    for point in &mut points {
        point.degradation_from_baseline = first
            .zip(point.adherence_score)
            .map(|(first, this)| three((first - this).max(0.0)));
    }
    let ceiling = ceiling(&points);
    let summary = chosen.as_ref().map(|(summary, ..)| *summary);
    Artifact {
        schema_version: SCHEMA.to_owned(),
        generated_at: now.to_owned(),
        execution_lane: wish
            .execution_lane
            .unwrap_or_else(|| summary.map_or_else(Lane::default, |it| it.execution_lane)),
        vram_profile: wish
            .vram_profile
            .unwrap_or_else(|| summary.map_or_else(VramProfile::default, |it| it.vram_profile)),
        hardware_fingerprint: known(summary.map_or("", |it| &it.hardware_fingerprint)),
        model_id: known(model_id.as_deref().unwrap_or_default()),
        quant_tag: known(quant_tag.as_deref().unwrap_or_default()),
        provenance: Provenance {
            reference: known(&wish.reference),
            summary_template: wish.summary_template.clone(),
            contexts: points.iter().map(|point| point.context).collect(),
        },
        thresholds: wish.thresholds,
        safe_context_ceiling: ceiling,
        recommendation: recommendation(&points, ceiling),
        points,
    }
}

/// The largest context below the first failure. Points stand in ascending order.
#[must_use]
pub fn ceiling(points: &[Point]) -> Option<u32> {
    points
        .iter()
        .take_while(|point| point.passed)
        .last()
        .map(|point| point.context)
}

fn point(tried: &Tried, row: Option<&QuantRow>, thresholds: &Thresholds) -> Point {
    let mut point = Point {
        context: tried.context,
        adherence_score: None,
        degradation_from_baseline: None,
        ttft_ms: None,
        decode_tps: None,
        valid: false,
        passed: false,
        reasons: vec![Reason::RowMissing],
        summary_path: tried.summary_path.clone(),
    };
    let Some(row) = row else { return point };
    let figures = &row.hardware_sidecar.figures;
    point.adherence_score = row.adherence_score;
    point.ttft_ms = figures.ttft_ms.or(row.ttft_ms);
    point.decode_tps = row.generation_tokens_per_second.or(figures.decode_tps);
    point.valid = validity::is_valid(row);
    point.reasons = reasons(&point, thresholds);
    point.passed = point.reasons.is_empty();
    point
}

fn reasons(point: &Point, thresholds: &Thresholds) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if !point.valid && !thresholds.include_invalid {
        reasons.push(Reason::InvalidRow);
    }
    if thresholds.adherence_min > 0.0 {
        match point.adherence_score {
            None => reasons.push(Reason::AdherenceMissing),
            Some(adherence) if adherence < thresholds.adherence_min => {
                reasons.push(Reason::AdherenceBelowMin);
            }
            Some(_) => {}
        }
    }
    if thresholds.ttft_ceiling_ms > 0.0 {
        match point.ttft_ms {
            None => reasons.push(Reason::TtftMissing),
            Some(ttft) if ttft > thresholds.ttft_ceiling_ms => {
                reasons.push(Reason::TtftAboveCeiling);
            }
            Some(_) => {}
        }
    }
    if thresholds.decode_floor_tps > 0.0 {
        match point.decode_tps {
            None => reasons.push(Reason::DecodeTpsMissing),
            Some(speed) if speed < thresholds.decode_floor_tps => {
                reasons.push(Reason::DecodeTpsBelowFloor);
            }
            Some(_) => {}
        }
    }
    reasons
}

fn recommendation(points: &[Point], ceiling: Option<u32>) -> String {
    let failed = points.iter().find(|point| !point.passed);
    match (ceiling, failed) {
        (None, None) => "no context was tried".to_owned(),
        (None, Some(failed)) => format!(
            "none: already {} tokens fail ({})",
            failed.context,
            words(&failed.reasons)
        ),
        (Some(ceiling), None) => {
            format!("up to {ceiling} tokens, the largest context that was tried")
        }
        (Some(ceiling), Some(failed)) => format!(
            "up to {ceiling} tokens; {} fail ({})",
            failed.context,
            words(&failed.reasons)
        ),
    }
}

fn words(reasons: &[Reason]) -> String {
    let words: Vec<_> = reasons.iter().map(|reason| reason.as_str()).collect();
    words.join(", ")
}

#[cfg(test)]
#[path = "context_tests.rs"]
mod tests;
