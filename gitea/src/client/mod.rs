//! One call of Gitea's REST API for each thing that is asked.
//!
//! - `options.rs`: where Gitea is and who asks
//! - `reference.rs`: which repository, which pull
//! - `send.rs`: one request, its answer or its failure
//! - `pulls.rs`, `issues.rs`, `repositories.rs`: the calls
//! - `error.rs`: what can go wrong, and what that means for trying again

mod error;
mod issues;
mod options;
mod pulls;
mod reference;
mod repositories;
mod reviews;
mod send;

use std::sync::Arc;

pub use error::{GiteaError, GiteaErrorKind};
pub use issues::NewIssue;
pub(crate) use options::base;
pub use options::{Credentials, GiteaConfigError, GiteaOptions};
pub use pulls::{Merge, MergeWay, Pull, PullState};
pub use reference::{InvalidRef, PullRef, RepoRef};
pub use repositories::Repository;
pub use reviews::Review;

use send::Link;
pub(crate) use send::is_loopback;

/// A Gitea, or a Forgejo. Clones are cheap and share the circuit breaker.
#[derive(Clone)]
pub struct Gitea {
    link: Arc<Link>,
}

impl Gitea {
    /// A client with the machine's clock.
    ///
    /// # Errors
    /// When the address or the credentials cannot be used.
    pub fn new(options: GiteaOptions) -> Result<Self, GiteaConfigError> {
        let zero = std::time::Instant::now();
        let now = move || u64::try_from(zero.elapsed().as_millis()).unwrap_or(u64::MAX);
        Self::with_clock(options, now)
    }

    /// A client whose circuit breaker reads the time, in milliseconds, from `now_ms`.
    ///
    /// # Errors
    /// When the address or the credentials cannot be used.
    pub fn with_clock(
        options: GiteaOptions,
        now_ms: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<Self, GiteaConfigError> {
        let link = Arc::new(Link::new(options, Box::new(now_ms))?);
        Ok(Self { link })
    }

    /// Where Gitea is, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        self.link.url()
    }
}

impl std::fmt::Debug for Gitea {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gitea")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}
