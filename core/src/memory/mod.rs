//! What is remembered between runs, and how one proves that two runs remembered alike.
//!
//! # Layout
//!
//! - [`access`]: who may look, and what a search finds.
//! - [`buffer`]: what a run would remember, committed as one whole.
//! - [`determinism`]: whether traces are whole, and whether two tell of the same behaviour.
//! - [`recall`]: what a turn is shown of it, and what a card adds.

pub mod access;
pub mod buffer;
#[cfg(test)]
mod buffer_tests;
pub mod determinism;
#[cfg(test)]
mod determinism_tests;
pub mod recall;
