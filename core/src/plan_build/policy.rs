//! The run's policy: from the operator's modes, the organization's process rules, and the epic.

use super::Context;
use crate::policy::RunPolicy;

/// The policy of the run.
pub(super) fn build<S>(context: &Context<'_, S>) -> RunPolicy {
    RunPolicy {
        skills: super::skills::policy(context).0,
        ..RunPolicy::default()
    }
}
