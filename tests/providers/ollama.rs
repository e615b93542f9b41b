//! What only Ollama does.

use serde_json::json;

use crate::server::{Act, Server};
use crate::wire::{WIRES, all, request_with_tool, shown};
use orket_core::model::ModelRequest;
use std::sync::Arc;

const LINES: &str = concat!(
    r#"{"message":{"role":"assistant","content":"Writing. ","tool_calls":[{"function":{"name":"write_file","arguments":{"path":"a","content":"ä"}}},{"function":{"name":"list","arguments":null}}]},"done":false}"#,
    "\n",
    r#"{"message":{"role":"assistant","content":""},"done":true,"eval_count":3}"#,
    "\n"
);

#[tokio::test]
async fn native_calls_come_whole() {
    let wire = &WIRES[0];
    let mut server = Server::once(vec![Act::Send(wire.head()), Act::Send(LINES.into())]).await;
    let mut request = ModelRequest::clone(&request_with_tool("ollama"));
    let params =
        json!({"num_ctx": 4096, "keep_alive": "5m", "options": {"top_k": 3, "seed": null}});
    request.options.params = params.as_object().unwrap().clone();
    let events = all(wire.at(&server).ask(Arc::new(request))).await;
    let body = server.seen().await.body;
    insta::assert_snapshot!(format!(
        "{body:#}\n{}",
        shown("events", &events, &server.url)
    ));
}

#[tokio::test]
async fn a_model_without_tools_is_asked_again_without_and_remembered() {
    let wire = &WIRES[0];
    let refusal = r#"{"error":"registry.ollama.ai/library/m does not support tools"}"#;
    let refusal = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\n\r\n{refusal}",
        refusal.len()
    );
    let good = vec![Act::Send(wire.head()), Act::Send(wire.stream())];
    let mut server = Server::start(vec![
        vec![Act::Send(refusal.into_bytes())],
        good.clone(),
        good,
    ])
    .await;
    let provider = wire.at(&server);
    for _ in 0..2 {
        let events = all(provider.ask(request_with_tool("ollama"))).await;
        assert_eq!(events, wire.events());
    }
    let mut offered = Vec::new();
    for _ in 0..3 {
        offered.push(server.seen().await.body.get("tools").is_some());
    }
    assert_eq!(offered, [true, false, false]);
}

#[tokio::test]
async fn an_error_in_the_stream_is_the_server_s() {
    let wire = &WIRES[0];
    let lines = "{\"message\":{\"content\":\"a\"},\"done\":false}\n{\"error\":\"model runner has unexpectedly stopped\"}\n";
    let server = Server::once(vec![Act::Send(wire.head()), Act::Send(lines.into())]).await;
    insta::assert_snapshot!(shown("", &all(wire.ask(&server)).await, &server.url));
}
