//! Context ceilings counted together.

use serde::{Deserialize, Serialize};

use super::{context, known};
use crate::lane::{Lane, VramProfile};

/// The version of the artifact.
pub const SCHEMA: &str = "explorer.context_sweep_rollup.v1";

/// The artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// [`SCHEMA`].
    pub schema_version: String,
    /// When it was made, UTC.
    pub generated_at: String,
    /// Where the figures come from.
    pub provenance: Provenance,
    /// How many of what.
    pub counts: Counts,
    /// Contexts that fail, and why.
    pub failed_contexts: Vec<Failed>,
    /// The ceiling of each sweep.
    pub ceilings: Vec<Ceiling>,
}

/// Where the figures come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// What was said of it.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The artifacts.
    pub sources: Vec<String>,
}

/// How many of what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Sweeps.
    pub sweeps: u64,
    /// Sweeps with a ceiling.
    pub sweeps_with_ceiling: u64,
    /// Contexts.
    pub contexts: u64,
    /// Those that do.
    pub passed: u64,
    /// Those that do not.
    pub failed: u64,
}

/// A context that fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Its model.
    pub model_id: String,
    /// Its quantization.
    pub quant_tag: String,
    /// Tokens.
    pub context: u32,
    /// Why.
    pub reasons: Vec<context::Reason>,
}

/// The ceiling of a sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceiling {
    /// The artifact.
    pub source: String,
    /// The machine.
    pub hardware_fingerprint: String,
    /// Where it ran.
    pub execution_lane: Lane,
    /// How much graphics memory it might take.
    pub vram_profile: VramProfile,
    /// The model.
    pub model_id: String,
    /// Its quantization.
    pub quant_tag: String,
    /// Tokens; `None` when the smallest context fails.
    pub safe_context_ceiling: Option<u32>,
}

/// The rollup of artifacts with their paths.
#[must_use]
pub fn of(artifacts: &[(String, context::Artifact)], reference: &str, now: &str) -> Artifact {
    let mut counts = Counts::default();
    let mut failed_contexts = Vec::new();
    let mut ceilings = Vec::new();
    for (source, artifact) in artifacts {
        counts.sweeps += 1;
        counts.sweeps_with_ceiling += u64::from(artifact.safe_context_ceiling.is_some());
        for point in &artifact.points {
            counts.contexts += 1;
            counts.passed += u64::from(point.passed);
            counts.failed += u64::from(!point.passed);
            if !point.passed {
                failed_contexts.push(Failed {
                    model_id: artifact.model_id.clone(),
                    quant_tag: artifact.quant_tag.clone(),
                    context: point.context,
                    reasons: point.reasons.clone(),
                });
            }
        }
        ceilings.push(Ceiling {
            source: source.clone(),
            hardware_fingerprint: artifact.hardware_fingerprint.clone(),
            execution_lane: artifact.execution_lane,
            vram_profile: artifact.vram_profile,
            model_id: artifact.model_id.clone(),
            quant_tag: artifact.quant_tag.clone(),
            safe_context_ceiling: artifact.safe_context_ceiling,
        });
    }
    Artifact {
        schema_version: SCHEMA.to_owned(),
        generated_at: now.to_owned(),
        provenance: Provenance {
            reference: known(reference),
            sources: artifacts.iter().map(|(path, _)| path.clone()).collect(),
        },
        counts,
        failed_contexts,
        ceilings,
    }
}
