//! What skills there are, which of their manifests are admitted, and what they may do.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Context;
use crate::asset::{Asset, AssetSource, Library, Loaded, Problem, Skill, admitted};
use crate::plan::CommandTool;
use crate::policy::SkillPolicy;
use crate::skill::{SkillBinding, allowed, permissions};
use crate::tool::{ToolHome, ToolSpec};

/// A tool of a skill and the file it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Provided {
    /// The manifest's file.
    pub file: String,
    /// The tool as it is offered.
    pub spec: ToolSpec,
    /// The tool as it is run.
    pub command: CommandTool,
}

/// What skills there are, read when a role first names a tool that is not built in.
pub(super) struct Skills {
    pub(super) by_tool: BTreeMap<String, Vec<Provided>>,
    pub(super) broken: Vec<Problem>,
}

pub(super) fn read<S: AssetSource>(context: &Context<'_, S>) -> Skills {
    let department = &context.request.department;
    // What is wrong with the policy is told where the plan is put together.
    let (policy, _told_elsewhere) = policy(context);
    let mut skills = Skills {
        by_tool: BTreeMap::new(),
        broken: Vec::new(),
    };
    for name in context.library.list(Skill::CATEGORY, department) {
        match admitted(context.library, &name, department) {
            Err(error) => {
                let file = format!("{}/{name}.json", Skill::CATEGORY);
                skills
                    .broken
                    .extend(error.into_problems(&file, "top level"));
            }
            Ok(skill) => {
                for provided in provided(skill, &policy) {
                    let tool = provided.spec.name.clone();
                    skills.by_tool.entry(tool).or_default().push(provided);
                }
            }
        }
    }
    skills
}

/// The tools of one skill, their limits capped by the policy.
pub fn provided(skill: Loaded<Skill>, policy: &SkillPolicy) -> Vec<Provided> {
    let Loaded { asset, file, .. } = skill;
    let tool = |entrypoint: crate::asset::Entrypoint| {
        let effect = entrypoint.effect();
        let parameters = entrypoint
            .input_schema
            .map_or_else(|| json!({"type": "object"}), Value::Object);
        let about = &asset.description;
        let allowed = allowed(
            &entrypoint.requested_permissions,
            &policy.granted_permissions,
        );
        Provided {
            file: file.clone(),
            spec: ToolSpec {
                name: entrypoint.tool_profile_id.clone(),
                description: entrypoint.description.unwrap_or_else(|| about.clone()),
                parameters,
                effect,
                home: ToolHome::Host,
                time_limit_ms: policy.execution_ms(entrypoint.max_execution_time_ms),
            },
            command: CommandTool {
                command: entrypoint.command,
                working_directory: entrypoint.working_directory,
                environment: entrypoint.required_environment_variables,
                memory_bytes: policy.memory_bytes(entrypoint.max_memory_bytes),
                skill: Some(SkillBinding {
                    skill_id: asset.skill_id.clone(),
                    skill_version: asset.skill_version.clone(),
                    entrypoint_id: entrypoint.entrypoint_id,
                    runtime: entrypoint.runtime,
                    runtime_version: entrypoint.runtime_version.unwrap_or_default(),
                    tool_profile_id: entrypoint.tool_profile_id,
                    tool_profile_version: entrypoint.tool_profile_version,
                    max_execution_ms: entrypoint.max_execution_time_ms,
                    max_memory_bytes: entrypoint.max_memory_bytes,
                    requested_permissions: entrypoint.requested_permissions,
                    required_permissions: entrypoint.required_permissions,
                    allowed_permissions: Some(allowed),
                }),
            },
        }
    };
    asset.entrypoints.into_iter().map(tool).collect()
}

/// What skills may do, and what is wrong with how it is said.
pub(super) fn policy<S>(context: &Context<'_, S>) -> (SkillPolicy, Vec<Problem>) {
    let (rules, file) = match context.organization {
        Some(loaded) => (Some(&loaded.asset.process_rules), loaded.file.as_str()),
        None => (None, "organization.json"),
    };
    let granted = rules.and_then(|rules| rules.get("granted_permissions"));
    let (policy, wrong) = skill_policy(&context.settings.modes, granted);
    let problem = |(field, message)| Problem::new(file, field, message);
    (policy, wrong.into_iter().map(problem).collect())
}

/// The policy that these modes and permissions mean, and what is wrong with them: field, message.
#[must_use]
pub fn skill_policy(
    modes: &BTreeMap<String, String>,
    granted: Option<&Value>,
) -> (SkillPolicy, Vec<(String, String)>) {
    let mut wrong = Vec::new();
    let mut number = |key: &str| -> Option<f64> {
        let text = modes.get(key)?.trim();
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() && number >= 0.0 => {
                // 0 is no limit, as with every clock.
                Some(number).filter(|number| *number > 0.0)
            }
            Ok(_) | Err(_) => {
                let field = format!("process_rules.{key}");
                wrong.push((field, format!("must be a number from 0, not `{text}`")));
                None
            }
        }
    };
    let seconds = number("skill_max_execution_time");
    let mebibytes = number("skill_max_memory");
    let is_permissions = |value: &&Value| {
        value.as_object().is_some_and(|map| {
            let is_text = |value: &Value| value.is_string();
            map.values().all(|value| {
                is_text(value) || value.as_array().is_some_and(|all| all.iter().all(is_text))
            })
        })
    };
    if granted.is_some_and(|value| !value.is_null() && !is_permissions(&value)) {
        let message = "must be an object with a text or a list of texts for each scope";
        wrong.push((
            "process_rules.granted_permissions".to_owned(),
            message.to_owned(),
        ));
    }
    let time = seconds.and_then(|it| std::time::Duration::try_from_secs_f64(it).ok());
    let policy = SkillPolicy {
        granted_permissions: permissions(granted),
        max_execution_ms: time
            .and_then(|time| u64::try_from(time.as_millis()).ok())
            .map(|time| time.max(1)),
        max_memory_bytes: mebibytes.and_then(|it| crate::skill::memory_bytes(&json!(it))),
    };
    (policy, wrong)
}

/// Every skill that `department` sees: its name, and its tools or what is wrong with it.
pub fn all<S: AssetSource>(
    library: &Library<S>,
    department: &str,
) -> Vec<(String, Result<Loaded<Skill>, crate::asset::LoadError>)> {
    let names = library.list(Skill::CATEGORY, department);
    let load = |name: String| {
        let loaded = admitted(library, &name, department);
        (name, loaded)
    };
    names.into_iter().map(load).collect()
}
