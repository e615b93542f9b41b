//! What skills may do.

use serde::{Deserialize, Serialize};

/// What skills may do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SkillPolicy {}
