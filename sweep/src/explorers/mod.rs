//! What is made of summaries: artifacts for people and programs, each with its version and where its
//! figures come from.
//!
//! # Layout
//!
//! - [`frontier`], [`context`], [`thermal`], [`rollup`], [`index`]: the artifacts.
//! - [`report`], [`scatter`], [`svg`]: a summary as Markdown, points, and a plot.
//! - [`profiles`]: what contexts are tried, and what a context must do.
//! - [`schema`]: whether artifacts keep their contract.
//! - [`history`]: artifacts one after another.
//! - `pick`: the row that one is about.

pub mod context;
pub mod frontier;
pub mod history;
pub mod index;
mod pick;
pub mod profiles;
pub mod report;
pub mod rollup;
pub mod scatter;
pub mod schema;
pub mod svg;
pub mod thermal;

pub use pick::row as pick_row;

/// What of a text an artifact calls unknown.
fn known(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() { "unknown" } else { text }.to_owned()
}
