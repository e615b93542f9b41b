//! The summary of a sweep: what was asked, every row, and what is recommended.

use serde::{Deserialize, Serialize};

use crate::lane::{Lane, VramProfile};
use crate::row::QuantRow;
use crate::telemetry::Controls;

/// The summary. Keys stand in this order in the file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// [`crate::SCHEMA_VERSION`].
    pub schema_version: String,
    /// When it was written, UTC.
    pub generated_at: String,
    /// The commit that was checked out, if any.
    pub commit_sha: Option<String>,
    /// The machine: `os-release|cpu|Nc|Mgb|gpu`.
    pub hardware_fingerprint: String,
    /// What was asked.
    pub matrix: Matrix,
    /// Where it ran.
    pub execution_lane: Lane,
    /// How much graphics memory it might take.
    pub vram_profile: VramProfile,
    /// Whether the machine was still enough to begin; `None` when nobody asked.
    pub canary: Option<Canary>,
    /// One for each model.
    pub sessions: Vec<Session>,
    /// How far the figures can be trusted.
    pub stability_kpis: Option<StabilityKpis>,
}

/// What was asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Matrix {
    /// Models.
    pub models: Vec<String>,
    /// Quantizations of each.
    pub quants: Vec<String>,
    /// The name of the task bank.
    pub task_bank: String,
    /// Runs of each task.
    pub runs_per_quant: u32,
    /// The most seconds that a row may take to be chosen.
    pub latency_ceiling: Option<f64>,
    /// What was held still.
    pub experimental_controls: Controls,
    /// Where it was to run.
    pub execution_lane: Lane,
    /// How much graphics memory it might take.
    pub vram_profile: VramProfile,
    /// Who was to look at the hardware.
    pub hardware_sidecar: SidecarPlan,
    /// What it was to run on.
    pub runtime_target: String,
    /// How.
    pub execution_mode: String,
    /// An older name of `runtime_target`.
    pub venue: String,
    /// An older name of `execution_mode`.
    pub flow: String,
}

/// Who is to look at the hardware.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SidecarPlan {
    /// Whether anybody is.
    pub enabled: bool,
    /// The profile that was named.
    pub profile: Option<String>,
    /// Where profiles are.
    pub profiles_config: Option<String>,
    /// The command.
    pub template: Option<String>,
    /// The most seconds it may take.
    pub timeout_sec: u64,
}

/// Whether the machine was still enough to measure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Canary {
    /// The model that was asked.
    pub model_id: String,
    /// Its quantization.
    pub quant_tag: String,
    /// Runs.
    pub runs: u32,
    /// Tasks.
    pub task_limit: u32,
    /// The largest adherence less the smallest.
    pub adherence_variance: Option<f64>,
    /// Population coefficient of variation of the model's seconds.
    pub internal_latency_variance: Option<f64>,
    /// The share of runs whose token status is not OK.
    pub missing_telemetry_rate: Option<f64>,
    /// The most variation allowed.
    pub latency_variance_threshold: f64,
    /// Whether it was still enough.
    pub passed: bool,
    /// Where the runs are told of.
    pub report_path: String,
}

/// One model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    /// The model.
    pub model_id: String,
    /// The quantization that others are compared with: the one of the highest rank.
    pub baseline_quant: String,
    /// Its rows.
    pub per_quant: Vec<QuantRow>,
    /// Which of them are worth their memory.
    pub efficiency_frontier: EfficiencyFrontier,
    /// The same for programs.
    pub recommendation_detail: RecommendationDetail,
    /// In words.
    pub recommendation: String,
}

/// Which rows are worth their memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EfficiencyFrontier {
    /// The share of the baseline's adherence that a row needs.
    pub adherence_threshold: Option<f64>,
    /// The most seconds that a row may take.
    pub latency_ceiling: Option<f64>,
    /// The smallest that will do.
    pub minimum_viable_quant_tag: Option<String>,
    /// The one with the most adherence for a second.
    pub best_value_quant_tag: Option<String>,
    /// An older name of the minimum.
    pub optimal_quant_tag: Option<String>,
    /// Why.
    pub reason: String,
    /// The adherence that a row needs: the baseline's times the share asked for. `None` when the
    /// baseline's is not known.
    pub target_adherence: Option<f64>,
}

/// What is recommended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecommendationDetail {
    /// The smallest that will do.
    pub minimum_viable_quant: Option<String>,
    /// The one with the most adherence for a second.
    pub best_value_quant: Option<String>,
}

/// How far the figures of a sweep can be trusted; shares have six places.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StabilityKpis {
    /// Mean determinism of the rows where it is known, weighted by their runs.
    pub determinism_rate: Option<f64>,
    /// The share of runs in rows whose token status is not OK.
    pub missing_telemetry_rate: Option<f64>,
    /// The share of runs in rows that are not valid.
    pub polluted_run_rate: Option<f64>,
    /// The share of models for which something can be recommended.
    pub frontier_success_rate: Option<f64>,
    /// Rows.
    pub quant_rows: u64,
    /// Models.
    pub sessions: u64,
    /// Runs, at least one for each row.
    pub weighted_runs: u64,
}
