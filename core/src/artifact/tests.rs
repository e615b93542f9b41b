//! How much is written in each mode, and where.

use super::*;
use crate::failure::{Failure, FailureClass};
use crate::stall::Phase;
use crate::status::CardStatus;
use crate::turn::TurnOutcome;

const META: TurnMeta<'static> = TurnMeta {
    run_id: "Run-A",
    issue_id: "ISSUE-4F2A",
    role: "coder",
    turn: 7,
    attempt: 1,
    ended_ms: 0,
};

#[test]
fn a_retried_attempt_has_a_folder_of_its_own_and_case_is_kept() {
    assert_eq!(folder(&META), "observability/Run-A/ISSUE-4F2A/007_coder");
    let retried = TurnMeta {
        attempt: 3,
        role: "../Lead Architect",
        ..META
    };
    assert_eq!(
        folder(&retried),
        "observability/Run-A/ISSUE-4F2A/007__._Lead_Architect_attempt3"
    );
}

#[test]
fn the_table_of_modes() {
    let mut table = String::new();
    for mode in ArtifactMode::ALL {
        for ending in Ending::ALL {
            table.push_str(&format!("{mode} {ending}: {:?}\n", extent(*mode, *ending)));
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn the_ending_is_read_from_the_last_word() {
    let failed = |class| {
        [Step::TurnFinished {
            outcome: TurnOutcome::Failed {
                failure: Failure::new(class, "x"),
            },
        }]
    };
    assert_eq!(ending(&failed(FailureClass::Gate)), Ending::Failed);
    assert_eq!(ending(&failed(FailureClass::Stalled)), Ending::Stalled);
    assert_eq!(ending(&failed(FailureClass::Halted)), Ending::Abandoned);
    assert_eq!(ending::<Step>(&[]), Ending::Abandoned);
    let mut cut_off = vec![Step::Stalled {
        phase: Phase::Tool,
        silent_ms: 1,
        chunks: 0,
        bytes: 0,
        partial: String::new(),
    }];
    cut_off.extend(failed(FailureClass::UnknownOutcome));
    assert_eq!(ending(&cut_off), Ending::Stalled);
    let done = [Step::TurnFinished {
        outcome: TurnOutcome::Succeeded {
            status: CardStatus::Done,
            wait_reason: None,
            summary: String::new(),
        },
    }];
    assert_eq!(ending(&done), Ending::Succeeded);
}

#[test]
fn an_attempt_that_never_asked_has_only_its_checkpoint() {
    let files = files::<Step>(&META, &[], ArtifactMode::Full);
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["checkpoint.json"]);
}
