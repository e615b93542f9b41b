//! Which rules every contract of the run carries.

use serde::{Deserialize, Serialize};

/// Which rules every contract of the run carries.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ContractPolicy {}
