//! Which rules every contract of the run carries.

use serde::{Deserialize, Serialize};

use crate::contract::{Contract, DecisionRule, ScopeLimits, rules};

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
        let words: &[&str] = match mode.trim().to_ascii_lowercase().as_str() {
            "force_monolith" | "monolith" => &["monolith"],
            "force_microservices" | "microservices" if unlocked => &["microservices"],
            "force_microservices" | "microservices" => &["monolith"],
            "architect_decides" | "architect_decide" | "let_architect_decide" if unlocked => {
                &["monolith", "microservices"]
            }
            "architect_decides" | "architect_decide" | "let_architect_decide" => &["monolith"],
            _ => {
                return Err(format!(
                    "unknown architecture mode `{mode}`; known: force_monolith, \
                     force_microservices, architect_decides"
                ));
            }
        };
        Ok(owned(words))
    }

    /// Reads `frontend_framework_mode`.
    ///
    /// # Errors
    ///
    /// An unknown word, with the known ones.
    pub fn frameworks_of(mode: &str) -> Result<Vec<String>, String> {
        let words: &[&str] = match mode.trim().to_ascii_lowercase().as_str() {
            "force_vue" | "vue" => &["vue"],
            "force_react" | "react" => &["react"],
            "force_angular" | "angular" => &["angular"],
            "architect_decides" | "let_architect_decide" => &["vue", "react", "angular"],
            _ => {
                return Err(format!(
                    "unknown frontend framework mode `{mode}`; known: force_vue, force_react, \
                     force_angular, architect_decides"
                ));
            }
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
