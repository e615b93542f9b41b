//! Asks Gitea and Forgejo to do things: merge, comment, close, open issues; exports runs into a repository.
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
