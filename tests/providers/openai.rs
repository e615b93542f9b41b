//! What only OpenAI and its likes do.

use std::sync::Arc;

use orket_core::model::ModelRequest;
use serde_json::json;

use crate::server::{Act, Server};
use crate::wire::{KEY, WIRES, all, request_with_tool, shown};

async fn told(name: &str, stream: &str) -> String {
    let wire = &WIRES[1];
    let server = Server::once(vec![Act::Send(wire.head()), Act::Send(stream.into())]).await;
    shown(name, &all(wire.ask(&server)).await, &server.url)
}

fn data(chunks: &[serde_json::Value]) -> String {
    chunks
        .iter()
        .map(|chunk| format!("data: {chunk}\n\n"))
        .collect()
}

#[tokio::test]
async fn native_calls_are_put_together_from_their_pieces() {
    let wire = &WIRES[1];
    let delta =
        |calls: serde_json::Value| json!({"choices":[{"index":0,"delta":{"tool_calls":calls}}]});
    let stream = data(&[
        json!({"choices":[{"index":0,"delta":{"role":"assistant","content":"Writing."}}]}),
        delta(
            json!([{"index":0,"id":"c1","type":"function","function":{"name":"write_file","arguments":""}}]),
        ),
        delta(json!([{"index":0,"function":{"arguments":"{\"path\":"}}])),
        delta(
            json!([{"index":1,"id":"c2","type":"function","function":{"name":"list","arguments":""}}]),
        ),
        delta(json!([{"index":0,"function":{"arguments":"\"a\"}"}}])),
        json!({"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}),
    ]) + "data: [DONE]\n\n";
    let mut server = Server::once(vec![Act::Send(wire.head()), Act::Send(stream.into())]).await;
    let mut request = ModelRequest::clone(&request_with_tool("openai"));
    let params = json!({"max_tokens": 100, "seed": null, "stream": false, "stream_options": null});
    request.options.params = params.as_object().unwrap().clone();
    let events = all(wire.at(&server).ask(Arc::new(request))).await;
    let seen = server.seen().await;
    let bearer = format!("authorization: Bearer {KEY}");
    assert!(seen.head.contains(&bearer), "{}", seen.head);
    insta::assert_snapshot!(format!(
        "{:#}\n{}",
        seen.body,
        shown("events", &events, &server.url)
    ));
}

#[tokio::test]
async fn servers_that_are_only_nearly_alike_are_understood() {
    let call = |piece: serde_json::Value| json!({"choices":[{"delta":{"tool_calls":[piece]}}]});
    let one = json!({"id":"a","index":0,"function":{"name":"one","arguments":"{}"}});
    let two = json!({"id":"b","index":0,"function":{"name":"two","arguments":"\"{\\\"n\\\":1}\""}});
    let no_index = json!({"id":"c","function":{"name":"three","arguments":"{\"n\":"}});
    let more = json!({"function":{"name":"three","arguments":"2}"}});
    let finish = json!({"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]});
    let mut told_all = told(
        "every call has the index 0, or none",
        &data(&[
            call(one),
            call(two),
            call(no_index),
            call(more),
            finish.clone(),
        ]),
    )
    .await;
    told_all += &told("no [DONE]", &data(std::slice::from_ref(&finish))).await;
    told_all += &told("no blank line at the end", data(&[finish]).trim_end()).await;
    told_all += &told(
        "no finish",
        "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\ndata: [DONE]",
    )
    .await;
    insta::assert_snapshot!(told_all);
}

#[tokio::test]
async fn what_goes_wrong_in_the_stream_is_typed() {
    let finish = |reason: &str| json!({"choices":[{"delta":{},"finish_reason":reason}]});
    let cut = json!({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"write_file","arguments":"{\"path\":\"a"}}]}}]});
    let mut told_all = told("arguments cut off", &data(&[cut, finish("length")])).await;
    told_all += &told("filtered", &data(&[finish("content_filter")])).await;
    for error in [
        json!({"error":{"message":"busy","type":"server_error"}}),
        json!({"error":{"message":"slow down","code":"rate_limit_exceeded"}}),
        json!({"error":{"message":"slow down","code":429}}),
        json!({"error":{"message":"too long","code":"context_length_exceeded"}}),
        json!({"error":"gone"}),
    ] {
        told_all += &told(&error.to_string(), &data(&[error])).await;
    }
    insta::assert_snapshot!(told_all);
}

#[tokio::test]
async fn an_empty_account_is_not_waited_for() {
    let wire = &WIRES[1];
    let body =
        r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#;
    let answer = format!(
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let server = Server::once(vec![Act::Send(answer.into_bytes())]).await;
    insta::assert_snapshot!(shown("", &all(wire.ask(&server)).await, &server.url));
}
