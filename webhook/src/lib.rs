//! The receiver of what a code host tells (Gitea, Forgejo).
//!
//! # Layout
//!
//! - [`phases`]: bug-fix phases of rocks.
//! - [`signature`]: whether a delivery was signed with our secret.
//! - [`store`]: `webhook.db`: what was told, what follows from it, what is still to be done.
//!
//! What an event means and what it comes to is decided in [`orket_core::webhook`]; how much may come is
//! up to [`orket_actors::rate_limiter`].
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

pub mod phases;
pub mod signature;
pub mod store;
