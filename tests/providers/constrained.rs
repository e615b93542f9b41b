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
        // A server that may know the schema by its older name is asked in that way first.
        let refusals = if wire.provider == "openai" { 2 } else { 1 };
        let mut answers = vec![refused; refusals];
        answers.extend([good(wire), good(wire)]);
        let mut server = Server::start(answers).await;
        let provider = provider_with(wire.provider, &server.url, true);
        for _ in 0..2 {
            let events = all(provider.ask(request_with_schema(wire.provider))).await;
            assert_eq!(events, wire.events(), "{}", wire.provider);
        }
        let mut offered = Vec::new();
        for _ in 0..refusals + 2 {
            offered.push(server.seen().await.body.get("tools").is_some());
        }
        let mut expected = vec![false; refusals];
        expected.extend([true, true]);
        assert_eq!(offered, expected, "{}", wire.provider);
    }
}

/// As the server of llama-cpp-python 0.3 answers: with 500, and no error object.
#[tokio::test]
async fn a_server_that_knows_a_schema_by_its_older_name_gets_it_so_and_is_remembered() {
    let wire = WIRES.iter().find(|wire| wire.provider == "openai").unwrap();
    let body = r#"{"error":{"message":"[{'type': 'literal_error', 'loc': ('body', 'response_format', 'type')}]","code":null}}"#;
    let refusal = format!(
        "HTTP/1.1 500 Internal Server Error\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let refused = vec![Act::Send(refusal.into_bytes())];
    let mut server = Server::start(vec![refused, good(wire), good(wire)]).await;
    let provider = provider_with(wire.provider, &server.url, true);
    for _ in 0..2 {
        let events = all(provider.ask(request_with_schema(wire.provider))).await;
        assert_eq!(events, wire.events());
    }
    let schema = json!({"type": "object", "required": ["tool_calls"]});
    let older = json!({"type": "json_object", "schema": schema});
    let mut formats = Vec::new();
    for _ in 0..3 {
        formats.push(server.seen().await.body["response_format"].clone());
    }
    assert_eq!(formats[0]["type"], "json_schema");
    assert_eq!(formats[1..], [older.clone(), older]);
}

/// A refusal of the question itself says nothing about the schema.
#[tokio::test]
async fn an_unrelated_refusal_does_not_cost_a_model_its_schema() {
    let wire = WIRES.iter().find(|wire| wire.provider == "openai").unwrap();
    let refusal = |words: &str| {
        let body = json!({"error": {"message": words}}).to_string();
        let head = format!("HTTP/1.1 400 Bad Request\r\ncontent-length: {}", body.len());
        vec![Act::Send(format!("{head}\r\n\r\n{body}").into_bytes())]
    };
    let long = refusal("prompt too long: reduce the format of your messages");
    // What every form is refused with is no matter of the form, whatever its words.
    let every = refusal("quota of the json_schema project is used up");
    let mut answers = vec![long];
    answers.extend(vec![every; 3]);
    answers.push(good(wire));
    let mut server = Server::start(answers).await;
    let provider = provider_with(wire.provider, &server.url, true);
    for _ in 0..3 {
        let _ = all(provider.ask(request_with_schema(wire.provider))).await;
    }
    let mut forms = Vec::new();
    for _ in 0..5 {
        forms.push(server.seen().await.body["response_format"]["type"].clone());
    }
    let expected = json!([
        "json_schema",
        "json_schema",
        "json_object",
        null,
        "json_schema"
    ]);
    assert_eq!(json!(forms), expected);
}
