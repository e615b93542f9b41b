//! The receiver of what a code host tells (Gitea, Forgejo).
//!
//! # Layout
//!
//! - [`phases`]: bug-fix phases of rocks.
//! - [`server`]: routes and what happens round them; [`routes`]: what a delivery goes through.
//! - `desk`: from a worker to the limiter, to the store, and back.
//! - [`receiver`]: what they work with; `keeper`: keeps its actors alive.
//! - [`peers`], `body`, `recent`: what is refused or known before anything is spent on it.
//! - [`sender`]: the actor that does what follows; [`outside`]: what of it is done elsewhere.
//! - [`metrics`]: what is counted.
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

mod body;
mod desk;
mod keeper;
pub mod metrics;
pub mod outside;
pub mod peers;
pub mod phases;
pub mod receiver;
mod recent;
mod reply;
pub mod routes;
pub mod sender;
pub mod server;
pub mod signature;
pub mod store;
