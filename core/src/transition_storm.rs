//! A hundred thousand histories of a card: only what the table and the roles allow is accepted, and
//! what was accepted is accepted again.

use proptest::prelude::*;

use super::*;

type Wish = (u8, u8, u8);

fn pick<T: Copy>(all: &[T], place: u8) -> T {
    all[usize::from(place) % all.len()]
}

/// Plays wishes from `ready`; the statuses that were reached.
fn play(kind: CardKind, wishes: &[Wish]) -> Vec<(CardStatus, CardStatus, u8)> {
    let coder = ["coder".to_owned()];
    let guard = [GUARD_ROLE.to_owned()];
    let mut at = CardStatus::Ready;
    let mut history = Vec::new();
    for (to, by, reason) in wishes {
        let to = pick(CardStatus::ALL, *to);
        let reason = (reason % 3 > 0).then(|| pick(WaitReason::ALL, *reason));
        let actor = match by % 4 {
            0 => Actor::Agent { roles: &coder },
            1 => Actor::Agent { roles: &guard },
            2 => Actor::Scheduler,
            _ => Actor::Operator,
        };
        let before = at;
        if check(kind, at, to, reason, actor).is_ok() {
            assert!(
                reason.is_some()
                    || !matches!(to, CardStatus::Blocked | CardStatus::WaitingForDeveloper),
                "{before} -> {to} without a reason"
            );
            at = to;
            history.push((before, to, by % 4));
        }
    }
    history
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_accepted_history_is_allowed_and_reproducible(
        wishes in prop::collection::vec(any::<Wish>(), 0..24),
        kind in any::<u8>(),
    ) {
        let kind = pick(CardKind::ALL, kind);
        let history = play(kind, &wishes);
        prop_assert_eq!(&play(kind, &wishes), &history);
        for (from, to, by) in history {
            prop_assert_ne!(from, to);
            prop_assert_ne!(from, CardStatus::Archived);
            let in_table = allowed(kind, from).contains(&to);
            prop_assert!(in_table || by == 2 && kind == CardKind::Issue, "{} -> {}", from, to);
            if to == CardStatus::Done && kind == CardKind::Issue {
                let completes = by == 2 && from == CardStatus::GuardApproved;
                prop_assert!(by == 1 || by == 3 || completes, "{} -> {} by {}", from, to, by);
            }
        }
    }
}
