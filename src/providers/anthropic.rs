//! Anthropic's messages: `POST /v1/messages`, server-sent events.

use orket_core::failure::{Failure, FailureClass};
use orket_core::model::{Message, ModelEvent, ModelRequest, Speaker, Usage};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::dialect::{self, Decoder, Dialect, Form, Progress};
use super::lines::{Frame, Frames};
use super::refusal;
use super::sse::SseReader;

/// The version of the protocol.
const VERSION: &str = "2023-06-01";
/// The protocol demands a limit; every current model allows this one. `params` can change it.
const MAX_TOKENS: u32 = 8_192;
/// What an operator's `params` cannot change: without these the reply could not be read.
const FIXED: [&str; 3] = ["model", "messages", "stream"];

/// Anthropic.
pub(super) struct Anthropic {
    /// The key, marked sensitive.
    pub(super) key: Option<HeaderValue>,
}

impl Dialect for Anthropic {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(
            HeaderName::from_static("anthropic-version"),
            HeaderValue::from_static(VERSION),
        );
        if let Some(key) = &self.key {
            headers.insert(HeaderName::from_static("x-api-key"), key.clone());
        }
        headers
    }

    fn body(&self, request: &ModelRequest, form: Form) -> Value {
        let (system, messages) = turns(&request.messages);
        let mut body = Map::from_iter([
            ("model".into(), json!(request.model.model)),
            ("max_tokens".into(), json!(MAX_TOKENS)),
            ("messages".into(), messages),
            ("stream".into(), json!(true)),
        ]);
        if !system.is_empty() {
            body.insert("system".into(), json!(system));
        }
        // There is no seed here.
        if let Some(temperature) = request.options.temperature {
            body.insert("temperature".into(), json!(temperature));
        }
        if form == Form::Tools {
            let tools = request.tools.iter().map(|tool| {
                json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters})
            });
            body.insert("tools".into(), tools.collect());
        }
        dialect::overlay(&mut body, &request.options.params, &FIXED);
        Value::Object(body)
    }

    fn frames(&self) -> Box<dyn Frames> {
        Box::new(SseReader::new())
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(AnthropicDecoder::default())
    }

    fn connect_hint(&self) -> &str {
        "is there a network? ORKET_ANTHROPIC_URL can name another address"
    }

    fn refusal_hint(&self, status: u16, _request: &ModelRequest) -> Option<String> {
        match status {
            401 | 403 => Some("check ORKET_ANTHROPIC_KEY or ANTHROPIC_API_KEY".into()),
            404 => Some("check the model's name and ORKET_ANTHROPIC_URL".into()),
            _ => None,
        }
    }
}

/// The standing instructions, which stand apart here, and the rest: neighbours of one role joined,
/// empty ones left out, the user first.
fn turns(messages: &[Message]) -> (String, Value) {
    let mut system: Vec<&str> = Vec::new();
    let mut turns: Vec<(Speaker, String)> = Vec::new();
    let spoken = messages.iter().filter(|m| !m.content.trim().is_empty());
    for message in spoken {
        match (message.role, turns.last_mut()) {
            (Speaker::System, _) => system.push(&message.content),
            (role, Some((last, text))) if role == *last => {
                text.push_str("\n\n");
                text.push_str(&message.content);
            }
            (Speaker::Assistant, None) => {
                turns.push((Speaker::User, "(go on)".into()));
                turns.push((Speaker::Assistant, message.content.clone()));
            }
            (role, _) => turns.push((role, message.content.clone())),
        }
    }
    if turns.is_empty() {
        // A question is demanded; the instructions are all there is.
        turns.push((Speaker::User, system.join("\n\n")));
        system.clear();
    }
    let plain = |(role, content): (Speaker, String)| json!({"role": role, "content": content});
    (system.join("\n\n"), turns.into_iter().map(plain).collect())
}

#[derive(Debug, Default)]
struct AnthropicDecoder {
    usage: Usage,
    /// The tool call that is being written.
    call: Option<PartialCall>,
    /// What was wrong with one that is written; why, the end says.
    broken: Option<Failure>,
}

