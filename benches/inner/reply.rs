//! What a model said: found in its text, held against gate and contract; and the whole turn round it.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput};
use orket_core::contract::Answer;
use orket_core::tool::ToolCall;
use orket_core::tool_call::parse;
use orket_core::turn::{Turn, TurnOutcome};

use super::golden::Golden;
use super::hot;

/// Measures it.
pub fn bench(criterion: &mut Criterion) {
    let golden = Golden::new();
    let (turn, _) = Turn::begin(Arc::clone(&golden.context)).expect("a seat");

    let mut group = criterion.benchmark_group("parser");
    for (name, text) in [
        ("plain", golden.reply.text.clone()),
        ("talkative", golden.talkative.text.clone()),
        ("braces", "{ [ \"a\": {".repeat(2_000)),
        ("prose", "Not a call, but a sentence. ".repeat(2_000)),
    ] {
        group.throughput(Throughput::Bytes(
            u64::try_from(text.len()).expect("a length"),
        ));
        group.bench_function(name, |bencher| bencher.iter(|| parse(black_box(&text))));
    }
    group.finish();

    let mut group = criterion.benchmark_group("contract");
    group.throughput(Throughput::Elements(1));
    let without_write: Vec<ToolCall> = golden
        .calls
        .iter()
        .filter(|call| call.tool != "write_file")
        .cloned()
        .collect();
    for (name, calls, lacks) in [("meets", &golden.calls, 0), ("breaks", &without_write, 2)] {
        assert_eq!(violations(&golden, calls), lacks, "{name}");
        group.bench_function(name, |bencher| {
            bencher.iter(|| violations(&golden, black_box(calls)));
        });
    }
    group.bench_function("read, gate and contract", |bencher| {
        bencher.iter(|| hot::answer(&golden, &turn));
    });
    group.finish();

    let mut group = criterion.benchmark_group("turn");
    let mut steps = 0;
    hot::walk(&golden, |_| steps += 1);
    group.throughput(Throughput::Elements(steps));
    group.bench_function("machine", |bencher| {
        bencher.iter(|| -> TurnOutcome { hot::walk(&golden, |step| drop(black_box(step))) });
    });
    group.bench_function("machine and journal rows", |bencher| {
        bencher.iter(|| hot::turn(&golden));
    });
    group.finish();
}

/// How much a set of calls lacks.
fn violations(golden: &Golden, calls: &[ToolCall]) -> usize {
    let context = &golden.context;
    let seat = context.plan.seat(&context.seat).expect("a seat");
    let lacks = context.contract().check(&Answer {
        calls,
        prose: "",
        truncated: None,
        seat,
        missing_reads: &[],
        earlier_calls: &[],
        text: &golden.reply.text,
        waits_for_others: false,
    });
    lacks.len()
}
