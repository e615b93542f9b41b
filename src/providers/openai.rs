//! OpenAI's chat completions, and all that speak like it (vLLM, LM Studio, llama.cpp, hosted
//! ones): `POST /chat/completions`, server-sent events.

use orket_core::failure::{Failure, FailureClass};
use orket_core::model::{Measured, ModelEvent, ModelRequest, Usage};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::dialect::{self, Decoder, Dialect, Form, Progress};
use super::lines::{Frame, Frames};
use super::refusal;
use super::sse::SseReader;
use super::strict;

/// What an operator's `params` cannot change: without these the reply could not be read.
const FIXED: [&str; 3] = ["model", "messages", "stream"];

/// OpenAI and its likes.
pub(super) struct OpenAi {
    /// `Bearer …`, marked sensitive.
    pub(super) authorization: Option<HeaderValue>,
    /// Whether replies are decoded under the turn's schema.
    pub(super) constrained: bool,
    /// Whether this is OpenAI's own service, which decodes under a schema only when it is asked to be
    /// strict, and then knows part of the schema language.
    pub(super) is_hosted: bool,
}

impl Dialect for OpenAi {
    fn headers(&self) -> HeaderMap {
        let authorization = self.authorization.clone();
        HeaderMap::from_iter(authorization.map(|value| (AUTHORIZATION, value)))
    }

    fn constrains(&self) -> bool {
        self.constrained
    }

    fn knows_object_form(&self) -> bool {
        true
    }

    fn body(&self, request: &ModelRequest, form: Form) -> Value {
        let mut body = Map::from_iter([
            ("model".into(), json!(request.model.model)),
            (
                "messages".into(),
                dialect::plain_messages(&request.messages),
            ),
            ("stream".into(), json!(true)),
            ("stream_options".into(), json!({"include_usage": true})),
        ]);
        if let Some(temperature) = request.options.temperature {
            body.insert("temperature".into(), json!(temperature));
        }
        if let Some(seed) = request.options.seed {
            body.insert("seed".into(), json!(seed));
        }
        match (form, &request.schema) {
            (Form::Schema, Some(schema)) => {
                let named = if self.is_hosted {
                    let strict = strict::knows(schema);
                    json!({"name": "turn", "schema": **schema, "strict": strict})
                } else {
                    json!({"name": "turn", "schema": **schema})
                };
                let format = json!({"type": "json_schema", "json_schema": named});
                body.insert("response_format".into(), format);
            }
            (Form::Object, Some(schema)) => {
                let format = json!({"type": "json_object", "schema": **schema});
                body.insert("response_format".into(), format);
            }
            (Form::Tools, _) => {
                body.insert("tools".into(), dialect::function_tools(&request.tools));
            }
            (Form::Schema | Form::Object, None) | (Form::Text, _) => {}
        }
        dialect::overlay(&mut body, &request.options.params, &FIXED);
        Value::Object(body)
    }

    fn frames(&self) -> Box<dyn Frames> {
        Box::new(SseReader::new())
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(OpenAiDecoder::default())
    }

    fn connect_hint(&self) -> &str {
        "is the server running? ORKET_OPENAI_URL says where it is"
    }

    fn refusal_hint(&self, status: u16, _request: &ModelRequest) -> Option<String> {
        match status {
            401 | 403 => Some("check ORKET_OPENAI_KEY or OPENAI_API_KEY".into()),
            404 => {
                Some("check the model's name and ORKET_OPENAI_URL (it ends in /v1 mostly)".into())
            }
            _ => None,
        }
    }
}

#[derive(Debug, Default)]
struct OpenAiDecoder {
    usage: Usage,
    calls: Vec<PartialCall>,
    finished: bool,
}

/// A call of which pieces have come.
#[derive(Debug)]
struct PartialCall {
    index: u64,
    id: String,
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
struct Chunk {
    choices: Option<Vec<Choice>>,
    usage: Option<Counts>,
    timings: Option<Timings>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u64,
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Deserialize)]
struct CallDelta {
    index: Option<u64>,
    id: Option<String>,
    function: Option<FunctionDelta>,
}

