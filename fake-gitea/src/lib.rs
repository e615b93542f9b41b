//! A Gitea for tests, on a real socket: holds requests to Gitea's documented shapes, fails when told to.
//!
//! # Layout
//!
//! - [`FakeGitea`]: starts it, sets it up, looks at it (`fake.rs`)
//! - [`State`]: repositories, pulls, labels, issues, comments, and what was asked (`state.rs`)
//! - [`Route`], [`Fault`]: which request fails, and how (`fault.rs`)
//! - `listener.rs`: the port, which can be refused and listened on again
//! - `http.rs`: one request read, one answer written
//! - `answer.rs`: who may ask, what fails, what is recorded
//! - `git.rs`: real repositories, served by `git http-backend`
//! - `routes/`: what each route checks and does
//!
//! It is blocking and has threads of its own, so it serves a test whatever the test's runtime does.
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

mod answer;
mod fake;
mod fault;
mod git;
mod http;
mod listener;
mod routes;
mod shape;
mod state;

pub use fake::{FakeGitea, TimedOut};
pub use fault::{Fault, Route};
pub use state::{Comment, Issue, Label, Merged, Pull, Recorded, Repository, Review, State};
