//! The life of a card under every order of outcomes that seats, guards and failures can bring.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::status::CardKind;
use crate::transition::{self, Actor, GUARD_ROLE};

const MAX_RETRIES: u32 = 3;
const MAX_MODEL_RETRIES: u32 = 2;

fn card(max_retries: u32) -> CardPlan {
    serde_json::from_value(json!({
        "id": "C-1", "kind": "issue", "summary": "Write it", "seat": "coder", "priority": 2.0,
        "max_retries": max_retries,
        "contract": crate::contract::Contract::default(),
        "review_contract": crate::contract::Contract::default(),
    }))
    .expect("a card")
}

fn budgets() -> Budgets<'static> {
    static LOOP: std::sync::LazyLock<GuardLoopPolicy> =
        std::sync::LazyLock::new(GuardLoopPolicy::default);
    static PLAN: std::sync::LazyLock<RunPlan> =
        std::sync::LazyLock::new(|| crate::turn::some_context().plan.as_ref().clone());
    Budgets {
        plan: &PLAN,
        guard_loop: &LOOP,
        backoff: Backoff {
            base_ms: 10,
            max_ms: 100,
        },
        max_model_retries: MAX_MODEL_RETRIES,
    }
}

fn failed(class: FailureClass) -> TurnOutcome {
    TurnOutcome::Failed {
        failure: Failure::new(class, format!("a failure of class {class}")),
    }
}

fn succeeded(status: CardStatus) -> TurnOutcome {
    let waits = matches!(
        status,
        CardStatus::Blocked | CardStatus::WaitingForDeveloper
    );
    TurnOutcome::Succeeded {
        status,
        wait_reason: waits.then_some(WaitReason::Input),
        summary: "what was said".to_owned(),
        through: Vec::new(),
        objection: None,
    }
}

/// What a seat can have brought the card to when its turn is over: one step of the table after
/// another, each allowed to its roles.
fn reachable(from: CardStatus, roles: &[String]) -> Vec<CardStatus> {
    let mut found = vec![from];
    let mut next = 0;
    while let Some(at) = found.get(next).copied() {
        next += 1;
        for to in CardStatus::ALL {
            let reason = Some(WaitReason::Input);
            if !found.contains(to)
                && transition::check(CardKind::Issue, at, *to, reason, Actor::Agent { roles })
                    .is_ok()
            {
                found.push(*to);
            }
        }
    }
    found
}

