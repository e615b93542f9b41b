//! Model servers on real sockets that misbehave, each in the way that the asked model's name says.
//!
//! The model of a card is `<kind>-<number>`, and the card's id is the same: the kind says what the
//! first answer is like. Every later answer is a good one, except that of a `never`.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpStream as Raw};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{oneshot, watch};

use super::answers::{Answer, Wire};
use super::processes::living_pids;

/// So many bytes of a repeating reply have been sent when it must be noticed.
pub const REPEATED: u64 = 4_096;

/// One question that came, and what became of its connection.
pub struct Ask {
    /// When it had been read, in milliseconds since 1970-01-01 UTC.
    pub asked_ms: i64,
    /// When the last byte was sent.
    pub last_sent_ms: i64,
    /// The longest this server itself was silent, in milliseconds.
    pub longest_gap_ms: i64,
    /// Text sent so far.
    pub sent: String,
    /// When more than [`REPEATED`] bytes had been sent.
    pub crossed_ms: Option<i64>,
    /// Whether the client has closed its end.
    pub closed: bool,
    /// The same socket, for a look without waiting.
    raw: Raw,
}

/// What the servers know.
#[derive(Default)]
pub struct Seen {
    asks: Mutex<HashMap<String, Vec<Ask>>>,
    /// Questions that came while something of the card's attempt before was alive.
    pub overlaps: Mutex<Vec<String>>,
    /// Living streams open now.
    pub open: AtomicU64,
    /// The pid files of tools are below this.
    pub workspaces: Mutex<PathBuf>,
}

impl Seen {
    /// Reads the questions of one card.
    pub fn asks<T>(&self, card: &str, read: impl FnOnce(&[Ask]) -> T) -> T {
        read(
            self.asks
                .lock()
                .unwrap()
                .get(card)
                .map_or(&[], Vec::as_slice),
        )
    }

    /// How many connections of all cards were not closed by the client.
    pub fn unclosed(&self) -> Vec<String> {
        let asks = self.asks.lock().unwrap();
        let open = asks
            .iter()
            .filter(|(_, asks)| asks.iter().any(|ask| !ask.closed));
        open.map(|(card, _)| card.clone()).collect()
    }

    fn note(&self, card: &str, raw: Raw) -> usize {
        let mut asks = self.asks.lock().unwrap();
        let asks = asks.entry(card.to_owned()).or_default();
        if let Some(before) = asks.last() {
            // On this machine a close is seen at once: no wait, no tolerance.
            match before.raw.peek(&mut [0]) {
                Ok(0) => {}
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => {}
                alive => self.overlap(card, &format!("its old connection is open: {alive:?}")),
            }
            let kind = kind_of(card);
            let left = living_pids(&self.workspaces.lock().unwrap().join(kind), card);
            if !left.is_empty() {
                self.overlap(card, &format!("its old processes live: {left:?}"));
            }
        }
        let now = wall_ms();
        asks.push(Ask {
            asked_ms: now,
            last_sent_ms: now,
            longest_gap_ms: 0,
            sent: String::new(),
            crossed_ms: None,
            closed: false,
            raw,
        });
        asks.len()
    }

    fn overlap(&self, card: &str, what: &str) {
        let line = format!("{card} was asked again while {what}");
        self.overlaps.lock().unwrap().push(line);
    }

    pub fn update(&self, card: &str, number: usize, change: impl FnOnce(&mut Ask)) {
        let mut asks = self.asks.lock().unwrap();
        if let Some(ask) = asks.get_mut(card).and_then(|asks| asks.get_mut(number - 1)) {
            change(ask);
        }
    }
}

