//! The quant sweep: what is measured of models and quantizations, and what follows from it.
//!
//! Everything here is a function of data, or of files that are named; no model is asked. What is not
//! known is `None`, `null` in files, and never zero.
//!
//! # Layout
//!
//! - [`telemetry`], [`run_report`]: what one run, and one row of runs, measured.
//! - [`row`], [`summary`]: one quantization of a model; the whole sweep.
//! - [`settings`], [`lane`]: what a sweep is asked for; presets.
//! - [`round`], [`statistics`], [`rank`]: arithmetic and the order of quantizations.
//! - [`adherence`], [`overhead`], [`tokens`], [`quality`], [`determinism`], [`masking`]: the figures of
//!   one run.
//! - [`aggregate`], [`validity`], [`vibe_delta`], [`frontier`], [`session`]: rows, and which to choose.
//! - [`kpi`], [`kpi_gate`], [`canary`]: whether all of that can be trusted.
//! - [`sidecar`]: the hardware beside it. [`guards`]: whether it was cool and had room.
//! - [`explorers`]: artifacts made of summaries. [`bands`]: points of a report. [`baselines`]: what runs are
//!   compared with.
//! - [`words`]: what people read of it.
//! - [`presets`]: matrices that come with the program. [`files`]: files that are there whole or not at all.
//! - [`bank`]: the tasks that models are given. [`score`]: how an answer is judged. [`harness`]:
//!   carrying a sweep out.
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

pub mod adherence;
pub mod aggregate;
pub mod bands;
pub mod bank;
pub mod baselines;
pub mod canary;
pub mod determinism;
pub mod explorers;
pub mod files;
pub mod frontier;
pub mod guards;
pub mod harness;
pub mod kpi;
pub mod kpi_gate;
pub mod lane;
pub mod masking;
pub mod overhead;
pub mod presets;
pub mod quality;
pub mod rank;
pub mod round;
pub mod row;
pub mod run_report;
pub mod score;
pub mod session;
pub mod settings;
pub mod sidecar;
pub mod statistics;
pub mod summary;
pub mod telemetry;
pub mod tokens;
pub mod validity;
pub mod vibe_delta;
pub mod words;

/// The version of reports and summaries. The Python Orket 0.3 wrote 1.1.3, with the same keys and
/// numbers where ours may have `null`; its files can be read.
pub const SCHEMA_VERSION: &str = "1.2.0";
