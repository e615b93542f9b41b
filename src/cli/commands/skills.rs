//! `orket skills`: what skills there are, and one of them run as a turn would.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use orket_actors::port::event::{EventSink as _, RuntimeEvent};
use orket_actors::port::tool::{Beat, ToolHost, ToolJob, ToolScope};
use orket_core::asset::{Library, LoadError, Loaded, Skill, admitted};
use orket_core::gate;
use orket_core::plan_build::skills::{Provided, all, provided, skill_policy};
use orket_core::policy::SkillPolicy;
use orket_core::skill::{self, Breach};
use orket_core::tool::{ToolCall, ToolResult};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::assets::DiskThenEmbedded;
use crate::cli::args::{SkillsCommand, SkillsRunArgs, SkillsShowArgs};
use crate::cli::assemble;
use crate::cli::context::Context;
use crate::cli::enter::DEFAULT_WORKSPACE;
use crate::cli::failure::Failure;
use crate::cli::{out, report};
use crate::log::{LogOptions, RunLog};
use crate::owner::host::wall_ms;
use crate::tools::host::{Host, HostOptions};

pub async fn run(context: Context, command: SkillsCommand) -> Result<ExitCode, Failure> {
    let context = &context;
    match command {
        SkillsCommand::List(args) => list(context, &args.department),
        SkillsCommand::Show(args) => show(context, &args),
        SkillsCommand::Run(args) => call(context, args).await,
    }
}

fn library(context: &Context) -> Library<DiskThenEmbedded> {
    Library::new(DiskThenEmbedded::new(&context.cwd))
}

fn policy(context: &Context) -> Result<SkillPolicy, Failure> {
    let rules = assemble::process_rules(&context.cwd)?;
    let modes = context.settings.modes();
    let (policy, wrong) = skill_policy(&modes, rules.get("granted_permissions"));
    match wrong.into_iter().next() {
        None => Ok(policy),
        Some((field, message)) => Err(Failure::new(
            "E_ASSETS",
            format!("organization: {field}: {message}"),
        )
        .hint("correct the organization asset; what skills may do depends on it")),
    }
}

fn refused(error: LoadError) -> Failure {
    let text = error.to_string();
    match error {
        LoadError::NotFound { .. } | LoadError::BadName(_) => {
            Failure::new("E_NOT_FOUND", text).hint("orket skills list")
        }
        LoadError::Unreadable { .. } | LoadError::Broken(_) => {
            Failure::new("E_SKILL_MANIFEST", text).hint("orket check skills --manifest FILE")
        }
    }
}

fn list(context: &Context, department: &str) -> Result<ExitCode, Failure> {
    let skills = all(&library(context), department);
    if context.json {
        let rows: Vec<_> = skills
            .iter()
            .map(|(name, loaded)| match loaded {
                Ok(skill) => json!({
                    "name": name, "skill_id": skill.asset.skill_id,
                    "skill_version": skill.asset.skill_version,
                    "description": skill.asset.description, "file": skill.file,
                    "tools": tools(skill),
                }),
                Err(error) => json!({"name": name, "error": error.to_string()}),
            })
            .collect();
        out::json(&json!({"skills": rows}));
        return Ok(ExitCode::SUCCESS);
    }
    let rows = skills
        .iter()
        .map(|(name, loaded)| match loaded {
            Ok(skill) => vec![
                name.clone(),
                skill.asset.skill_version.clone(),
                tools(skill).join(", "),
                skill.asset.description.clone(),
            ],
            Err(error) => vec![
                name.clone(),
                "-".to_owned(),
                "-".to_owned(),
                format!("not admitted: {error}"),
            ],
        })
        .collect();
    out::print(&report::table(
        &["skill", "version", "tools", "what it does"],
        rows,
    ));
    Ok(ExitCode::SUCCESS)
}

fn tools(skill: &Loaded<Skill>) -> Vec<String> {
    let entrypoints = skill.asset.entrypoints.iter();
    entrypoints
        .map(|entrypoint| entrypoint.tool_profile_id.clone())
        .collect()
}

