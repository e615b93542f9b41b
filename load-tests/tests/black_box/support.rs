//! Servers on real sockets that go wrong on purpose, and the program that is pointed at them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

/// What a server does with a request that it has read whole.
pub enum Play {
    /// Answers with a status and a body.
    Answer(u16, &'static str),
    /// Answers after so long.
    Slow(Duration),
    /// Breaks the connection.
    Reset,
    /// Closes it in good order, without a word.
    Close,
    /// Says something that is no HTTP.
    Garbage,
    /// Says half of an answer, then closes.
    Half,
    /// Says nothing, for ever.
    Silence,
}

/// Serves on a free port of loopback; `play` says what becomes of each connection's request, by how many the
/// server has had before. Ends with the test's process.
pub fn server(play: impl Fn(usize) -> Play + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let play = Arc::new(play);
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (play, count) = (Arc::clone(&play), Arc::clone(&count));
            std::thread::spawn(move || {
                let mut stream = stream;
                while let Some(is_look) = read_request(&mut stream) {
                    // The look at the version and at the gauges is answered as a server does that is well.
                    let play = match is_look {
                        true => Play::Answer(200, "{}"),
                        false => play(count.fetch_add(1, std::sync::atomic::Ordering::SeqCst)),
                    };
                    if !act(&mut stream, &play) {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// Reads a request without a body; whether it is one of those that only look. None at the end.
fn read_request(stream: &mut TcpStream) -> Option<bool> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Some(text.starts_with("GET /metrics ") || text.starts_with("GET /v1/version "))
}

/// Whether the connection goes on.
fn act(stream: &mut TcpStream, play: &Play) -> bool {
    let answer = |stream: &mut TcpStream, status: u16, body: &str| {
        let length = body.len();
        // One write: several would wait for each other's acknowledgement.
        let text = format!("HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(text.as_bytes()).is_ok()
    };
    match play {
        Play::Answer(status, body) => answer(stream, *status, body),
        Play::Slow(time) => {
            std::thread::sleep(*time);
            answer(stream, 200, "{}")
        }
        Play::Reset => {
            // Closing with a linger of zero sends a reset instead of an end.
            let socket = rustix::net::sockopt::set_socket_linger(&*stream, Some(Duration::ZERO));
            socket.unwrap();
            false
        }
        Play::Close => false,
        Play::Garbage => {
            let _ = stream.write_all(b"220 mail.example.org ESMTP\r\n\r\n");
            false
        }
        Play::Half => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
            false
        }
        Play::Silence => {
            let mut byte = [0];
            // Until the other side gives up.
            let _ = stream.read(&mut byte);
            false
        }
    }
}

/// Runs the program.
pub fn orket_load(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_orket-load"))
        .args(words)
        .env_remove("ORKET_API_KEY")
        .env_remove("GITEA_WEBHOOK_SECRET")
        .output()
        .unwrap()
}

/// What it said on standard error.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The report on standard output.
pub fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

/// Measures the heartbeat of a server with these further words, and gives the report.
pub fn heartbeat(address: SocketAddr, words: &[&str]) -> Value {
    let url = format!("http://{address}");
    let mut all = vec![
        "api",
        "--api-url",
        &url,
        "--json",
        "--quiet",
        "--warm-up",
        "0",
    ];
    all.extend_from_slice(words);
    let output = orket_load(&all);
    assert!(output.status.success(), "{}", said(&output));
    report(&output)["results"]["api_heartbeat"].clone()
}

/// A request, whole.
pub struct Request {
    /// `POST /path?query HTTP/1.1` and the headers.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Request {
    /// Whether it is for this.
    pub fn is(&self, method_and_path: &str) -> bool {
        self.head.starts_with(method_and_path)
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }
}

/// Serves on a free port of loopback, each request by this.
pub fn answering(handle: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let handle = Arc::new(handle);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let handle = Arc::clone(&handle);
            std::thread::spawn(move || {
                while let Some(request) = whole_request(&mut stream) {
                    let (status, body) = handle(&request);
                    let length = body.len();
                    let text =
                        format!("HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\n\r\n{body}");
                    if stream.write_all(text.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    url
}

fn whole_request(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let mut request = Request {
        head: String::from_utf8(bytes).unwrap(),
        body: String::new(),
    };
    let length = request
        .header("content-length")
        .unwrap_or("0")
        .parse()
        .unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    request.body = String::from_utf8(body).unwrap();
    Some(request)
}
