//! What the harness reports of one model and quantization: every task, run several times.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::telemetry::{Controls, Telemetry};

/// The report of a harness run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunReport {
    /// [`crate::SCHEMA_VERSION`].
    pub schema_version: String,
    /// When it was written, UTC.
    pub report_generated_at: String,
    /// One for each task and run.
    pub test_runs: Vec<TestRun>,
    /// The same time again; older readers look here.
    pub generated_at_utc: String,
    /// The name of the task bank.
    pub task_bank: String,
    /// What it ran on, e.g. `local-hardware`.
    pub runtime_target: String,
    /// How, e.g. `live-card`.
    pub execution_mode: String,
    /// An older name of `runtime_target`.
    pub venue: String,
    /// An older name of `execution_mode`.
    pub flow: String,
    /// Runs of each task.
    pub runs_per_task: u32,
    /// The command of each run, if one was given.
    pub runner_template: Option<String>,
    /// Files that were looked at.
    pub artifact_globs: Vec<String>,
    /// The first task.
    pub task_id_min: Option<u32>,
    /// The last task.
    pub task_id_max: Option<u32>,
    /// What was held still.
    pub experimental_controls: Controls,
    /// Tasks.
    pub total_tasks: u64,
    /// Tasks whose runs all came to the same.
    pub deterministic_tasks: u64,
    /// Their share; `None` when each ran once, because that shows nothing.
    pub determinism_rate: Option<f64>,
    /// Mean milliseconds of a run.
    pub avg_latency_ms: Option<f64>,
    /// Mean cost of a run.
    pub avg_cost_usd: Option<f64>,
    /// By the task's id.
    pub details: BTreeMap<String, TaskDetail>,
}

/// One run of one task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TestRun {
    /// The task, and which run of it.
    pub test_id: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What it measured.
    pub telemetry: Telemetry,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The task is done.
    #[serde(alias = "passed", alias = "PASS", alias = "success")]
    Pass,
    /// It is not.
    #[default]
    #[serde(alias = "failed", alias = "FAIL", alias = "failure", alias = "error")]
    Fail,
}

/// All runs of one task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskDetail {
    /// How hard it is, 1 to 6.
    pub tier: u32,
    /// Different results.
    pub unique_hashes: u64,
    /// Whether they were all the same; `None` when it ran once.
    pub deterministic: Option<bool>,
    /// Mean milliseconds of a run.
    pub avg_latency_ms: Option<f64>,
    /// Mean cost of a run.
    pub avg_cost_usd: Option<f64>,
    /// What the runs came to, each once, sorted.
    pub hashes: Vec<String>,
    /// The runs.
    pub runs: Vec<RunRecord>,
}

/// One run, as the harness saw it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunRecord {
    /// From 1.
    pub run_index: u32,
    /// The exit code, where a command ran and was not killed.
    pub exit_code: Option<i32>,
    /// How it ended.
    pub outcome: Outcome,
    /// Milliseconds.
    pub duration_ms: Option<f64>,
    /// Its cost.
    pub cost_usd: Option<f64>,
    /// What it came to, see `masking`.
    pub hash: String,
}
