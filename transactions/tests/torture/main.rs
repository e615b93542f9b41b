//! Random trees against everything that can go wrong: verification fails, takes too long, or the
//! process is killed at any of its writes. Afterwards a tree is what it was before, to the inode and
//! the nanosecond, or exactly what was planned.
//!
//! `ORKET_TORTURE_TREES` says how many trees (300), `ORKET_TORTURE_SEED` which (printed at the start).
//! Each scenario runs in a process of its own: this very program, told so by its arguments.

mod planned;
mod random;
mod run;
mod scenario;
mod snapshot;
mod trees;

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::random::Random;
use crate::scenario::{Counts, torture};

fn number(name: &str, default: u64) -> u64 {
    let said = std::env::var(name).ok();
    said.map_or(default, |text| text.parse().expect("a number"))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, command, job] = arguments.as_slice()
        && command == run::COMMAND
    {
        return run::main(Path::new(job));
    }
    if arguments.iter().any(|it| it == "--list") {
        println!("torture: test");
        return ExitCode::SUCCESS;
    }
    let trees = number("ORKET_TORTURE_TREES", 300);
    let seed = number("ORKET_TORTURE_SEED", u64::from(std::process::id()));
    println!("torture: {trees} trees, ORKET_TORTURE_SEED={seed}");
    let started = Instant::now();
    let next = AtomicUsize::new(0);
    // Two for each processor: half of the time somebody waits for a process.
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    let threads = (2 * processors).min(16);
    let work = || {
        let mut counts = Counts::default();
        let mut broken = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number as u64 >= trees {
                return (counts, broken);
            }
            if let Err(what) = torture(number, &mut Random::new(seed, number), &mut counts) {
                broken.push(format!("tree {number}: {what}"));
            }
        }
    };
    let mut counts = Counts::default();
    let mut broken = Vec::new();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let (some, failures) = worker.join().expect("a worker that ends well");
            counts.add(&some);
            broken.extend(failures);
        }
    });
    println!("{counts:#?}\n{:.1} s", started.elapsed().as_secs_f64());
    for what in &broken {
        println!("BROKEN (ORKET_TORTURE_SEED={seed}) {what}");
    }
    // What never happened was not shown.
    let is_shown = trees < 50 || counts.all_happened();
    if !is_shown {
        println!("BROKEN: a kind of ending never came up");
    }
    if broken.is_empty() && is_shown {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
