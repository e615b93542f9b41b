//! The frontier of a summary as an artifact of its own.

use serde::{Deserialize, Serialize};

use super::known;
use crate::lane::{Lane, VramProfile};
use crate::summary::Summary;
use crate::validity;

/// The version of the artifact.
pub const SCHEMA: &str = "explorer.frontier.v1";

/// The artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// [`SCHEMA`].
    pub schema_version: String,
    /// When it was made, UTC.
    pub generated_at: String,
    /// The summary.
    pub source_summary: String,
    /// When that was made.
    pub summary_generated_at: String,
    /// The commit that was measured.
    pub commit_sha: Option<String>,
    /// The machine.
    pub hardware_fingerprint: String,
    /// Where it ran.
    pub execution_lane: Lane,
    /// How much graphics memory it might take.
    pub vram_profile: VramProfile,
    /// Where the figures come from.
    pub provenance: Provenance,
    /// Models.
    pub sessions: Vec<FrontierSession>,
}

/// Where the figures come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// What was said of it.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The summary.
    pub source_summary: String,
    /// The commit that was measured.
    pub commit_sha: Option<String>,
}

/// One model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrontierSession {
    /// The model.
    pub model_id: String,
    /// What others are compared with.
    pub baseline_quant: String,
    /// The smallest that will do.
    pub minimum_viable_quant: Option<String>,
    /// The most adherence for a second.
    pub best_value_quant: Option<String>,
    /// In words.
    pub recommendation: String,
    /// Its rows.
    pub quant_rows: Vec<FrontierRow>,
}

/// One quantization.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrontierRow {
    /// The quantization.
    pub quant_tag: String,
    /// Its adherence, 0 to 1.
    pub adherence_score: Option<f64>,
    /// Seconds of a run.
    pub total_latency: Option<f64>,
    /// MiB.
    pub peak_memory_rss: Option<f64>,
    /// Tokens written in a second.
    pub generation_tokens_per_second: Option<f64>,
    /// Whether it may be chosen.
    pub valid: bool,
}

/// The artifact of a summary.
#[must_use]
pub fn of(summary: &Summary, source: &str, reference: &str, now: &str) -> Artifact {
    let sessions = summary.sessions.iter().map(|session| FrontierSession {
        model_id: session.model_id.clone(),
        baseline_quant: session.baseline_quant.clone(),
        minimum_viable_quant: session.efficiency_frontier.minimum_viable_quant_tag.clone(),
        best_value_quant: session.efficiency_frontier.best_value_quant_tag.clone(),
        recommendation: session.recommendation.clone(),
        quant_rows: session
            .per_quant
            .iter()
            .map(|row| FrontierRow {
                quant_tag: row.quant_tag.clone(),
                adherence_score: row.adherence_score,
                total_latency: row.total_latency,
                peak_memory_rss: row.peak_memory_rss,
                generation_tokens_per_second: row.generation_tokens_per_second,
                valid: validity::is_valid(row),
            })
            .collect(),
    });
    Artifact {
        schema_version: SCHEMA.to_owned(),
        generated_at: now.to_owned(),
        source_summary: source.to_owned(),
        summary_generated_at: summary.generated_at.clone(),
        commit_sha: summary.commit_sha.clone(),
        hardware_fingerprint: known(&summary.hardware_fingerprint),
        execution_lane: summary.execution_lane,
        vram_profile: summary.vram_profile,
        provenance: Provenance {
            reference: known(reference),
            source_summary: source.to_owned(),
            commit_sha: summary.commit_sha.clone(),
        },
        sessions: sessions.collect(),
    }
}
