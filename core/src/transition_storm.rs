//! A hundred thousand histories of a card against a model of its own: the table of the reference as
//! text, and the rules beside it in words.

use proptest::prelude::*;

use super::*;

/// `core.md` §1.2: A is archived, C is canceled.
const ISSUE: &str = "
ready: in_progress C A
in_progress: blocked waiting_for_developer ready_for_testing code_review C A
blocked: in_progress C A
waiting_for_developer: in_progress C A
ready_for_testing: code_review in_progress C A
code_review: done in_progress ready_for_testing awaiting_guard_review guard_approved guard_rejected guard_requested_changes A
awaiting_guard_review: guard_approved guard_rejected guard_requested_changes done blocked A
guard_requested_changes: in_progress code_review awaiting_guard_review C A
guard_rejected: blocked in_progress C A
guard_approved: done A
done: A
canceled: A
archived:";
const EPIC: &str = "
ready: in_progress C A
in_progress: code_review done C A
code_review: done in_progress A
done: A
canceled: A";
const ROCK: &str = "
ready: in_progress C A
in_progress: done C A
done: A
canceled: A";
/// What the runtime does with an issue beyond the table: the reference writes these past it.
const RUNTIME: &str = "
ready: blocked
code_review: blocked ready
ready_for_testing: blocked ready
guard_requested_changes: blocked ready
awaiting_guard_review: in_progress code_review waiting_for_developer ready
in_progress: ready
blocked: ready
waiting_for_developer: awaiting_guard_review ready
guard_rejected: ready";

/// Whether a table, as it is written, has the step.
fn has(table: &str, from: CardStatus, to: CardStatus) -> bool {
    let row = table.lines().filter_map(|line| line.split_once(':'));
    let mut row = row.filter(|(left, _)| *left == from.as_str());
    row.any(|(_, right)| {
        right.split_whitespace().any(|word| match word {
            "A" => to.as_str() == "archived",
            "C" => to.as_str() == "canceled",
            word => to.as_str() == word,
        })
    })
}

/// Who asks, as numbers: a coder, the guard, the runtime, a person.
fn model(kind: CardKind, from: CardStatus, to: CardStatus, reason: bool, by: u8) -> bool {
    let (table, is_issue) = match kind.as_str() {
        "issue" => (ISSUE, true),
        "epic" => (EPIC, false),
        "rock" => (ROCK, false),
        _ => ("", false),
    };
    // What was put away comes back to wherever it could have been put away from.
    let back = by == 3 && from.as_str() == "archived" && has(table, to, from);
    let step = has(table, from, to) || is_issue && by == 2 && has(RUNTIME, from, to) || back;
    let told = reason || !["blocked", "waiting_for_developer"].contains(&to.as_str());
    let guards = [
        "done",
        "guard_approved",
        "guard_rejected",
        "guard_requested_changes",
    ];
    let may = match by {
        0 => false,
        2 => from.as_str() == "guard_approved" && to.as_str() == "done",
        _ => true,
    };
    step && told && (may || !is_issue || !guards.contains(&to.as_str()))
}

fn pick<T: Copy>(all: &[T], place: u8) -> T {
    all[usize::from(place) % all.len()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_step_of_a_history_is_the_model_s(
        wishes in prop::collection::vec(any::<(u8, u8, u8)>(), 0..24),
        kind in any::<u8>(),
        start in any::<u8>(),
    ) {
        let kind = pick(CardKind::ALL, kind);
        let coder = ["coder".to_owned()];
        let guard = ["coder".to_owned(), GUARD_ROLE.to_owned()];
        let mut at = pick(CardStatus::ALL, start);
        for (to, by, reason) in wishes {
            let to = pick(CardStatus::ALL, to);
            let reason = (reason % 3 > 0).then(|| pick(WaitReason::ALL, reason));
            let by = by % 4;
            let actor = match by {
                0 => Actor::Agent { roles: &coder },
                1 => Actor::Agent { roles: &guard },
                2 => Actor::Scheduler,
                _ => Actor::Operator,
            };
            let found = check(kind, at, to, reason, actor);
            let expected = model(kind, at, to, reason.is_some(), by);
            prop_assert_eq!(found.is_ok(), expected, "{} {} -> {} by {}: {:?}", kind, at, to, by, found);
            if expected {
                at = to;
            }
        }
    }
}
