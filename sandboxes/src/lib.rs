//! Sandboxes: what was built, brought up for people to look at. This is what others may know and ask of
//! them; whoever runs them implements [`Sandboxes`]. (The walls round child processes are
//! `tools::child::sandbox`.)
//!
//! - [`address`]: addresses without their secrets.
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

use std::collections::BTreeMap;

use futures_util::future::{BoxFuture, FutureExt as _};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use address::Address;

/// What a sandbox is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum TechStack {
    /// FastAPI, React, PostgreSQL.
    #[serde(rename = "fastapi-react-postgres")]
    FastapiReactPostgres,
    /// FastAPI, Vue, MongoDB.
    #[serde(rename = "fastapi-vue-mongo")]
    FastapiVueMongo,
    /// C#, Razor, Entity Framework.
    #[serde(rename = "csharp-razor-ef")]
    CsharpRazorEf,
}

/// How a sandbox stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SandboxStatus {
    /// It is being brought up.
    Creating,
    /// It runs.
    Running,
    /// Part of it does not run.
    Unhealthy,
    /// It is being taken down.
    Stopping,
    /// It is down; what it stored is kept.
    Stopped,
    /// It is gone with all that it stored.
    Deleted,
}

/// The ports of this machine that lead into a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ports {
    /// The API.
    pub api: u16,
    /// The frontend.
    pub frontend: u16,
    /// The database.
    pub database: u16,
    /// The database's own web page, where there is one.
    pub admin_tool: Option<u16>,
}

/// A sandbox. It holds no secrets: [`Address`] cannot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Sandbox {
    /// Its id, `sandbox-…`.
    pub id: String,
    /// The rock that was built.
    pub rock_id: String,
    /// The project's name.
    pub project_name: String,
    /// What it is made of.
    pub tech_stack: TechStack,
    /// How it stands.
    pub status: SandboxStatus,
    /// Its ports.
    pub ports: Ports,
    /// Its project's name with docker compose.
    pub compose_project: String,
    /// Where its files are.
    pub workspace_path: String,
    /// ISO 8601, UTC.
    pub created_at: String,
    /// When it ran first.
    pub deployed_at: Option<String>,
    /// When it was deleted.
    pub deleted_at: Option<String>,
    /// Looks at its health that went well.
    pub health_checks_passed: u64,
    /// Looks at its health that did not.
    pub health_checks_failed: u64,
    /// The last one.
    pub last_health_check: Option<String>,
    /// Where its API is.
    pub api_url: Address,
    /// Where its frontend is.
    pub frontend_url: Address,
    /// Where its database is, without the password.
    pub database_url: Address,
    /// Where its database's own web page is.
    pub admin_url: Option<Address>,
    /// Its containers.
    pub container_ids: BTreeMap<String, String>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SandboxError {
    /// There is no such sandbox.
    #[error("sandbox `{0}` not found")]
    Unknown(String),
    /// It has no such service.
    #[error("sandbox `{id}` has no service `{service}`")]
    UnknownService {
        /// The sandbox.
        id: String,
        /// The service.
        service: String,
    },
    /// It cannot be reached, or does not do it. Without secrets, in words.
    #[error("sandbox `{id}`: {reason}")]
    Failed {
        /// The sandbox.
        id: String,
        /// Why.
        reason: String,
    },
}

/// What can be asked of those who run sandboxes. Each answer comes within a time.
pub trait Sandboxes: Send + Sync + 'static {
    /// All that there are, oldest first.
    fn list(&self) -> BoxFuture<'static, Result<Vec<Sandbox>, SandboxError>>;

    /// Takes one down. One that is down already is down.
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
