//! What a turn must bring. Prompt section and check come from the same value.

mod check;
mod clauses;
mod decision;
#[cfg(test)]
mod fitting;
mod limits;
mod objection;
mod rejection;
pub mod rules;
mod schema;
#[cfg(test)]
mod schema_tests;
mod scope;
#[cfg(test)]
mod storm;
#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;
mod words;

pub use self::decision::{DECISION_PATH, DecisionRule};
pub use self::objection::Objection;
pub use self::rejection::PAYLOAD_KEYS;
pub use self::rules::ScopeLimits;
pub use self::schema::ReplyScope;
pub use self::scope::bars_looking;

use serde::{Deserialize, Serialize};

use crate::gate::normal_path;
use crate::plan::SeatPlan;
use crate::status::CardStatus;
use crate::tool::ToolCall;
use crate::tool_catalogue::{READ_FILE, WRITE_FILE, is_observational};

/// Too little was done: no call, only looking, a tool or a status missing.
pub const PROGRESS: &str = "progress_contract_not_met";
/// A file was not written.
pub const WRITE_PATH: &str = "write_path_contract_not_met";
/// A file was not read.
pub const READ_PATH: &str = "read_path_contract_not_met";
/// Text where only calls are wanted.
pub const CONSISTENCY: &str = "consistency_scope_contract_not_met";
/// The architecture decision is missing or incomplete.
pub const ARCHITECTURE: &str = "architecture_decision_contract_not_met";
/// A guard refused without saying why.
pub const GUARD_PAYLOAD: &str = "guard_rejection_payload_contract_not_met";
/// Something was named that the turn was not given.
pub const HALLUCINATION: &str = "hallucination_scope_contract_not_met";
/// A path could leave the workspace.
pub const SECURITY: &str = "security_scope_contract_not_met";
/// The reply ends in the middle of a call, and something is missing.
pub const TRUNCATED: &str = "reply_truncated";
/// The rule of [`PROGRESS`] that a seat which answers in words breaks by saying nothing.
pub const RULE_EMPTY_ANSWER: &str = "PROGRESS.EMPTY_ANSWER";
/// The rule of [`CONSISTENCY`].
pub const RULE_OUTPUT_FORMAT: &str = rules::OUTPUT_FORMAT;

/// The contract of one turn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// Tools that must be called at least once.
    #[serde(default)]
    pub required_tools: Vec<String>,
    /// One of these must be set with `update_issue_status`; empty for no demand.
    #[serde(default)]
    pub required_statuses: Vec<CardStatus>,
    /// Files that must be written.
    #[serde(default)]
    pub required_write_paths: Vec<String>,
    /// Files that must be read, those that exist.
    #[serde(default)]
    pub required_read_paths: Vec<String>,
    /// Nothing but tool calls in the answer.
    #[serde(default)]
    pub tool_calls_only: bool,
    /// The architecture decision that must be written, where one is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture_decision: Option<DecisionRule>,
    /// A refusal must come with rationale, violations and remediation actions.
    #[serde(default)]
    pub rejection_payload: bool,
    /// Rules of [`rules::SELECTABLE`] that were chosen. That a tool must be offered and a path must
    /// stay inside holds without being chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// Phrases that the answer must not hold, where [`rules::CONTRADICTION`] was chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forbidden_phrases: Vec<String>,
    /// How much a turn may touch and look at.
    #[serde(default, skip_serializing_if = "ScopeLimits::is_empty")]
    pub limits: ScopeLimits,
}

/// What a contract is checked against: everything a turn has brought so far.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The calls of this round.
    pub calls: &'a [ToolCall],
    /// The text outside them.
    pub prose: &'a str,
    /// Where a JSON block broke off.
    pub truncated: Option<&'a str>,
    /// The seat that answered.
    pub seat: &'a SeatPlan,
    /// Files of the read contract that do not exist; they are not demanded.
    pub missing_reads: &'a [String],
    /// Calls carried out in earlier rounds of this turn; they count.
    pub earlier_calls: &'a [ToolCall],
    /// The reply as it came; a guard's reasons are found in it.
    pub text: &'a str,
    /// Whether something that the card depends on is still open.
    pub waits_for_others: bool,
}

impl Contract {
    /// A seat without tools answers in words, and so may one that can only look, when nothing
    /// particular is demanded of it.
    pub(crate) fn words_suffice(&self, seat: &SeatPlan) -> bool {
        let demands = !self.required_tools.is_empty()
            || !self.required_statuses.is_empty()
            || !self.required_write_paths.is_empty()
            || !self.required_read_paths.is_empty()
            || self.architecture_decision.is_some();
        seat.tools.is_empty()
            || !demands && seat.tools.iter().all(|tool| is_observational(&tool.name))
    }

    /// The tools that must be called: `read_file` is not among them when no file that is to be
    /// read exists.
    fn demanded_tools<'a>(
        &'a self,
        missing_reads: &'a [String],
    ) -> impl Iterator<Item = &'a str> + 'a {
        let nothing_to_read = !self.required_read_paths.is_empty()
            && self.demanded_reads(missing_reads).next().is_none();
        self.required_tools
            .iter()
            .map(String::as_str)
            .filter(move |tool| !(nothing_to_read && *tool == READ_FILE))
    }

    /// The files that must be read: those that exist.
    fn demanded_reads<'a>(
        &'a self,
        missing_reads: &'a [String],
    ) -> impl Iterator<Item = &'a str> + 'a {
        self.required_read_paths
            .iter()
            .map(String::as_str)
            .filter(move |path| !missing_reads.iter().any(|missing| same_path(missing, path)))
    }

    /// The files that must be written, the architecture decision among them.
    pub(crate) fn demanded_writes(&self) -> impl Iterator<Item = &str> {
        let decision = self
            .architecture_decision
            .iter()
            .map(|rule| rule.path.as_str());
        let decision = decision.filter(|path| {
            let writes = &self.required_write_paths;
            !writes.iter().any(|write| same_path(write, path))
        });
        self.required_write_paths
            .iter()
            .map(String::as_str)
            .chain(decision)
    }

    /// How many files must be written, and read, of which it does not say which.
    fn free_files(&self) -> (usize, usize) {
        let demands = |name: &str| self.required_tools.iter().any(|tool| tool == name);
        let writes = demands(WRITE_FILE) && self.demanded_writes().next().is_none();
        let reads = demands(READ_FILE) && self.required_read_paths.is_empty();
        (usize::from(writes), usize::from(reads))
    }

    /// The contract itself asks for nothing but looking.
    fn only_looks(&self) -> bool {
        self.required_statuses.is_empty()
            && self.required_write_paths.is_empty()
            && self.architecture_decision.is_none()
            && !(self.required_tools.is_empty() && self.required_read_paths.is_empty())
            && self
                .required_tools
                .iter()
                .all(|tool| is_observational(tool))
    }
}

const fn needs_reason(status: CardStatus) -> bool {
    matches!(
        status,
        CardStatus::Blocked | CardStatus::WaitingForDeveloper
    )
}

/// Whether two texts name the same file.
pub(crate) fn same_path(one: &str, other: &str) -> bool {
    one == other || normal_path(one).is_some_and(|path| normal_path(other).as_ref() == Some(&path))
}
