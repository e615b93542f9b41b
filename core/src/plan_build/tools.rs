//! Which tools a role is offered: built-in ones, and the entrypoints of skills.

use std::collections::BTreeMap;

use super::skills::{self, Skills};
use super::{Context, Findings};
use crate::asset::{AssetSource, Loaded, Role, name};
use crate::plan::CommandTool;
use crate::tool::ToolSpec;

/// Tools of the reference system that are not built here: a role may name them, nobody is offered
/// them.
const NOT_BUILT: &[&str] = &[
    "archive_eval",
    "delete_file",
    "image_analyze",
    "image_generate",
    "nominate_card",
    "promote_prompt",
    "refinement_proposal",
    "report_credits",
    "request_excuse",
    "reset_issue",
];

/// Hands out tools to roles.
pub(super) struct Toolbox<'a, S> {
    context: &'a Context<'a, S>,
    skills: Option<Skills>,
    /// How the tools handed out so far are run, those that are child processes.
    pub(super) commands: BTreeMap<String, CommandTool>,
}

impl<'a, S: AssetSource> Toolbox<'a, S> {
    pub(super) const fn new(context: &'a Context<'a, S>) -> Self {
        Self {
            context,
            skills: None,
            commands: BTreeMap::new(),
        }
    }

    /// The tools of `role`, in its order, each once.
    pub(super) fn offered(
        &mut self,
        role: &Loaded<Role>,
        findings: &mut Findings,
    ) -> Vec<ToolSpec> {
        let mut offered: Vec<ToolSpec> = Vec::new();
        for (place, tool) in role.asset.tools.iter().enumerate() {
            if offered.iter().any(|spec| spec.name == *tool) {
                continue;
            }
            let field = format!("tools[{place}]");
            let built_in = self
                .context
                .catalogue
                .iter()
                .find(|spec| spec.name == *tool);
            if let Some(spec) = built_in {
                offered.push(spec.clone());
            } else if let Some(spec) = self.skill_tool(tool, &role.file, &field, findings) {
                offered.push(spec);
            }
        }
        offered
    }

    fn skill_tool(
        &mut self,
        tool: &str,
        file: &str,
        field: &str,
        findings: &mut Findings,
    ) -> Option<ToolSpec> {
        let context = self.context;
        let skills = self.skills.get_or_insert_with(|| skills::read(context));
        match skills.by_tool.get(tool).map(Vec::as_slice) {
            Some([provided]) => {
                let command = provided.command.clone();
                self.commands.insert(tool.to_owned(), command);
                Some(provided.spec.clone())
            }
            Some([first, second, ..]) => {
                let message = format!(
                    "`{tool}` is provided by both {} and {}; rename one tool_profile_id",
                    first.file, second.file
                );
                findings.problem(file, field, message);
                None
            }
            Some([]) | None if NOT_BUILT.contains(&tool) => {
                let message = format!("`{tool}` is not part of this version and is not offered");
                findings.warn(file, field, message);
                None
            }
            Some([]) | None => {
                let built_in = context.catalogue.iter().map(|spec| spec.name.as_str());
                let known = built_in.chain(skills.by_tool.keys().map(String::as_str));
                let message = format!(
                    "there is no tool `{tool}`, neither built in nor of a skill; {}",
                    name::suggestion(tool, known)
                );
                findings.problem(file, field, message);
                // The tool may be one that a broken manifest would have provided.
                findings.problems.extend(skills.broken.iter().cloned());
                None
            }
        }
    }
}
