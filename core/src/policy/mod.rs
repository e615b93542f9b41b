//! The rules of one run that go beyond its seats and cards. They are chosen once, stored with the
//! plan, and used by prompt, check and gate alike, so that none of them can promise what another
//! refuses.

mod amounts;
mod approvals;
mod budget;
mod contract;
mod gate;
mod guard_loop;
mod memory;
mod output_bound;
mod project;
mod prompts;
mod skills;
mod verifier;

use serde::{Deserialize, Serialize};

pub use amounts::{Amounts, Limits, MOST_AMOUNT, Spent, Unit, amount, shown};
pub use approvals::{ApprovalPolicy, ApprovalRequest};
pub use budget::{BudgetPolicy, Price, Scope};
pub use contract::ContractPolicy;
pub use gate::{FileOwnership, GatePolicy, OwnPlace};
pub use guard_loop::{
    BEGIN_ANEW, GuardBackoff, GuardLoopPolicy, NON_COMPLIANT, OnExceed, PERSISTENT, RETRY_EXCEEDED,
    Ruling, fingerprint, rules_in,
};
pub use memory::{DEFAULT_PROJECT, DEFAULT_RESULTS, MemoryPolicy};
pub use output_bound::{Bounded, DEFAULT_OUTPUT_TOKENS, bounded};
pub use project::ProjectPolicy;
pub use prompts::{
    DEFAULT_CONTEXT_TOKENS, GuardLayer, PromptPolicy, PromptStamp, Resolved, ResolverMode,
    Selection,
};
pub use skills::SkillPolicy;
pub use verifier::VerifierPolicy;

/// All of them. What a stored plan does not know is its default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunPolicy {
    /// What the tool gate refuses beyond its fixed rules.
    pub gate: GatePolicy,
    /// How often a guard may send a card back, and what follows then.
    pub guard_loop: GuardLoopPolicy,
    /// Which calls wait for a person.
    pub approvals: ApprovalPolicy,
    /// What a run may spend.
    pub budget: BudgetPolicy,
    /// What is checked before the guard is asked.
    pub verifier: VerifierPolicy,
    /// Which rules every contract of the run carries.
    pub contract: ContractPolicy,
    /// How the project is laid out before the first card.
    pub project: ProjectPolicy,
    /// How prompts are put together and which versions are used.
    pub prompts: PromptPolicy,
    /// What skills may do.
    pub skills: SkillPolicy,
    /// What it sees of the project's memory.
    pub memory: MemoryPolicy,
}
