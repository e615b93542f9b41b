//! What only Anthropic does.

use std::sync::Arc;

use orket_core::model::{Message, ModelRequest, Speaker};
use serde_json::json;

use crate::server::{Act, Server};
use crate::wire::{KEY, WIRES, all, request_with_tool, shown};

async fn told(name: &str, events: &[serde_json::Value]) -> String {
    let wire = &WIRES[2];
    let stream = data(events).into_bytes();
    let server = Server::once(vec![Act::Send(wire.head()), Act::Send(stream)]).await;
    shown(name, &all(wire.ask(&server)).await, &server.url)
}

fn data(events: &[serde_json::Value]) -> String {
    let one = |event: &serde_json::Value| {
        format!(
            "event: {}\ndata: {event}\n\n",
            event["type"].as_str().unwrap()
        )
    };
    events.iter().map(one).collect()
}

fn tool(
    index: u32,
    name: &str,
    input: serde_json::Value,
    pieces: &[&str],
) -> Vec<serde_json::Value> {
    let mut events = vec![json!({"type":"content_block_start","index":index,
        "content_block":{"type":"tool_use","id":"t","name":name,"input":input}})];
    events.extend(pieces.iter().map(|piece| {
        json!({"type":"content_block_delta","index":index,
            "delta":{"type":"input_json_delta","partial_json":piece}})
    }));
    events.push(json!({"type":"content_block_stop","index":index}));
    events
}

#[tokio::test]
async fn native_calls_are_put_together_from_their_pieces() {
    let wire = &WIRES[2];
    let mut events = tool(0, "write_file", json!({}), &["", "{\"path\":", "\"ä\"}"]);
    events.extend(tool(1, "list", json!({}), &[]));
    events.extend(tool(2, "read", json!({"path":"b"}), &[]));
    events.push(json!({"type":"brand_new_event","x":1}));
    events.push(json!({"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}));
    events.push(json!({"type":"message_stop"}));
    let stream = data(&events).into_bytes();
    let mut server = Server::once(vec![Act::Send(wire.head()), Act::Send(stream)]).await;

    let mut request = ModelRequest::clone(&request_with_tool("anthropic"));
    let say = |role, text: &str| Message::new(role, text);
    request.messages.extend([
        say(Speaker::User, "Now."),
        say(Speaker::Assistant, ""),
        say(Speaker::Assistant, "Done."),
        say(Speaker::System, "Be short."),
        say(Speaker::User, "Again."),
    ]);
    let params = json!({"max_tokens": 100, "top_p": 0.9});
    request.options.params = params.as_object().unwrap().clone();
    let events = all(wire.at(&server).ask(Arc::new(request))).await;
    let seen = server.seen().await;
    assert!(
        seen.head.contains(&format!("x-api-key: {KEY}")),
        "{}",
        seen.head
    );
    assert!(
        seen.head.contains("anthropic-version: 2023-06-01"),
        "{}",
        seen.head
    );
    insta::assert_snapshot!(format!(
        "{:#}\n{}",
        seen.body,
        shown("events", &events, &server.url)
    ));
}

#[tokio::test]
async fn what_goes_wrong_in_the_stream_is_typed() {
    let mut told_all = String::new();
    for kind in [
        "overloaded_error",
        "api_error",
        "rate_limit_error",
        "invalid_request_error",
        "unheard_of_error",
    ] {
        let error = json!({"type":"error","error":{"type":kind,"message":"Oh no"}});
        told_all += &told(kind, &[error]).await;
    }
    let mut cut = tool(0, "write_file", json!({}), &["{\"path\":\"a"]);
    cut.push(json!({"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":100}}));
    told_all += &told("arguments cut off", &cut).await;
    let refusal = json!({"type":"message_delta","delta":{"stop_reason":"refusal"},"usage":{"output_tokens":1}});
    told_all += &told("refusal", &[refusal]).await;
    insta::assert_snapshot!(told_all);
}
