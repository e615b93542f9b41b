//! How many durable steps a second the journal takes, next to two other ways of doing the same in
//! the same run: `cargo bench -p orket --bench durable_steps [-- --assert] [--json]
//! [--cards N]`.
//!
//! A step is what the runtime submits most: one `Steps` write with its `Turn` guard and one row of
//! about 500 bytes, answered after the commit. Each concurrent card waits for its answer before it
//! sends its next step. The other two:
//!
//! - `bare`: a diesel group-commit loop without guard, index, JSON or foreign key: one thread,
//!   the same queue and batch size, one plain insert of a row of the same size;
//! - `single`: one immediate transaction a step through an r2d2 pool of eight connections.
//!
//! All use WAL and `synchronous=FULL` on a fresh database in the target folder's file system. The
//! three take turns in short rounds, and rates are compared round by round, so that a slow moment of
//! the disk meets all of them. `cpu us` is what the writing thread computes a step.
//!
//! `--assert` exits with 1 when ours is below 0.7 of `bare` (`--floor F`: below F) anywhere, or below 5 times `single` at
//! 64 concurrent cards and above.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use orket::storage::{Journal, JournalOptions};
use orket_actors::port::store::{Guard, Op, StepRow, Store, Write};
use orket_core::model::{Reply, Usage};
use orket_core::turn::Step;

use self::measure::{Measured, Round, drive};
use self::rivals::{bare_round, single_round};

mod measure;
mod rivals;
#[path = "../../tests/support/journal.rs"]
mod support;

const CARDS: [usize; 5] = [1, 8, 64, 512, 2_048];
const ROUNDS: usize = 7;
/// After so many steps a card goes on with its next attempt, as cards do.
const STEPS_A_TURN: u32 = 12;
/// Attempts opened before a round, for all cards together. A card that has been through its own goes
/// on with its first.
const ATTEMPTS: usize = 12_288;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let (assert, json) = (has("--assert"), has("--json"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(16)
        .enable_all()
        .build()
        .unwrap();
    let base = std::env::var_os("CARGO_TARGET_TMPDIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    std::fs::create_dir_all(&base).unwrap();
    let folder = tempfile::tempdir_in(base).unwrap();

    let mut rows = Vec::new();
    let mut failed = Vec::new();
    if !json {
        println!(
            "{:>6} | {:>9} {:>8} {:>8} {:>6} | {:>9} {:>8} {:>8} {:>6} | {:>9} {:>8} {:>9} | {:>6} {:>7}",
            "cards",
            "ours/s",
            "p50 ms",
            "p99 ms",
            "cpu us",
            "bare/s",
            "p50 ms",
            "p99 ms",
            "cpu us",
            "single/s",
            "p50 ms",
            "p99 ms",
            "/bare",
            "/single"
        );
    }
    let wanted = arguments
        .windows(2)
        .find(|pair| pair[0] == "--cards")
        .map(|pair| pair[1].parse::<usize>().unwrap());
    let floor = arguments
        .windows(2)
        .find(|pair| pair[0] == "--floor")
        .map_or(0.7, |pair| pair[1].parse::<f64>().unwrap());
    for cards in CARDS
        .into_iter()
        .filter(|cards| wanted.is_none_or(|wanted| wanted == *cards))
    {
        let (mut ours, mut bare, mut single) = (
            Measured::default(),
            Measured::default(),
            Measured::default(),
        );
        for round in 0..ROUNDS {
            let here = folder.path().join(format!("{cards}-{round}"));
            ours.add(runtime.block_on(ours_round(&here.join("ours"), cards)));
            bare.add(runtime.block_on(bare_round(&here.join("bare"), cards)));
            single.add(runtime.block_on(single_round(&here.join("single"), cards)));
            std::fs::remove_dir_all(&here).unwrap();
        }
        let (to_bare, to_single) = (ours.compared_to(&bare), ours.compared_to(&single));
        if to_bare < floor {
            failed.push(format!(
                "{cards} cards: {to_bare:.2} of the bare loop, {floor} wanted"
            ));
        }
        if cards >= 64 && to_single < 5.0 {
            failed.push(format!(
                "{cards} cards: {to_single:.1} times one transaction a step, 5 wanted"
            ));
        }
        if !json {
            println!(
                "{cards:>6} | {:>9.0} {:>8.2} {:>8.2} {:>6.1} | {:>9.0} {:>8.2} {:>8.2} {:>6.1} | {:>9.0} {:>8.2} {:>9.2} | {to_bare:>6.2} {to_single:>7.1}",
                ours.rate(),
                ours.quantile(0.5),
                ours.quantile(0.99),
                ours.cpu(),
                bare.rate(),
                bare.quantile(0.5),
                bare.quantile(0.99),
                bare.cpu(),
                single.rate(),
                single.quantile(0.5),
                single.quantile(0.99),
            );
        }
        let object = |measured: &Measured| {
            serde_json::json!({
                "steps_per_s": measured.rate().round(),
                "p50_ms": measured.quantile(0.5),
                "p99_ms": measured.quantile(0.99),
                "writer_cpu_us": measured.cpu(),
            })
        };
        rows.push(serde_json::json!({
            "cards": cards,
            "ours": object(&ours),
            "bare": object(&bare),
            "single": object(&single),
            "to_bare": to_bare,
            "to_single": to_single,
        }));
    }
    if json {
        println!("{}", serde_json::json!({ "rows": rows, "failed": failed }));
    }
    for line in &failed {
        eprintln!("below the bar: {line}");
    }
    if assert && !failed.is_empty() {
        std::process::exit(1);
    }
}

/// A step whose JSON has about 500 bytes.
fn step() -> Arc<Step> {
    Arc::new(Step::ModelReplied {
        round: 0,
        reply: Reply {
            text: "x".repeat(380),
            calls: Vec::new(),
            usage: Usage {
                prompt_tokens: Some(1_000),
                output_tokens: Some(100),
            },
            latency_ms: 5,
            cut: false,
            measured: orket_core::model::Measured::default(),
        },
    })
}

async fn ours_round(folder: &Path, cards: usize) -> Round {
    let journal = Journal::open(folder, JournalOptions::default()).unwrap();
    for write in support::run_with_open_turns("bench", cards, ATTEMPTS / cards) {
        journal.submit(write).await.unwrap();
    }
    let writer = journal.clone();
    let step = step();
    let attempts = u32::try_from(ATTEMPTS / cards).unwrap();
    let round = drive(cards, "orket-writer", move |card, n| {
        let (writer, step) = (writer.clone(), step.clone());
        async move {
            let (lap, place) = (n / (STEPS_A_TURN * attempts), n % (STEPS_A_TURN * attempts));
            let attempt = place / STEPS_A_TURN;
            let turn = i64::from(attempt) * i64::try_from(cards).unwrap()
                + i64::try_from(card).unwrap()
                + 1;
            let seq = lap * STEPS_A_TURN + place % STEPS_A_TURN;
            let write = Write {
                guard: Guard::Turn(turn, 1),
                flush: None,
                ops: vec![Op::Steps {
                    turn,
                    steps: vec![StepRow {
                        seq,
                        at_ms: 1_750_000_000_000,
                        step,
                    }],
                }],
            };
            writer.submit(write).await.unwrap();
        }
    })
    .await;
    tokio::task::spawn_blocking(move || journal.close().unwrap())
        .await
        .unwrap();
    round
}
