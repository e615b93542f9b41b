//! What is remembered between runs, and how one proves that two runs remembered alike.
//!
//! # Layout
//!
//! - [`buffer`]: what a run would remember, committed as one whole.
//! - [`determinism`]: whether traces are whole, and whether two tell of the same behaviour.

pub mod buffer;
#[cfg(test)]
mod buffer_tests;
pub mod determinism;
#[cfg(test)]
mod determinism_tests;
