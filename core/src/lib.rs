//! The rules of Orket, as pure functions of (state, event) -> (state, effects).
//!
//! Nothing here reads a file, a clock or a socket, and nothing here knows of actix or diesel.
//!
//! # Layout
//!
//! - [`ids`], [`status`], [`transition`]: the words everything else is made of, and the status table.
//! - [`asset`]: what an operator writes (epics, teams, roles, ...), parsed and checked.
//! - [`plan`]: one run with every choice made: what the actors execute and the journal stores.
//! - [`plan_build`]: assets, settings and a request made into such a plan, or all that is wrong with them.
//! - [`policy`]: the rules of one run beyond its seats and cards.
//! - [`run`], [`card_life`], [`turn`]: the three machines the actors drive.
//! - [`contract`], [`tool_call`], [`message`]: what a reply must hold, how it is read, what is asked.
//! - [`phase`]: bug-fix phases of rocks.
//! - [`memory`]: what is remembered between runs, and its traces.
//! - [`model`], [`tool`]: the values exchanged with model providers and tools.
//! - [`scenario`]: what the scripted model answers.
//! - [`skill`]: skill manifests as contracts. [`argument_schema`]: what the schemas in them demand.
//! - [`stages`]: what happens between the start of a run and its first card.
//! - [`stall`]: when silence becomes a stall.
//! - [`failure`], [`backoff`], [`canonical`]: failure classes, retry delays, digests.
//! - [`chain`], [`difference`]: the evidence over a card's steps; where two records part.
//! - [`secret`]: what stands in examples where a secret should.
//! - [`picking`]: what a loop over all departments runs next.
//! - [`webhook`]: what a code host tells of pull requests, and what follows from it.
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

pub mod argument_schema;
pub mod artifact;
pub mod asset;
pub mod backoff;
pub mod build_name;
pub mod canonical;
pub mod card_life;
pub mod chain;
pub mod contract;
pub mod difference;
pub mod failure;
pub mod fork;
pub mod gate;
pub mod ids;
pub mod memory;
pub mod message;
pub mod model;
pub mod phase;
pub mod picking;
pub mod plan;
pub mod plan_build;
pub mod policy;
pub mod relative;
pub mod run;
pub mod scenario;
pub mod secret;
pub mod skill;
pub mod stages;
pub mod stall;
pub mod status;
pub mod tool;
pub mod tool_call;
pub mod tool_catalogue;
pub mod transition;
pub mod turn;
pub mod verify;
pub mod webhook;
