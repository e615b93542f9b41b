//! Whole epics on the scripted model, with the real journal, files and actors.
//!
//! `cargo bench -p orket --bench epics [-- --cards N --only NAME --assert --floor RATIO]`
//!
//! `--floor` is the ratio to two plain loops that `--assert` asks of `full` [default: 0.7, the bar].
//!
//! Cards take two turns (work and review) and write one file each. Printed: cards a second, durable
//! steps a second, peak memory; for `full` artifacts next to plain loops that write the same files
//! in the same run, the medians of five rounds in turn; for the delayed model next to the critical path; and the cost of a step late in
//! a large run next to an early one.

#[path = "epics/bench.rs"]
mod bench;

fn main() {
    std::process::exit(bench::main());
}
