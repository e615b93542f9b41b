//! The turn's schema on its way to the servers that decode under one.

use serde_json::{Value, json};

use crate::server::{Act, Server};
use crate::wire::{WIRES, Wire, all, provider_with, request_with_schema};

/// Where the schema stands in a request, and what else asks for calls.
fn asked(body: &Value) -> Value {
    json!({
        "format": body.get("format"),
        "response_format": body.get("response_format"),
        "tools": body.get("tools").is_some(),
    })
}

fn good(wire: &Wire) -> Vec<Act> {
    vec![Act::Send(wire.head()), Act::Send(wire.stream())]
}

async fn sent(wire: &Wire, constrained: bool) -> Value {
    let mut server = Server::once(good(wire)).await;
    let provider = provider_with(wire.provider, &server.url, constrained);
    let events = all(provider.ask(request_with_schema(wire.provider))).await;
    assert_eq!(events, wire.events(), "{}", wire.provider);
    asked(&server.seen().await.body)
}

#[tokio::test]
async fn the_schema_goes_where_each_server_looks_for_it() {
    let schema = json!({"type": "object", "required": ["tool_calls"]});
    let tools = json!({"format": null, "response_format": null, "tools": true});
    for wire in &WIRES {
        let expected = match wire.provider {
            "ollama" => json!({"format": schema, "response_format": null, "tools": false}),
            "openai" => json!({
                "format": null,
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "turn", "schema": schema},
                },
                "tools": false,
            }),
            _ => tools.clone(),
        };
        assert_eq!(sent(wire, true).await, expected, "{}", wire.provider);
        assert_eq!(sent(wire, false).await, tools, "{}", wire.provider);
    }
}

#[tokio::test]
async fn a_server_that_takes_no_schema_is_asked_with_tools_and_remembered() {
    for wire in WIRES.iter().filter(|wire| wire.provider != "anthropic") {
        let refusal = r#"{"error":{"message":"response_format: unsupported json_schema keyword"}}"#;
        let refusal = format!(
            "HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\n\r\n{refusal}",
            refusal.len()
        );
        let refused = vec![Act::Send(refusal.into_bytes())];
        let mut server = Server::start(vec![refused, good(wire), good(wire)]).await;
        let provider = provider_with(wire.provider, &server.url, true);
        for _ in 0..2 {
            let events = all(provider.ask(request_with_schema(wire.provider))).await;
            assert_eq!(events, wire.events(), "{}", wire.provider);
        }
        let mut offered = Vec::new();
        for _ in 0..3 {
            offered.push(server.seen().await.body.get("tools").is_some());
        }
        assert_eq!(offered, [false, true, true], "{}", wire.provider);
    }
}
