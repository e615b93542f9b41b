//! Which rules every contract of the run carries.

use serde::{Deserialize, Serialize};

use crate::contract::{Contract, DecisionRule, ScopeLimits, rules};
use crate::stages::Framework;
use crate::stages::knob::{ARCHITECTURE_MODE, FRONTEND_FRAMEWORK_MODE};

/// Which rules every contract of the run carries.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContractPolicy {
    /// Rules of [`rules::SELECTABLE`] for every turn (`runtime_guard_rule_ids`).
    pub rules: Vec<String>,
    /// How much a turn may touch and look at (`verification_scope_limits`).
    pub limits: ScopeLimits,
    /// What an architecture decision may recommend; empty for what its role says.
    pub patterns: Vec<String>,
    /// Which frontend frameworks a decision may name; empty for what its role says.
    pub frameworks: Vec<String>,
}

impl ContractPolicy {
    /// Lays the run's rules over a contract, so that prompt and check find them there.
    pub fn apply(&self, contract: &mut Contract) {
        for rule in &self.rules {
            if !contract.rules.contains(rule) {
                contract.rules.push(rule.clone());
            }
        }
        if contract.limits.is_empty() {
            contract.limits = self.limits;
        }
        if let Some(DecisionRule {
            patterns,
            frameworks,
            ..
        }) = &mut contract.architecture_decision
        {
            for (own, ours) in [(patterns, &self.patterns), (frameworks, &self.frameworks)] {
                if !ours.is_empty() {
                    own.clone_from(ours);
                }
            }
        }
    }

    /// Reads `architecture_mode`; microservices are allowed only where they were unlocked, and
    /// asking for them while they are locked means the monolith.
    ///
    /// # Errors
    ///
    /// An unknown word, with the known ones.
    pub fn patterns_of(mode: &str, unlocked: bool) -> Result<Vec<String>, String> {
        let words: &[&str] = match (ARCHITECTURE_MODE.read(mode)?, unlocked) {
            ("force_microservices", true) => &["microservices"],
            ("architect_decides", true) => &["monolith", "microservices"],
            _ => &["monolith"],
        };
        Ok(owned(words))
    }

    /// Reads `frontend_framework_mode`.
    ///
    /// # Errors
    ///
    /// An unknown word, with the known ones.
    pub fn frameworks_of(mode: &str) -> Result<Vec<String>, String> {
        let words: &[&str] = match FRONTEND_FRAMEWORK_MODE.parse(mode)? {
            Framework::Vue => &["vue"],
            Framework::React => &["react"],
            Framework::Angular => &["angular"],
            Framework::Undecided => &["vue", "react", "angular"],
        };
        Ok(owned(words))
    }

    /// What is wrong with the rule ids, each with its place in the list.
    #[must_use]
    pub fn problems(&self) -> Vec<(usize, String)> {
        rules::problems(&self.rules)
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
