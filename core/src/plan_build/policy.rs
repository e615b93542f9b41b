//! The run's policy: from the operator's modes, the organization's process rules, and the epic.

mod approvals;
pub(super) mod budget;
mod guard_loop;
mod memory;
mod prompts;
mod verifier;

use serde_json::{Map, Value};

use super::{Context, Findings, stages};
use crate::asset::AssetSource;
use crate::contract::ScopeLimits;
use crate::plan::{CardPlan, SeatPlan};
use crate::policy::{ContractPolicy, FileOwnership, GatePolicy, RunPolicy};
use crate::stages::StagePlan;
use crate::stages::knob::{ARCHITECTURE_MODE, FLAG, FRONTEND_FRAMEWORK_MODE, STATE_BACKEND_MODE};

/// The policy of the run; `told` is what was decided about its team.
pub(super) fn build<S: AssetSource>(
    context: &Context<'_, S>,
    mut told: Vec<StagePlan>,
    findings: &mut Findings,
) -> RunPolicy {
    let rules = Rules::of(context);
    state_backend(&rules, findings);
    let (skills, problems) = super::skills::policy(context);
    findings.problems.extend(problems);
    let contract = contract(&rules, findings);
    let mut gate = gate(context, &rules, findings);
    let ruling = stages::structure(context, &rules, findings);
    gate.idesign = ruling.layers;
    told.splice(0..0, ruling.told);
    RunPolicy {
        skills,
        approvals: approvals::build(context, findings),
        budget: budget::build(context, findings),
        guard_loop: guard_loop::build(context, findings),
        prompts: prompts::build(context, findings),
        contract,
        gate,
        project: stages::build(context, &rules, told, findings),
        verifier: verifier::build(&rules, findings),
        memory: memory::build(&rules, findings),
    }
}

/// State is kept in the journal, whatever is asked for.
fn state_backend(rules: &Rules<'_>, findings: &mut Findings) {
    let key = STATE_BACKEND_MODE.key;
    match rules.text(key).map(|text| STATE_BACKEND_MODE.read(&text)) {
        None | Some(Ok("local")) => {}
        Some(Ok(backend)) => {
            let message =
                format!("`{backend}` has no effect in this version: state is kept in the journal");
            rules.warn(key, message, findings);
        }
        Some(Err(message)) => rules.problem(key, message, findings),
    }
}

/// The words of a comma-separated setting.
fn words<S>(context: &Context<'_, S>, key: &str) -> Vec<String> {
    let text = context.settings.modes.get(key);
    text.into_iter()
        .flat_map(|text| text.split(','))
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Lays the run's rules over every contract.
pub(super) fn lay_over<'a>(
    policy: &ContractPolicy,
    seats: impl Iterator<Item = &'a mut SeatPlan>,
    cards: &mut [CardPlan],
) {
    for seat in seats {
        policy.apply(&mut seat.contract);
    }
    for card in cards {
        policy.apply(&mut card.contract);
        policy.apply(&mut card.review_contract);
    }
}

fn contract(rules: &Rules<'_>, findings: &mut Findings) -> ContractPolicy {
    let unlocked = rules.flag("enable_microservices", false, findings);
    let mut policy = ContractPolicy {
        rules: rules.texts("runtime_guard_rule_ids", findings),
        limits: limits(rules, findings),
        ..ContractPolicy::default()
    };
    for (place, message) in policy.problems() {
        rules.problem(
            &format!("runtime_guard_rule_ids[{place}]"),
            message,
            findings,
        );
    }
    let architecture = ARCHITECTURE_MODE.key;
    let mode = rules
        .text(architecture)
        .unwrap_or_else(|| "force_monolith".to_owned());
    if !unlocked && ["force_microservices", "architect_decides"].contains(&mode.as_str()) {
        let message = format!(
            "`{mode}` means the monolith while microservices are locked; unlock them with \
             enable_microservices or the report that microservices_unlock_report names"
        );
        rules.warn(architecture, message, findings);
    }
    match ContractPolicy::patterns_of(&mode, unlocked) {
        Ok(patterns) => policy.patterns = patterns,
        Err(message) => rules.problem(architecture, message, findings),
    }
    let frontend = FRONTEND_FRAMEWORK_MODE.key;
    let mode = rules
        .text(frontend)
        .unwrap_or_else(|| "force_vue".to_owned());
    match ContractPolicy::frameworks_of(&mode) {
        Ok(frameworks) => policy.frameworks = frameworks,
        Err(message) => rules.problem(frontend, message, findings),
    }
    policy
}

