//! What is remembered between runs, and how one proves that two runs remembered alike.
//!
//! # Layout
//!
//! - [`buffer`]: what a run would remember, committed as one whole.

pub mod buffer;
#[cfg(test)]
mod buffer_tests;
