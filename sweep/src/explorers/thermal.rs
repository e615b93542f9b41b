//! Whether sweeps one after another heat the machine up.

use serde::{Deserialize, Serialize};

use super::{known, pick_row};
use crate::lane::{Lane, VramProfile};
use crate::round::{six, three};
use crate::statistics::count;
use crate::summary::Summary;
use crate::telemetry::RunQuality;

/// The version of the artifact.
pub const SCHEMA: &str = "explorer.thermal_stability.v1";

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
    /// What is too hot.
    pub thresholds: Thresholds,
    /// Whether latency rose too many times in a row.
    pub heat_soak_detected: bool,
    /// The share of polluted points, six places; `None` without points.
    pub polluted_run_rate: Option<f64>,
    /// The share of points that began too hot, of those of which it is known.
    pub cooldown_failure_rate: Option<f64>,
    /// In words.
    pub recommendation: String,
    /// One for each summary, in the order given.
    pub points: Vec<Point>,
}

/// Where the figures come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// What was said of it.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The summaries.
    pub summaries: Vec<String>,
}

/// What is too hot.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// The highest temperature to begin at, °C.
    pub cooldown_target_c: f64,
    /// The highest temperature to end at, °C.
    pub polluted_thermal_threshold_c: f64,
    /// So many slower runs in a row are heat soak.
    pub monotonic_window: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            cooldown_target_c: 50.0,
            polluted_thermal_threshold_c: 85.0,
            monotonic_window: 3,
        }
    }
}

/// One summary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// From 1.
    pub run_index: u32,
    /// The summary.
    pub summary_path: String,
    /// Seconds of a run.
    pub total_latency: Option<f64>,
    /// °C before.
    pub thermal_start_c: Option<f64>,
    /// °C after.
    pub thermal_end_c: Option<f64>,
    /// The difference.
    pub thermal_delta_c: Option<f64>,
    /// Whether it ended too hot, or is not clean.
    pub polluted: bool,
    /// Whether it began cool enough; `None` when that is not known.
    pub cooldown_ok: Option<bool>,
    /// `THERMAL_END_ABOVE_THRESHOLD`, `RUN_QUALITY_NOT_CLEAN`, `COOLDOWN_TARGET_NOT_REACHED`,
    /// `ROW_MISSING`.
    pub reasons: Vec<String>,
}

/// What is looked at.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The model; `None` is the first.
    pub model_id: Option<String>,
    /// The quantization; `None` is the smallest that will do, else the largest.
    pub quant_tag: Option<String>,
    /// What is too hot.
    pub thresholds: Thresholds,
    /// Where the figures come from.
    pub reference: String,
}

/// The artifact of summaries with their paths, in the order in which they were made.
#[must_use]
pub fn of(summaries: &[(String, Summary)], wish: &Wish, now: &str) -> Artifact {
    let chosen = summaries.iter().find_map(|(_, summary)| {
        let (session, row) =
            pick_row(summary, wish.model_id.as_deref(), wish.quant_tag.as_deref())?;
        Some((session.model_id.as_str(), row.quant_tag.as_str()))
    });
    let points: Vec<Point> = (1..)
        .zip(summaries)
        .map(|(run_index, (path, summary))| {
            point(run_index, path, summary, chosen, &wish.thresholds)
        })
        .collect();
    let heat_soak = is_heat_soaked(&points, wish.thresholds.monotonic_window);
    let share = |part: usize, whole: usize| {
        let number = |length: usize| count(u64::try_from(length).unwrap_or(u64::MAX));
        (whole > 0).then(|| six(number(part) / number(whole)))
    };
    let polluted = points.iter().filter(|point| point.polluted).count();
    let cooldowns: Vec<bool> = points
        .iter()
        .filter_map(|point| point.cooldown_ok)
        .collect();
    let too_hot = cooldowns.iter().filter(|ok| !**ok).count();
    let first = summaries.first().map(|(_, summary)| summary);
    Artifact {
        schema_version: SCHEMA.to_owned(),
        generated_at: now.to_owned(),
        execution_lane: first.map_or_else(Lane::default, |it| it.execution_lane),
        vram_profile: first.map_or_else(VramProfile::default, |it| it.vram_profile),
        hardware_fingerprint: known(first.map_or("", |it| &it.hardware_fingerprint)),
        model_id: known(chosen.map_or("", |(model, _)| model)),
        quant_tag: known(chosen.map_or("", |(_, quant)| quant)),
        provenance: Provenance {
            reference: known(&wish.reference),
            summaries: summaries.iter().map(|(path, _)| path.clone()).collect(),
        },
        thresholds: wish.thresholds,
        heat_soak_detected: heat_soak,
        polluted_run_rate: share(polluted, points.len()),
        cooldown_failure_rate: share(too_hot, cooldowns.len()),
        recommendation: recommendation(heat_soak, polluted, too_hot, cooldowns.is_empty()),
        points,
    }
}