#[derive(Deserialize)]
struct FunctionDelta {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Deserialize)]
struct Counts {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

/// What servers of llama.cpp add: milliseconds.
#[derive(Deserialize)]
struct Timings {
    prompt_ms: Option<f64>,
    predicted_ms: Option<f64>,
}

impl From<Timings> for Measured {
    fn from(timings: Timings) -> Self {
        let micros = |ms: Option<f64>| {
            let span = std::time::Duration::try_from_secs_f64(ms? / 1_000.0).ok()?;
            u64::try_from(span.as_micros()).ok()
        };
        Self {
            prefill_us: micros(timings.prompt_ms),
            decode_us: micros(timings.predicted_ms),
            ..Self::default()
        }
    }
}

impl Decoder for OpenAiDecoder {
    fn frame(&mut self, frame: &Frame, events: &mut Vec<ModelEvent>) -> Result<Progress, Failure> {
        if frame.data.trim() == "[DONE]" {
            self.give_calls(events)?;
            return Ok(Progress::Whole);
        }
        let chunk: Chunk = dialect::parse(&frame.data)?;
        if let Some(error) = chunk.error {
            return Err(in_stream(&error, &frame.data));
        }
        if chunk.choices.is_none() && chunk.usage.is_none() {
            // An event that others of its kind have added.
            return Ok(Progress::More);
        }
        for choice in chunk.choices.unwrap_or_default() {
            if choice.index == 0 {
                self.choice(choice, events)?;
            }
        }
        if let Some(counts) = chunk.usage {
            let usage = Usage {
                prompt_tokens: counts.prompt_tokens,
                output_tokens: counts.completion_tokens,
            };
            dialect::usage_event(&mut self.usage, usage, events);
        }
        if let Some(timings) = chunk.timings {
            let measured = Measured::from(timings);
            if !measured.is_empty() {
                events.push(ModelEvent::Measured(measured));
            }
        }
        Ok(Progress::More)
    }

    fn is_whole(&self) -> bool {
        self.finished
    }
}

impl OpenAiDecoder {
    fn choice(&mut self, choice: Choice, events: &mut Vec<ModelEvent>) -> Result<(), Failure> {
        if let Some(delta) = choice.delta {
            dialect::text_event(delta.content, events);
            dialect::text_event(delta.refusal, events);
            for call in delta.tool_calls.unwrap_or_default() {
                self.call(call)?;
            }
        }
        match choice.finish_reason.as_deref() {
            None | Some("") => {}
            Some("content_filter") => {
                return Err(Failure::new(
                    FailureClass::ModelRefused,
                    "the model's server withheld the reply (finish_reason content_filter); change the prompt",
                ));
            }
            Some(reason) => {
                self.finished = true;
                if reason == "length" {
                    events.push(ModelEvent::Cut);
                }
                self.give_calls(events)?;
            }
        }
        Ok(())
    }

    /// Adds a piece of a call. Some servers give every call the index 0, or none: a new id is a
    /// new call.
    fn call(&mut self, piece: CallDelta) -> Result<(), Failure> {
        let id = piece.id.unwrap_or_default();
        let function = piece.function.unwrap_or(FunctionDelta {
            name: None,
            arguments: None,
        });
        let name = function.name.unwrap_or_default();
        let arguments = function.arguments.unwrap_or_default();
        let open = match piece.index {
            Some(index) => self.calls.iter_mut().rev().find(|call| call.index == index),
            None => self.calls.last_mut(),
        };
        let continues = |call: &PartialCall| id.is_empty() || call.id.is_empty() || call.id == id;
        match open.filter(|call| continues(call)) {
            Some(call) => {
                if call.id.is_empty() {
                    call.id = id;
                }
                // A name comes whole; some servers repeat it with every piece.
                if call.name.is_empty() {
                    call.name = name;
                }
                call.arguments.push_str(&arguments);
                if call.arguments.len() > super::lines::MAX_FRAME {
                    return Err(refusal::broken("the arguments of a tool call have no end"));
                }
            }
            None => self.calls.push(PartialCall {
                index: piece.index.unwrap_or_default(),
                id,
                name,
                arguments,
            }),
        }
        Ok(())
    }

    fn give_calls(&mut self, events: &mut Vec<ModelEvent>) -> Result<(), Failure> {
        for call in std::mem::take(&mut self.calls) {
            if call.name.is_empty() {
                return Err(refusal::broken(
                    "the model's server sent a tool call without a name",
                ));
            }
            let call = dialect::call_of_text(&call.name, &call.arguments)?;
            events.push(ModelEvent::ToolCall(call));
        }
        Ok(())
    }
}

/// An error in the middle of a stream, which came with status 200.
fn in_stream(error: &Value, data: &str) -> Failure {
    let word = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = error.get("code").and_then(Value::as_u64);
    let words = [word("type"), word("code")];
    let any = |part: &str| words.iter().any(|word| word.contains(part));
    let class = if number == Some(429) || any("rate_limit") {
        FailureClass::ModelRateLimited
    } else if number.is_some_and(|code| (400..500).contains(&code))
        || any("invalid_request")
        || any("insufficient_quota")
        || any("context_length")
        || any("authentication")
    {
        FailureClass::ModelRefused
    } else {
        FailureClass::ModelServer
    };
    Failure::new(
        class,
        format!("the model's server broke off: {}", refusal::said(data)),
    )
}
