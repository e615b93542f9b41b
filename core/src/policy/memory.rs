//! What runs remember.

use serde::{Deserialize, Serialize};

use crate::memory::recall::VisibilityMode;

/// How many records a turn is shown.
pub const DEFAULT_RESULTS: u32 = 5;
/// The memory of a data folder for which no other name is set.
pub const DEFAULT_PROJECT: &str = "default";

/// What a run sees of the project's memory. The default, which a plan of an earlier version has, is
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemoryPolicy {
    /// How.
    pub visibility: VisibilityMode,
    /// Whose memory.
    pub project: String,
    /// The most records a turn is shown.
    pub max_results: u32,
}

impl Default for MemoryPolicy {
    fn default() -> Self {
        Self {
            visibility: VisibilityMode::Off,
            project: DEFAULT_PROJECT.to_owned(),
            max_results: DEFAULT_RESULTS,
        }
    }
}
