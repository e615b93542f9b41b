//! The steps of a turn as the journal stores them: written, read back, linked, walked; and canonical JSON.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput};
use orket::storage::step_text::{StepText, read, shared_text, whole};
use orket_actors::port::store::StepRow;
use orket_core::canonical::{json_v1, sha256_hex, to_string};
use orket_core::chain::{Content, Link, Linked, StoredLink, Walk};
use serde_json::json;

use super::golden::Golden;
use super::hot;

const ROW: i64 = 11;
const CARD: i64 = 7;
const MOST: usize = 1 << 20;

/// Measures it.
pub fn bench(criterion: &mut Criterion) {
    let golden = Golden::new();
    let mut rows: Vec<StepRow> = Vec::new();
    hot::walk(&golden, |step| {
        rows.push(StepRow {
            seq: u32::try_from(rows.len()).expect("a small number"),
            at_ms: 1_767_225_600_000,
            step: Arc::new(step),
        });
    });
    let texts: Vec<StepText> = rows
        .iter()
        .map(|row| StepText::within(MOST, ROW, row).expect("a text"))
        .collect();
    // What a step names is read once and put in its place.
    let whole: Vec<String> = rows
        .iter()
        .zip(&texts)
        .map(|(row, text)| {
            let named = || Arc::from(shared_text(&row.step).expect("what it names"));
            let found = whole(&text.body, |_| Ok::<Arc<str>, Infallible>(named()));
            found.expect("found").unwrap_or_else(|| text.body.clone())
        })
        .collect();
    for (row, text) in rows.iter().zip(&whole) {
        assert_eq!(read(text).expect("a step"), *row.step);
    }
    let bytes: usize = texts.iter().map(|text| text.body.len()).sum();
    let bytes = u64::try_from(bytes).expect("a length");

    let mut group = criterion.benchmark_group("journal codec");
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("encode a turn", |bencher| {
        bencher.iter(|| {
            for row in &rows {
                black_box(StepText::within(MOST, ROW, row));
            }
        });
    });
    group.bench_function("decode a turn", |bencher| {
        bencher.iter(|| {
            for text in &whole {
                black_box(read(text).expect("a step"));
            }
        });
    });
    group.finish();

    chain(criterion, &rows, &texts, bytes);
    canonical(criterion, &golden);
}

fn chain(criterion: &mut Criterion, rows: &[StepRow], texts: &[StepText], bytes: u64) {
    let row = |place: usize| Linked {
        turn: ROW,
        seq: i64::from(rows[place].seq),
        at_ms: rows[place].at_ms,
        body: texts[place].body.as_bytes(),
    };
    let links: Vec<Link> = (0..texts.len())
        .scan(Link::root(CARD), |before, place| {
            *before = before.next(Content::of(&row(place)));
            Some(*before)
        })
        .collect();

    let mut group = criterion.benchmark_group("chain");
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("link a turn", |bencher| {
        bencher.iter(|| {
            (0..texts.len()).fold(Link::root(CARD), |before, place| {
                before.next(Content::of(&row(place)))
            })
        });
    });
    group.bench_function("verify a turn", |bencher| {
        bencher.iter_batched(
            || Walk::of(CARD),
            |mut walk| {
                for (place, link) in links.iter().enumerate() {
                    let stored = StoredLink {
                        row: row(place),
                        link: Some(link.as_bytes()),
                    };
                    walk.step(&stored).expect("unbroken");
                }
                walk
            },
            BatchSize::SmallInput,
        );
    });
    group.throughput(Throughput::Elements(1));
    let content = Content::of(&row(0));
    group.bench_function("one link of a digest", |bencher| {
        bencher.iter(|| links[0].next(black_box(content)));
    });
    group.finish();
}

fn canonical(criterion: &mut Criterion, golden: &Golden) {
    let call = golden.calls.iter().find(|call| call.tool == "write_file");
    let call = call.expect("a call that writes");
    let plan = serde_json::to_value(&*golden.context.plan).expect("JSON");
    let mut group = criterion.benchmark_group("canonical JSON");
    for (name, value) in [
        ("a call", json!({"args": call.args, "tool": call.tool})),
        ("a plan", plan),
    ] {
        let text = to_string(&value);
        group.throughput(Throughput::Bytes(
            u64::try_from(text.len()).expect("a length"),
        ));
        group.bench_function(name, |bencher| {
            bencher.iter(|| to_string(black_box(&value)))
        });
        group.bench_function(format!("{name}, json-v1"), |bencher| {
            bencher.iter(|| json_v1::to_string(black_box(&value)).expect("a form"));
        });
        group.bench_function(format!("{name}, its SHA-256"), |bencher| {
            bencher.iter(|| sha256_hex(black_box(text.as_bytes())));
        });
    }
    group.finish();
}