fn point(
    run_index: u32,
    path: &str,
    summary: &Summary,
    chosen: Option<(&str, &str)>,
    thresholds: &Thresholds,
) -> Point {
    let row = chosen
        .and_then(|(model, quant)| pick_row(summary, Some(model), Some(quant)))
        .map(|(_, row)| row);
    let figures = row
        .map(|row| row.hardware_sidecar.figures)
        .unwrap_or_default();
    let (start, end) = (figures.thermal_start_c, figures.thermal_end_c);
    let mut reasons = Vec::new();
    if row.is_none() {
        reasons.push("ROW_MISSING".to_owned());
    }
    if end.is_some_and(|end| end > thresholds.polluted_thermal_threshold_c) {
        reasons.push("THERMAL_END_ABOVE_THRESHOLD".to_owned());
    }
    if row.is_some_and(|row| row.run_quality_status != RunQuality::Clean) {
        reasons.push("RUN_QUALITY_NOT_CLEAN".to_owned());
    }
    let polluted = !reasons.is_empty();
    let cooldown_ok = start.map(|start| start <= thresholds.cooldown_target_c);
    if cooldown_ok == Some(false) {
        reasons.push("COOLDOWN_TARGET_NOT_REACHED".to_owned());
    }
    Point {
        run_index,
        summary_path: path.to_owned(),
        total_latency: row.and_then(|row| row.total_latency),
        thermal_start_c: start,
        thermal_end_c: end,
        thermal_delta_c: start.zip(end).map(|(start, end)| three(end - start)),
        polluted,
        cooldown_ok,
        reasons,
    }
}

/// Whether latency rose in so many consecutive steps. One that is not known ends the row of steps.
fn is_heat_soaked(points: &[Point], window: u32) -> bool {
    let mut rises = 0;
    for pair in points.windows(2) {
        let rose = match pair {
            [before, after] => before
                .total_latency
                .zip(after.total_latency)
                .is_some_and(|(before, after)| after > before),
            _ => false,
        };
        rises = if rose { rises + 1 } else { 0 };
        if rises >= window {
            return true;
        }
    }
    false
}

fn recommendation(
    heat_soak: bool,
    polluted: usize,
    too_hot: usize,
    unknown_temperatures: bool,
) -> String {
    let mut parts = Vec::new();
    if heat_soak {
        parts.push("runs get slower one after another: pause longer between them");
    }
    if too_hot > 0 {
        parts.push("some runs began too hot: wait until the card has cooled down");
    }
    if polluted > 0 {
        parts.push("leave the polluted runs out");
    }
    if unknown_temperatures {
        parts.push("temperatures at the start are not known: sweep with a hardware sidecar");
    }
    if parts.is_empty() {
        parts.push("stable");
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::QuantRow;
    use crate::summary::Session;

    fn summary(latency: Option<f64>, start: Option<f64>, end: Option<f64>) -> (String, Summary) {
        let mut row = QuantRow {
            quant_tag: "Q6_K".to_owned(),
            total_latency: latency,
            run_quality_status: RunQuality::Clean,
            ..QuantRow::default()
        };
        row.hardware_sidecar.figures.thermal_start_c = start;
        row.hardware_sidecar.figures.thermal_end_c = end;
        let session = Session {
            model_id: "qwen".to_owned(),
            per_quant: vec![row],
            ..Session::default()
        };
        (
            "s.json".to_owned(),
            Summary {
                sessions: vec![session],
                ..Summary::default()
            },
        )
    }

    #[test]
    fn heat_is_seen_in_temperatures_and_in_latencies() {
        let hot = [
            summary(Some(1.0), Some(40.0), Some(70.0)),
            summary(Some(1.1), Some(50.0), Some(85.0)),
            summary(Some(1.2), Some(50.1), Some(85.1)),
            summary(Some(1.3), None, None),
        ];
        insta::assert_json_snapshot!(of(&hot, &Wish::default(), "2026-02-21T00:00:00Z"));
    }

    #[test]
    fn a_step_that_is_not_known_ends_a_rise() {
        let rising = |latencies: &[Option<f64>]| {
            let all: Vec<_> = latencies
                .iter()
                .map(|it| summary(*it, None, None))
                .collect();
            of(&all, &Wish::default(), "now").heat_soak_detected
        };
        assert!(rising(&[Some(1.0), Some(2.0), Some(3.0), Some(4.0)]));
        assert!(!rising(&[Some(1.0), Some(2.0), None, Some(3.0), Some(4.0)]));
        assert!(!rising(&[
            Some(1.0),
            Some(2.0),
            Some(3.0),
            Some(3.0),
            Some(4.0)
        ]));
        assert!(!rising(&[]));
    }

    #[test]
    fn a_model_that_one_summary_lacks_is_said_to_be_missing() {
        let other = ("t.json".to_owned(), Summary::default());
        let artifact = of(
            &[summary(Some(1.0), None, None), other],
            &Wish::default(),
            "now",
        );
        assert_eq!(artifact.points[1].reasons, ["ROW_MISSING"]);
        assert_eq!(artifact.polluted_run_rate, Some(0.5));
        assert_eq!(artifact.cooldown_failure_rate, None);
    }
}
