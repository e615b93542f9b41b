//! The order of a hundred thousand cards: how a run is begun, and how it goes through all of them with 256 at
//! work at once; and which of a thousand epics a loop takes next.

use std::collections::VecDeque;

use criterion::{BatchSize, Criterion, Throughput};
use orket_core::ids::CardId;
use orket_core::picking::{CardWork, EpicWork, Standing, pick};
use orket_core::plan::CardPlan;
use orket_core::run::{Run, RunEnd};
use orket_core::status::CardStatus;
use serde_json::json;

const CARDS: usize = 100_000;
const AT_ONCE: usize = 256;
const WIDE: usize = 1_000;

/// Measures it.
pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scheduler, 100000 cards");
    group.throughput(Throughput::Elements(u64::try_from(CARDS).expect("a count")));
    group.sample_size(10);
    for (shape, cards, wip_limit) in [
        ("flat", cards(|_| Vec::new()), 0),
        ("flat, 100 of a seat at once", cards(|_| Vec::new()), 100),
        (
            "chain",
            cards(|card| card.checked_sub(1).into_iter().collect()),
            0,
        ),
        ("layers", cards(layered), 0),
    ] {
        let ready: Vec<(&CardPlan, CardStatus)> =
            cards.iter().map(|card| (card, CardStatus::Ready)).collect();
        group.bench_function(format!("{shape}: begin"), |bencher| {
            bencher.iter(|| Run::new(&ready, None, wip_limit));
        });
        let run = Run::new(&ready, None, wip_limit);
        group.bench_function(
            format!("{shape}: every card started and settled"),
            |bencher| {
                bencher.iter_batched(|| run.clone(), go_through, BatchSize::PerIteration);
            },
        );
    }
    group.finish();

    let epics: Vec<EpicWork> = (0..1_000).map(epic).collect();
    let mut group = criterion.benchmark_group("picking");
    group.throughput(Throughput::Elements(u64::try_from(CARDS).expect("a count")));
    group.sample_size(10);
    group.bench_function("1000 epics of 100 cards", |bencher| {
        bencher.iter(|| pick(&epics))
    });
    group.finish();
}

/// Starts whatever may start, and settles what has been at work longest.
fn go_through(mut run: Run) -> Run {
    let mut live = VecDeque::with_capacity(AT_ONCE);
    let mut settled = 0;
    loop {
        while live.len() < AT_ONCE
            && let Some(place) = run.start_next()
        {
            live.push_back(place);
        }
        let Some(place) = live.pop_front() else { break };
        run.settled(place, CardStatus::Done);
        settled += 1;
    }
    assert_eq!((settled, run.end()), (CARDS, Some(RunEnd::Done)));
    run
}

fn cards(depends_on: impl Fn(usize) -> Vec<usize>) -> Vec<CardPlan> {
    let plain: CardPlan = serde_json::from_value(json!({
        "id": "C", "kind": "issue", "summary": "s", "seat": "coder", "priority": 1.0, "max_retries": 3,
        "contract": {}, "review_contract": {},
    }))
    .expect("a card");
    let id = |card: usize| CardId::new(format!("C-{card}")).expect("an id");
    (0..CARDS)
        .map(|card| CardPlan {
            id: id(card),
            seat: ["coder", "architect", "code_reviewer"][card % 3].to_owned(),
            priority: [1.0, 2.0, 3.0][card % 3],
            depends_on: depends_on(card).into_iter().map(id).collect(),
            ..plain.clone()
        })
        .collect()
}

/// On three cards of the layer before.
fn layered(card: usize) -> Vec<usize> {
    match card.checked_sub(WIDE) {
        Some(above) => vec![
            above,
            above / WIDE * WIDE + (above + 1) % WIDE,
            above / WIDE * WIDE + (above + 7) % WIDE,
        ],
        None => Vec::new(),
    }
}

/// A hundred cards in ten chains.
fn epic(number: usize) -> EpicWork {
    let id = |card: usize| format!("E{number}-{card}");
    EpicWork {
        department: "core".to_owned(),
        epic: format!("epic-{number}"),
        status: CardStatus::Ready,
        standing: Standing::New,
        changed_ms: 0,
        waits_for: Vec::new(),
        cards: (0..100)
            .map(|card| CardWork {
                id: id(card),
                priority: 2.0,
                depends_on: if card < 10 {
                    Vec::new()
                } else {
                    vec![id(card - 10)]
                },
                status: CardStatus::Ready,
            })
            .collect(),
    }
}
