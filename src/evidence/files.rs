//! Whether the files below `observability/` are those that the journal gives.

use std::path::Path;

use orket_actors::port::store::StoreError;
use orket_core::artifact::{TurnMeta, files, folder};

use super::{Evidence, Problem};
use crate::storage::Reader;

/// Compares the files of every attempt that has ended with what its steps give.
pub(super) fn check(
    reader: &Reader,
    run_id: &str,
    evidence: &mut Evidence,
) -> Result<(), StoreError> {
    let Some(plan) = reader.plan(run_id)? else {
        return Ok(());
    };
    for turn in reader.turns(run_id, None)? {
        let Some(ended_ms) = turn.ended_ms else {
            continue;
        };
        // A step that cannot be read was named before.
        let Ok(steps) = reader.steps(turn.row) else {
            continue;
        };
        let steps: Vec<_> = steps.into_iter().map(|row| row.step).collect();
        let meta = TurnMeta {
            run_id,
            issue_id: &turn.card_id,
            role: &turn.role,
            turn: turn.turn,
            attempt: turn.attempt,
            ended_ms,
            plan: Some(&plan),
        };
        let below = Path::new(&plan.workspace).join(folder(&meta));
        for (name, expected) in files(&meta, &steps, plan.artifacts) {
            match std::fs::read(below.join(&name)) {
                Ok(found) if found == expected => evidence.files += 1,
                Ok(_) => evidence.problems.push(Problem {
                    kind: "file",
                    issue_id: turn.card_id.clone(),
                    turn: Some(turn.turn),
                    attempt: Some(turn.attempt),
                    step: None,
                    what: Some(name),
                    message:
                        "the file is not what the journal says; `orket export` writes it again"
                            .to_owned(),
                }),
                Err(_) => evidence.missing_files += 1,
            }
        }
    }
    Ok(())
}
