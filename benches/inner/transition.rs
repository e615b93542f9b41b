//! The status table: every kind, every status, every actor; and one change that is let through.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use orket_core::status::{CardKind, CardStatus, WaitReason};
use orket_core::transition::{Actor, check};

/// Measures it.
pub fn bench(criterion: &mut Criterion) {
    let roles = ["coder".to_owned()];
    let actors = [
        Actor::Agent { roles: &roles },
        Actor::Scheduler,
        Actor::Operator,
    ];
    let mut all = Vec::new();
    for kind in CardKind::ALL {
        for from in CardStatus::ALL {
            for to in CardStatus::ALL {
                all.extend(actors.map(|actor| (*kind, *from, *to, actor)));
            }
        }
    }
    let mut group = criterion.benchmark_group("transition");
    group.throughput(Throughput::Elements(1));
    group.bench_function("allowed", |bencher| {
        bencher.iter(|| {
            check(
                black_box(CardKind::Issue),
                black_box(CardStatus::InProgress),
                black_box(CardStatus::CodeReview),
                None,
                black_box(actors[0]),
            )
        });
    });
    group.throughput(Throughput::Elements(
        u64::try_from(all.len()).expect("a count"),
    ));
    group.bench_function("all", |bencher| {
        bencher.iter(|| {
            let allowed = all.iter().filter(|(kind, from, to, actor)| {
                check(*kind, *from, *to, Some(WaitReason::Input), *actor).is_ok()
            });
            allowed.count()
        });
    });
    group.finish();
}