fn show(context: &Context, args: &SkillsShowArgs) -> Result<ExitCode, Failure> {
    let skill = admitted(&library(context), &args.name, &args.department).map_err(refused)?;
    let policy = policy(context)?;
    let about = skill.asset.clone();
    let file = skill.file.clone();
    let entrypoints: Vec<_> = provided(skill, &policy)
        .into_iter()
        .map(|tool| shown(&tool, &policy))
        .collect();
    if context.json {
        out::json(&json!({
            "name": args.name, "file": file, "skill_id": about.skill_id,
            "skill_version": about.skill_version, "description": about.description,
            "manifest_digest": about.manifest_digest, "entrypoints": entrypoints,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = format!(
        "{} {}: {}\nfile: {file}\ndigest: {}\n",
        about.skill_id, about.skill_version, about.description, about.manifest_digest
    );
    for entrypoint in &entrypoints {
        text.push('\n');
        for (key, value) in entrypoint {
            let value = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            text.push_str(&format!("{key}: {value}\n"));
        }
    }
    out::print(&text);
    Ok(ExitCode::SUCCESS)
}

fn shown(tool: &Provided, policy: &SkillPolicy) -> Map<String, Value> {
    let skill = tool.command.skill.clone().unwrap_or_default();
    let breach = skill.breach(&tool.command.command, policy);
    let fields = json!({
        "entrypoint_id": skill.entrypoint_id,
        "tool": tool.spec.name,
        "tool_profile_version": skill.tool_profile_version,
        "runtime": format!("{} {}", skill.runtime, skill.runtime_version).trim(),
        "command": tool.command.command,
        "working_directory": tool.command.working_directory,
        "environment": tool.command.environment,
        "effect_class": tool.spec.effect,
        "max_execution_ms": tool.spec.time_limit_ms,
        "max_memory_bytes": tool.command.memory_bytes,
        "requested_permissions": skill.requested_permissions,
        "required_permissions": skill.required_permissions,
        "may_run": breach.is_none(),
        "refused": breach.map(|breach| breach.message),
    });
    match fields {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

async fn call(context: &Context, args: SkillsRunArgs) -> Result<ExitCode, Failure> {
    let given: Map<String, Value> = serde_json::from_str(&args.args)
        .map_err(|error| Failure::usage(format!("--args must be a JSON object: {error}")))?;
    let skill = admitted(&library(context), &args.name, &args.department).map_err(refused)?;
    let policy = policy(context)?;
    let tool = chosen(provided(skill, &policy), args.entrypoint.as_deref())?;
    let workspace = working_folder(&context.cwd, args.workspace.as_deref())?;
    let call = ToolCall {
        tool: tool.spec.name.clone(),
        args: given,
    };
    let record = Record::of(context, &tool, &call, &workspace);
    if let Err(failure) = may_run(&tool, &call, &policy) {
        let told = json!({"code": failure.code, "error": failure.message});
        record.tell("skill_run_refused", told);
        return Err(failure);
    }
    record.tell("skill_run_started", json!({"args": call.args}));
    let carried = carried_out(context, tool, call, workspace).await;
    let told = match &carried {
        Ok(result) => json!({"ok": result.ok, "error": result.error,
            "skill_violation": skill::breach_of(result)}),
        Err(failure) => json!({"ok": false, "code": failure.code, "error": failure.message}),
    };
    record.tell("skill_run_ended", told);
    let result = carried?;
    if context.json {
        out::json(&result);
    } else {
        for (name, value) in &result.fields {
            match value {
                Value::String(text) => out::print(&format!("{name}: {}\n", text.trim_end())),
                other => out::print(&format!("{name}: {other}\n")),
            }
        }
        if let Some(error) = &result.error {
            let breach = skill::breach_of(&result).map(|it| it.code);
            let code = breach.as_deref().unwrap_or("E_TOOL_FAILED");
            out::warn(&format!("error[{code}]: {error}"));
        }
    }
    Ok(if result.ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

/// The folder that it works in. One that was named is there already: made on the way, it would only
/// hide that its name is mistyped.
fn working_folder(cwd: &Path, named: Option<&Path>) -> Result<PathBuf, Failure> {
    let Some(named) = named else {
        return Ok(cwd.join(DEFAULT_WORKSPACE));
    };
    let folder = cwd.join(named);
    if folder.is_dir() {
        return Ok(folder);
    }
    let message = format!(
        "the workspace `{}` is not a folder that is there",
        named.display()
    );
    Err(Failure::usage(message).hint("name another with --workspace, or make it first"))
}

/// What the gate would say of the call, whoever made it.
fn may_run(tool: &Provided, call: &ToolCall, policy: &SkillPolicy) -> Result<(), Failure> {
    let skill = tool.command.skill.as_ref();
    let breach = skill.and_then(|skill| skill.breach(&tool.command.command, policy));
    if let Some(Breach { code, message }) = breach {
        return Err(Failure::new(code, message)
            .hint("process_rules.granted_permissions of the organization says what is granted"));
    }
    gate::offered(call, &tool.spec).map_err(|violation| {
        let rule = violation.rule_id.unwrap_or_default();
        Failure::new("E_TOOL_GATE", format!("{rule}: {}", violation.message))
            .hint("--args '{\"NAME\": VALUE}'")
    })
}

/// The record of a call that belongs to no run: lines of the workspace's `orket.log`.
struct Record {
    log: Option<RunLog>,
    about: Value,
    workspace: String,
}

impl Record {
    fn of(context: &Context, tool: &Provided, call: &ToolCall, workspace: &Path) -> Self {
        let skill = tool.command.skill.clone().unwrap_or_default();
        let options = LogOptions {
            zone: context.settings.timezone.clone(),
            // Whoever owns the log turns it over.
            max_bytes: 0,
            ..LogOptions::new(workspace)
        };
        Self {
            log: std::fs::create_dir_all(workspace)
                .and_then(|()| RunLog::start(options))
                .map_err(|error| out::warn(&format!("warning: nothing is logged: {error}")))
                .ok(),
            about: json!({"skill_id": skill.skill_id, "skill_version": skill.skill_version,
                "entrypoint_id": skill.entrypoint_id, "tool": call.tool}),
            workspace: workspace.display().to_string(),
        }
    }

    fn tell(&self, event: &str, more: Value) {
        let mut data = self.about.clone();
        if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
            data.extend(more);
        }
        let event = RuntimeEvent {
            seq: 0,
            at_ms: wall_ms(),
            event: event.to_owned(),
            role: "operator".to_owned(),
            run_id: None,
            issue_id: None,
            workspace: Some(self.workspace.clone()),
            data,
            shown: orket_actors::port::event::Shown::default(),
        };
        if let Some(log) = &self.log {
            log.take(&Arc::new(event));
        }
    }
}

fn chosen(mut tools: Vec<Provided>, wanted: Option<&str>) -> Result<Provided, Failure> {
    let id = |tool: &Provided| {
        let skill = tool.command.skill.as_ref();
        skill.map_or_else(String::new, |skill| skill.entrypoint_id.clone())
    };
    let known: Vec<_> = tools.iter().map(id).collect();
    let place = match wanted {
        Some(wanted) => known.iter().position(|known| known == wanted),
        None if tools.len() == 1 => Some(0),
        None => None,
    };
    match place {
        Some(place) => Ok(tools.swap_remove(place)),
        None => Err(Failure::usage(format!(
            "name one entrypoint with --entrypoint: {}",
            known.join(", ")
        ))),
    }
}

/// Runs it in the same tool host as a turn does.
async fn carried_out(
    context: &Context,
    tool: Provided,
    call: ToolCall,
    workspace: PathBuf,
) -> Result<ToolResult, Failure> {
    let mut options = HostOptions::new(format!("skills-run-{}", std::process::id()));
    options.grace = context.settings.tool_grace;
    options.sandbox.allowance = context.settings.allowance.clone();
    options.sandbox.hidden = assemble::secrets(&context.settings, &context.cwd);
    options
        .sandbox
        .hidden
        .push(context.settings.durable_root.clone());
    options.sandbox.locked = assemble::asset_folders(&context.cwd);
    let host = Host::new(options).map_err(|error| Failure::new("E_START", error.to_string()))?;
    let job = ToolJob {
        scope: ToolScope {
            workspace,
            run_id: "skills-run".to_owned(),
            build_id: String::new(),
            issue_id: String::new(),
            seat: "operator".to_owned(),
            fence: 0,
        },
        call,
        spec: tool.spec,
        command: Some(tool.command),
        key: uuid::Uuid::new_v4().to_string(),
    };
    let beat: Beat = Arc::new(|| {});
    let cancel = CancellationToken::new();
    let running = host.run(job, beat, cancel.clone());
    tokio::pin!(running);
    tokio::select! {
        result = &mut running => Ok(result),
        _asked = tokio::signal::ctrl_c() => {
            cancel.cancel();
            let _gone = running.await;
            Err(Failure {
                exit: crate::cli::failure::INTERRUPTED,
                ..Failure::new("E_INTERRUPTED", "the skill was interrupted; nothing of it is left")
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_that_was_named_must_be_there_and_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let cwd = folder.path();
        std::fs::create_dir(cwd.join("mine")).unwrap();
        let of = |named: &str| working_folder(cwd, Some(Path::new(named)));
        assert_eq!(of("mine"), Ok(cwd.join("mine")));
        let refused = of("nope").unwrap_err();
        assert_eq!((refused.code.as_str(), refused.exit), ("E_USAGE", 2));
        assert_eq!(
            refused.message,
            "the workspace `nope` is not a folder that is there"
        );
        assert!(!cwd.join("nope").exists());
        assert_eq!(working_folder(cwd, None), Ok(cwd.join(DEFAULT_WORKSPACE)));
    }
}