/// Every change is one that the table allows to whoever made it.
fn assert_allowed(changes: &[Change], wait_reason: Option<WaitReason>, roles: &[String]) {
    for change in changes {
        if change.by_scheduler {
            let checked = transition::check(
                CardKind::Issue,
                change.from,
                change.to,
                wait_reason,
                Actor::Scheduler,
            );
            assert_eq!(checked, Ok(()), "{change:?}");
        } else {
            // Several calls of one turn are one change.
            assert!(
                reachable(change.from, roles).contains(&change.to),
                "{change:?}"
            );
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Succeeds(prop::sample::Index),
    Fails(FailureClass),
    Halts,
    Crashes,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => any::<prop::sample::Index>().prop_map(Event::Succeeds),
        4 => prop::sample::select(FailureClass::ALL).prop_map(Event::Fails),
        1 => Just(Event::Halts),
        1 => Just(Event::Crashes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_card_settles_within_its_budgets_by_allowed_steps_only(
        events in prop::collection::vec(event(), 1..200),
        guard_works_too in any::<bool>(),
        max_retries in 0..=MAX_RETRIES,
    ) {
        let card = card(max_retries);
        let guard = vec![GUARD_ROLE.to_owned()];
        let coder = if guard_works_too { guard.clone() } else { vec!["coder".to_owned()] };
        let mut life = CardLife::default();
        let mut attempts_since_reopened = 0;
        for event in events {
            let Some(purpose) = life.next_purpose() else { break };
            let roles = match purpose {
                Purpose::Work => &coder,
                Purpose::Review => &guard,
            };
            let before = life.clone();
            assert_allowed(&life.claim(purpose), None, roles);
            attempts_since_reopened += 1;
            prop_assert_eq!(life.attempts, before.attempts + 1);
            prop_assert_eq!(life.next_purpose(), Some(purpose), "a dispatch changed what the turn is for");

            let outcome = match event {
                Event::Fails(class) => failed(class),
                Event::Succeeds(index) => succeeded(*index.get(&reachable(life.status, roles))),
                Event::Halts => {
                    let mut changes = Vec::new();
                    life.release(&mut changes);
                    life.reopen(&mut changes);
                    assert_allowed(&changes, None, roles);
                    prop_assert_eq!(life.next_purpose(), Some(purpose), "a halt changed what is next");
                    attempts_since_reopened = 0;
                    continue;
                }
                Event::Crashes => {
                    let recoveries = life.recoveries;
                    prop_assert_eq!(life.take_up(MAX_RETRIES).is_ok(), recoveries < MAX_RETRIES);
                    life.recoveries = recoveries;
                    continue;
                }
            };
            let conclusion = life.conclude(&card, purpose, &outcome, &budgets(), "seed");
            assert_allowed(&conclusion.changes, life.wait_reason, roles);
            prop_assert!(life.review_failures <= max_retries);
            match conclusion.after {
                After::Settled => prop_assert_eq!(life.next_purpose(), None),
                After::Parked => {
                    prop_assert!(conclusion.gate && life.waits_between_turns() && !life.note.is_empty());
                    prop_assert_eq!(life.wait_reason, Some(WaitReason::Review));
                    prop_assert_eq!(life.status, CardStatus::WaitingForDeveloper);
                    // Whoever goes on without an answer takes the same kind of turn.
                    let mut reopened = life.clone();
                    let mut changes = Vec::new();
                    reopened.reopen(&mut changes);
                    assert_allowed(&changes, None, roles);
                    prop_assert_eq!(reopened.next_purpose(), Some(purpose));
                    let mut changes = Vec::new();
                    if life.is_guard_unclear() && life.attempts % 2 == 0 {
                        life.let_refusal_stand(format!("no: {}", life.attempts), &mut changes);
                        prop_assert_eq!(life.next_purpose(), Some(Purpose::Work));
                    } else {
                        life.unpark(&mut changes);
                        prop_assert_eq!(life.next_purpose(), Some(purpose));
                    }
                    assert_allowed(&changes, None, roles);
                    attempts_since_reopened = 0;
                    continue;
                }
                After::Turn { purpose, wait } => {
                    prop_assert_eq!(life.next_purpose(), Some(purpose));
                    prop_assert!(life.model_failures <= MAX_MODEL_RETRIES);
                    prop_assert!(wait <= Duration::from_millis(100));
                    prop_assert!(!conclusion.gate, "a card that waits for a person goes on");
                }
            }
            if life.status == CardStatus::Blocked {
                prop_assert!(life.wait_reason.is_some() && !life.note.is_empty());
            }
            if conclusion.gate {
                prop_assert_eq!(life.wait_reason, Some(WaitReason::Input));
            }
        }
        // A seat and a guard may each be asked between two sendings back, and each of them may have
        // to be asked again because the model's server does not answer.
        let crashes_and_halts = 200;
        let tries = max_retries + 1;
        let most = 2 * tries * tries * (MAX_MODEL_RETRIES + 1) + crashes_and_halts;
        prop_assert!(attempts_since_reopened <= most);

        let mut changes = Vec::new();
        let finished = life.status.is_finished();
        let reopened = life.reopen(&mut changes);
        assert_allowed(&changes, None, &guard);
        prop_assert!(!(finished && reopened), "a finished card was touched");
        prop_assert_eq!(life.next_purpose().is_none(), finished, "an unfinished card cannot go on");
        prop_assert_eq!((life.retries, life.model_failures, life.recoveries), if finished {
            (life.retries, life.model_failures, life.recoveries)
        } else {
            (0, 0, 0)
        });
    }

    /// Whatever a seat and its guard answer, they do not go on for ever.
    #[test]
    fn no_two_seats_can_keep_each_other_busy(answers in prop::collection::vec(any::<prop::sample::Index>(), 64), guard_works_too in any::<bool>()) {
        let card = card(MAX_RETRIES);
        let guard = vec![GUARD_ROLE.to_owned()];
        let coder = if guard_works_too { guard.clone() } else { vec!["coder".to_owned()] };
        let mut life = CardLife::default();
        for answer in answers {
            let Some(purpose) = life.next_purpose() else { break };
            life.claim(purpose);
            let roles = match purpose { Purpose::Work => &coder, Purpose::Review => &guard };
            // Only what does not settle the card, where there is such a thing.
            let open: Vec<CardStatus> =
                reachable(life.status, roles).into_iter().filter(|status| !status.is_settled()).collect();
            life.conclude(&card, purpose, &succeeded(*answer.get(&open)), &budgets(), "seed");
        }
        prop_assert!(life.status.is_settled(), "{life:?}");
        prop_assert!(life.attempts <= 2 * (MAX_RETRIES + 1));
    }
}

#[test]
fn every_failure_says_what_it_does_to_a_card() {
    let mut lines = String::new();
    for class in FailureClass::ALL {
        let mut life = CardLife::default();
        let card = card(2);
        let mut attempts = 0;
        let conclusion = loop {
            let purpose = life.next_purpose().expect("not settled");
            life.claim(purpose);
            attempts += 1;
            let conclusion = life.conclude(&card, purpose, &failed(*class), &budgets(), "seed");
            if matches!(conclusion.after, After::Settled | After::Parked) {
                break conclusion;
            }
        };
        lines.push_str(&format!(
            "{class}: after {attempts} attempts {} ({}), code {}, gate {}: {}\n",
            life.status,
            life.wait_reason.map_or("-", WaitReason::as_str),
            life.code.as_deref().unwrap_or("-"),
            conclusion.gate,
            life.note,
        ));
    }
    insta::assert_snapshot!(lines);
}

#[test]
fn a_wait_that_the_server_asks_for_is_honoured() {
    let mut life = CardLife::default();
    life.claim(Purpose::Work);
    let failure = Failure::new(FailureClass::ModelRateLimited, "slow down")
        .retry_after(Some(Duration::from_secs(7)));
    let outcome = TurnOutcome::Failed { failure };
    let conclusion = life.conclude(&card(0), Purpose::Work, &outcome, &budgets(), "seed");
    assert_eq!(
        conclusion.after,
        After::Turn {
            purpose: Purpose::Work,
            wait: Duration::from_secs(7)
        }
    );
}

#[test]
fn what_the_guard_said_is_what_the_seat_is_told() {
    let card = card(1);
    let mut life = CardLife::default();
    life.claim(Purpose::Work);
    life.conclude(
        &card,
        Purpose::Work,
        &succeeded(CardStatus::CodeReview),
        &budgets(),
        "seed",
    );
    let sent_back = TurnOutcome::Succeeded {
        status: CardStatus::GuardRequestedChanges,
        wait_reason: None,
        summary: "name the file".to_owned(),
        through: Vec::new(),
        objection: None,
    };
    life.claim(Purpose::Review);
    life.conclude(&card, Purpose::Review, &sent_back, &budgets(), "seed");
    assert_eq!(
        (life.status, life.refusal.as_deref(), life.attempt),
        (CardStatus::InProgress, Some("name the file"), 0)
    );
    life.claim(Purpose::Work);
    assert_eq!((life.turn, life.attempt, life.attempts), (3, 1, 3));
    life.conclude(
        &card,
        Purpose::Work,
        &succeeded(CardStatus::CodeReview),
        &budgets(),
        "seed",
    );
    assert_eq!(life.refusal, None);
    life.claim(Purpose::Review);
    let mut same = life.clone();
    same.conclude(&card, Purpose::Review, &sent_back, &budgets(), "seed");
    assert_eq!(same.code.as_deref(), Some("MODEL_NON_COMPLIANT"));
    let otherwise = TurnOutcome::Succeeded {
        status: CardStatus::GuardRequestedChanges,
        wait_reason: None,
        summary: "name the folder".to_owned(),
        through: Vec::new(),
        objection: None,
    };
    let end = life.conclude(&card, Purpose::Review, &otherwise, &budgets(), "seed");
    assert_eq!(life.code.as_deref(), Some("GUARD_RETRY_EXCEEDED"));
    let last = end.changes.last().map(|change| (change.to, change.reason));
    assert_eq!(last, Some((CardStatus::Blocked, GUARD_TERMINAL)));
    assert_eq!(
        life.note,
        "sent back 1 times, still not accepted: name the folder"
    );
}

#[test]
fn what_no_seat_can_mend_settles_the_card_at_once() {
    let mut life = CardLife::default();
    life.claim(Purpose::Work);
    life.conclude(
        &card(3),
        Purpose::Work,
        &succeeded(CardStatus::CodeReview),
        &budgets(),
        "seed",
    );
    life.claim(Purpose::Review);
    let mut failure = Failure::new(
        FailureClass::Verification,
        "E_FIXTURE_MISSING: it is not there",
    );
    failure.for_good = true;
    let outcome = TurnOutcome::Failed { failure };
    let conclusion = life.conclude(&card(3), Purpose::Review, &outcome, &budgets(), "seed");
    assert_eq!(conclusion.after, After::Settled);
    assert_eq!((life.status, life.retries), (CardStatus::Blocked, 0));
    assert_eq!(life.wait_reason, Some(WaitReason::System));
}

#[test]
fn a_card_that_is_put_away_asks_nothing_and_keeps_what_stopped_it() {
    let mut asking = CardLife::default();
    let mut changes = Vec::new();
    asking.park(
        Purpose::Review,
        PARKED,
        "may it?".to_owned(),
        &mut Vec::new(),
    );
    asking.archive(&mut changes);
    assert_eq!(asking.status, CardStatus::Archived);
    assert_eq!((asking.wait_reason, asking.in_review), (None, false));
    assert!(!asking.is_parked());
    assert_eq!(changes.len(), 1);
    let mut blocked = CardLife::default();
    blocked.block(WaitReason::System, "E_X", "why".to_owned(), &mut Vec::new());
    blocked.archive(&mut changes);
    assert_eq!(
        (blocked.code.as_deref(), blocked.note.as_str()),
        (Some("E_X"), "why")
    );
    assert!(!blocked.reopen(&mut changes));
    blocked.archive(&mut changes);
    assert_eq!(changes.len(), 2);
}

#[test]
fn files_are_remembered_once_and_in_order() {
    let mut life = CardLife::default();
    life.note_written(vec!["b.py".to_owned(), "a.py".to_owned()]);
    life.note_written(vec!["a.py".to_owned()]);
    assert_eq!(life.written, ["a.py", "b.py"]);
}
