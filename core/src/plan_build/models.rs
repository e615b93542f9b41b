//! Which model answers, from the strongest choice to the weakest: the command line, the epic's
//! `params.model_overrides`, `ORKET_OPERATOR_MODEL` for operations_lead, `ORKET_MODEL_<ROLE>`, the
//! user's preferences, the organization's rules, the environment asset, the built-in default. What
//! was not chosen on the command line is held to the compliance policy.
//!
//! A scripted environment is a dry run: only the command line and the variables come before it, so
//! that a demo never asks a real model because of some setting of the house.
//!
//! # Layout
//!
//! - this file: the order of the choices.
//! - [`assign`]: the choice for each role, to be shown.
//! - [`compliance`]: models that may not answer.

pub mod assign;
pub mod compliance;

use serde_json::{Map, Value};

use self::compliance::Reason;
use super::{Context, Findings, PlanSettings};
use crate::asset::{AssetSource, Environment, Epic, Library, Loaded, Organization};
use crate::model::ModelName;

/// The key of `params` that chooses models by role.
pub(super) const OVERRIDES: &str = "model_overrides";

const SCRIPTED: &str = "scripted";

/// Where a model may be chosen.
struct Places<'a, S> {
    library: &'a Library<S>,
    department: &'a str,
    command_line: Option<&'a str>,
    epic: Option<&'a Loaded<Epic>>,
    settings: &'a PlanSettings,
    organization: Option<&'a Loaded<Organization>>,
    environment: Option<&'a Loaded<Environment>>,
}

impl<'a, S> Places<'a, S> {
    const fn of(context: &Context<'a, S>) -> Self {
        Self {
            library: context.library,
            department: context.request.department.as_str(),
            command_line: match &context.request.model_override {
                Some(text) => Some(text.as_str()),
                None => None,
            },
            epic: Some(context.epic),
            settings: context.settings,
            organization: context.organization,
            environment: Some(context.environment),
        }
    }
}

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

/// A choice, and what the compliance policy makes of it.
struct Settled {
    choice: Choice,
    selected: ModelName,
    answers: ModelName,
    reason: Reason,
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
    let settled = Places::of(context).choose(role, findings)?;
    warn_if_demoted(&settled, findings);
    Some(settled.answers)
}

fn warn_if_demoted(settled: &Settled, findings: &mut Findings) {
    if settled.reason.is_demotion() {
        let Settled {
            choice,
            selected,
            answers,
            reason,
        } = settled;
        let message = format!(
            "`{selected}` may not answer ({reason}, {}); `{answers}` does instead",
            compliance::KEY
        );
        findings.warn(&choice.file, &choice.field, message);
    }
}

