//! What a code host (Gitea, Forgejo) tells of pull requests, and what follows from it: pure, like
//! everything here.
//!
//! - [`delivery`]: what was told, whichever dialect it was told in.
//! - [`review_policy`]: the organization's rules about reviews (`pr_review_policy`).
//! - [`outcome`]: what is answered.
//! - `prune`: reads of a payload only what something follows from.
//! - [`pull_request`]: what is known of a pull request, and what an event makes of it.
//! - [`wording`]: what is written into comments and issues.

pub mod delivery;
pub mod outcome;
mod prune;
pub mod pull_request;
pub mod review_policy;
pub mod wording;