fn limits(rules: &Rules<'_>, findings: &mut Findings) -> ScopeLimits {
    const KEY: &str = "verification_scope_limits";
    let mut limits = ScopeLimits::default();
    let Some(given) = rules.written.and_then(|map| map.get(KEY)) else {
        return limits;
    };
    let Some(given) = given.as_object() else {
        let message = "must be an object of whole numbers".to_owned();
        rules.problem(KEY, message, findings);
        return limits;
    };
    for (name, value) in given {
        let slot = match name.as_str() {
            "max_workspace_items" => &mut limits.max_workspace_items,
            "max_active_context_items" => &mut limits.max_active_context_items,
            "max_passive_context_items" => &mut limits.max_passive_context_items,
            "max_archived_context_items" => &mut limits.max_archived_context_items,
            "max_total_context_items" => &mut limits.max_total_context_items,
            _ => {
                let message = "unknown limit; known: max_workspace_items, \
                    max_active_context_items, max_passive_context_items, \
                    max_archived_context_items, max_total_context_items";
                rules.problem(&format!("{KEY}.{name}"), message.to_owned(), findings);
                continue;
            }
        };
        match value.as_u64().and_then(|number| u32::try_from(number).ok()) {
            Some(number) => *slot = Some(number),
            None if value.is_null() => {}
            None => {
                let message = "must be a whole number".to_owned();
                rules.problem(&format!("{KEY}.{name}"), message, findings);
            }
        }
    }
    limits
}

fn gate<S>(context: &Context<'_, S>, rules: &Rules<'_>, findings: &mut Findings) -> GatePolicy {
    let mut policy = GatePolicy {
        own_places: context.settings.own_places.clone(),
        ..GatePolicy::default()
    };
    let of_organization = context
        .organization
        .map(|loaded| loaded.asset.forbidden_file_types.clone())
        .unwrap_or_default();
    let of_rules = rules.texts("forbidden_file_types", findings);
    for kind in of_organization.iter().chain(&of_rules) {
        let ending = GatePolicy::ending(kind);
        policy.forbidden_file_types.push(ending);
    }
    if rules.flag("dependency_file_ownership_enabled", false, findings) {
        policy.owned_files.push(FileOwnership::dependencies(
            rules.texts("dependency_managed_files", findings),
            rules.texts("dependency_file_owner_roles", findings),
        ));
    }
    if rules.flag("deployment_file_ownership_enabled", false, findings) {
        policy.owned_files.push(FileOwnership::deployment(
            rules.texts("deployment_managed_files", findings),
            rules.texts("deployment_file_owner_roles", findings),
        ));
    }
    policy
}

/// The operator's modes before the organization's process rules.
pub(super) struct Rules<'a> {
    modes: &'a std::collections::BTreeMap<String, String>,
    written: Option<&'a Map<String, Value>>,
    file: &'a str,
}

impl<'a> Rules<'a> {
    pub(super) fn of<S>(context: &Context<'a, S>) -> Self {
        Self {
            modes: &context.settings.modes,
            written: context
                .organization
                .map(|loaded| &loaded.asset.process_rules),
            file: context
                .organization
                .map_or("settings", |loaded| loaded.file.as_str()),
        }
    }

    pub(super) fn problem(&self, key: &str, message: String, findings: &mut Findings) {
        findings.problem(self.file, format!("process_rules.{key}"), message);
    }

    pub(super) fn warn(&self, key: &str, message: String, findings: &mut Findings) {
        findings.warn(self.file, format!("process_rules.{key}"), message);
    }

    /// Every key that the organization wrote.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a str> {
        let written = self.written.into_iter();
        written.flat_map(|map| map.keys().map(String::as_str))
    }

    /// A value of the organization's that is no word, as it was written.
    pub(super) fn value(&self, key: &str) -> Option<&'a Value> {
        self.written?.get(key)
    }

    /// A word, wherever it was set; an empty one is none.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        let written = || match self.written?.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        };
        let found = self.modes.get(key).cloned().or_else(written)?;
        let found = found.trim().to_owned();
        (!found.is_empty()).then_some(found)
    }

    pub(super) fn flag(&self, key: &str, default: bool, findings: &mut Findings) -> bool {
        let Some(text) = self.text(key) else {
            return default;
        };
        FLAG.parse(&text).unwrap_or_else(|_unknown| {
            let message = format!("`{text}` is neither true nor false");
            self.problem(key, message, findings);
            default
        })
    }

    /// A list of words; a text is split at its commas.
    pub(super) fn texts(&self, key: &str, findings: &mut Findings) -> Vec<String> {
        let split = |text: &str| -> Vec<String> {
            let words = text
                .split(',')
                .map(str::trim)
                .filter(|word| !word.is_empty());
            words.map(str::to_owned).collect()
        };
        if let Some(text) = self.modes.get(key) {
            return split(text);
        }
        match self.written.and_then(|map| map.get(key)) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(text)) => split(text),
            Some(Value::Array(items)) if items.iter().all(Value::is_string) => items
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            Some(_) => {
                self.problem(key, "must be a list of texts".to_owned(), findings);
                Vec::new()
            }
        }
    }
}
