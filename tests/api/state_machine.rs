//! What may follow what, and which card comes first. Cases 82 to 86 of the reference; what it says of
//! storage (87) is held in `tests/storage_cards.rs`.

use orket_core::ids::CardId;
use orket_core::plan::CardPlan;
use orket_core::run::Run;
use orket_core::status::{CardKind, CardStatus, WaitReason};
use orket_core::transition::{Actor, Refusal, check};

use super::journal::card;

fn step(
    from: CardStatus,
    to: CardStatus,
    reason: Option<WaitReason>,
    actor: Actor<'_>,
) -> Result<(), Refusal> {
    check(CardKind::Issue, from, to, reason, actor)
}

#[test]
fn case_82_a_status_follows_the_table_and_a_wait_says_why() {
    use CardStatus::{Blocked, CodeReview, Done, InProgress, Ready};
    let coder = ["coder".to_owned()];
    let actor = Actor::Agent { roles: &coder };
    assert!(matches!(
        step(Ready, Done, None, actor),
        Err(Refusal::NotInTable { .. })
    ));
    assert_eq!(
        step(InProgress, Blocked, None, actor),
        Err(Refusal::WaitReasonMissing(Blocked))
    );
    assert_eq!(
        step(InProgress, Blocked, Some(WaitReason::Dependency), actor),
        Ok(())
    );
    assert_eq!(step(InProgress, CodeReview, None, actor), Ok(()));
}

#[test]
fn case_83_only_the_guard_approves() {
    use CardStatus::{AwaitingGuardReview, CodeReview, GuardApproved};
    let developer = ["developer".to_owned()];
    let guard = ["integrity_guard".to_owned()];
    let (developer, guard) = (
        Actor::Agent { roles: &developer },
        Actor::Agent { roles: &guard },
    );
    assert_eq!(
        step(CodeReview, AwaitingGuardReview, None, developer),
        Ok(())
    );
    assert_eq!(
        step(AwaitingGuardReview, GuardApproved, None, developer),
        Err(Refusal::GuardOnly(GuardApproved))
    );
    assert_eq!(
        step(AwaitingGuardReview, GuardApproved, None, guard),
        Ok(())
    );
}

#[test]
fn case_84_what_is_done_can_only_be_archived() {
    use CardStatus::{Archived, Done, InProgress, Ready};
    for to in CardStatus::ALL {
        let may = step(Done, *to, Some(WaitReason::Input), Actor::Operator).is_ok();
        assert_eq!(may, *to == Archived, "{to}");
    }
    assert!(step(Done, InProgress, None, Actor::Scheduler).is_err());
    assert!(step(Ready, Ready, None, Actor::Operator).is_err());
}

fn with(id: &str, priority: f64, depends_on: &[&str]) -> CardPlan {
    CardPlan {
        priority,
        depends_on: depends_on
            .iter()
            .map(|id| CardId::new(id).unwrap())
            .collect(),
        ..card(id)
    }
}

/// The cards that start at once, in the order in which they do.
fn starting(cards: &[(CardPlan, CardStatus)]) -> Vec<&str> {
    let graph: Vec<_> = cards.iter().map(|(card, status)| (card, *status)).collect();
    let mut run = Run::new(&graph, None, 0);
    let places: Vec<usize> = std::iter::from_fn(|| run.start_next()).collect();
    places
        .into_iter()
        .map(|place| cards[place].0.id.as_str())
        .collect()
}

#[test]
fn case_85_the_higher_priority_starts_first_and_what_unblocks_more_counts_for_more() {
    let ready = |card| (card, CardStatus::Ready);
    let queue = [
        with("one", 1.0, &[]),
        with("three", 3.0, &[]),
        with("two", 2.0, &[]),
    ]
    .map(ready);
    assert_eq!(starting(&queue), ["three", "two", "one"]);
    // `A` is worth less than `C`, but `B` waits for it; both are as good then, and `A` is older.
    let mut queue = [
        with("A", 1.0, &[]),
        with("B", 3.0, &["A"]),
        with("C", 2.0, &[]),
    ]
    .map(ready);
    assert_eq!(starting(&queue), ["A", "C"]);
    queue[0].1 = CardStatus::Done;
    assert_eq!(starting(&queue), ["B", "C"]);
}

#[test]
fn case_86_a_card_starts_when_what_it_depends_on_is_done() {
    for (status, starts) in [
        (CardStatus::Done, vec!["B"]),
        (CardStatus::GuardApproved, vec!["B"]),
        (CardStatus::Archived, vec!["B"]),
        (CardStatus::Blocked, vec![]),
        (CardStatus::Canceled, vec![]),
    ] {
        let cards = [
            (with("A", 2.0, &[]), status),
            (with("B", 2.0, &["A"]), CardStatus::Ready),
        ];
        let others: Vec<&str> = starting(&cards)
            .into_iter()
            .filter(|id| *id != "A")
            .collect();
        assert_eq!(others, starts, "{status}");
    }
    let cards = [
        (with("A", 2.0, &[]), CardStatus::Ready),
        (with("B", 2.0, &["A"]), CardStatus::Ready),
    ];
    assert_eq!(starting(&cards), ["A"]);
}
