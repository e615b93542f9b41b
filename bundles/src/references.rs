//! The files that a manifest names.

use crate::manifest::Manifest;
use crate::problem::{Code, Problem};

/// A file that must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// What is wrong when it is not.
    pub(crate) code: Code,
    /// The field that names it.
    pub(crate) location: String,
    /// Its path inside the bundle.
    pub(crate) path: String,
}

impl Reference {
    /// That it is not there, and why.
    pub(crate) fn missing(&self, why: &str) -> Problem {
        Problem::new(self.code, &self.location, format!("{} {why}", self.path))
    }
}

/// All of them.
pub(crate) fn of(manifest: &Manifest) -> Vec<Reference> {
    let reference = |code, location: String, path: String| Reference {
        code,
        location,
        path,
    };
    let mut references = vec![reference(
        Code::StateMachineMissing,
        "stateMachine.file".to_owned(),
        manifest.state_machine.clone(),
    )];
    for agent in &manifest.agents {
        references.push(reference(
            Code::AgentFileMissing,
            format!("agents.{agent}"),
            format!("agents/{agent}.json"),
        ));
        references.push(reference(
            Code::PromptFileMissing,
            format!("agents.{agent}"),
            format!("prompts/{agent}.md"),
        ));
    }
    for guard in &manifest.guards {
        references.push(reference(
            Code::GuardFileMissing,
            format!("guards.{guard}"),
            format!("guards/{guard}.json"),
        ));
    }
    references
}
