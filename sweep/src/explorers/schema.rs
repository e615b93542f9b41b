//! Whether artifacts keep their contract: version, keys, provenance, and figures that agree with one
//! another.
//!
//! A file is read as what it says it is, by the very types that we write; so what we write passes. (The
//! Python Orket's check wanted `model_id` and `quant_tag` at the top of frontier artifacts, which have
//! them in their rows, and refused every one.)

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{context, frontier, rollup, thermal};
use crate::summary::Summary;
use crate::validity;

/// What a file is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// [`frontier::Artifact`].
    Frontier,
    /// [`context::Artifact`].
    Context,
    /// [`thermal::Artifact`].
    Thermal,
    /// [`rollup::Artifact`].
    Rollup,
    /// [`Summary`].
    Summary,
}

impl Kind {
    /// As it stands in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Frontier => "frontier",
            Self::Context => "context",
            Self::Thermal => "thermal",
            Self::Rollup => "rollup",
            Self::Summary => "summary",
        }
    }

    /// The kind of a version, if it is one of ours.
    #[must_use]
    pub fn of_version(version: &str) -> Option<Self> {
        match version {
            frontier::SCHEMA => Some(Self::Frontier),
            context::SCHEMA => Some(Self::Context),
            thermal::SCHEMA => Some(Self::Thermal),
            rollup::SCHEMA => Some(Self::Rollup),
            _ => None,
        }
    }
}

/// What is wrong with a file of a kind.
#[must_use]
pub fn failures(kind: Kind, text: &str) -> Vec<String> {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => return vec![format!("invalid_json:{error}")],
    };
    match kind {
        Kind::Frontier => checked(&value, frontier::SCHEMA, frontier_failures),
        Kind::Context => checked(&value, context::SCHEMA, context_failures),
        Kind::Thermal => checked(&value, thermal::SCHEMA, thermal_failures),
        Kind::Rollup => checked(&value, rollup::SCHEMA, rollup_failures),
        Kind::Summary => match serde_json::from_value(value) {
            Ok(summary) => summary_failures(&summary),
            Err(error) => vec![format!("invalid:{error}")],
        },
    }
}

fn checked<T: DeserializeOwned>(
    value: &Value,
    version: &str,
    own: fn(&T) -> Vec<String>,
) -> Vec<String> {
    let said = value.get("schema_version").and_then(Value::as_str);
    if said != Some(version) {
        let said = said.unwrap_or("missing");
        return vec![format!("schema_version: {said}, must be {version}")];
    }
    let mut failures = Vec::new();
    let reference = value.pointer("/provenance/ref").and_then(Value::as_str);
    if reference.is_none_or(|it| it.trim().is_empty()) {
        failures.push("missing:provenance.ref".to_owned());
    }
    let generated = value.get("generated_at").and_then(Value::as_str);
    if generated.is_none_or(|it| it.trim().is_empty()) {
        failures.push("missing:generated_at".to_owned());
    }
    match serde_json::from_value::<T>(value.clone()) {
        Ok(artifact) => failures.extend(own(&artifact)),
        Err(error) => failures.push(format!("invalid:{error}")),
    }
    failures
}

fn frontier_failures(artifact: &frontier::Artifact) -> Vec<String> {
    let mut failures = Vec::new();
    if artifact.sessions.is_empty() {
        failures.push("empty:sessions".to_owned());
    }
    for session in &artifact.sessions {
        let model = &session.model_id;
        if model.is_empty() {
            failures.push("empty:sessions.model_id".to_owned());
        }
        if session.quant_rows.is_empty() {
            failures.push(format!("empty:sessions.{model}.quant_rows"));
        }
        for chosen in [&session.minimum_viable_quant, &session.best_value_quant] {
            let Some(chosen) = chosen else { continue };
            if !session
                .quant_rows
                .iter()
                .any(|row| &row.quant_tag == chosen)
            {
                failures.push(format!("unknown_quant:{model}:{chosen}"));
            }
        }
    }
    failures
}

fn context_failures(artifact: &context::Artifact) -> Vec<String> {
    let mut failures = named(&artifact.model_id, &artifact.quant_tag);
    let contexts: Vec<u32> = artifact.points.iter().map(|point| point.context).collect();
    if contexts.is_empty() {
        failures.push("empty:points".to_owned());
    }
    if !contexts.is_sorted_by(|a, b| a < b) {
        failures.push("order:points".to_owned());
    } else if artifact.safe_context_ceiling != context::ceiling(&artifact.points) {
        failures.push("contradiction:safe_context_ceiling".to_owned());
    }
    for point in &artifact.points {
        if point.passed != point.reasons.is_empty() {
            failures.push(format!("contradiction:points.{}.passed", point.context));
        }
    }
    failures
}

fn thermal_failures(artifact: &thermal::Artifact) -> Vec<String> {
    let mut failures = named(&artifact.model_id, &artifact.quant_tag);
    if artifact.points.is_empty() {
        failures.push("empty:points".to_owned());
    }
    let rates = [artifact.polluted_run_rate, artifact.cooldown_failure_rate];
    if rates
        .into_iter()
        .flatten()
        .any(|it| !(0.0..=1.0).contains(&it))
    {
        failures.push("range:rates".to_owned());
    }
    failures
}

fn rollup_failures(artifact: &rollup::Artifact) -> Vec<String> {
    let counts = artifact.counts;
    let number = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    let agree = counts.passed + counts.failed == counts.contexts
        && counts.failed == number(artifact.failed_contexts.len())
        && counts.sweeps == number(artifact.ceilings.len());
    if agree {
        Vec::new()
    } else {
        vec!["contradiction:counts".to_owned()]
    }
}

fn summary_failures(summary: &Summary) -> Vec<String> {
    let mut failures = Vec::new();
    if summary.sessions.is_empty() {
        failures.push("empty:sessions".to_owned());
    }
    for session in &summary.sessions {
        let chosen = [
            &session.efficiency_frontier.minimum_viable_quant_tag,
            &session.efficiency_frontier.best_value_quant_tag,
            &session.recommendation_detail.minimum_viable_quant,
            &session.recommendation_detail.best_value_quant,
        ];
        for tag in chosen.into_iter().flatten() {
            let head = format!("{}:{tag}", session.model_id);
            match session.per_quant.iter().find(|row| &row.quant_tag == tag) {
                None => failures.push(format!("unknown_quant:{head}")),
                Some(row) if !validity::is_valid(row) => {
                    failures.push(format!("chosen_row_not_valid:{head}"));
                }
                Some(_) => {}
            }
        }
        for row in &session.per_quant {
            let shares = [
                ("adherence_score", row.adherence_score),
                ("determinism_rate", row.determinism_rate),
                (
                    "orchestration_overhead_ratio",
                    row.orchestration_overhead_ratio,
                ),
            ];
            let wrong = shares
                .into_iter()
                .filter(|(_, share)| share.is_some_and(|it| !(0.0..=1.0).contains(&it)));
            failures.extend(wrong.map(|(name, _)| {
                format!("no_share:{}:{}:{name}", session.model_id, row.quant_tag)
            }));
        }
    }
    failures.dedup();
    failures
}

fn named(model_id: &str, quant_tag: &str) -> Vec<String> {
    [("model_id", model_id), ("quant_tag", quant_tag)]
        .into_iter()
        .filter(|(_, value)| matches!(*value, "" | "unknown"))
        .map(|(name, _)| format!("unknown:{name}"))
        .collect()
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
