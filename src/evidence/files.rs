//! Whether the files below `observability/` are those that the journal gives.

use std::path::Path;
use std::sync::Arc;

use orket_core::artifact::{TurnMeta, files, folder};
use orket_core::plan::RunPlan;
use orket_core::turn::Step;

use super::{Evidence, Problem};
use crate::storage::reader::StoredAttempt;

/// Compares the files of an attempt that has ended with what its steps give.
pub(super) fn check(
    plan: &RunPlan,
    attempt: &StoredAttempt,
    steps: &[Arc<Step>],
    evidence: &mut Evidence,
) {
    let (Some(ended_ms), Ok(turn), Ok(number)) = (
        attempt.ended_ms,
        u32::try_from(attempt.turn),
        u32::try_from(attempt.attempt),
    ) else {
        return;
    };
    let meta = TurnMeta {
        run_id: &attempt.run_id,
        issue_id: &attempt.card_id,
        role: &attempt.role,
        turn,
        attempt: number,
        ended_ms,
        plan: Some(plan),
    };
    let below = Path::new(&plan.workspace).join(folder(&meta));
    for (name, expected) in files(&meta, steps, plan.artifacts) {
        match std::fs::read(below.join(&name)) {
            Ok(found) if found == expected => evidence.files += 1,
            Ok(_) => {
                let message =
                    "the file is not what the journal says; `orket export` writes it again";
                evidence.problems.push(Problem {
                    what: Some(name),
                    ..Problem::of_attempt("file", attempt, message)
                });
            }
            Err(_) => evidence.missing_files += 1,
        }
    }
}
