//! Which model answers, from the strongest choice to the weakest: the command line, the epic's
//! `params.model_overrides`, `ORKET_MODEL_<ROLE>`, the user's preferences, the organization's rules,
//! the environment asset, the built-in default.
//!
//! A scripted environment is a dry run: only the command line and `ORKET_MODEL_<ROLE>` come before
//! it, so that a demo never asks a real model because of some setting of the house.

use serde_json::{Map, Value};

use super::{Context, Findings};
use crate::asset::AssetSource;
use crate::model::ModelName;

/// The key of `params` that chooses models by role.
pub(super) const OVERRIDES: &str = "model_overrides";

const SCRIPTED: &str = "scripted";

/// One place where a model is written.
struct Choice {
    file: String,
    field: String,
    text: String,
}

impl Choice {
    fn new(file: &str, field: impl Into<String>, text: &str) -> Self {
        Self {
            file: file.to_owned(),
            field: field.into(),
            text: text.to_owned(),
        }
    }
}

/// The role whose preferences and rules another role shares.
fn alias(role: &str) -> &str {
    match role {
        "backend_specialist" | "senior_developer" => "coder",
        "lead_architect" => "architect",
        "integrity_guard" => "reviewer",
        other => other,
    }
}

/// What answers when nobody chose.
fn built_in(role: &str) -> &'static str {
    match alias(role) {
        "architect" => "ollama:deepseek-r1:32b",
        "reviewer" => "ollama:Mistral-Nemo:12B",
        _ => "ollama:qwen2.5-coder:14b",
    }
}

/// The model of a seat whose speaking role is `role`; `None` when the choice is wrong.
pub(super) fn choose<S: AssetSource>(
    context: &Context<'_, S>,
    role: &str,
    findings: &mut Findings,
) -> Option<ModelName> {
    let mut choice = from_command_line(context);
    if !is_scripted(context) {
        choice = choice.or_else(|| from_epic(context, role, findings));
    }
    choice = choice.or_else(|| from_variable(context, role));
    if !is_scripted(context) {
        choice = choice
            .or_else(|| from_preferences(context, role))
            .or_else(|| from_organization(context, role, findings));
    }
    let environment = context.environment;
    choice = choice.or_else(|| {
        let model = environment.asset.model.as_ref()?;
        Some(Choice::new(&environment.file, "model", &model.to_string()))
    });
    match choice {
        Some(choice) => settle(context, &choice, findings),
        None => ModelName::parse(built_in(role)).ok(),
    }
}

/// Checks a card's own `params.model_overrides`, and drops them where a stronger choice was made.
pub(super) fn settle_card_overrides<S: AssetSource>(
    context: &Context<'_, S>,
    params: &mut Map<String, Value>,
    field: &str,
    findings: &mut Findings,
) {
    if context.request.model_override.is_some() || is_scripted(context) {
        params.remove(OVERRIDES);
        return;
    }
    let file = &context.epic.file;
    let field = format!("{field}.{OVERRIDES}");
    for role in keys(params.get(OVERRIDES)) {
        let choice = entry(params.get(OVERRIDES), &role, file, &field, findings);
        if let Some(choice) = choice {
            settle(context, &choice, findings);
        }
    }
    if !matches!(params.get(OVERRIDES), None | Some(Value::Object(_))) {
        findings.problem(file, field, "must be an object of models by role");
    }
}

fn keys(value: Option<&Value>) -> Vec<String> {
    let map = value.and_then(Value::as_object);
    map.into_iter().flat_map(Map::keys).cloned().collect()
}

/// Whether this is a dry run.
fn is_scripted<S>(context: &Context<'_, S>) -> bool {
    let model = context.environment.asset.model.as_ref();
    model.is_some_and(|model| model.provider == SCRIPTED)
}

fn from_command_line<S>(context: &Context<'_, S>) -> Option<Choice> {
    let text = context.request.model_override.as_deref()?;
    Some(Choice::new("command line", "--model", text))
}

fn from_epic<S>(context: &Context<'_, S>, role: &str, findings: &mut Findings) -> Option<Choice> {
    let overrides = context.epic.asset.card.params.get(OVERRIDES);
    let field = format!("params.{OVERRIDES}");
    entry(overrides, role, &context.epic.file, &field, findings)
}

fn from_variable<S>(context: &Context<'_, S>, role: &str) -> Option<Choice> {
    let part: String = role
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '_' })
        .collect();
    let part = part.to_uppercase();
    let text = context.settings.env_models.get(&part)?;
    Some(Choice::new(
        "process environment",
        format!("ORKET_MODEL_{part}"),
        text,
    ))
}

fn from_preferences<S>(context: &Context<'_, S>, role: &str) -> Option<Choice> {
    [role, alias(role)].into_iter().find_map(|role| {
        let text = context.settings.preference_models.get(role)?;
        Some(Choice::new("preferences", format!("models.{role}"), text))
    })
}

fn from_organization<S>(
    context: &Context<'_, S>,
    role: &str,
    findings: &mut Findings,
) -> Option<Choice> {
    let organization = context.organization?;
    let file = &organization.file;
    let rules = &organization.asset.process_rules;
    let models = rules.get("models");
    let by_role = [role, alias(role)]
        .into_iter()
        .find_map(|role| entry(models, role, file, "process_rules.models", findings));
    by_role.or_else(|| match rules.get("default_llm")? {
        Value::Null => None,
        Value::String(text) => Some(Choice::new(file, "process_rules.default_llm", text)),
        _ => {
            findings.problem(file, "process_rules.default_llm", "must be a model's name");
            None
        }
    })
}

/// The model of `role` in an object of models by role.
fn entry(
    models: Option<&Value>,
    role: &str,
    file: &str,
    field: &str,
    findings: &mut Findings,
) -> Option<Choice> {
    match models? {
        Value::Object(map) => match map.get(role)? {
            Value::String(text) => Some(Choice::new(file, format!("{field}.{role}"), text)),
            _ => {
                findings.problem(file, format!("{field}.{role}"), "must be a model's name");
                None
            }
        },
        Value::Null => None,
        _ => {
            findings.problem(file, field, "must be an object of models by role");
            None
        }
    }
}

/// Reads the name; the scenario of a scripted model must be there.
fn settle<S: AssetSource>(
    context: &Context<'_, S>,
    choice: &Choice,
    findings: &mut Findings,
) -> Option<ModelName> {
    let model = match ModelName::parse(&choice.text) {
        Ok(model) => model,
        Err(error) => {
            findings.problem(&choice.file, &choice.field, error);
            return None;
        }
    };
    if model.provider == SCRIPTED {
        let department = &context.request.department;
        let found = context
            .library
            .find("scenario", "scenarios", &model.model, department);
        if let Err(error) = found {
            let problems = error.into_problems(&choice.file, &choice.field);
            findings.problems.extend(problems);
            return None;
        }
    }
    Some(model)
}
