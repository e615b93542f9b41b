//! What is stored of a sandbox.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::id;
use crate::sandbox::{NewSandbox, Ports, Sandbox, SandboxStatus, TechStack};

/// The version of [`Record`].
pub(crate) const SCHEMA: u32 = 1;

/// What a sandbox that is being taken down becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    /// It did not come up, and may be tried again.
    Stopped,
    /// Somebody is done with it, or its time is over.
    Deleted,
}

impl Goal {
    pub(crate) const fn status(self) -> SandboxStatus {
        match self {
            Self::Stopped => SandboxStatus::Stopped,
            Self::Deleted => SandboxStatus::Deleted,
        }
    }
}

/// See the file's head. It holds no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// [`SCHEMA`] when it was written.
    pub(crate) schema: u32,
    pub(crate) id: String,
    pub(crate) rock_id: String,
    pub(crate) project_name: String,
    pub(crate) tech_stack: TechStack,
    pub(crate) status: SandboxStatus,
    /// Where its ports are counted from; held while the status is live.
    pub(crate) offset: u16,
    pub(crate) workspace_path: String,
    /// The folder that its containers are built from.
    pub(crate) base: PathBuf,
    /// Milliseconds since 1970-01-01 UTC, as all times here.
    pub(crate) created_ms: i64,
    pub(crate) deployed_ms: Option<i64>,
    pub(crate) deleted_ms: Option<i64>,
    pub(crate) checked_ms: Option<i64>,
    pub(crate) checks_passed: u64,
    pub(crate) checks_failed: u64,
    pub(crate) container_ids: BTreeMap<String, String>,
    pub(crate) last_error: Option<String>,
    /// While it is being taken down.
    pub(crate) goal: Option<Goal>,
    /// Whose it is: a digest of the registry's folder. In a copy of the folder it is that of the original.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) home: Option<String>,
    /// The docker that brought it up, as it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) engine: Option<String>,
    /// Its containers went by themselves: what they stored stays until somebody stops it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) kept: bool,
}

impl Record {
    pub(crate) fn new(id: &str, new: &NewSandbox, base: PathBuf, offset: u16, now_ms: i64) -> Self {
        Self {
            schema: SCHEMA,
            id: id.to_owned(),
            rock_id: new.rock_id.clone(),
            project_name: new.project_name.clone(),
            tech_stack: new.tech_stack,
            status: SandboxStatus::Creating,
            offset,
            workspace_path: new.workspace_path.clone(),
            base,
            created_ms: now_ms,
            deployed_ms: None,
            deleted_ms: None,
            checked_ms: None,
            checks_passed: 0,
            checks_failed: 0,
            container_ids: BTreeMap::new(),
            last_error: None,
            goal: None,
            home: None,
            engine: None,
            kept: false,
        }
    }

    pub(crate) fn ports(&self) -> Ports {
        Ports::at(self.tech_stack, self.offset)
    }

    /// As others see it.
    pub(crate) fn shown(&self) -> Sandbox {
        let ports = self.ports();
        let local = |port: u16| Address::new(&format!("http://localhost:{port}"));
        Sandbox {
            id: self.id.clone(),
            rock_id: self.rock_id.clone(),
            project_name: self.project_name.clone(),
            tech_stack: self.tech_stack,
            status: self.status,
            ports,
            compose_project: id::project(&self.id),
            workspace_path: self.workspace_path.clone(),
            created_at: iso(self.created_ms),
            deployed_at: self.deployed_ms.map(iso),
            deleted_at: self.deleted_ms.map(iso),
            health_checks_passed: self.checks_passed,
            health_checks_failed: self.checks_failed,
            last_health_check: self.checked_ms.map(iso),
            api_url: local(ports.api),
            frontend_url: local(ports.frontend),
            database_url: self.tech_stack.database_url(&ports),
            admin_url: ports.admin_tool.map(local),
            container_ids: self.container_ids.clone(),
            last_error: self.last_error.clone(),
        }
    }
}

/// ISO 8601, UTC, whole seconds.
fn iso(ms: i64) -> String {
    jiff::Timestamp::from_second(ms.div_euclid(1_000))
        .map(|time| time.to_string())
        .unwrap_or_default()
}
