//! The watchdog over many leases: what it costs, and how soon it notices a stall.
//!
//! `cargo bench -p orket --bench watchdog [-- --leases N --stalls N --seconds N --idle-ms N
//! --turns-per-second N --assert]`
//!
//! The watchdog has a thread of its own here, so that the time of that thread is the watchdog's and
//! nobody else's. Leases [default: 100,000] are opened on the two threads that turns live on, and
//! renewed there as a turn renews them that streams: a chunk every 250 ms. So many turns a second
//! [default: 2,000] end and new ones begin in their place, each going through the phases of a turn.
//! Meanwhile some [default: 256] fall silent at random moments. Of each is told how late it was
//! noticed: how much longer than its clock [default: 10,000 ms; without a setting it is 60,000]
//! nothing had come when the watchdog judged; and how late its card had heard of it, which is after
//! the stall was in the journal and its work gone.
//!
//! `--assert` holds the watchdog to 1 % of a core, and what it notices to 250 ms.

#[path = "watchdog/bench.rs"]
mod bench;
#[path = "../tests/support/journal.rs"]
mod journal;
#[path = "support/process.rs"]
mod process;
#[path = "watchdog/turns.rs"]
mod turns;

fn main() {
    std::process::exit(bench::main());
}
