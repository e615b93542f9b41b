//! The architecture decision: what the JSON object in the decision file must hold.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ARCHITECTURE, Answer, Contract, same_path};
use crate::contract::check::{cut, violation};
use crate::tool::ToolCall;
use crate::tool_catalogue::WRITE_FILE;
use crate::turn::Violation;

/// Where the decision is written when nobody says otherwise.
pub const DECISION_PATH: &str = "agent_output/design.txt";

/// What the evidence of a decision must speak of.
pub const EVIDENCE_KEYS: [&str; 6] = [
    "estimated_domains",
    "external_integrations",
    "independent_scaling_needs",
    "deployment_complexity",
    "team_parallelism",
    "operational_maturity",
];

/// What an architecture decision must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DecisionRule {
    /// The file it is written to.
    pub path: String,
    /// What may be recommended; one word leaves no choice.
    pub patterns: Vec<String>,
    /// Which frontend frameworks may be named; one word leaves no choice.
    pub frameworks: Vec<String>,
}

impl Default for DecisionRule {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            path: DECISION_PATH.to_owned(),
            patterns: words(&["monolith", "microservices"]),
            frameworks: words(&["vue", "react", "angular"]),
        }
    }
}

impl Contract {
    /// Whether the decision, if one is demanded, is written and complete.
    pub(super) fn check_decision(&self, answer: &Answer<'_>, lacks: &mut Vec<Violation>) {
        let Some(rule) = &self.architecture_decision else {
            return;
        };
        let decides = |call: &&ToolCall| {
            call.tool == WRITE_FILE
                && call
                    .text("path")
                    .is_some_and(|path| same_path(path, &rule.path))
        };
        let mut calls = answer.earlier_calls.iter().chain(answer.calls);
        let written = calls.rfind(decides);
        let found = match written {
            None => Err((
                format!("the decision is not written; write it to {}", rule.path),
                String::new(),
            )),
            Some(call) => rule.judge(call),
        };
        if let Err((message, evidence)) = found {
            lacks.push(violation(ARCHITECTURE, message, cut(&evidence)));
        }
    }
}

impl DecisionRule {
    fn judge(&self, call: &ToolCall) -> Result<(), (String, String)> {
        let content = call.args.get("content").cloned().unwrap_or_default();
        let shown = match &content {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let decision = match content {
            Value::Object(object) => object,
            _ => serde_json::from_str::<Map<String, Value>>(unfenced(&shown)).map_err(|_| {
                let message =
                    "the decision is not one JSON object; write the object and nothing else";
                (message.to_owned(), shown.clone())
            })?,
        };
        let refuse = |key: &str, wanted: String| {
            let evidence = decision
                .get(key)
                .map_or_else(|| format!("{key} is missing"), |it| format!("{key}: {it}"));
            Err((
                format!("`{key}` of the decision must be {wanted}"),
                evidence,
            ))
        };
        let among = |key: &str, words: &[String]| {
            let word = decision.get(key).and_then(Value::as_str).map(str::trim);
            word.is_some_and(|word| words.iter().any(|it| it.eq_ignore_ascii_case(word)))
        };
        if !among("recommendation", &self.patterns) {
            return refuse("recommendation", self.patterns.join(" or "));
        }
        let has_frontend = decision
            .get("frontend_framework")
            .is_some_and(|it| !it.is_null());
        if has_frontend && !among("frontend_framework", &self.frameworks) {
            return refuse("frontend_framework", self.frameworks.join(" or "));
        }
        let sure = decision.get("confidence").and_then(Value::as_f64);
        if !sure.is_some_and(|sure| (0.0..=1.0).contains(&sure)) {
            return refuse("confidence", "a number from 0 to 1".to_owned());
        }
        let evidence = decision.get("evidence").and_then(Value::as_object);
        let missing: Vec<&str> = EVIDENCE_KEYS
            .into_iter()
            .filter(|key| evidence.is_none_or(|it| it.get(*key).is_none_or(Value::is_null)))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        refuse(
            "evidence",
            format!("an object with also {}", missing.join(", ")),
        )
    }

    /// The demand in words, with the object to fill in.
    pub(super) fn in_words(&self) -> String {
        let evidence: Vec<String> = EVIDENCE_KEYS
            .iter()
            .map(|key| format!("\"{key}\":\"<how much>\""))
            .collect();
        let patterns = self.patterns.join("|");
        format!(
            "- The content of {} is one JSON object, filled in: {{\"recommendation\":\"<{patterns}>\",\"confidence\":<0 to 1>,\"evidence\":{{{}}}}}. \
             More keys are welcome; `frontend_framework`, where there is a frontend, is one of {}.",
            self.path,
            evidence.join(","),
            self.frameworks.join(", ")
        )
    }
}

/// The text without a code fence round it.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let inner = text
        .strip_prefix("```")
        .and_then(|rest| rest.strip_suffix("```"));
    inner.map_or(text, |inner| {
        inner
            .trim_start_matches(|c: char| c.is_ascii_alphanumeric())
            .trim()
    })
}
