//! Sandboxes: what was built, brought up for people to look at. (The walls round child processes are
//! `tools::child::sandbox` of the program.)
//!
//! # Layout
//!
//! - this file: what can be asked, [`Sandboxes`].
//! - [`DockerCompose`]: sandboxes that docker compose runs; [`NoSandboxes`]: none.
//! - [`sandbox`], [`error`], [`address`], [`id`]: what is said of them.
//! - [`ports`]: which ports of this machine lead where; [`stack`] and `compose`: what is brought up.
//! - `registry`: records on disk; `docker`: the program; `secret`, `yaml`, `printable`: as they
//!   say.
//! - [`options`]: what can be set.
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

pub mod address;
mod compose;
mod docker;
mod docker_compose;
pub mod error;
pub mod id;
pub mod options;
pub mod ports;
mod printable;
mod registry;
pub mod sandbox;
mod secret;
pub mod stack;
mod yaml;

use futures_util::future::{BoxFuture, FutureExt as _};

pub use address::Address;
pub use docker_compose::{DockerCompose, Reconciled};
pub use error::SandboxError;
pub use options::{ContainerLimits, Options};
pub use printable::printable;
pub use registry::{damaged, recorded};
pub use sandbox::{NewSandbox, Ports, Sandbox, SandboxStatus, TechStack};

/// What can be asked of those who run sandboxes. Each answer comes within a time.
pub trait Sandboxes: Send + Sync + 'static {
    /// All that there are, oldest first; those that were deleted within a day too.
    fn list(&self) -> BoxFuture<'static, Result<Vec<Sandbox>, SandboxError>>;

    /// The sandbox of a rock, once it runs: the one that runs already, or a new one. What was begun goes
    /// on when the answer is not waited for. Those who bring none up say so.
    fn create(&self, _new: NewSandbox) -> BoxFuture<'static, Result<Sandbox, SandboxError>> {
        async { Err(SandboxError::Disabled) }.boxed()
    }

    /// Takes one down with all that it stored. One that is down already is down.
    fn stop(&self, id: &str) -> BoxFuture<'static, Result<(), SandboxError>>;

    /// The last lines of its log; those of one service when it is named. Bounded.
    fn logs(
        &self,
        id: &str,
        service: Option<&str>,
    ) -> BoxFuture<'static, Result<String, SandboxError>>;
}

/// There are none.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSandboxes;

impl Sandboxes for NoSandboxes {
    fn list(&self) -> BoxFuture<'static, Result<Vec<Sandbox>, SandboxError>> {
        async { Ok(Vec::new()) }.boxed()
    }

    fn stop(&self, id: &str) -> BoxFuture<'static, Result<(), SandboxError>> {
        let unknown = SandboxError::Unknown(id.to_owned());
        async { Err(unknown) }.boxed()
    }

    fn logs(
        &self,
        id: &str,
        _service: Option<&str>,
    ) -> BoxFuture<'static, Result<String, SandboxError>> {
        let unknown = SandboxError::Unknown(id.to_owned());
        async { Err(unknown) }.boxed()
    }
}
