//! What comparing runs, or looking at a descriptor, comes to.

use serde::Serialize;
use utoipa::ToSchema;

use super::CONTRACT_VERSION;
use super::event::Event;
use super::result::Issue;
use super::words::Outcome;

/// See the file's head.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = KernelReplayReport)]
pub struct Report {
    /// `kernel_api/v1`.
    pub contract_version: &'static str,
    /// `compare_runs`, or `replay_run`.
    pub mode: &'static str,
    /// What was really looked at: `parity` of two runs, or only the `shape` of what was given.
    pub checked: Checked,
    /// Whether it holds.
    pub outcome: Outcome,
    /// How many runs were compared.
    pub runs_compared: u64,
    /// How many turns were compared.
    pub turns_compared: u64,
    /// Why it does not hold.
    pub issues: Vec<Issue>,
    /// What happened, a line of text each.
    pub events: Vec<String>,
    /// In how much the runs agree.
    pub parity: Parity,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = KernelChecked)]
pub enum Checked {
    /// Two runs against each other.
    Parity,
    /// Only whether what was given is complete.
    Shape,
}

/// In how much two runs agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = KernelParity)]
pub struct Parity {
    /// `structural_parity`, or `none` when nothing was compared.
    pub kind: &'static str,
    /// How many surfaces agree.
    pub matches: u64,
    /// How many do not.
    pub mismatches: u64,
    /// The first run.
    pub expected: RunDigests,
    /// The second one.
    pub actual: RunDigests,
}

/// The digests of a run's turns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = KernelRunDigests)]
pub struct RunDigests {
    /// The run; null when it has no name.
    pub run_id: Option<String>,
    /// Sorted.
    pub turn_digests: Vec<TurnDigest>,
}

/// The digest of a turn's result.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[schema(as = KernelTurnDigest)]
pub struct TurnDigest {
    /// The turn.
    pub turn_id: String,
    /// 64 hexadecimal digits.
    pub turn_result_digest: String,
}

impl Report {
    /// One that holds so far, over nothing.
    #[must_use]
    pub fn begun(mode: &'static str, checked: Checked) -> Self {
        Self {
            contract_version: CONTRACT_VERSION,
            mode,
            checked,
            outcome: Outcome::Pass,
            runs_compared: 0,
            turns_compared: 0,
            issues: Vec::new(),
            events: Vec::new(),
            parity: Parity {
                kind: "none",
                matches: 0,
                mismatches: 0,
                expected: RunDigests::default(),
                actual: RunDigests::default(),
            },
        }
    }

    /// It does not hold.
    pub fn fail(&mut self, issue: Issue) {
        self.outcome = Outcome::Fail;
        self.events.push(Event::from(&issue).to_string());
        self.issues.push(issue);
    }
}
