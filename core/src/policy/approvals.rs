//! Which calls wait for a person, and what exactly a person says yes to.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::canonical;
use crate::tool::{EffectClass, ToolCall, ToolSpec};
use crate::tool_catalogue::is_observational;

/// The version of the digest's formula.
const VERSION: u32 = 1;

/// Which calls wait for a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApprovalPolicy {
    /// Tools, by name.
    pub tools: Vec<String>,
    /// Tools of these effect classes.
    pub categories: Vec<EffectClass>,
    /// Every call of these seats but those of built-in tools that only look.
    pub seats: Vec<String>,
    /// How long a question stands, in milliseconds; `None` for ever.
    pub expire_ms: Option<u64>,
}

impl ApprovalPolicy {
    /// Whether a call of this tool by this seat waits for a person.
    #[must_use]
    pub fn asks(&self, seat: &str, spec: &ToolSpec) -> bool {
        // What a skill says of itself does not free it.
        let looks_only = is_observational(&spec.name);
        self.tools.contains(&spec.name)
            || self.categories.contains(&spec.effect)
            || (self.seats.iter().any(|it| it == seat) && !looks_only)
    }

    /// What an approval is bound to: SHA-256 over the canonical JSON of tool, arguments, target and
    /// policy. Whatever of them changes, another approval is needed.
    #[must_use]
    pub fn digest(&self, build: &str, card: &str, call: &ToolCall) -> String {
        let bound = json!({
            "args": call.args,
            "policy": {"categories": self.categories, "seats": self.seats, "tools": self.tools, "version": VERSION},
            "target": {"build": build, "card": card},
            "tool": call.tool,
        });
        canonical::sha256_hex(canonical::to_string(&bound).as_bytes())
    }
}

/// A call that waits for a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApprovalRequest {
    /// The call.
    pub call: ToolCall,
    /// What is approved; see [`ApprovalPolicy::digest`].
    pub digest: String,
    /// Why it waits, in words.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool_catalogue::catalogue;

    fn call(path: &str) -> ToolCall {
        ToolCall {
            tool: "write_file".to_owned(),
            args: serde_json::Map::from_iter([("path".to_owned(), json!(path))]),
        }
    }

    #[test]
    fn whatever_of_a_call_changes_needs_another_approval() {
        let policy = ApprovalPolicy {
            tools: vec!["write_file".to_owned()],
            ..ApprovalPolicy::default()
        };
        let digest = policy.digest("b", "c", &call("x"));
        assert_eq!(digest, policy.digest("b", "c", &call("x")));
        let wider = ApprovalPolicy {
            seats: vec!["coder".to_owned()],
            ..policy.clone()
        };
        for other in [
            policy.digest("b", "c", &call("y")),
            policy.digest("b", "d", &call("x")),
            policy.digest("a", "c", &call("x")),
            wider.digest("b", "c", &call("x")),
        ] {
            assert_ne!(other, digest);
        }
    }

    #[test]
    fn tools_categories_and_seats_ask() {
        let tools = catalogue();
        let spec = |name: &str| tools.iter().find(|it| it.name == name).unwrap();
        let by_tool = ApprovalPolicy {
            tools: vec!["write_file".to_owned()],
            ..ApprovalPolicy::default()
        };
        assert!(by_tool.asks("coder", spec("write_file")));
        assert!(!by_tool.asks("coder", spec("read_file")));
        let by_category = ApprovalPolicy {
            categories: vec![EffectClass::Idempotent],
            ..ApprovalPolicy::default()
        };
        assert!(by_category.asks("coder", spec("write_file")));
        assert!(!by_category.asks("coder", spec("read_file")));
        let by_seat = ApprovalPolicy {
            seats: vec!["coder".to_owned()],
            ..ApprovalPolicy::default()
        };
        assert!(by_seat.asks("coder", spec("add_issue_comment")));
        assert!(!by_seat.asks("coder", spec("read_file")));
        assert!(!by_seat.asks("architect", spec("write_file")));
        let skill = ToolSpec {
            name: "count_words".to_owned(),
            ..spec("read_file").clone()
        };
        assert!(by_seat.asks("coder", &skill));
    }
}