#[derive(Debug)]
struct PartialCall {
    name: String,
    input: Map<String, Value>,
    json: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Started,
    },
    ContentBlockStart {
        content_block: Block,
    },
    ContentBlockDelta {
        delta: Delta,
    },
    ContentBlockStop,
    MessageDelta {
        delta: Option<Ending>,
        usage: Option<Counts>,
    },
    MessageStop,
    Error {
        error: Trouble,
    },
    /// `ping`, and what may be added: new events are to be passed over.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Started {
    usage: Option<Counts>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        text: Option<String>,
    },
    ToolUse {
        name: String,
        #[serde(default)]
        input: Map<String, Value>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: String },
    /// Thinking, signatures, citations.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Ending {
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
struct Counts {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Trouble {
    r#type: String,
    #[serde(default)]
    message: String,
}

impl Decoder for AnthropicDecoder {
    fn frame(&mut self, frame: &Frame, events: &mut Vec<ModelEvent>) -> Result<Progress, Failure> {
        match dialect::parse(&frame.data)? {
            Event::MessageStart { message } => self.counts(message.usage, events),
            Event::ContentBlockStart { content_block } => match content_block {
                Block::Text { text } => dialect::text_event(text, events),
                Block::ToolUse { name, input } => {
                    self.call = Some(PartialCall {
                        name,
                        input,
                        json: String::new(),
                    });
                }
                Block::Other => {}
            },
            Event::ContentBlockDelta { delta } => match (delta, &mut self.call) {
                (Delta::Text { text }, _) => dialect::text_event(Some(text), events),
                (Delta::InputJson { partial_json }, Some(call)) => {
                    call.json.push_str(&partial_json);
                    if call.json.len() > super::lines::MAX_FRAME {
                        return Err(refusal::broken("the arguments of a tool call have no end"));
                    }
                }
                // Input of a tool that the server itself runs.
                (Delta::InputJson { .. }, None) | (Delta::Other, _) => {}
            },
            Event::ContentBlockStop => {
                if let Some(call) = self.call.take() {
                    match dialect::call_of_text(&call.name, &call.json) {
                        Ok(mut whole) => {
                            if call.json.trim().is_empty() {
                                whole.args = call.input;
                            }
                            events.push(ModelEvent::ToolCall(whole));
                        }
                        Err(failure) => {
                            self.broken.get_or_insert(failure);
                        }
                    }
                }
            }
            Event::MessageDelta { delta, usage } => {
                self.counts(usage, events);
                let reason = delta.and_then(|delta| delta.stop_reason);
                if reason.as_deref() == Some("refusal") {
                    return Err(Failure::new(
                        FailureClass::ModelRefused,
                        "the model declined to answer (stop_reason refusal); change the prompt",
                    ));
                }
                if reason.as_deref() == Some("max_tokens") {
                    events.push(ModelEvent::Cut);
                }
                if reason.is_some()
                    && let Some(failure) = self.broken.take()
                {
                    return Err(failure);
                }
            }
            Event::MessageStop => {
                return self.broken.take().map_or(Ok(Progress::Whole), Err);
            }
            Event::Error { error } => return Err(in_stream(&error)),
            Event::Other => {}
        }
        Ok(Progress::More)
    }
}

impl AnthropicDecoder {
    /// Counts are totals so far; what was read from a cache was read as well.
    fn counts(&mut self, counts: Option<Counts>, events: &mut Vec<ModelEvent>) {
        let Some(counts) = counts else { return };
        let cached = [
            counts.cache_creation_input_tokens,
            counts.cache_read_input_tokens,
        ];
        let cached: u64 = cached.into_iter().flatten().sum();
        let usage = Usage {
            prompt_tokens: counts
                .input_tokens
                .map(|tokens| tokens.saturating_add(cached)),
            output_tokens: counts.output_tokens,
        };
        dialect::usage_event(&mut self.usage, usage, events);
    }
}

/// An error in the middle of a stream, which came with status 200.
fn in_stream(error: &Trouble) -> Failure {
    let class = match error.r#type.as_str() {
        "rate_limit_error" => FailureClass::ModelRateLimited,
        "invalid_request_error"
        | "authentication_error"
        | "permission_error"
        | "billing_error"
        | "not_found_error"
        | "request_too_large" => FailureClass::ModelRefused,
        _ => FailureClass::ModelServer,
    };
    let said = refusal::said(&error.message);
    Failure::new(
        class,
        format!("the model's server broke off ({}): {said}", error.r#type),
    )
}
