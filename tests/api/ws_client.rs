//! A WebSocket client over a plain socket that sends exactly what it is told to.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::house::{Answer, DEADLINE, KEY, Server};

/// A frame of the server.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    Text(Value),
    Ping,
    Pong(Vec<u8>),
    Close(u16),
    /// The connection ended.
    End,
}

/// An open socket.
pub struct Socket {
    stream: TcpStream,
    read: Vec<u8>,
}

/// The headers that open one.
const HANDSHAKE: [(&str, &str); 4] = [
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

impl Socket {
    /// With the key, and this query.
    pub fn open(server: &Server, query: &str) -> Self {
        Self::try_open(server, query, &[("X-API-Key", KEY)])
            .unwrap_or_else(|answer| panic!("refused: {answer:?}"))
    }

    /// With exactly these headers beside those of the handshake.
    pub fn try_open(
        server: &Server,
        query: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, Answer> {
        Self::ask(server, query, &[&HANDSHAKE, headers].concat())
    }

    /// With exactly these headers.
    pub fn ask(server: &Server, query: &str, headers: &[(&str, &str)]) -> Result<Self, Answer> {
        let mut head = format!(
            "GET /ws/events{query} HTTP/1.1\r\nHost: {}\r\n",
            server.address()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut stream = server.connect();
        stream.write_all(head.as_bytes()).unwrap();
        let mut read = Vec::new();
        let cut = loop {
            if let Some(cut) = read.windows(4).position(|it| it == b"\r\n\r\n") {
                break cut + 4;
            }
            let mut more = [0; 4_096];
            let many = stream.read(&mut more).unwrap();
            assert!(
                many > 0,
                "closed without an answer: {:?}",
                String::from_utf8_lossy(&read)
            );
            read.extend_from_slice(&more[..many]);
        };
        if !read.starts_with(b"HTTP/1.1 101 ") {
            let length = String::from_utf8_lossy(&read[..cut])
                .to_ascii_lowercase()
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())
                .unwrap_or(0);
            while read.len() < cut + length {
                let mut more = [0; 4_096];
                let many = stream.read(&mut more).unwrap();
                assert!(many > 0, "the answer broke off");
                read.extend_from_slice(&more[..many]);
            }
            return Err(Answer::of(&read));
        }
        let head = String::from_utf8_lossy(&read[..cut]).to_ascii_lowercase();
        assert!(
            head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="),
            "{head}"
        );
        Ok(Self {
            stream,
            read: read.split_off(cut),
        })
    }

    /// The next frame; pings are not answered.
    pub fn frame(&mut self) -> Frame {
        let Some(head) = self.take(2) else {
            return Frame::End;
        };
        assert_eq!(head[1] & 0x80, 0, "a server must not mask");
        let length = match head[1] {
            126 => u64::from(u16::from_be_bytes(
                self.take(2).unwrap().try_into().unwrap(),
            )),
            127 => u64::from_be_bytes(self.take(8).unwrap().try_into().unwrap()),
            short => u64::from(short),
        };
        let payload = self.take(usize::try_from(length).unwrap()).unwrap();
        match head[0] {
            0x81 => Frame::Text(serde_json::from_slice(&payload).unwrap()),
            0x88 => Frame::Close(u16::from_be_bytes([payload[0], payload[1]])),
            0x89 => Frame::Ping,
            0x8a => Frame::Pong(payload),
            other => panic!("a frame that begins with {other:#x}"),
        }
    }

    fn take(&mut self, many: usize) -> Option<Vec<u8>> {
        while self.read.len() < many {
            let mut more = [0; 16_384];
            match self.stream.read(&mut more) {
                Ok(0) => return None,
                Ok(many) => self.read.extend_from_slice(&more[..many]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("nothing came: {error}"),
            }
        }
        let rest = self.read.split_off(many);
        Some(std::mem::replace(&mut self.read, rest))
    }

    /// Sends a frame of these first four bits and this kind, masked.
    pub fn send(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first];
        match payload.len() {
            short @ 0..126 => frame.push(0x80 | u8::try_from(short).unwrap()),
            middle @ 126..65_536 => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&u16::try_from(middle).unwrap().to_be_bytes());
            }
            long => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&u64::try_from(long).unwrap().to_be_bytes());
            }
        }
        let mask = [1, 2, 3, 4];
        frame.extend_from_slice(&mask);
        frame.extend(
            payload
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
        // A server that closes early may not read all of it.
        let _ = self.stream.write_all(&frame);
    }

    /// The next event; pings are answered.
    pub fn event(&mut self) -> Value {
        loop {
            match self.frame() {
                Frame::Text(event) => return event,
                Frame::Ping => self.send(0x8a, b""),
                Frame::Pong(_) => {}
                end => panic!("no event came, but {end:?}"),
            }
        }
    }

    /// Events up to and with the first one for which this holds.
    pub fn until(&mut self, is_last: impl Fn(&Value) -> bool) -> Vec<Value> {
        let deadline = Instant::now() + DEADLINE;
        let mut events = Vec::new();
        loop {
            let event = self.event();
            let is_over = is_last(&event);
            events.push(event);
            if is_over {
                return events;
            }
            assert!(Instant::now() < deadline, "it never came: {events:?}");
        }
    }

    /// The code of the close frame that comes, whatever comes before it.
    pub fn closed(&mut self) -> u16 {
        loop {
            match self.frame() {
                Frame::Close(code) => return code,
                Frame::End => panic!("the connection ended without a close frame"),
                _ => {}
            }
        }
    }

    /// Nothing comes for this long.
    pub fn is_silent(&mut self, wait: Duration) -> bool {
        self.stream.set_read_timeout(Some(wait)).unwrap();
        let silent = self.read.is_empty() && self.stream.peek(&mut [0]).is_err();
        self.stream.set_read_timeout(Some(DEADLINE)).unwrap();
        silent
    }
}
