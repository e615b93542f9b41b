//! The command line: what may be asked for, and what is done with what a scenario gives.
//!
//! Each scenario has its own `Options` beside its code; what all of them take is in [`common`].

pub mod common;
mod compare;
mod enter;
mod examples;
mod finish;

use clap::{Parser, Subcommand};

pub use common::Common;
pub use enter::enter;

use crate::scenarios::{all, api, mixed, webhook, websocket};
use crate::{bare, epics, overload};

/// Load scenarios for Orket: what a machine takes, measured.
///
/// Without a subcommand: `all`.
#[derive(Debug, Parser)]
#[command(name = "orket-load", version, about, after_help = examples::PROGRAM)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What may be asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Deliveries, heartbeats, runs and WebSockets, one after another, by counts
    #[command(after_help = examples::ALL)]
    All {
        /// Its own.
        #[command(flatten)]
        options: all::Options,
        /// What all scenarios take.
        #[command(flatten)]
        common: Common,
    },
    /// Requests that read, in an open or a closed loop
    #[command(after_help = examples::API)]
    Api {
        /// Its own.
        #[command(flatten)]
        options: api::Options,
        /// What all scenarios take.
        #[command(flatten)]
        common: Common,
    },
    /// Signed deliveries, in an open or a closed loop, each looked for afterwards
    #[command(after_help = examples::WEBHOOK)]
    Webhook {
        /// Its own.
        #[command(flatten)]
        options: webhook::Options,
        /// What all scenarios take.
        #[command(flatten)]
        common: Common,
    },
    /// Clients that listen to events
    #[command(after_help = examples::WEBSOCKET)]
    Websocket {
        /// Its own.
        #[command(flatten)]
        options: websocket::Options,
        /// What all scenarios take.
        #[command(flatten)]
        common: Common,
    },
    /// Everything together at settable rates; each run and delivery is looked for afterwards
    #[command(after_help = examples::MIXED)]
    Mixed {
        /// Its own.
        #[command(flatten)]
        options: mixed::Options,
        /// What all scenarios take.
        #[command(flatten)]
        common: Common,
    },
    /// The same for a long time: nothing may grow, nothing may get slower
    #[command(after_help = examples::SOAK)]
    Soak {
        /// Its own.
        #[command(flatten)]
        options: mixed::SoakOptions,
        /// What all scenarios take.
        #[command(flatten)]
        common: Common,
    },
    /// Run epics on the scripted model through the real binary; each card must end as its seed says
    #[command(after_help = examples::EPICS)]
    Epics {
        /// Its own.
        #[command(flatten)]
        options: epics::Options,
        /// What all scenarios take.
        #[command(flatten)]
        common: Common,
    },
    /// More than the server takes: what it refuses, and how soon it is back
    #[command(after_help = examples::OVERLOAD)]
    Overload {
        /// Its own.
        #[command(flatten)]
        options: overload::Options,
        /// What all scenarios take.
        #[command(flatten)]
        common: Common,
    },
    /// Two reports beside each other
    #[command(after_help = examples::COMPARE)]
    Compare(compare::Options),
    /// A report as an HTML page
    #[command(after_help = examples::PAGE)]
    Page(finish::PageOptions),
    /// A bare server to measure beside ours.
    #[command(hide = true)]
    Bare(bare::Options),
}
