//! Load scenarios for Orket, measured so that an operator can size a machine by them.
//!
//! The generator knows a server only by what anybody can see of it: its command line, its HTTP, its
//! files and `/proc`. It depends on no crate of the program, so what it finds is not what the program
//! believes of itself.
//!
//! # Layout
//!
//! - [`cli`]: the command line.
//! - [`context`]: what every scenario is given: the binary, limits, the seed, where to say how far it is.
//! - [`outcome`]: what every scenario gives: measurements, figures, checks, resources over time.
//! - [`measurement`], [`latencies`], [`kind`]: one thing that was done many times: histograms and errors.
//! - [`drive`]: open and closed loops of requests; [`http`]: the client that they use.
//! - [`runs`], [`deliveries`], [`sockets`]: what is asked of a server, and the proof that it was done once.
//! - [`site`]: where it is measured: a server that was named, or one that is started.
//! - [`server`]: a process of `orket` in a folder of its own, killed with all its children.
//! - [`sampler`]: what a process uses, over time, and how its queues stand.
//! - [`report`]: an outcome as JSON, thresholds, comparisons. [`html`]: a report as a page.
//! - [`bare`]: servers that do nothing else, to measure beside ours.
//! - [`scenarios`]: what is measured over HTTP. [`epics`], [`overload`]: scenarios of their own.
//! - [`error`]: why a scenario could not be carried out.
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

pub mod bare;
pub mod cli;
pub mod context;
pub mod deliveries;
pub mod drive;
pub mod epics;
pub mod error;
pub mod html;
pub mod http;
pub mod kind;
pub mod latencies;
pub mod measurement;
pub mod outcome;
pub mod overload;
pub mod report;
pub mod runs;
pub mod sampler;
pub mod scenarios;
pub mod server;
pub mod site;
pub mod sockets;
