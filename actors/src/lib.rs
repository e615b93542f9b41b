//! The supervision tree of Orket: thin actix shells that feed events to `orket-core` and carry out
//! its effects through ports.
//!
//! # Layout
//!
//! - [`runtime`]: the face of the system; [`world`]: what all actors share.
//! - [`supervisor`] owns [`event_bus`], [`watchdog`], [`gateway`], [`reconciler`] and the runs.
//! - `preparing`: what a run does before its first card.
//! - [`run_actor`] owns [`card_actor`]s, which own [`turn_actor`]s, which own [`skill_actor`]s.
//! - [`exit`]: how a parent learns of a child's end, panics included; [`giving_up`]: when a budget
//!   of restarts is spent.
//! - [`lease`]: signs of life; [`agenda`]: which are looked at when; [`ending`]: how a stalled attempt
//!   is ended; [`probes`]: what the watchdog looks at beside them; [`ask`]: one question to a model.
//! - [`port`]: what the edges implement; [`clock`]: time; [`fault`]: faults that tests inject.
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

pub mod agenda;
pub mod approvals;
pub mod ask;
pub mod card_actor;
pub mod clock;
pub mod ending;
pub mod event_bus;
pub mod exit;
pub mod fault;
pub mod gateway;
pub mod giving_up;
pub mod lease;
pub mod port;
mod preparing;
pub mod probes;
pub mod rate_limiter;
pub mod reconciler;
mod remembering;
pub mod run_actor;
pub mod runtime;
pub mod skill_actor;
pub mod supervisor;
pub mod turn_actor;
pub mod watchdog;
pub mod world;
