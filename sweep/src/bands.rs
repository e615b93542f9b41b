//! Points and bands of a harness report: `3 · success rate + 2 · determinism`, at most 5.
//!
//! Determinism is 1 when all runs of a task came to the same, else one over the number of different
//! results. Where it was not measured, because the task ran once, there are no points: the Python Orket
//! gave both, so that one run of each task scored 5.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::round::three;
use crate::run_report::{Outcome, RunReport, TaskDetail};
use crate::statistics::{count, mean_of_known};

/// The version of the scores.
pub const SCHEMA: &str = "v1";
/// The version of the rules.
pub const POLICY: &str = "orket-24.v1";

/// The lowest band of each tier, and the lowest average of it.
const TIERS: [u32; 6] = [4, 4, 3, 3, 3, 2];
/// The lowest average of all tasks.
const OVERALL: f64 = 3.2;

/// The scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// [`SCHEMA`].
    pub schema_version: String,
    /// [`POLICY`].
    pub policy_version: String,
    /// The report.
    pub input_report: String,
    /// What it ran on.
    pub runtime_target: String,
    /// How.
    pub execution_mode: String,
    /// An older name of `runtime_target`.
    pub venue: String,
    /// An older name of `execution_mode`.
    pub flow: String,
    /// Runs of each task.
    pub runs_per_task: u32,
    /// The share of deterministic tasks.
    pub determinism_rate: Option<f64>,
    /// Mean milliseconds of a run.
    pub avg_latency_ms: Option<f64>,
    /// Mean cost of a run.
    pub avg_cost_usd: Option<f64>,
    /// Mean points of the tasks that have them.
    pub overall_avg_score: Option<f64>,
    /// Tasks by id.
    pub per_task_scores: BTreeMap<String, TaskScore>,
    /// Mean points of each tier.
    pub aggregate_tier_scores: BTreeMap<u32, Option<f64>>,
    /// Tasks that did not pass.
    pub failing_tasks: Vec<String>,
}

/// The score of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskScore {
    /// How hard it is, 1 to 6.
    pub tier: u32,
    /// Runs.
    pub run_count: u64,
    /// The share of runs that passed.
    pub success_rate: Option<f64>,
    /// Different results.
    pub unique_hashes: u64,
    /// Whether they were one.
    pub deterministic: Option<bool>,
    /// Mean milliseconds of a run.
    pub avg_latency_ms: Option<f64>,
    /// Mean cost of a run.
    pub avg_cost_usd: Option<f64>,
    /// Points, 0 to 5.
    pub score: Option<f64>,
    /// 0 to 5.
    pub band: Option<u32>,
    /// The lowest that passes.
    pub min_required_band: u32,
    /// Whether it passes: its band is high enough and every run passed.
    pub passed: bool,
    /// Why not.
    pub reason_codes: Vec<String>,
}

/// The band of points.
#[must_use]
pub fn band(score: f64) -> u32 {
    [(4.5, 5), (3.75, 4), (2.75, 3), (1.75, 2), (0.01, 1)]
        .into_iter()
        .find(|(least, _)| score >= *least)
        .map_or(0, |(_, band)| band)
}

/// The scores of a report.
#[must_use]
pub fn score(report: &RunReport, path: &str) -> Scores {
    let per_task_scores: BTreeMap<String, TaskScore> = report
        .details
        .iter()
        .map(|(id, detail)| (id.clone(), task(detail)))
        .collect();
    let mut tiers: BTreeMap<u32, Vec<Option<f64>>> = BTreeMap::new();
    for task in per_task_scores.values() {
        tiers.entry(task.tier).or_default().push(task.score);
    }
    Scores {
        schema_version: SCHEMA.to_owned(),
        policy_version: POLICY.to_owned(),
        input_report: path.to_owned(),
        runtime_target: report.runtime_target.clone(),
        execution_mode: report.execution_mode.clone(),
        venue: report.venue.clone(),
        flow: report.flow.clone(),
        runs_per_task: report.runs_per_task,
        determinism_rate: report.determinism_rate,
        avg_latency_ms: report.avg_latency_ms,
        avg_cost_usd: report.avg_cost_usd,
        overall_avg_score: mean_of_known(per_task_scores.values().map(|it| it.score)).map(three),
        aggregate_tier_scores: tiers
            .into_iter()
            .map(|(tier, scores)| (tier, mean_of_known(scores).map(three)))
            .collect(),
        failing_tasks: per_task_scores
            .iter()
            .filter(|(_, task)| !task.passed)
            .map(|(id, _)| id.clone())
            .collect(),
        per_task_scores,
    }
}

fn required(tier: u32) -> u32 {
    let index = usize::try_from(tier).ok().and_then(|it| it.checked_sub(1));
    // A tier that is not known must do what the first must.
    index
        .and_then(|index| TIERS.get(index))
        .copied()
        .unwrap_or(4)
}

