//! How the project is laid out before the first card.

use serde::{Deserialize, Serialize};

/// How the project is laid out before the first card.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProjectPolicy {}
