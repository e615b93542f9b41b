//! The crash matrix: the real binary is killed with SIGKILL at every named point, restarted with
//! the same command, and must come out like a run that nobody disturbed.
//!
//! What is compared and what must never happen is in `crash/verdict.rs`; the epic, made so that a
//! crash can cut everything in two, is in `crash/epic.rs`. The model is a server in this process: it
//! sees what every life asks.
//!
//! - `cargo test -p orket --test crash` kills at all points and at 200 random instants.
//! - `ORKET_CRASH_KILLS=1000 cargo test -p orket --test crash random -- --nocapture` kills at 1,000
//!   random instants (`just crash 1000` does both).
//! - `ORKET_CRASH_SEED=N` repeats the instants of an earlier run, which prints its seed.

#[path = "crash/cases.rs"]
mod cases;
#[path = "crash/epic.rs"]
mod epic;
#[path = "crash/journal.rs"]
mod journal;
#[path = "crash/model.rs"]
mod model;
#[path = "crash/named.rs"]
mod named;
#[path = "crash/points.rs"]
mod points;
#[path = "crash/random.rs"]
mod random;
#[path = "crash/verdict.rs"]
mod verdict;
#[path = "crash/world.rs"]
mod world;
