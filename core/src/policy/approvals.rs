//! Which calls wait for a person.

use serde::{Deserialize, Serialize};

/// Which calls wait for a person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ApprovalPolicy {}
