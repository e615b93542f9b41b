//! The three protocols as tables, so that one test can speak all of them; and what every test
//! needs to ask and to compare.

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt, stream::BoxStream};
use orket::providers::{ProviderSettings, Providers};
use orket_actors::port::model::{ModelProvider, ModelProviders};
use orket_core::model::{
    Measured, Message, ModelEvent, ModelName, ModelRequest, Origin, Speaker, Usage,
};
use orket_core::tool::{EffectClass, ToolHome, ToolSpec};
use serde_json::json;

use crate::server::{Act, Server, within};

/// The key that the tests use; it must show up nowhere.
pub const KEY: &str = "sk-very-secret-key";

/// One protocol.
pub struct Wire {
    pub provider: &'static str,
    pub path: &'static str,
    content_type: &'static str,
    /// Frames of a reply that says "Grüße, " and "Welt" and tells its usage, without the end.
    pub frames: &'static [&'static str],
    /// The end marker.
    pub end: &'static str,
    /// What they come to.
    pub usages: &'static [(u64, Option<u64>)],
    /// What the server measured: microseconds of loading, prefill and decode.
    pub measured: Option<(Option<u64>, u64, u64)>,
}

pub const WIRES: [Wire; 3] = [
    Wire {
        provider: "ollama",
        path: "/api/chat",
        content_type: "application/x-ndjson",
        frames: &[
            "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"hm\"},\"done\":false}\n",
            "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"Grüße, \"},\"done\":false}\n",
            "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"Welt\"},\"done\":false}\n",
        ],
        end: "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"load_duration\":1500,\"prompt_eval_count\":11,\"prompt_eval_duration\":2000999,\"eval_count\":7,\"eval_duration\":3000000}\n",
        usages: &[(11, Some(7))],
        measured: Some((Some(1), 2_000, 3_000)),
    },
    Wire {
        provider: "openai",
        path: "/v1/chat/completions",
        content_type: "text/event-stream",
        frames: &[
            ": keep-alive\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"reasoning_content\":\"hm\"}}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Grüße, \"},\"finish_reason\":null}],\"usage\":null}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Welt\"}}]}\n\n",
        ],
        end: "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"total_tokens\":18},\"timings\":{\"prompt_ms\":2.0004,\"predicted_ms\":3.0}}\n\ndata: [DONE]\n\n",
        usages: &[(11, Some(7))],
        measured: Some((None, 2_000, 3_000)),
    },
    Wire {
        provider: "anthropic",
        path: "/v1/messages",
        content_type: "text/event-stream; charset=utf-8",
        frames: &[
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"x\",\"content\":[],\"usage\":{\"input_tokens\":8,\"cache_read_input_tokens\":3}}}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"Grüße, \"}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"Welt\"}}\n\n",
        ],
        end: "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":7}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        usages: &[(11, None), (11, Some(7))],
        measured: None,
    },
];

impl Wire {
    /// The head of a good answer; its body ends with the connection.
    pub fn head(&self) -> Vec<u8> {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {}\r\nconnection: close\r\n\r\n",
            self.content_type
        )
        .into_bytes()
    }

    /// The whole stream.
    pub fn stream(&self) -> Vec<u8> {
        (self.frames.concat() + self.end).into_bytes()
    }

    /// What the whole stream comes to, beats left out.
    pub fn events(&self) -> Vec<ModelEvent> {
        let usage = |(prompt, output): &(u64, Option<u64>)| {
            ModelEvent::Usage(Usage {
                prompt_tokens: Some(*prompt),
                output_tokens: *output,
            })
        };
        let (before, after) = self.usages.split_at(self.usages.len() - 1);
        let mut events = vec![ModelEvent::Connected];
        events.extend(before.iter().map(usage));
        events.extend(["Grüße, ", "Welt"].map(|text| ModelEvent::Text(text.into())));
        events.extend(after.iter().map(usage));
        events.extend(self.measured.map(|(load_us, prefill, decode)| {
            ModelEvent::Measured(Measured {
                load_us,
                prefill_us: Some(prefill),
                decode_us: Some(decode),
                memory_bytes: None,
            })
        }));
        events.push(ModelEvent::Done);
        events
    }

    /// The provider, talking to `server`.
    pub fn at(&self, server: &Server) -> Arc<dyn ModelProvider> {
        provider(self.provider, &server.url)
    }

    /// Asks `server` a plain question.
    pub fn ask(&self, server: &Server) -> BoxStream<'static, ModelEvent> {
        self.at(server).ask(request(self.provider))
    }
}

