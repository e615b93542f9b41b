//! What is checked before the guard is asked.

use serde::{Deserialize, Serialize};

/// What is checked before the guard is asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VerifierPolicy {}
