//! A load generator: connections that each send a request and wait for its answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("connected");
        stream.set_nodelay(true).expect("set");
        Self {
            stream,
            buffer: Vec::with_capacity(64 * 1024),
        }
    }

    /// Sends a request; the status and the body's length of its answer.
    pub async fn ask(&mut self, request: &[u8]) -> (u16, usize) {
        self.stream.write_all(request).await.expect("sent");
        self.buffer.clear();
        let (status, head, length) = loop {
            let read = self.stream.read_buf(&mut self.buffer).await.expect("read");
            assert!(read > 0, "the server closed");
            if let Some(found) = head_of(&self.buffer) {
                break found;
            }
        };
        while self.buffer.len() < head + length {
            let read = self.stream.read_buf(&mut self.buffer).await.expect("read");
            assert!(read > 0, "the server closed");
        }
        (status, length)
    }

    /// The body of the last answer.
    pub fn body(&self) -> &[u8] {
        let (_, head, _) = head_of(&self.buffer).expect("an answer");
        &self.buffer[head..]
    }
}

/// Status, where the body begins, and its length.
fn head_of(bytes: &[u8]) -> Option<(u16, usize, usize)> {
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0);
    Some((status, end, length))
}

pub fn get(path: &str, key: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\nX-API-Key: {key}\r\n\r\n").into_bytes()
}

/// Requests a second over `connections` for `time`; each connection goes through `requests` in turn.
pub async fn rate(
    address: SocketAddr,
    requests: &[Vec<u8>],
    connections: usize,
    time: Duration,
) -> f64 {
    let answered = Arc::new(AtomicU64::new(0));
    let requests: Arc<[Vec<u8>]> = requests.to_vec().into();
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(address).await);
    }
    let begin = Instant::now();
    let tasks: Vec<_> = open
        .into_iter()
        .enumerate()
        .map(|(number, mut connection)| {
            let (answered, requests) = (Arc::clone(&answered), Arc::clone(&requests));
            tokio::spawn(async move {
                let mut at = number;
                while begin.elapsed() < time {
                    let (status, _) = connection.ask(&requests[at % requests.len()]).await;
                    assert_eq!(status, 200);
                    answered.fetch_add(1, Ordering::Relaxed);
                    at += 1;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("asked");
    }
    answered.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64()
}

/// The 99th percentile of the time to an answer, asking `per_second` times a second, each on time
/// whether or not the one before was answered late.
pub async fn p99(address: SocketAddr, request: &[u8], per_second: u32, time: Duration) -> Duration {
    let mut connection = Connection::open(address).await;
    let gap = Duration::from_secs(1) / per_second;
    let begin = Instant::now();
    let mut times = Vec::new();
    let mut due = begin;
    while begin.elapsed() < time {
        tokio::time::sleep_until(due.into()).await;
        let (status, _) = connection.ask(request).await;
        assert_eq!(status, 200);
        // From when it was due: a late answer delays those behind it, which counts.
        times.push(due.elapsed());
        due += gap;
    }
    times.sort();
    times[times.len() * 99 / 100]
}
