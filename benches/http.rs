//! The API server under load, next to bare actix-web handlers in the same run.
//!
//! `cargo bench -p orket --bench http [-- --cards N --seconds S --only NAME --skip NAME --assert --floor FACTOR]`
//!
//! Printed: requests a second for `/health`, the heartbeat, pages of 50 cards out of N and one run of 20
//! cards and 40 turns, each next to a bare handler that answers as much (the pages by the same read, the
//! run by the three statements that its answer needs), medians of five rounds in turn; the 99th percentile
//! of the heartbeat when idle and while 1,000 turns run. `--assert` holds them to their bars: 0.85, 0.85,
//! 0.6, 0.5; a page at the end by cursor no slower than the first; the percentile at most three times the
//! idle one. `--floor 0.9` asks nine tenths of each bar,
//! for machines that others use too.

#[path = "http/bare.rs"]
mod bare;
#[path = "http/bare_run.rs"]
mod bare_run;
#[path = "http/bench.rs"]
mod bench;
#[path = "http/filled.rs"]
mod filled;
#[path = "../tests/support/journal.rs"]
mod journal;
#[path = "http/load.rs"]
mod load;

use orket::storage::Reader;
use orket::storage::reader::{CardFilter, CardPage};

/// The read that a page of cards makes, and its answer.
fn same_read(reader: &Reader, cursor: Option<&str>, offset: Option<i64>) -> Vec<u8> {
    let page = CardPage {
        before: cursor.and_then(|cursor| cursor.parse().ok()),
        offset: offset.unwrap_or(0),
        limit: 50,
    };
    let found = reader
        .issue_rows(&CardFilter::default(), page)
        .expect("read");
    serde_json::to_vec(&serde_json::json!({"next_cursor": found.next}))
        .expect("JSON")
        .into_iter()
        .chain(serde_json::to_vec(&found.items).expect("JSON"))
        .collect()
}

fn main() {
    std::process::exit(bench::main());
}
