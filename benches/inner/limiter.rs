//! The limiter of deliveries, asked as the receiver asks it: by each worker, on its own thread.

use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use orket_actors::clock::VirtualClock;
use orket_actors::rate_limiter::{Limit, Quotas};

const REPOSITORIES: usize = 1_000;

/// Measures it.
pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rate limiter");
    group.throughput(Throughput::Elements(1));
    let repositories: Vec<String> = (0..REPOSITORIES)
        .map(|number| format!("acme/site-{number}"))
        .collect();
    for (name, per_minute, is_let_in) in [("let in", 60_000_000, true), ("refused", 1, false)] {
        let clock = Arc::new(VirtualClock::default());
        let limit = limit(per_minute);
        let quotas = Quotas::new(limit, limit, clock.clone(), &[]);
        // What may come at once is spent.
        let _spent = quotas.ask(None);
        group.bench_function(format!("one, {name}"), |bencher| {
            bencher.iter_custom(|rounds| {
                let began = Instant::now();
                for (_, repository) in (0..rounds).zip(repositories.iter().cycle()) {
                    if is_let_in {
                        clock.advance(Duration::from_millis(1));
                    }
                    let answer = black_box(quotas.ask(Some(repository)));
                    assert_eq!(answer.is_ok(), is_let_in);
                }
                began.elapsed()
            });
        });
    }
    group.finish();
}

fn limit(per_minute: u32) -> Limit {
    let per_minute = NonZeroU32::new(per_minute).expect("more than none");
    Limit {
        per_minute,
        burst: per_minute,
    }
}
