//! The prompts that roles and dialects are: where they are, how far they have got, what is wrong with
//! them, and how they move on. Putting them together is the plan's work
//! (`orket_core::plan_build::resolve`); here it is only shown.
//!
//! # Layout
//!
//! - [`id`]: `role.coder`, `dialect.qwen`.
//! - [`status`]: how far a prompt has got, and where it may go from there.
//! - [`shelf`]: which prompts there are, in files and in the binary.
//! - [`document`]: one prompt's file; everything that is not changed stays as it was.
//! - [`change`]: a new version, a promotion, the end of a prompt. [`promotion`]: the report that lets it.
//! - [`sla`]: candidates that are candidates for too long.
//! - [`lint`]: what is wrong with a prompt; `placeholders` is a part of it.
//! - [`shown`]: what a run would send, and the difference between two of them.
//! - [`store`]: writing a file back.
//! - [`error`]: why something was not done.
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

pub mod change;
pub mod document;
pub mod error;
pub mod id;
pub mod lint;
mod placeholders;
pub mod promotion;
pub mod shelf;
pub mod shown;
pub mod sla;
pub mod status;
pub mod store;

pub use error::PromptError;
pub use id::{Kind, PromptId};
pub use shelf::{Prompt, Shelf};
pub use status::Status;
