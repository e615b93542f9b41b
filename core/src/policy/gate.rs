//! What the tool gate refuses beyond its fixed rules.

use serde::{Deserialize, Serialize};

/// What the tool gate refuses beyond its fixed rules.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GatePolicy {}
