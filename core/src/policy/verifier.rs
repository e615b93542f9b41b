//! What is checked before the guard is asked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plan::VerifyCommand;
use crate::verify::FixtureLimits;

/// What is checked before the guard is asked. The default, which a plan of an earlier version has,
/// checks nothing but what the card itself demands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VerifierPolicy {
    /// Whether the syntax of written files is checked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub syntax: bool,
    /// Whether errors in any file of `agent_output/` count against every card.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub whole_folder: bool,
    /// The profile whose commands are run; `None` to be read off the workspace's manifests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Commands by profile, for cards that write files and have no others.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_profile: BTreeMap<String, Vec<VerifyCommand>>,
    /// Deployment files that must be there when a card that writes files is reviewed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required_files: Vec<String>,
    /// What fixtures may use.
    #[serde(skip_serializing_if = "is_usual")]
    pub fixture: FixtureLimits,
}

fn is_usual(limits: &FixtureLimits) -> bool {
    *limits == FixtureLimits::default()
}
