//! What happens between the start of a run and its first card: who sits where is settled, and the
//! project gets its folders, its manifests and what puts it into service. Everything here decides;
//! `StagePlan` is stored with the run and carried out by the edge.
//!
//! A stage acts where something is asked for. Files that are there are never written over.
//!
//! # Layout
//!
//! - this file: a stage, its plan, its outcome.
//! - [`project`]: what the stages know of the project.
//! - [`knob`]: the settings that are one of a few words.
//! - [`small_project`]: one builder for a small epic. [`structure`]: whether an epic may run at all.
//! - [`scaffold`], [`dependencies`], [`deployment`]: what each of them wants to be there.
//! - [`pins`]: whether a manifest names exact versions.

pub mod dependencies;
pub mod deployment;
pub mod knob;
pub mod pins;
pub mod project;
pub mod scaffold;
pub mod small_project;
pub mod structure;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::project::{Framework, Pattern, Project, Stack, Surface, Variant};
use crate::status::words;

words! {
    /// A stage, in the order of the run.
    Stage, "stage" {
        /// Whether the epic keeps to the structure that is demanded.
        StructuralGovernance = "structural_governance",
        /// A reviewer was added to the team.
        ReviewerInjected = "reviewer_injected",
        /// Who builds and who reviews.
        SmallProject = "small_project",
        /// Folders and first files.
        Scaffolder = "scaffolder",
        /// Manifests of what the project depends on.
        DependencyManager = "dependency_manager",
        /// What puts the project into service.
        DeploymentPlanner = "deployment_planner",
    }
}

words! {
    /// How a stage ended.
    Outcome, "outcome of a stage" {
        /// What it wants is there.
        Completed = "completed",
        /// It is switched off.
        Skipped = "skipped_policy",
        /// It could not; the run does not begin.
        Failed = "failed",
    }
}

/// The folder that everything the stages write lies in.
pub const OUTPUT: &str = "agent_output";

/// A file that must be there; where there is none, this one is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFile {
    /// Its path in the workspace.
    pub path: String,
    /// What it holds when it is new.
    pub text: String,
    /// Whether it may be run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
}

impl PlannedFile {
    /// A file below [`OUTPUT`].
    pub(crate) fn new(path: &str, text: impl Into<String>) -> Self {
        Self {
            path: format!("{OUTPUT}/{path}"),
            text: text.into(),
            executable: false,
        }
    }
}

/// What must hold once the files are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "check")]
pub enum Check {
    /// No file below these folders has one of these endings, in lower case with their dot.
    NoFileOfType {
        /// The folders.
        roots: Vec<String>,
        /// The endings.
        endings: Vec<String>,
    },
    /// Each of these manifests names exact versions; see [`pins`].
    Pinned {
        /// The manifests.
        paths: Vec<String>,
    },
}

/// One stage of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StagePlan {
    /// Which.
    pub stage: Stage,
    /// Why it does nothing, when it is switched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// What its event tells besides.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub facts: Map<String, Value>,
    /// Folders that must be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<String>,
    /// Files that must be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PlannedFile>,
    /// What must hold then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
}

impl StagePlan {
    /// A stage with nothing to do yet.
    #[must_use]
    pub fn new(stage: Stage) -> Self {
        Self {
            stage,
            skipped: None,
            facts: Map::new(),
            folders: Vec::new(),
            files: Vec::new(),
            checks: Vec::new(),
        }
    }

    /// A stage that is switched off, and by what.
    #[must_use]
    pub fn off(stage: Stage, why: impl Into<String>) -> Self {
        Self {
            skipped: Some(why.into()),
            ..Self::new(stage)
        }
    }

    /// A stage that is a decision already made: told once, nothing to carry out.
    #[must_use]
    pub fn told(stage: Stage, facts: Map<String, Value>) -> Self {
        Self {
            facts,
            ..Self::new(stage)
        }
    }

    /// Whether something must be done in the workspace.
    #[must_use]
    pub fn touches_files(&self) -> bool {
        let idle = self.folders.is_empty() && self.files.is_empty() && self.checks.is_empty();
        self.skipped.is_none() && !idle
    }
}

/// What a stage did in the workspace, as paths.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageReport {
    /// Folders that were made.
    pub folders: Vec<String>,
    /// Files that were written.
    pub created: Vec<String>,
    /// Files that were there and stay as they are.
    pub kept: Vec<String>,
}

/// Why a stage could not be carried out, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StageFailed(pub String);

impl Stage {
    /// The event that tells of an outcome.
    #[must_use]
    pub const fn event(self, outcome: Outcome) -> &'static str {
        match (self, outcome) {
            (Self::StructuralGovernance, _) => "idesign_architect_decision_respected",
            (Self::ReviewerInjected, _) => "team_policy_auto_injected_code_reviewer",
            (Self::SmallProject, _) => "team_selection_decision",
            (Self::Scaffolder, Outcome::Completed) => "scaffolder_completed",
            (Self::Scaffolder, Outcome::Skipped) => "scaffolder_skipped_policy",
            (Self::Scaffolder, Outcome::Failed) => "scaffolder_failed",
            (Self::DependencyManager, Outcome::Completed) => "dependency_manager_completed",
            (Self::DependencyManager, Outcome::Skipped) => "dependency_manager_skipped_policy",
            (Self::DependencyManager, Outcome::Failed) => "dependency_manager_failed",
            (Self::DeploymentPlanner, Outcome::Completed) => "deployment_planner_completed",
            (Self::DeploymentPlanner, Outcome::Skipped) => "deployment_planner_skipped_policy",
            (Self::DeploymentPlanner, Outcome::Failed) => "deployment_planner_failed",
        }
    }

    /// The events that say that nothing of the stage is left to do.
    #[must_use]
    pub const fn settled_events(self) -> [&'static str; 2] {
        [self.event(Outcome::Completed), self.event(Outcome::Skipped)]
    }

    /// The code of its failure.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::StructuralGovernance => "E_STAGE_STRUCTURE",
            Self::ReviewerInjected | Self::SmallProject => "E_STAGE_TEAM",
            Self::Scaffolder => "E_STAGE_SCAFFOLDER",
            Self::DependencyManager => "E_STAGE_DEPENDENCIES",
            Self::DeploymentPlanner => "E_STAGE_DEPLOYMENT",
        }
    }

    /// Every code.
    pub const CODES: [&'static str; 5] = [
        "E_STAGE_STRUCTURE",
        "E_STAGE_TEAM",
        "E_STAGE_SCAFFOLDER",
        "E_STAGE_DEPENDENCIES",
        "E_STAGE_DEPLOYMENT",
    ];
}
