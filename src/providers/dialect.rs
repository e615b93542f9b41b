//! What one provider's protocol has to say; `http` does the rest.

use orket_core::failure::Failure;
use orket_core::model::{Message, ModelEvent, ModelRequest, Usage};
use orket_core::tool::{ToolCall, ToolSpec};
use reqwest::header::HeaderMap;
use serde_json::{Map, Value, json};

use super::lines::{Frame, Frames};
use super::refusal;

/// One protocol, towards one address.
pub(super) trait Dialect: Send + Sync + 'static {
    /// Headers beside those of any JSON request: keys, versions.
    fn headers(&self) -> HeaderMap;

    /// Whether its servers are asked to decode under a schema.
    fn constrains(&self) -> bool {
        false
    }

    /// The body, asking for calls in this form.
    fn body(&self, request: &ModelRequest, form: Form) -> Value;

    /// Whether a schema can be asked for in the way of [`Form::Object`] too.
    fn knows_object_form(&self) -> bool {
        false
    }

    /// How its stream is cut into frames.
    fn frames(&self) -> Box<dyn Frames>;

    /// How a frame is understood; a new one for each reply.
    fn decoder(&self) -> Box<dyn Decoder>;

    /// What to do when nobody can be reached.
    fn connect_hint(&self) -> &str;

    /// What to do about a refusal, if that is known.
    fn refusal_hint(&self, status: u16, request: &ModelRequest) -> Option<String>;
}

/// How calls are asked for. The prompt describes them in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As JSON text that the server decodes under the request's schema.
    Schema,
    /// The same, asked for as older servers of llama.cpp want it.
    Object,
    /// As native tool calls.
    Tools,
    /// As the prompt says, and nothing else.
    Text,
}

/// Whether more of a reply is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// The end marker has not come.
    More,
    /// It has.
    Whole,
}

/// Understands the frames of one reply.
pub(super) trait Decoder: Send {
    /// Takes one frame; what it brings goes to `events`, the end itself does not.
    fn frame(&mut self, frame: &Frame, events: &mut Vec<ModelEvent>) -> Result<Progress, Failure>;

    /// Whether the reply is whole though its end marker is missing.
    fn is_whole(&self) -> bool {
        false
    }
}

/// A frame's JSON.
pub(super) fn parse<T: serde::de::DeserializeOwned>(data: &str) -> Result<T, Failure> {
    serde_json::from_str(data).map_err(|cause| refusal::malformed(data, cause))
}

/// A native call whose arguments came as text: an object, a JSON text of one, or nothing at all.
pub(super) fn call_of_text(tool: &str, args: &str) -> Result<ToolCall, Failure> {
    if args.trim().is_empty() {
        return Ok(call(tool, Map::new()));
    }
    let mut parsed: Option<Value> = serde_json::from_str(args).ok();
    if let Some(Value::String(inner)) = &parsed {
        parsed = serde_json::from_str(inner).ok();
    }
    match parsed {
        Some(Value::Object(args)) => Ok(call(tool, args)),
        _ => Err(refusal::broken(format!(
            "the model's arguments for the tool `{tool}` are no JSON object (cut off? then raise \
             its token limit): {:?}",
            refusal::cut(args, 200)
        ))),
    }
}

/// A call.
pub(super) fn call(tool: &str, args: Map<String, Value>) -> ToolCall {
    ToolCall {
        tool: tool.to_owned(),
        args,
    }
}

/// Tools in the form that OpenAI brought up and Ollama follows.
pub(super) fn function_tools(tools: &[ToolSpec]) -> Value {
    let function = |tool: &ToolSpec| {
        json!({"type": "function", "function": {
            "name": tool.name, "description": tool.description, "parameters": tool.parameters,
        }})
    };
    tools.iter().map(function).collect()
}

/// Messages as `{"role", "content"}`, in the same form.
pub(super) fn plain_messages(messages: &[Message]) -> Value {
    let plain = |message: &Message| json!({"role": message.role, "content": message.content});
    messages.iter().map(plain).collect()
}

/// Puts the operator's own options over those we chose; `null` takes one away.
pub(super) fn overlay(body: &mut Map<String, Value>, params: &Map<String, Value>, fixed: &[&str]) {
    for (name, value) in params {
        if fixed.contains(&name.as_str()) {
            continue;
        }
        if value.is_null() {
            body.shift_remove(name);
        } else {
            body.insert(name.clone(), value.clone());
        }
    }
}

/// A usage event, when anything is known that was not known before.
pub(super) fn usage_event(known: &mut Usage, now: Usage, events: &mut Vec<ModelEvent>) {
    let merged = Usage {
        prompt_tokens: now.prompt_tokens.or(known.prompt_tokens),
        output_tokens: now.output_tokens.or(known.output_tokens),
    };
    if merged != *known {
        *known = merged;
        events.push(ModelEvent::Usage(merged));
    }
}

/// A piece of text, unless it is empty.
pub(super) fn text_event(text: Option<String>, events: &mut Vec<ModelEvent>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        events.push(ModelEvent::Text(text));
    }
}
