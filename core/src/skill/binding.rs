//! An entrypoint as it is called, and what stops a call before anything is executed.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Permissions, missing};
use crate::policy::SkillPolicy;
use crate::tool::ToolResult;

/// The field of a tool's result that holds a breach. Results of child processes cannot set it.
pub const BREACH: &str = "skill_violation";
/// The tool belongs to no entrypoint.
pub const UNDECLARED: &str = "E_SKILL_UNDECLARED";
/// The command does not run on the declared runtime.
pub const RUNTIME: &str = "E_SKILL_RUNTIME";
/// A permission was not granted.
pub const PERMISSION: &str = "E_SKILL_PERMISSION";
/// A limit was reached.
pub const LIMIT: &str = "E_SKILL_LIMIT";

/// Which entrypoint a tool is, and what it declared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SkillBinding {
    /// The skill.
    pub skill_id: String,
    /// Its version.
    pub skill_version: String,
    /// The entrypoint.
    pub entrypoint_id: String,
    /// What it runs on.
    pub runtime: String,
    /// Which version of it.
    pub runtime_version: String,
    /// The tool's name.
    pub tool_profile_id: String,
    /// The tool's version.
    pub tool_profile_version: String,
    /// The longest it says it runs, in milliseconds.
    pub max_execution_ms: Option<u64>,
    /// The most memory it says it takes, in bytes.
    pub max_memory_bytes: Option<u64>,
    /// What it would like to do.
    pub requested_permissions: Permissions,
    /// What it cannot do without.
    pub required_permissions: Permissions,
}

impl SkillBinding {
    /// What keeps this entrypoint from being called as `command` under `policy`.
    #[must_use]
    pub fn breach(&self, command: &[String], policy: &SkillPolicy) -> Option<Breach> {
        let program = command.first().map_or("", String::as_str);
        if !runs_on(&self.runtime, program) {
            let what = format!(
                "`{program}` does not run on the declared runtime `{}`",
                self.runtime
            );
            return Some(Breach::new(RUNTIME, what));
        }
        let missing = missing(&self.required_permissions, &policy.granted_permissions);
        if missing.is_empty() {
            return None;
        }
        Some(Breach::new(
            PERMISSION,
            format!("missing required permissions ({})", missing.join(", ")),
        ))
    }
}

/// Whether a program is one of a runtime. A program of the workspace names its own interpreter in
/// its first line, and runtimes nobody knows are taken at their word; containers cannot be started
/// from here.
fn runs_on(runtime: &str, program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    let is_of_workspace = program.contains('/') && !program.starts_with('/');
    match runtime.trim().to_ascii_lowercase().as_str() {
        "python" => is_of_workspace || name.starts_with("python") || name.starts_with("pypy"),
        "node" => is_of_workspace || matches!(name, "node" | "nodejs"),
        "shell" => {
            is_of_workspace
                || matches!(
                    name,
                    "sh" | "ash" | "bash" | "busybox" | "dash" | "ksh" | "mksh" | "zsh"
                )
        }
        "container" => false,
        _ => true,
    }
}

/// A call that broke a skill's contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breach {
    /// `E_SKILL_…`.
    pub code: String,
    /// What is wrong; begins with `Skill contract violation`.
    pub message: String,
}

impl Breach {
    fn new(code: &str, what: impl std::fmt::Display) -> Self {
        Self {
            code: code.to_owned(),
            message: format!("Skill contract violation: {what}"),
        }
    }

    /// These limits stopped the entrypoint.
    #[must_use]
    pub fn limits(names: &str) -> Self {
        Self::new(LIMIT, format!("runtime limits exceeded ({names})"))
    }

    /// As the result of the call.
    #[must_use]
    pub fn into_result(self) -> ToolResult {
        let mut result = ToolResult::failed(self.message.clone());
        self.mark(&mut result);
        result
    }

    /// Whether trying again cannot help: only a limit may be kept the next time.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.code != LIMIT
    }

    /// Writes it into a result.
    pub fn mark(&self, result: &mut ToolResult) {
        let value = json!({"code": self.code, "message": self.message});
        result.fields.insert(BREACH.to_owned(), value);
    }
}

/// A tool that is neither built in nor an entrypoint.
#[must_use]
pub fn undeclared(tool: &str) -> Breach {
    Breach::new(
        UNDECLARED,
        format!("undeclared entrypoint/tool `{tool}`; use one of the tools you were given"),
    )
}

/// The breach that a result tells of.
#[must_use]
pub fn breach_of(result: &ToolResult) -> Option<Breach> {
    let field = |value: &Value, key: &str| Some(value.get(key)?.as_str()?.to_owned());
    let value = result.fields.get(BREACH)?;
    Some(Breach {
        code: field(value, "code")?,
        message: field(value, "message")?,
    })
}
