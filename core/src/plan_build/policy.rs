//! The run's policy: from the operator's modes, the organization's process rules, and the epic.

mod approvals;

use super::{Context, Findings};
use crate::policy::RunPolicy;

/// The policy of the run; what is wrong with it is a finding.
pub(super) fn build<S>(context: &Context<'_, S>, findings: &mut Findings) -> RunPolicy {
    RunPolicy {
        approvals: approvals::build(context, findings),
        ..RunPolicy::default()
    }
}

/// The words of a comma-separated setting.
fn words<S>(context: &Context<'_, S>, key: &str) -> Vec<String> {
    let text = context.settings.modes.get(key);
    text.into_iter()
        .flat_map(|text| text.split(','))
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}
