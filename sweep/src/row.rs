//! One quantization of a model: the means of its runs.

use serde::{Deserialize, Serialize};

use crate::lane::{Lane, VramProfile};
use crate::sidecar::SidecarRecord;
use crate::telemetry::{QualityReason, RunQuality, TokenStatus, VibeDeltaStatus};

/// A row of the summary. Seconds, MiB, shares from 0 to 1, three places; throughput two.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct QuantRow {
    /// The quantization, e.g. `Q6_K`.
    pub quant_tag: String,
    /// How much it keeps of the model, see [`crate::rank`]; `None` when its name says nothing of that.
    pub quant_rank: Option<u32>,
    /// Where the runs are told of.
    pub report_path: String,
    /// What the hardware was seen doing.
    pub hardware_sidecar: SidecarRecord,
    /// Mean adherence.
    pub adherence_score: Option<f64>,
    /// Mean of the most memory taken, MiB.
    pub peak_memory_rss: Option<f64>,
    /// Mean seconds of a run.
    pub total_latency: Option<f64>,
    /// Mean seconds until the model was ready.
    pub init_latency: Option<f64>,
    /// Mean tokens read in a second.
    pub prompt_tokens_per_second: Option<f64>,
    /// Mean tokens written in a second.
    pub generation_tokens_per_second: Option<f64>,
    /// Mean share of the time that was not the model's.
    pub orchestration_overhead_ratio: Option<f64>,
    /// The worst of its runs.
    pub token_metrics_status: TokenStatus,
    /// Clean only when all its runs are.
    pub run_quality_status: RunQuality,
    /// Every reason of every run, each once, sorted.
    pub run_quality_reasons: Vec<QualityReason>,
    /// The share of its tasks whose runs all came to the same; `None` when each ran once.
    pub determinism_rate: Option<f64>,
    /// Runs.
    pub test_runs: u64,
    /// Where it ran.
    pub execution_lane: Lane,
    /// How much graphics memory it might take.
    pub vram_profile: VramProfile,
    /// Whether it may be chosen, see [`crate::validity`].
    pub valid: bool,
    /// Adherence lost for each GiB saved.
    pub vibe_delta: Option<f64>,
    /// What that means.
    pub vibe_delta_status: VibeDeltaStatus,
    /// Mean milliseconds of reading the prompt: the time to the first token without queues and network.
    pub ttft_ms: Option<f64>,
    /// The model as its server was asked for it.
    pub served_model: Option<String>,
}
