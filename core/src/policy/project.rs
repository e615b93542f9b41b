//! How the project is laid out before the first card.

use serde::{Deserialize, Serialize};

use crate::stages::StagePlan;

/// How the project is laid out before the first card.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectPolicy {
    /// The stages, in their order. Empty where nothing is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StagePlan>,
}
