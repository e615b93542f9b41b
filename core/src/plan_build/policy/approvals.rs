//! Which calls wait for a person: `approval_required_tools`, `approval_required_categories`,
//! `approval_required_seats` and `approval_expiry_sec`, each as a setting, and the first also in the
//! organization's `process_rules` as a list.

use serde_json::Value;

use super::super::{Context, Findings};
use super::words;
use crate::asset::name;
use crate::policy::ApprovalPolicy;
use crate::tool::EffectClass;

const TOOLS: &str = "approval_required_tools";
const CATEGORIES: &str = "approval_required_categories";
const SEATS: &str = "approval_required_seats";
const EXPIRY: &str = "approval_expiry_sec";

pub(super) fn build<S>(context: &Context<'_, S>, findings: &mut Findings) -> ApprovalPolicy {
    let mut categories = Vec::new();
    for word in listed(context, CATEGORIES, findings) {
        match word.parse::<EffectClass>() {
            Ok(class) => categories.push(class),
            Err(_) => {
                let known: Vec<&str> = EffectClass::ALL.iter().map(|it| it.as_str()).collect();
                let message = format!("`{word}` is none; known: {}", known.join(", "));
                findings.problem("settings", CATEGORIES, message);
            }
        }
    }
    let seats = listed(context, SEATS, findings);
    let known_seats: Vec<&str> = context
        .team
        .asset
        .seats
        .iter()
        .map(|seat| seat.key.as_str())
        .collect();
    for seat in &seats {
        if !known_seats.contains(&seat.as_str()) {
            // Of another team, perhaps: the rule is the organization's, not this epic's.
            let hint = name::suggestion(seat, known_seats.iter().copied());
            let message = format!("the team has no seat `{seat}`; {hint}");
            findings.warn("settings", SEATS, message);
        }
    }
    let expire_ms = context
        .settings
        .modes
        .get(EXPIRY)
        .and_then(|text| text.parse::<f64>().ok())
        .filter(|seconds| *seconds > 0.0)
        .and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok())
        .and_then(|wait| u64::try_from(wait.as_millis()).ok());
    ApprovalPolicy {
        tools: listed(context, TOOLS, findings),
        categories,
        seats,
        expire_ms,
    }
}

/// The setting, else the list in the organization's `process_rules`.
fn listed<S>(context: &Context<'_, S>, key: &str, findings: &mut Findings) -> Vec<String> {
    let set = words(context, key);
    if !set.is_empty() {
        return set;
    }
    let Some(organization) = context.organization else {
        return Vec::new();
    };
    match organization.asset.process_rules.get(key) {
        Some(Value::Array(items)) => {
            let texts: Vec<String> = items
                .iter()
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect();
            if texts.len() != items.len() {
                let field = format!("process_rules.{key}");
                findings.problem(&organization.file, field, "must be a list of texts");
            }
            texts
        }
        // A text was read with the settings already.
        Some(_) | None => Vec::new(),
    }
}
