//! What the run may spend: the epic's and its cards' `budget`, else the settings `budget_*` and
//! `card_budget_*`, else the organization's `process_rules` of the same names; the rock's own.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::{Context, Findings};
use crate::asset::{AssetSource, Library, Prices, Rock};
use crate::policy::{BudgetPolicy, Limits, Unit};

/// The table that is looked into when money is limited.
const PRICES: &str = "default";

pub(super) fn build<S: AssetSource>(
    context: &Context<'_, S>,
    findings: &mut Findings,
) -> BudgetPolicy {
    let mut policy = BudgetPolicy {
        epic: settings(context, "budget", findings).or(context.epic.asset.budget),
        card: settings(context, "card_budget", findings),
        rock: of_rock(context, findings),
        ..BudgetPolicy::default()
    };
    for (place, issue) in context.epic.asset.issues.iter().enumerate() {
        let Some(written) = issue.card.params.get("budget") else {
            continue;
        };
        match Limits::read(written) {
            Ok(limits) => {
                policy.cards.insert(issue.id.clone(), limits);
            }
            Err(problems) => {
                for (name, message) in problems {
                    let key = context.epic.asset.issues_key;
                    let field = format!("{key}[{place}].params.budget.{name}");
                    findings.problem(
                        &context.epic.file,
                        field.trim_end_matches('.').to_owned(),
                        message,
                    );
                }
            }
        }
    }
    policy
}

/// The prices of the models in use; a model without one cannot be held to an amount of money.
pub(in crate::plan_build) fn price<'a, S: AssetSource>(
    policy: &mut BudgetPolicy,
    library: &Library<S>,
    department: &str,
    models: impl Iterator<Item = &'a crate::model::ModelName>,
    findings: &mut Findings,
) {
    if !policy.limits_money() {
        return;
    }
    let table = match library.load::<Prices>(PRICES, department) {
        Ok(table) => table,
        Err(error) => {
            let file = format!("prices/{PRICES}.json");
            findings.problem(&file, "prices", error.to_string());
            return;
        }
    };
    let mut prices = BTreeMap::new();
    for model in models {
        match table.asset.of(model) {
            Some(price) => {
                prices.insert(model.to_string(), price);
            }
            None => {
                let message = format!(
                    "has no price for `{model}`, whose use is limited in money; add it as {{\"input\", \"output\"}} in US dollars for a million tokens"
                );
                findings.problem(&table.file, "models", message);
            }
        }
    }
    policy.prices = prices;
}

fn settings<S>(context: &Context<'_, S>, prefix: &str, findings: &mut Findings) -> Limits {
    let mut limits = Limits::default();
    let rules = context
        .organization
        .map(|loaded| (&loaded.file, &loaded.asset.process_rules));
    for unit in Unit::ALL {
        let key = format!("{prefix}_{unit}");
        let set = context.settings.modes.get(&key);
        let (file, text) = match (set, rules) {
            (Some(text), _) if !text.trim().is_empty() => ("settings", text.clone()),
            (_, Some((file, rules))) => match rules.get(&key) {
                Some(Value::Number(number)) => (file.as_str(), number.to_string()),
                Some(Value::String(text)) => (file.as_str(), text.clone()),
                Some(Value::Null) | None => continue,
                Some(_) => {
                    findings.problem(file, format!("process_rules.{key}"), "must be a number");
                    continue;
                }
            },
            (_, None) => continue,
        };
        if let Err(message) = limits.set(*unit, &text) {
            findings.problem(file, key, message);
        }
    }
    limits
}

fn of_rock<S: AssetSource>(context: &Context<'_, S>, findings: &mut Findings) -> Limits {
    let Some(name) = &context.request.rock else {
        return Limits::default();
    };
    match context
        .library
        .load::<Rock>(name, &context.request.department)
    {
        Ok(rock) => rock.asset.budget,
        Err(error) => {
            let file = format!("rocks/{name}.json");
            findings.warn(&file, "budget", error.to_string());
            Limits::default()
        }
    }
}
