//! Many turns at once, and many cards that wait: how fast, how busy, how large.
//!
//! `cargo bench -p orket --bench concurrent [-- --turns N --cards N --mode MODE --only NAME --assert]`
//!
//! `turns`: N cards at once [default: 10,000]. Each takes two turns, work and review; each turn is a
//! scripted stream of 5 seconds, one chunk every 250 ms. For each of the two waves: how long after
//! the last start the last turn had ended; processors in use between the first start and the last
//! end, of this process alone, so that others on the machine do not count; peak memory. Artifacts
//! are `none`, unless `--mode` says otherwise: files are what `--bench epics` is about.
//! `idle`: N cards [default: 100,000] that all depend on one under way: bytes a card.
//!
//! Each is measured in a process of its own, so that its memory is its own. `--assert` holds them to
//! the bars that are printed.

#[path = "concurrent/bench.rs"]
mod bench;
#[path = "concurrent/idle.rs"]
mod idle;
#[path = "support/process.rs"]
mod process;
#[path = "concurrent/stage.rs"]
mod stage;
#[path = "concurrent/waves.rs"]
mod waves;

fn main() {
    std::process::exit(bench::main());
}
