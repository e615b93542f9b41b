//! The runs of one row as a report.

use std::collections::BTreeMap;

use super::store::DoneRun;
use crate::SCHEMA_VERSION;
use crate::bank::Task;
use crate::determinism;
use crate::round::three;
use crate::run_report::{RunReport, TaskDetail};
use crate::settings::Settings;
use crate::statistics::mean_of_known;

/// The report of all runs of a row, in the order of their tasks.
#[must_use]
pub fn of(
    settings: &Settings,
    runs_per_task: u32,
    runs: &[(&Task, DoneRun)],
    now: &str,
) -> RunReport {
    let mut details: BTreeMap<String, TaskDetail> = BTreeMap::new();
    for (task, run) in runs {
        let detail = details.entry(task.id.clone()).or_default();
        detail.tier = u32::from(task.tier);
        detail.runs.push(run.record.clone());
    }
    for detail in details.values_mut() {
        let (hashes, deterministic) =
            determinism::of_hashes(detail.runs.iter().map(|run| run.hash.as_str()));
        detail.unique_hashes = u64::try_from(hashes.len()).unwrap_or(u64::MAX);
        detail.hashes = hashes;
        detail.deterministic = deterministic;
        detail.avg_latency_ms =
            mean_of_known(detail.runs.iter().map(|run| run.duration_ms)).map(three);
        detail.avg_cost_usd = mean_of_known(detail.runs.iter().map(|run| run.cost_usd));
    }
    let (deterministic_tasks, determinism_rate) = determinism::rate(details.values());
    let all = || runs.iter().map(|(_, run)| &run.record);
    RunReport {
        schema_version: SCHEMA_VERSION.to_owned(),
        report_generated_at: now.to_owned(),
        test_runs: runs.iter().map(|(_, run)| run.test.clone()).collect(),
        generated_at_utc: now.to_owned(),
        task_bank: settings.task_bank.clone(),
        runtime_target: settings.runtime_target.clone(),
        execution_mode: settings.execution_mode.clone(),
        venue: settings.runtime_target.clone(),
        flow: settings.execution_mode.clone(),
        runs_per_task,
        runner_template: settings.runner_template.clone(),
        artifact_globs: Vec::new(),
        task_id_min: settings.task_id_min,
        task_id_max: settings.task_id_max,
        experimental_controls: settings.controls.clone(),
        total_tasks: u64::try_from(details.len()).unwrap_or(u64::MAX),
        deterministic_tasks,
        determinism_rate,
        avg_latency_ms: mean_of_known(all().map(|run| run.duration_ms)).map(three),
        avg_cost_usd: mean_of_known(all().map(|run| run.cost_usd)),
        details,
    }
}
