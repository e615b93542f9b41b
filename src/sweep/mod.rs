//! What does the runs of a quant sweep: every task goes through the real runtime.
//!
//! # Layout
//!
//! - [`bench`]: a whole Orket in a scratch folder, which takes one task after the other.
//! - `scratch`: that folder, and the epic that is made of a task. Nothing is written where assets are
//!   kept, and nothing that a project remembers reaches a prompt: the second run of a task is asked the
//!   same as the first.
//! - `gather`: what a run left in the journal. `execute`: the examples of a task, in the sandbox of
//!   child processes. `memory`: how much memory a model takes, where its server says so.
//!
//! What is measured, and what follows from it, is in the crate `orket-sweep`.

pub mod bench;
mod execute;
mod gather;
mod memory;
mod scratch;

pub use bench::{BenchOptions, RuntimeBench, StartError};