/// The servers, on a thread of their own.
pub struct Servers {
    /// Speaks Ollama's protocol.
    pub ollama: String,
    /// Speaks OpenAI's protocol.
    pub openai: String,
    /// Never lets a connection be made.
    pub blackhole: String,
    pub seen: Arc<Seen>,
    finish: watch::Sender<bool>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Servers {
    pub fn start() -> Self {
        let seen = Arc::new(Seen::default());
        let (finish, finished) = watch::channel(false);
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let known = Arc::clone(&seen);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let ollama = listen(4_096);
                let openai = listen(4_096);
                let (blackhole, _full) = blackhole().await;
                let address = |listener: &TcpListener| listener.local_addr().unwrap();
                tell.send([address(&ollama), address(&openai), address(&blackhole)])
                    .unwrap();
                for (listener, wire) in [(ollama, Wire::Ollama), (openai, Wire::OpenAi)] {
                    tokio::spawn(accept(listener, wire, known.clone(), finished.clone()));
                }
                let _ = stopped.await;
            });
        });
        let [ollama, openai, blackhole] = told.recv().unwrap();
        let url = |address: SocketAddr| format!("http://{address}");
        Self {
            ollama: url(ollama),
            openai: format!("{}/v1", url(openai)),
            blackhole: url(blackhole),
            seen,
            finish,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// The living streams come to their end.
    pub fn finish(&self) {
        self.finish.send_replace(true);
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen(backlog: u32) -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    socket.listen(backlog).unwrap()
}

/// A listener whose backlog is full: who connects hears nothing at all.
async fn blackhole() -> (TcpListener, Vec<TcpStream>) {
    let listener = listen(0);
    let address = listener.local_addr().unwrap();
    let mut full = Vec::new();
    for _ in 0..8 {
        match tokio::time::timeout(Duration::from_millis(150), TcpStream::connect(address)).await {
            Ok(stream) => full.push(stream.unwrap()),
            Err(_hangs) => return (listener, full),
        }
    }
    panic!("the backlog never filled");
}

async fn accept(
    listener: TcpListener,
    wire: Wire,
    seen: Arc<Seen>,
    finished: watch::Receiver<bool>,
) {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let (seen, finished) = (seen.clone(), finished.clone());
        tokio::spawn(async move {
            let socket = socket.into_std().unwrap();
            let raw = socket.try_clone().unwrap();
            let mut socket = TcpStream::from_std(socket).unwrap();
            socket.set_nodelay(true).unwrap();
            let Some(card) = read_model(&mut socket).await else {
                return;
            };
            let number = seen.note(&card, raw);
            let (reader, writer) = socket.into_split();
            let gone = Arc::new(AtomicBool::new(false));
            tokio::spawn(watch_close(
                reader,
                seen.clone(),
                card.clone(),
                number,
                gone.clone(),
            ));
            let mut answer = Answer {
                wire,
                card,
                number,
                seen,
                writer,
                gone,
                finished,
            };
            // An error is a client that has gone: that is noted elsewhere.
            let _ = answer.give().await;
            answer.wait_for_close().await;
        });
    }
}

/// Notes when the client closes its end.
async fn watch_close(
    mut reader: tokio::net::tcp::OwnedReadHalf,
    seen: Arc<Seen>,
    card: String,
    number: usize,
    gone: Arc<AtomicBool>,
) {
    while matches!(reader.read(&mut [0; 64]).await, Ok(1..)) {}
    seen.update(&card, number, |ask| ask.closed = true);
    gone.store(true, Ordering::Release);
}

/// The kind of a card or model.
pub fn kind_of(card: &str) -> &str {
    card.rsplit_once('-').map_or(card, |(kind, _)| kind)
}

pub fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// Reads a request; the model that it asks. `None` when the client went away.
async fn read_model(socket: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length: usize = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length: ")?
                        .parse()
                        .ok()
                })
                .unwrap();
            if body.len() >= length {
                let body: Value = serde_json::from_str(body).unwrap();
                return Some(body["model"].as_str().unwrap().to_owned());
            }
        }
        if !matches!(socket.read_buf(&mut bytes).await, Ok(1..)) {
            return None;
        }
    }
}
