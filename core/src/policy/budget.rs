//! What a run may spend.

use serde::{Deserialize, Serialize};

/// What a run may spend.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BudgetPolicy {}
