//! What a guard says when it refuses, put in order.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::rejection::{PAYLOAD_KEYS, refuses};
use crate::gate::status_asked;
use crate::tool::ToolCall;
use crate::tool_call::guard_payload;
use crate::tool_catalogue::UPDATE_ISSUE_STATUS;

/// The longest list that is kept.
const MOST_ITEMS: usize = 64;
/// The longest text that is kept of one item, in characters.
const MOST_CHARS: usize = 2_000;

/// A refusal with its reasons: what the seat works from, and what makes two refusals the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objection {
    /// Why.
    #[serde(default)]
    pub rationale: String,
    /// What is wrong.
    #[serde(default)]
    pub violations: Vec<String>,
    /// What is to be done.
    #[serde(default)]
    pub remediation_actions: Vec<String>,
}

impl Objection {
    /// The reasons that come with the last of these calls that refuses, from the reply's text or from
    /// the call's own arguments; `None` when no call refuses, or none comes with any.
    #[must_use]
    pub fn of(text: &str, calls: &[ToolCall]) -> Option<Self> {
        let call = refusals(calls).last()?;
        let spoken = match guard_payload(text) {
            Some(Value::Object(object)) => object,
            Some(_) | None => Map::new(),
        };
        let [rationale, violations, actions] = PAYLOAD_KEYS.map(|key| {
            let given = spoken.get(key).or_else(|| call.args.get(key));
            given.map(items).unwrap_or_default()
        });
        let objection = Self {
            rationale: rationale.join(" "),
            violations,
            remediation_actions: actions,
        };
        (objection != Self::default()).then_some(objection)
    }
}

/// The calls that send a card back or stop it.
pub(super) fn refusals(calls: &[ToolCall]) -> impl Iterator<Item = &ToolCall> {
    calls
        .iter()
        .filter(|call| call.tool == UPDATE_ISSUE_STATUS)
        .filter(|call| status_asked(call).is_some_and(|(status, _)| refuses(status)))
}

/// A value as a list of texts.
fn items(value: &Value) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.trim().chars().take(MOST_CHARS).collect(),
        Value::Null => String::new(),
        other => other.to_string().chars().take(MOST_CHARS).collect(),
    };
    let texts: Vec<String> = match value {
        Value::Array(items) => items.iter().take(MOST_ITEMS).map(text).collect(),
        other => vec![text(other)],
    };
    texts.into_iter().filter(|it| !it.is_empty()).collect()
}

impl std::fmt::Display for Objection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.rationale)?;
        for (title, items) in [
            ("Violations", &self.violations),
            ("To be done", &self.remediation_actions),
        ] {
            if !items.is_empty() {
                write!(f, "\n{title}:")?;
                for item in items {
                    write!(f, "\n- {item}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn call(args: &Value) -> ToolCall {
        ToolCall {
            tool: UPDATE_ISSUE_STATUS.to_owned(),
            args: args.as_object().cloned().unwrap_or_default(),
        }
    }

    #[test]
    fn reasons_are_taken_from_the_text_or_from_the_call() {
        let refusing = call(&json!({
            "status": "guard_requested_changes", "rationale": "it is short",
            "violations": ["no tests", {"id": "A.B"}, " "], "remediation_actions": "write some",
        }));
        let calls = [refusing];
        let told = Objection::of("", &calls).expect("reasons").to_string();
        let expected =
            "it is short\nViolations:\n- no tests\n- {\"id\":\"A.B\"}\nTo be done:\n- write some";
        assert_eq!(told, expected);
        // What is said besides goes before, key by key; what stands around it does not count.
        let text = format!(
            "{}{{\"rationale\": \"too short\"}}",
            "I think. ".repeat(900)
        );
        let told = Objection::of(&text, &calls).expect("reasons");
        assert_eq!(told.rationale, "too short");
        assert_eq!(told.violations.len(), 2);
    }

    #[test]
    fn without_a_refusal_or_without_reasons_there_is_none() {
        let payload = r#"{"rationale": "x"}"#;
        assert_eq!(
            Objection::of(payload, &[call(&json!({"status": "done"}))]),
            None
        );
        assert_eq!(
            Objection::of("no", &[call(&json!({"status": "blocked"}))]),
            None
        );
    }
}
