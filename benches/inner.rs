//! The inner loops, one by one: `cargo bench -p orket --bench inner [-- FILTER] [--quick]`.
//!
//! What is measured is what the runtime calls, fed with what comes with Orket (`inner/golden.rs`). The
//! figures are of the machine they were taken on; what must not become slower is guarded by instructions
//! (`instructions.rs`), which no other process can move.

#[path = "inner/delivery.rs"]
mod delivery;
#[path = "inner/golden.rs"]
mod golden;
#[path = "inner/hot.rs"]
mod hot;
#[path = "inner/journal.rs"]
mod journal;
#[path = "inner/leases.rs"]
mod leases;
#[path = "inner/limiter.rs"]
mod limiter;
#[path = "inner/reply.rs"]
mod reply;
#[path = "inner/scheduler.rs"]
mod scheduler;
#[path = "inner/transition.rs"]
mod transition;
#[path = "inner/webhook.rs"]
mod webhook;

use std::time::Duration;

use criterion::Criterion;

fn main() {
    // Short: what is measured is the same every time, and all of it takes a minute so.
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
        .configure_from_args();
    transition::bench(&mut criterion);
    reply::bench(&mut criterion);
    journal::bench(&mut criterion);
    scheduler::bench(&mut criterion);
    leases::bench(&mut criterion);
    webhook::bench(&mut criterion);
    limiter::bench(&mut criterion);
    criterion.final_summary();
}
