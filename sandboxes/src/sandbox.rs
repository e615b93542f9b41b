//! A sandbox as others see it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::address::Address;

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
    /// Node, React, PostgreSQL.
    #[serde(rename = "node-react-postgres")]
    NodeReactPostgres,
    /// Django, React, PostgreSQL.
    #[serde(rename = "django-react-postgres")]
    DjangoReactPostgres,
}

impl TechStack {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::FastapiReactPostgres,
        Self::FastapiVueMongo,
        Self::CsharpRazorEf,
        Self::NodeReactPostgres,
        Self::DjangoReactPostgres,
    ];

    /// Its name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FastapiReactPostgres => "fastapi-react-postgres",
            Self::FastapiVueMongo => "fastapi-vue-mongo",
            Self::CsharpRazorEf => "csharp-razor-ef",
            Self::NodeReactPostgres => "node-react-postgres",
            Self::DjangoReactPostgres => "django-react-postgres",
        }
    }

    /// The stack of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stack| stack.name() == name)
    }
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
    /// It is being taken down; what failed is tried again.
    Stopping,
    /// It is down and holds no ports: it never came up, or its containers are gone.
    Stopped,
    /// It is gone with all that it stored; told for a day.
    Deleted,
}

impl SandboxStatus {
    /// Its name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Running => "running",
            Self::Unhealthy => "unhealthy",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Deleted => "deleted",
        }
    }

    /// Whether containers of it may be there, and its ports are taken.
    #[must_use]
    pub const fn is_live(self) -> bool {
        match self {
            Self::Creating | Self::Running | Self::Unhealthy | Self::Stopping => true,
            Self::Stopped | Self::Deleted => false,
        }
    }
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

/// A sandbox that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSandbox {
    /// The rock that was built. Each has one sandbox at most.
    pub rock_id: String,
    /// The project's name, for people.
    pub project_name: String,
    /// What it is made of.
    pub tech_stack: TechStack,
    /// The folder with what was built, absolute: the folders that containers are built from are below
    /// its `agent_output`, or directly in it.
    pub workspace_path: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_json() {
        for stack in TechStack::ALL {
            assert_eq!(serde_json::to_value(stack).unwrap(), stack.name());
            assert_eq!(TechStack::parse(stack.name()), Some(stack));
        }
        for status in [
            SandboxStatus::Creating,
            SandboxStatus::Running,
            SandboxStatus::Unhealthy,
            SandboxStatus::Stopping,
            SandboxStatus::Stopped,
            SandboxStatus::Deleted,
        ] {
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        }
    }
}
