//! What later runs of a task are compared with: `<root>/<test>.json`, `{test_id, history[]}`, the newest
//! last.
//!
//! # Layout
//!
//! - this file: the records.
//! - [`store`]: files of them, changed one writer at a time.
//! - [`resolve`]: which one a run is compared with; [`health`]: how many fit.
//! - [`task`]: the one that a task names.

pub mod health;
pub mod resolve;
pub mod store;
pub mod task;

use serde::{Deserialize, Serialize};

pub use store::{BaselineError, Store};

/// The baselines of a test.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TestBaselines {
    /// The test.
    pub test_id: String,
    /// Its records, the newest last.
    #[serde(default)]
    pub history: Vec<Record>,
}

/// A baseline.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What it is of.
    pub baseline_metadata: Metadata,
    /// What was measured.
    #[serde(default)]
    pub gold_telemetry: GoldTelemetry,
    /// Whether it stays whatever is pruned.
    #[serde(default)]
    pub pinned: bool,
}

/// What a baseline is of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// The run; baselines are named by it.
    pub test_run_id: String,
    /// The model.
    pub model_id: String,
    /// Its digest.
    pub model_hash: Option<String>,
    /// Its quantization.
    pub quant_tag: String,
    /// The machine.
    pub hardware_fingerprint: String,
    /// The revision of the task.
    pub task_revision: String,
    /// When it was measured, UTC.
    pub created_at: String,
}

/// What was measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GoldTelemetry {
    /// Adherence, 0 to 1.
    pub adherence_score: Option<f64>,
    /// MiB.
    pub peak_memory_rss: Option<f64>,
    /// Seconds.
    pub total_latency: Option<f64>,
}

impl Record {
    /// Its name.
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.baseline_metadata.test_run_id
    }
}

#[cfg(test)]
#[path = "baselines/tests.rs"]
mod tests;