/// Checks a card's own `params.model_overrides`, puts in their place what the compliance policy lets
/// answer, and drops them where a stronger choice was made.
pub(super) fn settle_card_overrides<S: AssetSource>(
    context: &Context<'_, S>,
    params: &mut Map<String, Value>,
    field: &str,
    findings: &mut Findings,
) {
    let places = Places::of(context);
    if places.command_line.is_some() || places.is_scripted() {
        params.remove(OVERRIDES);
        return;
    }
    let file = &context.epic.file;
    let field = format!("{field}.{OVERRIDES}");
    for role in keys(params.get(OVERRIDES)) {
        let choice = entry(params.get(OVERRIDES), &role, file, &field, findings);
        let Some(settled) = choice.and_then(|choice| places.settle(&role, choice, findings)) else {
            continue;
        };
        warn_if_demoted(&settled, findings);
        if settled.reason.is_demotion()
            && let Some(Value::Object(overrides)) = params.get_mut(OVERRIDES)
        {
            overrides.insert(role, Value::from(settled.answers.to_string()));
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

impl<S> Places<'_, S> {
    /// Whether this is a dry run.
    fn is_scripted(&self) -> bool {
        let model = self
            .environment
            .and_then(|loaded| loaded.asset.model.as_ref());
        model.is_some_and(|model| model.provider == SCRIPTED)
    }

    fn of_command_line(&self) -> Option<Choice> {
        let text = self.command_line?;
        Some(Choice::new("command line", "--model", text))
    }

    fn of_epic(&self, role: &str, findings: &mut Findings) -> Option<Choice> {
        let epic = self.epic?;
        let overrides = epic.asset.card.params.get(OVERRIDES);
        let field = format!("params.{OVERRIDES}");
        entry(overrides, role, &epic.file, &field, findings)
    }

    fn of_variable(&self, role: &str) -> Option<Choice> {
        const FILE: &str = "process environment";
        if role == "operations_lead"
            && let Some(text) = &self.settings.operator_model
        {
            return Some(Choice::new(FILE, "ORKET_OPERATOR_MODEL", text));
        }
        let part: String = role
            .chars()
            .map(|c| if c.is_alphanumeric() { c } else { '_' })
            .collect();
        let part = part.to_uppercase();
        let text = self.settings.env_models.get(&part)?;
        Some(Choice::new(FILE, format!("ORKET_MODEL_{part}"), text))
    }

    fn of_preferences(&self, role: &str) -> Option<Choice> {
        [role, alias(role)].into_iter().find_map(|role| {
            let text = self.settings.preference_models.get(role)?;
            Some(Choice::new("preferences", format!("models.{role}"), text))
        })
    }

    fn of_organization(&self, role: &str, findings: &mut Findings) -> Option<Choice> {
        let organization = self.organization?;
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

    fn of_environment(&self) -> Option<Choice> {
        let environment = self.environment?;
        let model = environment.asset.model.as_ref()?;
        Some(Choice::new(&environment.file, "model", &model.to_string()))
    }
}

impl<S: AssetSource> Places<'_, S> {
    /// The strongest choice; `None` when it is wrong.
    fn choose(&self, role: &str, findings: &mut Findings) -> Option<Settled> {
        let mut choice = self.of_command_line();
        if !self.is_scripted() {
            choice = choice.or_else(|| self.of_epic(role, findings));
        }
        choice = choice.or_else(|| self.of_variable(role));
        if !self.is_scripted() {
            choice = choice
                .or_else(|| self.of_preferences(role))
                .or_else(|| self.of_organization(role, findings));
        }
        let choice = choice
            .or_else(|| self.of_environment())
            .unwrap_or_else(|| Choice::new("built in", "default", built_in(role)));
        self.settle(role, choice, findings)
    }

    /// Reads the name and holds it to the compliance policy, unless it was given on the command line.
    fn settle(&self, role: &str, choice: Choice, findings: &mut Findings) -> Option<Settled> {
        let selected = self.read(&choice, findings)?;
        if self.command_line.is_some() {
            return Some(Settled {
                choice,
                answers: selected.clone(),
                selected,
                reason: Reason::Override,
            });
        }
        let policy = compliance::read(self.settings.compliance.as_ref(), self.organization);
        let policy = match policy {
            Ok(policy) => policy,
            Err(problems) => {
                findings.problems.extend(problems);
                return None;
            }
        };
        let reason = policy.judge(&selected);
        let mut answers = selected.clone();
        if reason.is_demotion() {
            let fallback = match policy.fallback() {
                Some((file, field, text)) => Choice::new(file, field, text),
                None => Choice::new("built in", "default", built_in(role)),
            };
            answers = self.read(&fallback, findings)?;
            if policy.judge(&answers).is_demotion() {
                let message = format!(
                    "`{answers}` may not answer either; name a model that may as fallback_model of {}",
                    compliance::KEY
                );
                findings.problem(&fallback.file, &fallback.field, message);
                return None;
            }
        }
        Some(Settled {
            choice,
            selected,
            answers,
            reason,
        })
    }

    /// Reads the name; the scenario of a scripted model must be there.
    fn read(&self, choice: &Choice, findings: &mut Findings) -> Option<ModelName> {
        let model = match ModelName::parse(&choice.text) {
            Ok(model) => model,
            Err(error) => {
                findings.problem(&choice.file, &choice.field, error);
                return None;
            }
        };
        if model.provider == SCRIPTED {
            let found = self
                .library
                .find("scenario", "scenarios", &model.model, self.department);
            if let Err(error) = found {
                let problems = error.into_problems(&choice.file, &choice.field);
                findings.problems.extend(problems);
                return None;
            }
        }
        Some(model)
    }
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
