//! Many who listen, some of whom never read: nobody waits for anybody, and nothing is lost.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use orket::api::sockets::SocketOptions;
use orket::events::filter::{Filter, Wanted};
use orket::events::table::Wish;
use serde_json::json;

use super::audience::{Load, allow_files, carry};
use super::inside::{Inside, KEY};

const QUIET: [(&str, &str); 1] = [("ORKET_ARTIFACTS", "none")];

/// The small brother of `cargo bench --bench websockets`.
#[test]
fn everybody_who_reads_hears_everything_whoever_does_not() {
    allow_files();
    let server = Inside::start(SocketOptions::default(), &QUIET);
    let load = Load {
        all: 20,
        one: 180,
        silent: 10,
        sessions: 100,
        per_second: 5_000,
        events: 10_000,
        deadline: Duration::from_secs(60),
    };
    let outcome = carry(&server, load);
    assert_eq!(outcome.failures, [""; 0]);
    assert_eq!(
        outcome.frames,
        load.events * load.all + load.events / load.sessions * load.one
    );
    let counts = server.shared.api.events.counts();
    assert_eq!(counts.dropped.load(Ordering::Relaxed), 0);
    assert_eq!(counts.unstored.load(Ordering::Relaxed), 0);
    assert!(
        outcome.longest_said < Duration::from_secs(1),
        "saying took {:?}",
        outcome.longest_said
    );
}

fn open(server: &Inside, query: &str) -> Result<TcpStream, String> {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    // So that little is on the way to who does not read.
    rustix::net::sockopt::set_socket_recv_buffer_size(&stream, 65_536).unwrap();
    let head = format!(
        "GET /ws/events{query} HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        read.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&read).into_owned();
    if head.starts_with("HTTP/1.1 101") {
        Ok(stream)
    } else {
        Err(head)
    }
}

fn say(server: &Inside, events: std::ops::Range<u64>, words: &str) {
    for n in events {
        server
            .shared
            .api
            .service
            .emit("something", json!({"n": n, "words": words}));
    }
}

/// Reads texts until this one is among them.
fn read_until(stream: &mut TcpStream, last: &str) -> String {
    let mut read = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let many = stream.read(&mut buffer).unwrap();
        assert!(many > 0, "the connection ended");
        read.extend_from_slice(&buffer[..many]);
        let from = read.len().saturating_sub(many + last.len());
        if read[from..]
            .windows(last.len())
            .any(|it| it == last.as_bytes())
        {
            return String::from_utf8_lossy(&read).into_owned();
        }
    }
}

#[test]
fn who_falls_behind_is_told_and_given_what_it_missed() {
    let server = Inside::start(SocketOptions::default(), &QUIET);
    let mut stream = open(&server, "?event=something").unwrap();
    // More than the memory and the connection hold.
    let words = "x".repeat(16_000);
    let events = 5_000;
    say(&server, 0..events, &words);
    let wish = Wish {
        filter: Filter {
            events: Wanted::one(Some("something")),
            ..Filter::default()
        },
        ..Wish::default()
    };
    let total = || {
        server
            .shared
            .api
            .events
            .table()
            .unwrap()
            .page(&wish)
            .unwrap()
            .total
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while total() < i64::try_from(events).unwrap() {
        assert!(Instant::now() < deadline, "only {} are stored", total());
        std::thread::sleep(Duration::from_millis(5));
    }
    let text = read_until(&mut stream, &format!("\"n\":{},", events - 1));
    assert_eq!(text.matches("\"event\":\"lagged\"").count(), 1);
    let numbers: Vec<u64> = text
        .split("\"n\":")
        .skip(1)
        .map(|rest| rest.split(',').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(numbers, (0..events).collect::<Vec<_>>());
    let missed = text
        .split("\"missed\":")
        .nth(1)
        .unwrap()
        .split('}')
        .next()
        .unwrap();
    assert!(missed.parse::<u64>().unwrap() > 0, "{missed}");
    assert_eq!(server.shared.sockets.lagged.load(Ordering::Relaxed), 1);
}

#[test]
fn who_never_reads_is_sent_away() {
    let options = SocketOptions {
        ping: Duration::from_millis(200),
        patience: Duration::from_secs(1),
        ..SocketOptions::default()
    };
    let server = Inside::start(options, &QUIET);
    // One with nothing to read but pings, one with more than its connection takes.
    let idle = open(&server, "?event=nothing").unwrap();
    let stuck = open(&server, "").unwrap();
    let words = "x".repeat(16_000);
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut n = 0;
    while server.shared.sockets.open() > 0 {
        say(&server, n..n + 100, &words);
        n += 100;
        assert!(
            Instant::now() < deadline,
            "{} are still open",
            server.shared.sockets.open()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(n > 1_000, "nobody was stuck after {n} events");
    drop((idle, stuck));
}

#[test]
fn there_are_only_so_many_sockets() {
    let options = SocketOptions {
        most: 2,
        ..SocketOptions::default()
    };
    let server = Inside::start(options, &QUIET);
    let one = open(&server, "").unwrap();
    let two = open(&server, "").unwrap();
    let refused = open(&server, "").unwrap_err();
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(
        refused.to_ascii_lowercase().contains("retry-after:"),
        "{refused}"
    );
    drop(one);
    let deadline = Instant::now() + Duration::from_secs(30);
    while open(&server, "").is_err() {
        assert!(
            Instant::now() < deadline,
            "the seat of who left stays taken"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(two);
}
