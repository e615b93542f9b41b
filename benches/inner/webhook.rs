//! A delivery: its signature, its body, and what both come to.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use orket_core::webhook::delivery::payload;
use orket_webhook::signature::{Denied, Presented};

use super::delivery::Delivery;
use super::hot;

/// Measures it.
pub fn bench(criterion: &mut Criterion) {
    let approval = Delivery::approval();
    let check = |signature: &str| {
        let presented = Presented::new(Some(signature.as_bytes()), None);
        approval.secrets.check(presented, black_box(&approval.body))
    };
    let forged = "0".repeat(64);
    assert_eq!(check(&forged), Err(Denied::Invalid));
    let mut group = criterion.benchmark_group("webhook");
    let length = u64::try_from(approval.body.len()).expect("a length");
    group.throughput(Throughput::Bytes(length));
    group.bench_function("signature", |bencher| {
        bencher.iter(|| check(&approval.signature))
    });
    group.bench_function("forged signature", |bencher| {
        bencher.iter(|| check(&forged))
    });
    group.bench_function("body", |bencher| {
        bencher.iter(|| payload(black_box(&approval.body)))
    });
    group.bench_function("signature, body, event", |bencher| {
        bencher.iter(|| hot::delivery(&approval));
    });
    group.finish();
}
