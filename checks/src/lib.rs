//! Checks: what a log tells of failures, and which way dependencies point.
//!
//! # Layout
//!
//! - [`failure_modes`]: counts and rates of `orket.log`, and rules that refuse them.
//! - [`boundaries`]: the directions between crates and between the modules of the program.
//!
//! What is printed, and where logs and sources are, is the command line's.
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::dbg_macro,
        clippy::allow_attributes,
        missing_docs
    )
)]

pub mod boundaries;
pub mod failure_modes;
