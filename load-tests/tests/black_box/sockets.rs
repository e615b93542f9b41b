//! WebSockets: the key goes along, and each that does not come about is counted under its kind.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt as _;
use serde_json::json;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

use crate::support::{orket_load, report, said};

/// Serves WebSockets: every third handshake is refused, as is each without the key; the others are answered
/// their pings.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let count = std::rc::Rc::new(AtomicUsize::new(0));
            while let Ok((stream, _)) = listener.accept().await {
                let count = std::rc::Rc::clone(&count);
                tokio::task::spawn_local(async move {
                    #[expect(clippy::result_large_err, reason = "the library's own type")]
                    let judge = move |request: &Request, answer: Response| {
                        let number = count.fetch_add(1, Ordering::SeqCst);
                        let is_known = request
                            .headers()
                            .get("X-API-Key")
                            .is_some_and(|it| it == "the-key");
                        let status = match (is_known, number % 3) {
                            (false, _) => 403,
                            (true, 2) => 503,
                            (true, _) => return Ok(answer),
                        };
                        let mut refusal = ErrorResponse::new(None);
                        *refusal.status_mut() = status.try_into().unwrap();
                        Err(refusal)
                    };
                    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, judge).await
                    else {
                        return;
                    };
                    // Pings are answered while reading.
                    while let Some(Ok(_)) = socket.next().await {}
                });
            }
        });
    });
    url
}

fn listen(key: &str) -> serde_json::Value {
    let events = server();
    // The API is another server, which answers whatever looks.
    let api = crate::support::answering(|_| (200, "{}".to_owned()));
    let output = orket_load(&[
        "websocket",
        "--api-url",
        &api,
        "--ws-url",
        &format!("{}/ws/events", events.replace("http", "ws")),
        "--api-key",
        key,
        "--clients",
        "30",
        "--concurrency",
        "1",
        "--seconds",
        "0.3",
        "--pings",
        "10",
        "--json",
        "--quiet",
    ]);
    assert!(output.status.success(), "{}", said(&output));
    report(&output)["results"].clone()
}

#[test]
fn handshakes_that_are_refused_are_counted_and_the_others_are_pinged() {
    let found = listen("the-key");
    let connected = &found["websocket_connect"];
    assert_eq!(
        (&connected["samples"], &connected["failures"]),
        (&json!(30), &json!(10))
    );
    assert_eq!(connected["errors"], json!({"status_503": 10}));
    let pinged = &found["websocket_ping"];
    assert!(
        pinged["samples"].as_u64().unwrap() >= 20 && pinged["failures"] == 0,
        "{pinged}"
    );
}

#[test]
fn a_refused_key_is_no_empty_result() {
    let found = listen("another-key");
    assert_eq!(
        found["websocket_connect"]["errors"],
        json!({"status_403": 30})
    );
    assert_eq!(found["websocket_connect"]["error_rate_percent"], 100.0);
}
