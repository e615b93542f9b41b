//! 64 children of one rock that ask as fast as they can, for all units at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use orket::storage::reader::BudgetLine;
use orket::storage::{Journal, JournalOptions};
use orket_actors::port::store::{Guard, Op, Store, StoreError};
use orket_core::policy::{Amounts, Limits, Scope, Spent, Unit};

use crate::support::{self, AT, guarded};

const CHILDREN: usize = 64;
const EPICS: usize = 4;
const ROUNDS: u64 = 150;

/// A rock that is short of tokens and money, an epic that is short of time, some cards that are short
/// of questions.
fn scopes(child: usize) -> Vec<Scope> {
    let epic = format!("rock-r.e{}", child % EPICS);
    let none = Limits::default();
    let rock = Limits {
        tokens: Some(100_000),
        micro_usd: Some(250_000),
        ..none
    };
    let of_epic = Limits {
        wall_ms: Some(if child.is_multiple_of(EPICS) {
            3_000
        } else {
            60_000
        }),
        ..none
    };
    let card = Limits {
        turns: Some(if child % 8 == 1 { 5 } else { 60 }),
        tokens: Some(30_000),
        ..none
    };
    [
        ("rock", "rock-r".to_owned(), rock),
        ("epic", epic.clone(), of_epic),
        ("card", format!("{epic}/C-{child}"), card),
    ]
    .map(|(kind, id, limits)| Scope {
        kind: kind.to_owned(),
        id,
        limits,
    })
    .into()
}

/// What is set aside, and what is spent of it: even children need tokens of a model that is free, odd
/// ones money for few of them. Most spend less; where `lies` a server counts more than
/// it was allowed, and some questions break off.
fn question(child: usize, round: u64, lies: bool) -> (Amounts, Spent, i64) {
    let number = round * 31 + u64::try_from(child).unwrap() * 7;
    let most = Amounts {
        tokens: if child.is_multiple_of(2) {
            17 + number % 400
        } else {
            1 + number % 20
        },
        micro_usd: if child.is_multiple_of(2) {
            0
        } else {
            40 + number % 900
        },
        wall_ms: 5 + number % 60,
        turns: 1,
    };
    let part = |amount: u64| amount / (1 + round % 3);
    let less = Amounts {
        tokens: part(most.tokens),
        micro_usd: part(most.micro_usd),
        wall_ms: part(most.wall_ms),
        turns: 1,
    };
    let elapsed = i64::try_from(number % 100).unwrap();
    let spent = match round % 11 {
        3 if lies => Spent::Exactly(Amounts {
            tokens: most.tokens * 3,
            micro_usd: most.micro_usd * 2,
            ..less
        }),
        5 => Spent::Unheard,
        7 => Spent::Unknown,
        _ => Spent::Exactly(less),
    };
    (most, spent, elapsed)
}

/// Sums of all children, by unit.
#[derive(Default)]
struct Sums([AtomicU64; 4]);

impl Sums {
    fn add(&self, amounts: &Amounts) {
        for (sum, unit) in self.0.iter().zip(Unit::ALL) {
            sum.fetch_add(amounts.of(*unit), Ordering::SeqCst);
        }
    }

    fn of(&self, unit: Unit) -> u64 {
        let place = Unit::ALL.iter().position(|it| *it == unit).unwrap();
        self.0[place].load(Ordering::SeqCst)
    }
}

#[derive(Default)]
struct Tally {
    spent: Sums,
    /// What servers counted beyond what was set aside.
    beyond: Sums,
    refused: Sums,
}

/// One child: sets aside, spends, until its rounds are over.
async fn child(journal: Arc<Journal>, tally: Arc<Tally>, child: usize, lies: bool) {
    let turn = i64::try_from(child).unwrap() + 1;
    let at_once = |op| guarded(Guard::Turn(turn, 1), vec![op]);
    for round in 0..ROUNDS {
        let (most, spent, elapsed) = question(child, round, lies);
        let reserve = Op::Reserve {
            turn,
            scopes: scopes(child),
            amounts: most,
            at_ms: AT,
        };
        match journal.submit(at_once(reserve)).await {
            Ok(()) => {}
            Err(StoreError::OverBudget(shortage)) => {
                assert!(shortage.missing() > 0, "{shortage:?}");
                let mut one = Amounts::default();
                match shortage.unit {
                    Unit::Tokens => one.tokens = 1,
                    Unit::Money => one.micro_usd = 1,
                    Unit::Wall => one.wall_ms = 1,
                    Unit::Turns => one.turns = 1,
                }
                tally.refused.add(&one);
                continue;
            }
            Err(error) => panic!("{error}"),
        }
        // Time that nobody told goes by the clock, and never beyond what was set aside.
        let elapsed_ms = u64::try_from(elapsed).unwrap().min(most.wall_ms);
        let amounts = spent.amounts(most, elapsed_ms);
        tally.beyond.add(&Amounts {
            tokens: amounts.tokens.saturating_sub(most.tokens),
            micro_usd: amounts.micro_usd.saturating_sub(most.micro_usd),
            ..Amounts::default()
        });
        tally.spent.add(&amounts);
        let settle = Op::Settle {
            turn,
            actual: spent,
            at_ms: AT + elapsed,
        };
        journal.submit(at_once(settle)).await.unwrap();
    }
}

