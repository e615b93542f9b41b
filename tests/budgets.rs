//! What runs may spend: set aside before a question, never more than there is, whoever asks at once.

#[path = "budgets/breaks.rs"]
mod breaks;
mod lab;
#[path = "budgets/race.rs"]
mod race;
#[path = "support/journal.rs"]
mod support;
#[path = "budgets/time.rs"]
mod time;
mod witness;

use lab::{Lab, on_actix, run_to_end};
use orket::storage::{Journal, JournalOptions};
use orket::system::System;
use orket_actors::port::store::{BudgetGrant, Guard, Op, Store, StoreError};
use orket_actors::runtime::Shutdown;
use orket_core::policy::{Amounts, Limits, Scope, Spent, Unit};
use serde_json::{Value, json};
use support::{AT, guarded, write};
use witness::{card, told};

/// A parent and one of its children.
fn scopes(child: usize, parent: u64, each: u64) -> Vec<Scope> {
    let scope = |kind: &str, id: String, tokens: u64| Scope {
        kind: kind.to_owned(),
        id,
        limits: Limits {
            tokens: Some(tokens),
            ..Limits::default()
        },
    };
    vec![
        scope("epic", "build".to_owned(), parent),
        scope("card", format!("build/C-{child}"), each),
    ]
}

/// An attempt that ends without a word has spent all that it set aside; so has one that a crash cut
/// off and recovery abandons.
#[tokio::test]
async fn what_is_set_aside_is_spent_when_nobody_says_how_much_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), JournalOptions::default()).unwrap();
    for write in support::run_with_open_turns("crash", 2, 1) {
        journal.submit(write).await.unwrap();
    }
    let reserve = |turn| Op::Reserve {
        turn,
        scopes: scopes(1, 1_000, 1_000),
        amounts: Amounts {
            tokens: 300,
            ..Amounts::default()
        },
        at_ms: AT,
    };
    journal
        .submit(write(vec![reserve(1), reserve(2)]))
        .await
        .unwrap();
    journal.close().unwrap();
    drop(journal);

    let journal = Journal::open(folder.path(), JournalOptions::default()).unwrap();
    let close = |turn| Op::CloseTurn {
        turn,
        status: "abandoned",
        code: None,
        prompt_tokens: 0,
        output_tokens: 0,
        at_ms: AT,
    };
    journal.submit(write(vec![close(1)])).await.unwrap();
    let line = |journal: &Journal| {
        let lines = journal.reader().budgets("build", None).unwrap();
        let parent = lines
            .into_iter()
            .find(|it| it.scope == "epic" && it.unit == Unit::Tokens);
        let parent = parent.unwrap();
        (parent.spent, parent.reserved)
    };
    assert_eq!(line(&journal), (300, 300));
    // A write that is refused for another reason sets nothing aside.
    let refused = journal
        .submit(guarded(Guard::Turn(2, 9), vec![reserve(2)]))
        .await;
    assert_eq!(refused, Err(StoreError::Fenced));
    assert_eq!(line(&journal), (300, 300));
    journal.submit(write(vec![close(2)])).await.unwrap();
    assert_eq!(line(&journal), (600, 0));
    journal.close().unwrap();
}

/// Whatever gets this far is stored as a number that can be read and added to again.
#[tokio::test]
async fn sums_end_before_the_journal_s_integers_do() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), JournalOptions::default()).unwrap();
    for write in support::run_with_open_turns("sums", 2, 1) {
        journal.submit(write).await.unwrap();
    }
    let grant = || Op::Grant {
        grant: BudgetGrant {
            scope: "epic".to_owned(),
            scope_id: "build".to_owned(),
            unit: Unit::Tokens,
            amount: u64::MAX,
        },
        at_ms: AT,
    };
    journal.submit(write(vec![grant(), grant()])).await.unwrap();
    let amounts = Amounts {
        wall_ms: u64::MAX,
        ..Amounts::default()
    };
    for turn in [1, 2] {
        let reserve = Op::Reserve {
            turn,
            scopes: scopes(1, 1_000, 1_000),
            amounts,
            at_ms: AT,
        };
        journal.submit(write(vec![reserve])).await.unwrap();
        let settle = Op::Settle {
            turn,
            actual: Spent::Exactly(amounts),
            at_ms: AT,
        };
        journal.submit(write(vec![settle])).await.unwrap();
    }
    let lines = journal.reader().budgets("build", None).unwrap();
    let epic = |unit| {
        let line = lines
            .iter()
            .find(|it| it.scope == "epic" && it.unit == unit);
        line.unwrap().clone()
    };
    assert!(epic(Unit::Tokens).granted > 1 << 60);
    assert!(epic(Unit::Wall).spent > 1 << 60);
    journal.close().unwrap();
}

#[test]
fn sixty_four_cards_at_once_ask_no_more_questions_than_their_epic_may() {
    const ALLOWED: u64 = 50;
    let mut lab = Lab::new();
    lab.settings
        .modes
        .insert("budget_turns".to_owned(), ALLOWED.to_string());
    let cards: Vec<Value> = (0..64)
        .map(|n| card(&format!("B-{n}"), json!({})))
        .collect();
    lab.epic(
        "spend",
        json!(cards),
        json!({"replies": [
            {"when": {"role": "coder"}, "first_chunk_delay_ms": 5,
             "usage": {"prompt_tokens": 10, "output_tokens": 5},
             "calls": [{"tool": "write_file", "args": {"path": "agent_output/{{issue_id}}.txt", "content": "x"}},
                       {"tool": "update_issue_status", "args": {"status": "code_review"}}]}],
            "default": {"calls": [{"tool": "update_issue_status", "args": {"status": "done"}}]}}),
    );
    on_actix(async {
        let mut options = lab.options();
        options.actors.max_turns = Some(64);
        let system = System::start(options).await.expect("starts");
        let report = run_to_end(&system, lab.new_run("spend", "run-1", "build-1")).await;
        assert_eq!(report.status, "incomplete", "{}", told(&report));
        let lines = system.reader().budgets("build-1", None).unwrap();
        let turns = lines
            .iter()
            .find(|it| it.scope == "epic" && it.unit == Unit::Turns)
            .unwrap();
        assert_eq!((turns.spent, turns.reserved), (ALLOWED, 0));
        let waiting: Vec<_> = report
            .cards
            .iter()
            .filter(|card| card.code.as_deref() == Some("E_BUDGET"))
            .collect();
        assert!(!waiting.is_empty());
        assert!(
            report
                .cards
                .iter()
                .all(|card| card.status == "done" || card.code.as_deref() == Some("E_BUDGET")),
            "{}",
            told(&report)
        );
        // Each has its question, and a yes to all lets them end.
        let gates = system.reader().gates(Some("pending")).unwrap();
        assert_eq!(gates.len(), waiting.len());
        let grants = vec![BudgetGrant {
            scope: "epic".to_owned(),
            scope_id: "build-1".to_owned(),
            unit: Unit::Turns,
            amount: 200,
        }];
        let run = witness::run_id("run-1");
        assert!(
            system
                .runtime
                .grant(run, grants, "Ada".to_owned())
                .await
                .unwrap()
        );
        let report = witness::ended(&system, "run-1").await;
        assert_eq!(report.status, "done", "{}", told(&report));
        assert!(system.reader().gates(Some("pending")).unwrap().is_empty());
        system.stop(Shutdown::Graceful).await.expect("stops");
    });
}