/// A provider whose server is at `url`.
pub fn provider(name: &str, url: &str) -> Arc<dyn ModelProvider> {
    provider_with(name, url, true)
}

/// The same, with constrained decoding on or off.
pub fn provider_with(name: &str, url: &str, constrained: bool) -> Arc<dyn ModelProvider> {
    let settings = ProviderSettings {
        ollama_url: url.to_owned(),
        openai_url: format!("{url}/v1"),
        openai_key: Some(KEY.to_owned()),
        anthropic_url: url.to_owned(),
        anthropic_key: Some(KEY.to_owned()),
        constrained,
    };
    let providers = Providers::new(settings, Arc::new(|_: &str| Err("none".to_owned())));
    let model = ModelName::parse(&format!("{name}:m")).unwrap();
    providers.provider(&model).unwrap()
}

pub fn request(provider: &str) -> Arc<ModelRequest> {
    Arc::new(ModelRequest {
        model: ModelName::parse(&format!("{provider}:m")).unwrap(),
        messages: vec![
            Message::new(Speaker::System, "You write code."),
            Message::new(Speaker::User, "Write a file."),
        ],
        tools: Vec::new().into(),
        options: orket_core::model::ModelOptions::default(),
        origin: Origin {
            run_id: "R1".into(),
            issue_id: "I-1".into(),
            seat: "coder".into(),
            role: "coder".into(),
            turn: 1,
            attempt: 1,
            round: 0,
        },
        schema: None,
    })
}

/// The same with a tool and options.
pub fn request_with_tool(provider: &str) -> Arc<ModelRequest> {
    let mut request = ModelRequest::clone(&request(provider));
    request.tools = vec![ToolSpec {
        name: "write_file".into(),
        description: "Writes a file.".into(),
        parameters: json!({"type":"object","properties":{"path":{"type":"string"}}}),
        effect: EffectClass::Idempotent,
        home: ToolHome::Host,
        time_limit_ms: None,
    }]
    .into();
    request.options.temperature = Some(0.5);
    request.options.seed = Some(42);
    Arc::new(request)
}

/// The same with a schema of the reply.
pub fn request_with_schema(provider: &str) -> Arc<ModelRequest> {
    let mut request = ModelRequest::clone(&request_with_tool(provider));
    request.schema = Some(Arc::new(
        json!({"type": "object", "required": ["tool_calls"]}),
    ));
    Arc::new(request)
}

/// Every event up to the end, beats left out.
pub async fn all(stream: BoxStream<'static, ModelEvent>) -> Vec<ModelEvent> {
    within(
        stream
            .filter(|event| std::future::ready(*event != ModelEvent::Beat))
            .collect(),
    )
    .await
}

/// The next event that is no beat.
pub async fn next(stream: &mut BoxStream<'static, ModelEvent>) -> Option<ModelEvent> {
    loop {
        match within(stream.next()).await {
            Some(ModelEvent::Beat) => {}
            event => return event,
        }
    }
}

/// Whether nothing is to be had right now.
pub fn is_silent(stream: &mut BoxStream<'static, ModelEvent>) -> bool {
    stream.next().now_or_never().is_none()
}

/// Events as a person would read them, without the server's port and this system's error numbers.
pub fn shown(name: &str, events: &[ModelEvent], server: &str) -> String {
    let server = if server.is_empty() { "\0" } else { server };
    let line = |event: &ModelEvent| match event {
        ModelEvent::Failed(failure) => {
            let wait = failure.retry_after_ms;
            let wait = wait.map_or(String::new(), |ms| format!(" [again in {ms} ms]"));
            let message = failure.to_string().replace(server, "http://SERVER");
            let message = match message.split_once(" (os error ") {
                Some((before, after)) => {
                    let (_, after) = after.split_once(')').unwrap();
                    format!("{before}{after}")
                }
                None => message,
            };
            format!("  Failed {message}{wait}\n")
        }
        event => format!("  {event:?}\n"),
    };
    let lines: String = events.iter().map(line).collect();
    assert!(!lines.contains(KEY), "a key is shown: {lines}");
    format!("{name}\n{lines}")
}

/// What all three protocols make of the same misbehaviour.
pub async fn told_by_all(acts: impl Fn(&Wire) -> Vec<Act>) -> String {
    let mut told = String::new();
    for wire in &WIRES {
        let server = Server::once(acts(wire)).await;
        let events = all(wire.ask(&server)).await;
        told += &shown(wire.provider, &events, &server.url);
    }
    told
}
