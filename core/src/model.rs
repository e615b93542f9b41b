//! What is asked of a model and what comes back, whatever the provider.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::tool::{ToolCall, ToolSpec};

/// Who speaks in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// Standing instructions.
    System,
    /// Orket.
    User,
    /// The model.
    Assistant,
}

/// One message of a prompt; the standard roles only, which every chat template knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Speaker,
    /// What is said.
    pub content: String,
}

impl Message {
    /// A message of `role`.
    pub fn new(role: Speaker, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
        }
    }
}

/// Which model answers: `provider:model`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelName {
    /// `scripted`, `ollama`, `openai` or `anthropic`.
    pub provider: String,
    /// The provider's own name for the model, colons included.
    pub model: String,
}

/// The providers there are.
pub const PROVIDERS: &[&str] = &["scripted", "ollama", "openai", "anthropic"];

impl ModelName {
    /// Reads `provider:model`; a name whose first part is no known provider means `ollama:`.
    ///
    /// # Errors
    ///
    /// When the model part is empty.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (provider, model) = match text.split_once(':') {
            Some((provider, model)) if PROVIDERS.contains(&provider) => (provider, model),
            _ => ("ollama", text),
        };
        if model.is_empty() {
            return Err(format!(
                "`{text}` names no model; write provider:model, e.g. ollama:qwen2.5-coder:14b"
            ));
        }
        Ok(Self {
            provider: provider.to_owned(),
            model: model.to_owned(),
        })
    }
}

impl TryFrom<String> for ModelName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<ModelName> for String {
    fn from(name: ModelName) -> Self {
        name.to_string()
    }
}

impl std::fmt::Display for ModelName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.provider, self.model)
    }
}

/// Sampling options; absent means the provider's default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelOptions {
    /// 0 is greedy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// For providers that can repeat themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Further provider options, passed on as they are (the environment asset's `params`).
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub params: serde_json::Map<String, Value>,
}

/// Where in a run a request comes from: what the scripted model matches on, and what logs show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The run.
    pub run_id: String,
    /// The card.
    pub issue_id: String,
    /// The seat that answers.
    pub seat: String,
    /// The role that answers.
    pub role: String,
    /// The card's turn, from 1: its seat's first turn is 1, the guard's review of it 2, and so on.
    pub turn: u32,
    /// Every try at this turn counts, recoveries included; from 1.
    pub attempt: u32,
    /// The round within the turn, from 0: reprompts and answers to read-only calls.
    pub round: u32,
}

/// One question to a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelRequest {
    /// Which model.
    pub model: ModelName,
    /// The prompt.
    pub messages: Vec<Message>,
    /// Tools offered natively where the provider can; the prompt describes them in any case.
    pub tools: Arc<[ToolSpec]>,
    /// Sampling options.
    pub options: ModelOptions,
    /// Where the request comes from.
    pub origin: Origin,
    /// A JSON Schema of the reply, for providers that can decode under one; it promises no more
    /// than the turn's contract demands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Arc<Value>>,
}

/// Tokens spent on one reply; `None` where the provider does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u64>,
    /// Tokens written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
}

impl Usage {
    /// All tokens that are known of.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.prompt_tokens
            .unwrap_or(0)
            .saturating_add(self.output_tokens.unwrap_or(0))
    }
}

/// What a model's server measured of one reply; `None` where it does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Microseconds of loading the model before it could answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_us: Option<u64>,
    /// Microseconds of reading the prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefill_us: Option<u64>,
    /// Microseconds of writing the reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decode_us: Option<u64>,
    /// Bytes of memory that the model takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
}

impl Measured {
    /// Whether nothing was measured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a provider's stream brings, in order: `Connected`, then text, calls and usage, then `Done`
/// or `Failed`, after which nothing follows. Every event is a beat for the watchdog.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelEvent {
    /// The connection stands and the request was sent.
    Connected,
    /// Bytes that carry no text yet (a keep-alive, a role delta): proof of life, nothing more.
    Beat,
    /// A piece of the answer.
    Text(String),
    /// A native tool call, complete.
    ToolCall(ToolCall),
    /// What it cost so far.
    Usage(Usage),
    /// What the server measured of it.
    Measured(Measured),
    /// The server stops here because the reply has the most tokens it was allowed.
    Cut,
    /// The end.
    Done,
    /// The end, badly.
    Failed(Failure),
}

/// A whole reply, as it is journaled.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The text, as it came.
    pub text: String,
    /// Native tool calls, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ToolCall>,
    /// What it cost.
    #[serde(default)]
    pub usage: Usage,
    /// What the model's server measured of it.
    #[serde(default, skip_serializing_if = "Measured::is_empty")]
    pub measured: Measured,
    /// From the request to the last chunk, in milliseconds.
    #[serde(default)]
    pub latency_ms: u64,
    /// Whether the server stopped because it had written as many tokens as it was allowed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}
