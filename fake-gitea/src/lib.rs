//! A Gitea for tests, on a real socket: holds requests to Gitea's documented shapes, fails when told to.
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
