//! What the HTTP servers of Orket share.
//!
//! - [`unread`]: bodies that nobody reads to their end.
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

pub mod unread;
