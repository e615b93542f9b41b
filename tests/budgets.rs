//! What runs may spend: set aside before a question, never more than there is, whoever asks at once.

mod lab;
#[path = "support/journal.rs"]
mod support;
mod witness;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lab::{Lab, on_actix, run_to_end};
use orket::storage::{Journal, JournalOptions};
use orket::system::System;
use orket_actors::port::store::{BudgetGrant, Guard, Op, Store, StoreError};
use orket_actors::runtime::Shutdown;
use orket_core::policy::{Amounts, Limits, Scope, Unit};
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

/// 64 children that ask as fast as they can, each for amounts that are sometimes more and sometimes
/// less than what is spent then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_children_never_spend_more_than_their_parent_has() {
    const PARENT: u64 = 100_000;
    const CHILDREN: usize = 64;
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), JournalOptions::default()).unwrap();
    for write in support::run_with_open_turns("race", CHILDREN, 1) {
        journal.submit(write).await.unwrap();
    }
    let refused = Arc::new(AtomicU64::new(0));
    let spent = Arc::new(AtomicU64::new(0));
    let asking: Vec<_> = (0..CHILDREN)
        .map(|child| {
            let (journal, refused, spent) = (journal.clone(), refused.clone(), spent.clone());
            tokio::spawn(async move {
                let turn = i64::try_from(child).unwrap() + 1;
                for round in 0..200_u64 {
                    let most = 17 + (round * 31 + u64::try_from(child).unwrap() * 7) % 400;
                    let amounts = Amounts {
                        tokens: most,
                        turns: 1,
                        ..Amounts::default()
                    };
                    let reserve = Op::Reserve {
                        turn,
                        scopes: scopes(child, PARENT, PARENT / 40),
                        amounts,
                        at_ms: AT,
                    };
                    match journal
                        .submit(guarded(Guard::Turn(turn, 1), vec![reserve]))
                        .await
                    {
                        Ok(()) => {}
                        Err(StoreError::OverBudget(shortage)) => {
                            assert!(shortage.missing() > 0, "{shortage:?}");
                            refused.fetch_add(1, Ordering::Relaxed);
                            continue;
                        }
                        Err(error) => panic!("{error}"),
                    }
                    let actual = Amounts {
                        tokens: most / (1 + round % 3),
                        ..amounts
                    };
                    spent.fetch_add(actual.tokens, Ordering::Relaxed);
                    let settle = Op::Settle {
                        turn,
                        actual: Some(actual),
                        at_ms: AT,
                    };
                    journal
                        .submit(guarded(Guard::Turn(turn, 1), vec![settle]))
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    let looking = {
        let reader = journal.reader();
        tokio::task::spawn_blocking(move || {
            let mut looks = 0_u32;
            loop {
                let lines = reader.budgets("build", None).unwrap();
                for line in &lines {
                    if let Some(allowed) = line.allowed {
                        assert!(line.spent + line.reserved <= allowed, "{line:?}");
                    }
                }
                looks += 1;
                let parent = lines
                    .iter()
                    .find(|it| it.scope == "epic" && it.unit == Unit::Tokens);
                let nearly = |it: &&orket::storage::reader::BudgetLine| it.spent + 450 > PARENT;
                if parent.filter(nearly).is_some() {
                    return looks;
                }
            }
        })
    };
    for task in asking {
        task.await.unwrap();
    }
    assert!(looking.await.unwrap() > 10);
    assert!(
        refused.load(Ordering::Relaxed) > 100,
        "nobody came to the limit"
    );
    let lines = journal.reader().budgets("build", None).unwrap();
    let parent = lines
        .iter()
        .find(|it| it.scope == "epic" && it.unit == Unit::Tokens)
        .unwrap();
    assert_eq!(parent.reserved, 0);
    assert_eq!(
        parent.spent,
        spent.load(Ordering::Relaxed),
        "each spending counted once"
    );
    let children: u64 = lines
        .iter()
        .filter(|it| it.scope == "card" && it.unit == Unit::Tokens)
        .map(|it| it.spent)
        .sum();
    assert_eq!(children, parent.spent);
    journal.close().unwrap();
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
