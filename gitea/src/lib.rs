//! Asks Gitea and Forgejo to do things: merge, comment, close, open issues; exports runs into a repository.
//!
//! # Layout
//!
//! - [`client`]: [`Gitea`], one call of the REST API for each thing that is asked
//! - [`breaker`]: a server that fails again and again is left alone for a while
//! - [`git`]: the `git` program with credentials that no argument, address or file shows
//! - [`export`]: the files of a run in a repository
//! - [`secret`]: what must not be shown
//!
//! The client tries once. Whoever calls it decides what is tried again, by
//! [`GiteaError::is_transient`] and [`GiteaError::may_have_happened`].
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

pub mod breaker;
pub mod client;
pub mod export;
pub mod git;
pub mod secret;

pub use client::{
    Credentials, Gitea, GiteaConfigError, GiteaError, GiteaErrorKind, GiteaOptions, InvalidRef,
    Merge, MergeWay, NewIssue, Pull, PullRef, PullState, RepoRef, Repository,
};
pub use export::{ExportError, ExportLimits, ExportOptions, Exported, Exporter, RunFiles};
pub use git::{Git, GitError, GitErrorKind, Revision};
pub use secret::Secret;
