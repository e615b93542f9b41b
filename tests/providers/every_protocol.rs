//! What must hold whatever the protocol.

use orket_core::model::ModelEvent;
use tokio::net::TcpListener;

use crate::server::{Act, Server};
use crate::wire::{KEY, WIRES, all, is_silent, next, provider, request, shown, told_by_all};

fn status(line: &str, headers: &str, body: &str) -> Vec<Act> {
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {line}\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    vec![Act::Send(answer.into_bytes())]
}

#[tokio::test]
async fn a_streamed_reply_arrives_whole_with_its_usage() {
    for wire in &WIRES {
        let mut server = Server::once(vec![Act::Send(wire.head()), Act::Send(wire.stream())]).await;
        assert_eq!(all(wire.ask(&server)).await, wire.events());
        let seen = server.seen().await;
        let path = format!("POST {} HTTP/1.1", wire.path);
        assert!(seen.head.starts_with(&path), "{}", seen.head);
        assert_eq!(seen.body["stream"], true);
        assert_eq!(wire.at(&server).endpoint(), server.url);
    }
}

#[tokio::test]
async fn a_reply_that_comes_byte_by_byte_is_the_same_reply() {
    for wire in &WIRES {
        let server = Server::once(vec![Act::Send(wire.head()), Act::Drip(wire.stream())]).await;
        assert_eq!(all(wire.ask(&server)).await, wire.events());
    }
}

#[tokio::test]
async fn a_chunked_reply_is_the_same_reply_and_its_last_bytes_need_not_be_awaited() {
    for wire in &WIRES {
        let mut answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for piece in wire.stream().chunks(7) {
            answer.extend(format!("{:x}\r\n", piece.len()).into_bytes());
            answer.extend(piece);
            answer.extend(b"\r\n");
        }
        // No terminal chunk: the end marker is what counts.
        let mut server = Server::once(vec![Act::Send(answer), Act::Watch]).await;
        let mut stream = wire.ask(&server);
        let mut events = Vec::new();
        while let Some(event) = next(&mut stream).await {
            events.push(event);
        }
        assert_eq!(events, wire.events());
        // The stream is over but not dropped; the connection is closed all the same.
        server.gone().await;
        drop(stream);
    }
}

#[tokio::test]
async fn each_piece_of_a_slow_reply_is_a_sign_of_life_when_it_comes() {
    for wire in &WIRES {
        let mut acts = vec![Act::Send(wire.head())];
        for frame in wire.frames {
            acts.extend([Act::Step, Act::Send(frame.as_bytes().to_vec())]);
        }
        acts.extend([Act::Step, Act::Send(wire.end.as_bytes().to_vec())]);
        let server = Server::once(acts).await;
        let mut stream = wire.ask(&server);
        let mut texts = 0;
        assert_eq!(next(&mut stream).await, Some(ModelEvent::Connected));
        for (place, _) in wire.frames.iter().enumerate() {
            server.step();
            // The first brings no text; the reasoning in it is a beat, or usage.
            if place > 0 {
                loop {
                    match next(&mut stream).await {
                        Some(ModelEvent::Text(_)) => break,
                        Some(ModelEvent::Usage(_)) => {}
                        event => panic!("{}: {event:?}", wire.provider),
                    }
                }
                texts += 1;
                assert!(is_silent(&mut stream));
            }
        }
        assert_eq!(texts, 2);
        server.step();
        let rest = all(stream).await;
        assert_eq!(rest.last(), Some(&ModelEvent::Done), "{rest:?}");
    }
}

#[tokio::test]
async fn the_connection_is_reported_before_the_server_answers_and_silence_stays_silence() {
    for wire in &WIRES {
        let mut server = Server::once(vec![Act::Watch]).await;
        let mut stream = wire.ask(&server);
        assert_eq!(next(&mut stream).await, Some(ModelEvent::Connected));
        assert!(is_silent(&mut stream));
        // The request goes out while the stream is polled on.
        tokio::select! {
            _ = server.seen() => {}
            event = next(&mut stream) => panic!("{}: {event:?}", wire.provider),
        }
        assert!(is_silent(&mut stream));
        drop(stream);
        server.gone().await;
    }
}

#[tokio::test]
async fn dropping_the_stream_in_the_middle_closes_the_connection() {
    for wire in &WIRES {
        let first = wire.frames[..2].concat().into_bytes();
        let mut server =
            Server::once(vec![Act::Send(wire.head()), Act::Send(first), Act::Watch]).await;
        let mut stream = wire.ask(&server);
        while !matches!(next(&mut stream).await, Some(ModelEvent::Text(_))) {}
        assert!(is_silent(&mut stream));
        drop(stream);
        server.gone().await;
    }
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let seconds = told_by_all(|_| {
        status(
            "429 Too Many Requests",
            "retry-after: 7\r\n",
            "{\"error\":{\"message\":\"slow down\"}}",
        )
    })
    .await;
    let date = told_by_all(|_| {
        status(
            "429 Too Many Requests",
            "date: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: Sun, 06 Nov 1994 08:50:07 GMT\r\n",
            "slow down",
        )
    })
    .await;
    insta::assert_snapshot!(format!("in seconds:\n{seconds}\nas a date:\n{date}"));
}

