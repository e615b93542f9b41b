//! Ollama's own protocol: `POST /api/chat`, newline-delimited JSON.

use orket_core::failure::{Failure, FailureClass};
use orket_core::model::{Measured, ModelEvent, ModelRequest, Usage};
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::dialect::{self, Decoder, Dialect, Form, Progress};
use super::lines::{Frame, Frames};
use super::ndjson::NdjsonReader;
use super::refusal;

/// Parameters that stand beside `options` in a request, not in it.
const TOP_LEVEL: [&str; 6] = [
    "format",
    "keep_alive",
    "logprobs",
    "think",
    "top_logprobs",
    "truncate",
];

/// Ollama.
pub(super) struct Ollama {
    /// Whether replies are decoded under the turn's schema.
    pub(super) constrained: bool,
}

impl Dialect for Ollama {
    fn headers(&self) -> HeaderMap {
        HeaderMap::new()
    }

    fn constrains(&self) -> bool {
        self.constrained
    }

    fn body(&self, request: &ModelRequest, form: Form) -> Value {
        let mut options = Map::new();
        if let Some(temperature) = request.options.temperature {
            options.insert("temperature".into(), json!(temperature));
        }
        if let Some(seed) = request.options.seed {
            options.insert("seed".into(), json!(seed));
        }
        let mut top = Map::new();
        for (name, value) in &request.options.params {
            match value {
                Value::Object(inner) if name == "options" => {
                    dialect::overlay(&mut options, inner, &[]);
                }
                value if TOP_LEVEL.contains(&name.as_str()) => {
                    top.insert(name.clone(), value.clone());
                }
                value => {
                    let one = Map::from_iter([(name.clone(), value.clone())]);
                    dialect::overlay(&mut options, &one, &[]);
                }
            }
        }
        let mut body = Map::from_iter([
            ("model".into(), json!(request.model.model)),
            (
                "messages".into(),
                dialect::plain_messages(&request.messages),
            ),
            ("stream".into(), json!(true)),
        ]);
        match (form, &request.schema) {
            (Form::Schema, Some(schema)) => {
                body.insert("format".into(), Value::clone(schema));
            }
            (Form::Tools, _) => {
                body.insert("tools".into(), dialect::function_tools(&request.tools));
            }
            (Form::Schema | Form::Object, _) | (Form::Text, _) => {}
        }
        if !options.is_empty() {
            body.insert("options".into(), Value::Object(options));
        }
        dialect::overlay(&mut body, &top, &[]);
        Value::Object(body)
    }

    fn frames(&self) -> Box<dyn Frames> {
        Box::new(NdjsonReader::new())
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(OllamaDecoder::default())
    }

    fn connect_hint(&self) -> &str {
        "start it with `ollama serve`, or say where it is with ORKET_OLLAMA_URL"
    }

    fn refusal_hint(&self, status: u16, request: &ModelRequest) -> Option<String> {
        (status == 404).then(|| format!("get the model with `ollama pull {}`", request.model.model))
    }
}

#[derive(Debug, Default)]
struct OllamaDecoder {
    usage: Usage,
}

#[derive(Deserialize)]
struct Line {
    message: Option<Said>,
    #[serde(default)]
    done: bool,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    load_duration: Option<u64>,
    prompt_eval_duration: Option<u64>,
    eval_duration: Option<u64>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Said {
    content: Option<String>,
    tool_calls: Option<Vec<Called>>,
}

#[derive(Deserialize)]
struct Called {
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: Value,
}

impl Decoder for OllamaDecoder {
    fn frame(&mut self, frame: &Frame, events: &mut Vec<ModelEvent>) -> Result<Progress, Failure> {
        let line: Line = dialect::parse(&frame.data)?;
        if line.error.is_some() {
            let said = refusal::said(&frame.data);
            return Err(Failure::new(
                FailureClass::ModelServer,
                format!("Ollama broke off: {said}"),
            ));
        }
        if line.message.is_none() && !line.done {
            return Err(refusal::malformed(
                &frame.data,
                "neither a message nor the end",
            ));
        }
        if let Some(said) = line.message {
            dialect::text_event(said.content, events);
            for Called { function } in said.tool_calls.unwrap_or_default() {
                let call = match function.arguments {
                    Value::Object(args) => dialect::call(&function.name, args),
                    Value::Null => dialect::call(&function.name, Map::new()),
                    Value::String(args) => dialect::call_of_text(&function.name, &args)?,
                    other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_)) => {
                        dialect::call_of_text(&function.name, &other.to_string())?
                    }
                };
                events.push(ModelEvent::ToolCall(call));
            }
        }
        let usage = Usage {
            prompt_tokens: line.prompt_eval_count,
            output_tokens: line.eval_count,
        };
        dialect::usage_event(&mut self.usage, usage, events);
        // Nanoseconds on the wire. A prompt that was in the server's memory whole has no count.
        let micros = |nanos: Option<u64>| nanos.map(|nanos| nanos / 1_000);
        let measured = Measured {
            load_us: micros(line.load_duration),
            prefill_us: micros(line.prompt_eval_duration),
            decode_us: micros(line.eval_duration),
            memory_bytes: None,
        };
        if !measured.is_empty() {
            events.push(ModelEvent::Measured(measured));
        }
        if line.done_reason.as_deref() == Some("length") {
            events.push(ModelEvent::Cut);
        }
        Ok(if line.done {
            Progress::Whole
        } else {
            Progress::More
        })
    }
}
