//! What the run may spend. A limit can be written in several places: in the epic's and its cards'
//! `budget`, in the settings `budget_*` and `card_budget_*`, else in the organization's
//! `process_rules` of the same names. The tightest of them counts. The rock has its own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::{Context, Findings};
use crate::asset::{AssetSource, Environment, Library, Loaded, Prices, Rock};
use crate::ids::CardId;
use crate::model::ModelName;
use crate::policy::{BudgetPolicy, DEFAULT_OUTPUT_TOKENS, Limits, MOST_AMOUNT, Unit, bounded};

/// The table that is looked into when money is limited.
const PRICES: &str = "default";
/// What the settings for the epic and for each card begin with.
const PREFIXES: [&str; 2] = ["budget", "card_budget"];

pub(super) fn build<S: AssetSource>(
    context: &Context<'_, S>,
    findings: &mut Findings,
) -> BudgetPolicy {
    let [epic, card] = PREFIXES.map(|prefix| settings(context, prefix, findings));
    warn_of_unknown_rules(context, findings);
    BudgetPolicy {
        epic: epic.tighter(context.epic.asset.budget),
        card,
        cards: cards(context, findings),
        rock: of_rock(context, findings),
        ..BudgetPolicy::default()
    }
}

/// What single cards may spend: their `budget`, and `budget` in their params.
fn cards<S>(context: &Context<'_, S>, findings: &mut Findings) -> BTreeMap<CardId, Limits> {
    let mut cards = BTreeMap::new();
    for (place, issue) in context.epic.asset.issues.iter().enumerate() {
        let mut limits = issue.budget;
        let written = issue.card.params.get("budget");
        match written.filter(|value| !value.is_null()).map(Limits::read) {
            None => {}
            Some(Ok(of_params)) => limits = limits.tighter(of_params),
            Some(Err(problems)) => {
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
        if !limits.is_empty() {
            cards.insert(issue.id.clone(), limits);
        }
    }
    cards
}

/// A misspelt limit would be no limit at all.
fn warn_of_unknown_rules<S>(context: &Context<'_, S>, findings: &mut Findings) {
    let Some(organization) = context.organization else {
        return;
    };
    let known: Vec<String> = PREFIXES
        .iter()
        .flat_map(|prefix| Unit::ALL.iter().map(move |unit| format!("{prefix}_{unit}")))
        .collect();
    for key in organization.asset.process_rules.keys() {
        let is_ours = PREFIXES
            .iter()
            .any(|prefix| key == prefix || key.starts_with(&format!("{prefix}_")));
        if is_ours && !known.contains(key) {
            let message = format!("limits nothing; known: {}", known.join(", "));
            findings.warn(&organization.file, format!("process_rules.{key}"), message);
        }
    }
}

/// Where tokens or money are limited each request bounds its reply; the environment's `params` that
/// do not are named.
pub(in crate::plan_build) fn bound_replies(
    policy: &mut BudgetPolicy,
    environment: &Loaded<Environment>,
    models: &[ModelName],
    findings: &mut Findings,
) {
    if !policy.limits(Unit::Tokens) && !policy.limits(Unit::Money) {
        return;
    }
    policy.output = Some(DEFAULT_OUTPUT_TOKENS);
    let params = &environment.asset.params;
    let mut problems = BTreeSet::new();
    let mut warnings = BTreeSet::new();
    for model in models {
        let bounded = bounded(model, params, DEFAULT_OUTPUT_TOKENS);
        for key in bounded.replaced {
            let inner = params.get("options").and_then(|inner| inner.get(key));
            let written = params.get(key).or(inner).unwrap_or(&Value::Null);
            if written.as_u64().is_some_and(|tokens| tokens > MOST_AMOUNT) {
                problems.insert((
                    key,
                    format!("{written} is more than a budget can hold; {MOST_AMOUNT} is the most"),
                ));
            } else {
                warnings.insert((
                    key,
                    format!(
                        "{written} bounds no reply, and a budget limits tokens or money: {DEFAULT_OUTPUT_TOKENS} is asked for instead"
                    ),
                ));
            }
        }
        for key in bounded.ignored {
            let own = bounded.put.unwrap_or("its own key");
            warnings.insert((
                key,
                format!(
                    "is not what `{}` goes by, so it bounds no reply of `{model}`; there it is `{own}`",
                    model.provider
                ),
            ));
        }
    }
    for (key, message) in problems {
        findings.problem(&environment.file, format!("params.{key}"), message);
    }
    for (key, message) in warnings {
        findings.warn(&environment.file, format!("params.{key}"), message);
    }
}

/// The prices of the models in use; a model without one cannot be held to an amount of money.
pub(in crate::plan_build) fn price<'a, S: AssetSource>(
    policy: &mut BudgetPolicy,
    library: &Library<S>,
    department: &str,
    models: impl Iterator<Item = &'a ModelName>,
    findings: &mut Findings,
) {
    if !policy.limits(Unit::Money) {
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
