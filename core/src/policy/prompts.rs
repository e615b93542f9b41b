//! How prompts are put together and which versions are used.

use serde::{Deserialize, Serialize};

/// How prompts are put together and which versions are used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PromptPolicy {}