fn lines(journal: &Journal) -> Vec<BudgetLine> {
    let reader = journal.reader();
    let mut lines: Vec<BudgetLine> = (0..EPICS)
        .flat_map(|epic| {
            let build = format!("rock-r.e{epic}");
            reader.budgets(&build, Some("rock-r")).unwrap()
        })
        .collect();
    let key = |it: &BudgetLine| (it.scope.clone(), it.scope_id.clone(), it.unit.as_str());
    lines.sort_by_key(key);
    lines.dedup_by_key(|it| key(it));
    lines
}

async fn race(lies: bool) -> Arc<Tally> {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), JournalOptions::default()).unwrap();
    for write in support::run_with_open_turns("race", CHILDREN, 1) {
        journal.submit(write).await.unwrap();
    }
    let tally = Arc::new(Tally::default());
    let asking: Vec<_> = (0..CHILDREN)
        .map(|number| tokio::spawn(child(journal.clone(), Arc::clone(&tally), number, lies)))
        .collect();
    let over = Arc::new(AtomicU64::new(0));
    let looking = {
        let (journal, tally, over) = (journal.clone(), Arc::clone(&tally), Arc::clone(&over));
        tokio::task::spawn_blocking(move || {
            let mut looks = 0_u32;
            while over.load(Ordering::SeqCst) == 0 {
                for line in lines(&journal) {
                    // Read after the line: what lies beyond is counted before it is spent.
                    let beyond = tally.beyond.of(line.unit);
                    if let Some(allowed) = line.allowed {
                        assert!(line.spent + line.reserved <= allowed + beyond, "{line:?}");
                    }
                }
                looks += 1;
            }
            looks
        })
    };
    for task in asking {
        task.await.unwrap();
    }
    over.store(1, Ordering::SeqCst);
    assert!(looking.await.unwrap() > 10);
    for unit in Unit::ALL {
        let of = |scope: &str| -> u64 {
            let all = lines(&journal);
            let ours = all
                .iter()
                .filter(|it| it.scope == scope && it.unit == *unit);
            ours.inspect(|it| assert_eq!(it.reserved, 0, "{it:?}"))
                .map(|it| it.spent)
                .sum()
        };
        let spent = tally.spent.of(*unit);
        assert_eq!(
            (of("rock"), of("epic"), of("card")),
            (spent, spent, spent),
            "each spending of {unit} is counted once at every level"
        );
    }
    // Whoever is over is closed.
    for line in lines(&journal) {
        if line.scope != "card" && line.allowed.is_some_and(|allowed| line.spent >= allowed) {
            let reserve = Op::Reserve {
                turn: 1,
                scopes: scopes(0),
                amounts: Amounts {
                    tokens: 1,
                    micro_usd: 1,
                    wall_ms: 1,
                    turns: 1,
                },
                at_ms: AT,
            };
            let asked = journal
                .submit(guarded(Guard::Turn(1, 1), vec![reserve]))
                .await;
            assert!(
                matches!(asked, Err(StoreError::OverBudget(_))),
                "{line:?}: {asked:?}"
            );
        }
    }
    journal.close().unwrap();
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_cards_of_a_rock_never_spend_more_than_it_has_of_anything() {
    let tally = race(false).await;
    for unit in Unit::ALL {
        assert_eq!(tally.beyond.of(*unit), 0);
        assert!(
            tally.refused.of(*unit) > 0,
            "nobody came to the limit of {unit}"
        );
    }
}

/// What a server counts beyond its bound is spent; it is all that can be over, and it closes the rock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_count_too_much_are_booked_and_nothing_else_is_over() {
    let tally = race(true).await;
    assert!(tally.beyond.of(Unit::Tokens) > 0);
    assert!(tally.refused.of(Unit::Tokens) > 0);
}