fn task(detail: &TaskDetail) -> TaskScore {
    let number = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    let run_count = number(detail.runs.len());
    let passes = number(
        detail
            .runs
            .iter()
            .filter(|run| run.outcome == Outcome::Pass)
            .count(),
    );
    let success_rate = (run_count > 0).then(|| three(count(passes) / count(run_count)));
    let determinism = detail.deterministic.map(|deterministic| {
        if deterministic {
            1.0
        } else {
            1.0 / count(detail.unique_hashes.max(1))
        }
    });
    let score = success_rate
        .zip(determinism)
        .map(|(success, determinism)| three(3.0 * success + 2.0 * determinism));
    let band = score.map(band);
    let min_required_band = required(detail.tier);
    let mut reason_codes = Vec::new();
    if run_count == 0 {
        reason_codes.push("NO_RUNS".to_owned());
    }
    if success_rate.is_some() && passes < run_count {
        reason_codes.push("RUN_FAILED".to_owned());
    }
    if detail.deterministic == Some(false) {
        reason_codes.push("NOT_DETERMINISTIC".to_owned());
    }
    if run_count > 0 && detail.deterministic.is_none() {
        reason_codes.push("DETERMINISM_NOT_MEASURED".to_owned());
    }
    if band.is_some_and(|band| band < min_required_band) {
        reason_codes.push("BAND_BELOW_MINIMUM".to_owned());
    }
    let passed =
        band.is_some_and(|band| band >= min_required_band) && run_count > 0 && passes == run_count;
    TaskScore {
        tier: detail.tier,
        run_count,
        success_rate,
        unique_hashes: detail.unique_hashes,
        deterministic: detail.deterministic,
        avg_latency_ms: detail.avg_latency_ms,
        avg_cost_usd: detail.avg_cost_usd,
        score,
        band,
        min_required_band,
        passed,
        reason_codes,
    }
}

/// What the averages of tiers and of all tasks do not reach. What is not known reaches nothing.
#[must_use]
pub fn failures(scores: &Scores) -> Vec<String> {
    let mut failures = Vec::new();
    for (tier, average) in &scores.aggregate_tier_scores {
        let least = f64::from(required(*tier));
        failures.extend(failure(&format!("tier {tier}"), *average, least));
    }
    failures.extend(failure("overall", scores.overall_avg_score, OVERALL));
    failures
}

fn failure(name: &str, average: Option<f64>, least: f64) -> Option<String> {
    match average {
        Some(average) if average >= least => None,
        Some(average) => Some(format!("{name}: {average} < {least}")),
        None => Some(format!("{name}: not known, must be >= {least}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::determinism::of_hashes;
    use crate::run_report::RunRecord;

    fn detail(tier: u32, runs: &[(Outcome, &str)]) -> TaskDetail {
        let (hashes, deterministic) = of_hashes(runs.iter().map(|(_, hash)| *hash));
        TaskDetail {
            tier,
            unique_hashes: u64::try_from(hashes.len()).unwrap(),
            deterministic,
            hashes,
            runs: runs
                .iter()
                .map(|(outcome, _)| RunRecord {
                    outcome: *outcome,
                    ..RunRecord::default()
                })
                .collect(),
            ..TaskDetail::default()
        }
    }

    #[test]
    fn points_make_bands_and_bands_pass() {
        let (pass, fail) = (Outcome::Pass, Outcome::Fail);
        let details = BTreeMap::from([
            ("001".to_owned(), detail(1, &[(pass, "a"), (pass, "a")])),
            ("002".to_owned(), detail(1, &[(pass, "a"), (pass, "b")])),
            (
                "003".to_owned(),
                detail(1, &[(pass, "a"), (pass, "b"), (pass, "c")]),
            ),
            ("004".to_owned(), detail(6, &[(pass, "a"), (fail, "b")])),
            ("005".to_owned(), detail(6, &[(pass, "a")])),
            ("006".to_owned(), detail(3, &[])),
        ]);
        let scores = score(
            &RunReport {
                details,
                ..RunReport::default()
            },
            "report.json",
        );
        let told: Vec<_> = scores
            .per_task_scores
            .iter()
            .map(|(id, it)| {
                format!(
                    "{id} {:?} {:?} {} {}",
                    it.score,
                    it.band,
                    it.passed,
                    it.reason_codes.join("+")
                )
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        001 Some(5.0) Some(5) true 
        002 Some(4.0) Some(4) true NOT_DETERMINISTIC
        003 Some(3.667) Some(3) false NOT_DETERMINISTIC+BAND_BELOW_MINIMUM
        004 Some(2.5) Some(2) false RUN_FAILED+NOT_DETERMINISTIC
        005 None None false DETERMINISM_NOT_MEASURED
        006 None None false NO_RUNS
        ");
        assert_eq!(scores.failing_tasks, ["003", "004", "005", "006"]);
        assert_eq!(failures(&scores), ["tier 3: not known, must be >= 3"]);
        assert_eq!(scores.overall_avg_score, Some(3.792));
        assert_eq!(
            failures(&score(&RunReport::default(), "r")),
            ["overall: not known, must be >= 3.2"]
        );
    }

    #[test]
    fn bands_begin_where_they_are_said_to() {
        let edges = [0.0, 0.009, 0.01, 1.749, 1.75, 2.75, 3.75, 4.499, 4.5, 5.0];
        assert_eq!(edges.map(band), [0, 0, 1, 1, 2, 3, 4, 4, 5, 5]);
    }
}
