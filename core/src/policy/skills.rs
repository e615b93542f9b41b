//! What skills may do.

use serde::{Deserialize, Serialize};

use crate::skill::Permissions;

/// What skills may do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SkillPolicy {
    /// What entrypoints are allowed, by scope (`granted_permissions` of the organization's process
    /// rules).
    pub granted_permissions: Permissions,
    /// The longest any entrypoint may run, in milliseconds (`skill_max_execution_time`).
    pub max_execution_ms: Option<u64>,
    /// The most memory any entrypoint may take, in bytes (`skill_max_memory`).
    pub max_memory_bytes: Option<u64>,
}

impl SkillPolicy {
    /// The time limit of an entrypoint that declared this one.
    #[must_use]
    pub fn execution_ms(&self, declared: Option<u64>) -> Option<u64> {
        smaller(declared, self.max_execution_ms)
    }

    /// The memory limit of an entrypoint that declared this one.
    #[must_use]
    pub fn memory_bytes(&self, declared: Option<u64>) -> Option<u64> {
        smaller(declared, self.max_memory_bytes)
    }
}

fn smaller(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
