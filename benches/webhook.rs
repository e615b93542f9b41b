//! The webhook receiver under load, next to a bare receiver in the same run: deliveries that are on disk
//! before they are answered, forged ones, and ones of an address that is refused unread.
//!
//! `cargo bench -p orket --bench webhook -- [--seconds S] [--only NAME] [--assert] [--floor F]`. Rates of
//! one machine mean little on another one: only ratios are asserted.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench"
)]

#[path = "webhook/bare.rs"]
mod bare;
#[path = "webhook/bench.rs"]
mod bench;
#[path = "http/load.rs"]
#[expect(dead_code, reason = "the bench of the API uses the rest")]
mod load;

fn main() {
    std::process::exit(bench::main());
}