#[tokio::test]
async fn a_server_that_breaks_is_told_from_one_that_refuses() {
    let broke = told_by_all(|_| {
        status(
            "503 Service Unavailable",
            "retry-after: 2\r\n",
            "<html>\n<h1>down</h1></html>",
        )
    })
    .await;
    let refused = told_by_all(|_| {
        let body = format!("{{\"error\":{{\"message\":\"bad key {KEY}\"}}}}");
        status("401 Unauthorized", "", &body)
    })
    .await;
    let unknown =
        told_by_all(|_| status("404 Not Found", "", "{\"error\":\"model 'm' not found\"}")).await;
    let moved =
        told_by_all(|_| status("301 Moved Permanently", "location: http://other/\r\n", "")).await;
    insta::assert_snapshot!(format!(
        "503:\n{broke}\n401:\n{refused}\n404:\n{unknown}\n301:\n{moved}"
    ));
}

#[tokio::test]
async fn an_error_body_without_end_is_not_waited_for() {
    let wire = &WIRES[0];
    let head = b"HTTP/1.1 500 Oh\r\ncontent-length: 99999999\r\n\r\n".to_vec();
    let server = Server::once(vec![
        Act::Send(head),
        Act::Send(vec![b'x'; 128 * 1024]),
        Act::Watch,
    ])
    .await;
    let events = all(wire.ask(&server)).await;
    assert!(
        matches!(events.as_slice(), [ModelEvent::Connected, ModelEvent::Failed(failure)] if failure.message.len() < 600),
        "{events:?}"
    );
}

#[tokio::test]
async fn nobody_at_home_is_a_failure_to_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut told = String::new();
    for wire in &WIRES {
        let events = all(provider(wire.provider, &url).ask(request(wire.provider))).await;
        told += &shown(wire.provider, &events, &url);
    }
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn a_reply_that_breaks_off_is_broken_however_it_does() {
    let half = |wire: &crate::wire::Wire| {
        let frames = wire.frames.concat().into_bytes();
        vec![Act::Send(wire.head()), Act::Send(frames)]
    };
    let ended = told_by_all(half).await;
    let in_a_frame = told_by_all(|wire| {
        let end = wire.end.as_bytes();
        let mut acts = half(wire);
        acts.push(Act::Send(end[..20].to_vec()));
        acts
    })
    .await;
    // The client reads what came before the reset, then the reset: the server waits in between.
    let mut reset = String::new();
    for wire in &WIRES {
        let mut acts = half(wire);
        acts.extend([Act::Step, Act::Reset]);
        let server = Server::once(acts).await;
        let mut stream = wire.ask(&server);
        let mut events = Vec::new();
        while let Some(event) = next(&mut stream).await {
            if matches!(&event, ModelEvent::Text(text) if text == "Welt") {
                server.step();
            }
            events.push(event);
        }
        reset += &shown(wire.provider, &events, &server.url);
    }
    let short = told_by_all(|wire| {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n".to_vec();
        vec![
            Act::Send(head),
            Act::Send(wire.frames.concat().into_bytes()),
        ]
    })
    .await;
    insta::assert_snapshot!(format!(
        "ended:\n{ended}\nended in a frame:\n{in_a_frame}\nreset:\n{reset}\nshorter than said:\n{short}"
    ));
}

#[tokio::test]
async fn a_connection_that_closes_without_an_answer_is_the_server_s_fault() {
    insta::assert_snapshot!(told_by_all(|_| vec![Act::Reset]).await.replace(
        "Connection reset by peer",
        "connection closed before message completed"
    ));
}

#[tokio::test]
async fn a_frame_that_is_none_is_shown() {
    let json = told_by_all(|wire| {
        let frame = if wire.provider == "ollama" {
            "{\"message\":{\"content\":oops}}\n"
        } else {
            "data: {\"choices\":oops}\n\n"
        };
        vec![Act::Send(wire.head()), Act::Send(frame.into()), Act::Watch]
    })
    .await;
    let bytes = told_by_all(|wire| {
        vec![
            Act::Send(wire.head()),
            Act::Send(b"data: \xff\xfe\n\n".to_vec()),
            Act::Watch,
        ]
    })
    .await;
    let page = told_by_all(|wire| {
        vec![
            Act::Send(wire.head()),
            Act::Send(b"<html>Welcome to the hotel</html>\n".to_vec()),
        ]
    })
    .await;
    insta::assert_snapshot!(format!(
        "no JSON:\n{json}\nno text:\n{bytes}\na web page:\n{page}"
    ));
}
