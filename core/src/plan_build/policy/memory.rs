//! What the run sees of the project's memory, and what it adds: `memory_visibility_mode`,
//! `memory_project`, `memory_max_results`.

use super::super::Findings;
use super::Rules;
use crate::memory::recall::VisibilityMode;
use crate::policy::MemoryPolicy;

pub(super) fn build(rules: &Rules<'_>, findings: &mut Findings) -> MemoryPolicy {
    let mut policy = MemoryPolicy {
        visibility: VisibilityMode::BufferedWrite,
        ..MemoryPolicy::default()
    };
    let mode = "memory_visibility_mode";
    match rules.text(mode).map(|word| word.parse()) {
        None => {}
        Some(Ok(visibility)) => policy.visibility = visibility,
        Some(Err(error)) => rules.problem(mode, error.to_string(), findings),
    }
    if let Some(project) = rules.text("memory_project") {
        policy.project = project;
    }
    let results = "memory_max_results";
    match rules.text(results).map(|text| text.parse()) {
        None => {}
        Some(Ok(number)) => policy.max_results = number,
        Some(Err(_)) => {
            rules.problem(results, "must be a whole number".to_owned(), findings);
        }
    }
    policy
}
