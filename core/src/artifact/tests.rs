//! How much is written in each mode, and where.

use super::*;
use crate::failure::{Failure, FailureClass};
use crate::stall::Phase;
use crate::status::CardStatus;
use crate::tool::{EffectClass, ToolResult};
use crate::turn::TurnOutcome;

const META: TurnMeta<'static> = TurnMeta {
    run_id: "Run-A",
    issue_id: "ISSUE-4F2A",
    role: "coder",
    turn: 7,
    attempt: 1,
    ended_ms: 0,
    plan: None,
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
            through: Vec::new(),
            objection: None,
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

/// The trace of a turn with these steps, and its size.
fn trace_of(steps: &[Step], max_bytes: usize) -> (serde_json::Value, usize) {
    let bytes = super::memory::trace(&META, steps, max_bytes);
    (serde_json::from_slice(&bytes).expect("json"), bytes.len())
}

/// A call and its result.
fn called(index: u32, effect: EffectClass, result: &ToolResult) -> [Step; 2] {
    [
        Step::CallIntended {
            index,
            call: ToolCall {
                tool: "t".to_owned(),
                args: serde_json::Map::new(),
            },
            effect,
            key: "k".to_owned(),
        },
        Step::CallFinished {
            index,
            result: result.clone(),
        },
    ]
}

#[test]
fn a_call_that_was_journaled_again_after_a_crash_is_traced_once() {
    let done = ToolResult::ok(serde_json::json!({"n": 1}));
    let [intended, finished] = called(0, EffectClass::Idempotent, &done);
    let smooth = [intended.clone(), finished.clone()];
    let recovered = Step::Recovered { recoveries: 1 };
    let rough = [intended.clone(), recovered, intended, finished];
    let (smooth, _) = trace_of(&smooth, usize::MAX);
    assert_eq!(trace_of(&rough, usize::MAX).0, smooth);
    let call = &smooth["events"][1]["tool_calls"][0];
    assert!(call["side_effect_fingerprint"].is_string(), "{call}");
    let pure = called(0, EffectClass::Pure, &done);
    let (pure, _) = trace_of(&pure, usize::MAX);
    let call = &pure["events"][1]["tool_calls"][0];
    assert!(call["side_effect_fingerprint"].is_null(), "{call}");
}

#[test]
fn a_trace_that_is_too_large_is_cut_and_says_so() {
    let done = ToolResult::ok(serde_json::json!({}));
    let calls = (0..64).flat_map(|index| called(index, EffectClass::Pure, &done));
    let steps: Vec<Step> = calls.collect();
    let (whole, size) = trace_of(&steps, usize::MAX);
    assert_eq!(whole["metadata"]["truncated"], false);
    assert_eq!(trace_of(&steps, size).0, whole);
    let (cut, cut_size) = trace_of(&steps, size - 1);
    assert_eq!(cut["metadata"]["truncated"], true);
    assert!(cut_size < size);
    assert_eq!(cut["events"].as_array().map(Vec::len), Some(64));
    assert_eq!(cut["events"][63], whole["events"][63]);
}
