//! What the verifier is given: chosen from plan and card alone, so that whether it is asked can be
//! derived again from the record.
//!
//! # Layout
//!
//! - this file: the job of one review.
//! - [`language`]: which language a file is in.
//! - [`verdict`]: what a fixture's answer means.

mod language;
pub mod verdict;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::gate::normal_path;
use crate::plan::{CardPlan, RunPlan, VerifyCommand};

pub use language::{Language, interpreter, may_hold_code};

/// The folder that agents write into.
pub const AGENT_OUTPUT: &str = "agent_output";
/// The folder of fixtures, which agents cannot write into.
pub const FIXTURES: &str = "verification";

/// One input and what must come of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// Its id, unique within the card.
    pub id: String,
    /// The input.
    #[serde(default)]
    pub input_data: Map<String, Value>,
    /// What must come of it.
    #[serde(default)]
    pub expected_output: Value,
}

/// A card's fixture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FixturePlan {
    /// The fixture, relative to the workspace: below [`FIXTURES`].
    pub path: String,
    /// What is tried, in order.
    #[serde(default)]
    pub scenarios: Vec<Scenario>,
}

/// What a fixture may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixtureLimits {
    /// How long it may take, in milliseconds.
    pub wall_ms: u64,
    /// Seconds of processor time; 0 for no limit.
    pub cpu_sec: u64,
    /// Mebibytes of address space; 0 for no limit.
    pub memory_mb: u64,
}

impl Default for FixtureLimits {
    fn default() -> Self {
        Self {
            wall_ms: 5_000,
            cpu_sec: 2,
            memory_mb: 256,
        }
    }
}

/// A fixture and what it may use.
#[derive(Debug, Clone, PartialEq)]
pub struct FixtureJob {
    /// The fixture.
    pub plan: FixturePlan,
    /// Its limits.
    pub limits: FixtureLimits,
}

/// Whose syntax is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxJob {
    /// The card's files, relative to the workspace: those its turns wrote and those it must write.
    pub own: Vec<String>,
    /// Whether errors in any file below [`AGENT_OUTPUT`] count, not in the card's alone.
    pub whole_folder: bool,
}

/// What is looked at before the guard is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VerifyJob {
    /// Commands to run, in order.
    pub commands: Vec<VerifyCommand>,
    /// Whose wish they are.
    pub source: String,
    /// Commands by profile, when there are no others.
    pub by_profile: BTreeMap<String, Vec<VerifyCommand>>,
    /// The profile; `None` to be read off the workspace's manifests.
    pub profile: Option<String>,
    /// Files to parse.
    pub syntax: Option<SyntaxJob>,
    /// Files that must be there.
    pub required_files: Vec<String>,
    /// Scenarios to try.
    pub fixture: Option<FixtureJob>,
}

impl VerifyJob {
    /// Whether anything would be looked at before a review of `card`.
    #[must_use]
    pub fn is_due(plan: &RunPlan, card: &CardPlan, written: &[String]) -> bool {
        Self::of(plan, card, written).is_some()
    }

    /// The job of a review of `card`, whose turns wrote the files `written`; `None` when there is
    /// nothing to look at.
    #[must_use]
    pub fn of(plan: &RunPlan, card: &CardPlan, written: &[String]) -> Option<Self> {
        let policy = &plan.policy.verifier;
        let has_own = card.params.get("verify").is_some_and(|it| !it.is_null());
        let writes = plan
            .seat(&card.seat)
            .is_some_and(|seat| seat.tools.iter().any(|tool| tool.name == "write_file"));
        let mut job = Self {
            commands: card.verify.clone(),
            source: if has_own { "card" } else { "policy_override" }.to_owned(),
            fixture: card.fixture.clone().map(|plan| FixtureJob {
                plan,
                limits: policy.fixture,
            }),
            ..Self::default()
        };
        if writes {
            job.required_files.clone_from(&policy.required_files);
            if !has_own && job.commands.is_empty() {
                job.by_profile.clone_from(&policy.by_profile);
                job.profile.clone_from(&policy.profile);
            }
        }
        if policy.syntax {
            let own = own_files(card, written);
            if (policy.whole_folder && writes) || !own.is_empty() {
                job.syntax = Some(SyntaxJob {
                    own,
                    whole_folder: policy.whole_folder,
                });
            }
        }
        let idle = job.commands.is_empty()
            && job.by_profile.is_empty()
            && job.required_files.is_empty()
            && job.syntax.is_none()
            && job.fixture.is_none();
        (!idle).then_some(job)
    }
}

impl From<Vec<VerifyCommand>> for VerifyJob {
    fn from(commands: Vec<VerifyCommand>) -> Self {
        Self {
            commands,
            ..Self::default()
        }
    }
}

fn own_files(card: &CardPlan, written: &[String]) -> Vec<String> {
    let demanded = card.contract.required_write_paths.iter();
    let demanded = demanded.filter_map(|path| normal_path(path));
    let all: BTreeSet<String> = demanded.chain(written.iter().cloned()).collect();
    all.into_iter().filter(|path| may_hold_code(path)).collect()
}

/// Why a path is none that a fixture may have; `Ok` is the path made plain.
///
/// # Errors
///
/// A sentence for the operator.
pub fn fixture_path(text: &str) -> Result<String, String> {
    let plain = normal_path(text).filter(|path| {
        let inside = path
            .strip_prefix(FIXTURES)
            .and_then(|it| it.strip_prefix('/'));
        inside.is_some_and(|rest| !rest.is_empty())
    });
    plain.ok_or_else(|| {
        format!("must be a file below `{FIXTURES}/` of the workspace, such as {FIXTURES}/check.py, not `{text}`")
    })
}
