//! An entrypoint as it is called, and what stops a call before anything is executed.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Permissions, missing};
use crate::failure::SkillFault;
use crate::policy::SkillPolicy;
use crate::tool::ToolResult;

/// The field of a tool's result that holds a breach. Results of child processes cannot set it.
pub const BREACH: &str = "skill_violation";
/// The tool belongs to no entrypoint.
pub const UNDECLARED: &str = SkillFault::Undeclared.as_str();
/// The command does not run on the declared runtime.
pub const RUNTIME: &str = SkillFault::Runtime.as_str();
/// A permission was not granted.
pub const PERMISSION: &str = SkillFault::Permission.as_str();
/// A limit was reached.
pub const LIMIT: &str = SkillFault::Limit.as_str();

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
    /// What of all it asks for was granted; `None` in plans of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_permissions: Option<Permissions>,
}

impl SkillBinding {
    /// What its process may do. What is required was granted, or it would not be called.
    #[must_use]
    pub fn allowed(&self) -> &Permissions {
        let known = self.allowed_permissions.as_ref();
        known.unwrap_or(&self.required_permissions)
    }

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
        if self.wants_number(program) && pinned(&self.runtime_version).is_none() {
            let what = format!(
                "`{}` is no version that `{program}` could have; pin it as `3.11`",
                self.runtime_version
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

    /// Whether the runtime is one whose version is a number that its program tells.
    fn wants_number(&self, program: &str) -> bool {
        let runtime = self.runtime.trim().to_ascii_lowercase();
        let is_of_workspace = program.contains('/') && !program.starts_with('/');
        // Where nothing is pinned there is nothing to hold it to.
        matches!(runtime.as_str(), "python" | "node")
            && !is_of_workspace
            && !self.runtime_version.trim().is_empty()
    }

    /// The program whose version must be looked at before this is called as `command`.
    #[must_use]
    pub fn versioned<'a>(&self, command: &'a [String]) -> Option<&'a str> {
        let program = command.first()?;
        let is_of_workspace = program.contains('/') && !program.starts_with('/');
        let is_pinned = pinned(&self.runtime_version).is_some();
        (is_pinned && !is_of_workspace).then_some(program.as_str())
    }

    /// What keeps it from being called by a program that says this of its version.
    #[must_use]
    pub fn other_version(&self, program: &str, told: Option<&str>) -> Option<Breach> {
        let pin = pinned(&self.runtime_version)?;
        let found = match told {
            Some(found) if is_version(found, pin) => return None,
            Some(found) => format!("is version {found}"),
            None => "does not say its version".to_owned(),
        };
        let what = format!(
            "`{program}` {found}, and the manifest pins `{}` {pin}",
            self.runtime
        );
        Some(Breach::new(RUNTIME, what))
    }
}

/// Whether a program is one of a runtime. A program of the workspace names its own interpreter in
/// its first line; any other must be called as the runtime is. Containers cannot be started from
/// here.
fn runs_on(runtime: &str, program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    let is_of_workspace = program.contains('/') && !program.starts_with('/');
    let runtime = runtime.trim().to_ascii_lowercase();
    match runtime.as_str() {
        "container" => false,
        _ if is_of_workspace => true,
        "python" => name.starts_with("python") || name.starts_with("pypy"),
        "node" => matches!(name, "node" | "nodejs"),
        "shell" => matches!(
            name,
            "sh" | "ash" | "bash" | "busybox" | "dash" | "ksh" | "mksh" | "zsh"
        ),
        // `ruby` is run by `ruby` and `ruby3.1`, not by `curl`.
        other => {
            let rest = name.strip_prefix(other);
            !other.is_empty()
                && rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic()))
        }
    }
}

/// The version that a runtime is pinned to, as numbers to compare with what its program says of
/// itself; `None` where it is no number, as shells' `posix`.
fn pinned(version: &str) -> Option<&str> {
    let plain = version.trim().trim_start_matches(['v', '=']);
    let is_number = plain.starts_with(|c: char| c.is_ascii_digit())
        && plain
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-+_".contains(c));
    is_number.then_some(plain)
}

/// The version in what a program prints when it is asked for it: the first word that begins with a
/// number and has a dot in it, `v20.1.0` included.
#[must_use]
pub fn version_told(text: &str) -> Option<&str> {
    let words = text.split(|c: char| c.is_whitespace() || "(),;".contains(c));
    words
        .map(|word| word.strip_prefix('v').unwrap_or(word))
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))
}

/// Whether `found` is the version `pin`, or one of those that begin like it.
fn is_version(found: &str, pin: &str) -> bool {
    found
        .strip_prefix(pin)
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()) && !pin.ends_with('.'))
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

    /// The code as a value; `None` for one that this version does not know.
    #[must_use]
    pub fn fault(&self) -> Option<SkillFault> {
        SkillFault::of(&self.code)
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
