//! Tools as values: what they are, how they are called, what they answer. Nothing here runs one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::status::words;

words! {
    /// What a crash between a tool's intent and its outcome allows.
    EffectClass, "effect class" {
        /// No effect: skipped and recomputed.
        Pure = "pure",
        /// Doing it twice is the same as once: redone.
        Idempotent = "idempotent",
        /// The other side knows the idempotency key: redone with the same key.
        Keyed = "keyed",
        /// Must never be repeated: parked as `unknown` with a gate for the operator.
        AtMostOnce = "at_most_once",
    }
}

/// One call as the model asked for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The tool's name.
    pub tool: String,
    /// Its arguments.
    pub args: Map<String, Value>,
}

impl ToolCall {
    /// The argument `name` when it is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.args.get(name).and_then(Value::as_str)
    }

    /// The canonical text of tool and arguments: equal calls have equal texts.
    #[must_use]
    pub fn canonical(&self) -> String {
        crate::canonical::to_string(&serde_json::json!({"args": self.args, "tool": self.tool}))
    }
}

/// A tool as it is offered to a model and checked by the runtime.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// The name the model uses.
    pub name: String,
    /// One sentence for the model.
    pub description: String,
    /// JSON Schema of the arguments object.
    pub parameters: Value,
    /// What a crash in the middle allows.
    pub effect: EffectClass,
    /// Where the call is carried out.
    pub home: ToolHome,
    /// The longest it may run, in milliseconds; `None` for the run's tool clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit_ms: Option<u64>,
}

/// Where a tool's work happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolHome {
    /// In the journal: intent, effect and outcome are one transaction, so it happens exactly once.
    /// The turn machine itself decides the result.
    Ledger,
    /// In the tool host: files, reads, child processes.
    Host,
}

/// What a tool answered: `{"ok": true, ...}` or `{"ok": false, "error": "..."}`, as the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    /// Whether it did what was asked.
    pub ok: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The fields of the answer.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl ToolResult {
    /// A success with the given fields; anything but an object means no fields.
    #[must_use]
    pub fn ok(fields: Value) -> Self {
        let fields = match fields {
            Value::Object(map) => map,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Map::new(),
        };
        Self {
            ok: true,
            error: None,
            fields,
        }
    }

    /// A failure.
    pub fn failed(error: impl Into<String>) -> Self {
        Self {
            ok: false,
            error: Some(error.into()),
            fields: Map::new(),
        }
    }
}
