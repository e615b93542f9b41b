//! Many WebSocket clients on one thread, who check that they hear everything, once, in order.
//!
//! Event number n carries `"n":n` and `"t":` nanoseconds since the beginning, and belongs to session
//! `s<n modulo sessions>`.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::inside::{Inside, KEY};

/// What is to be carried.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Clients that hear everything.
    pub all: u64,
    /// Clients that hear one session each.
    pub one: u64,
    /// Clients that never read.
    pub silent: u64,
    /// Sessions.
    pub sessions: u64,
    /// Events a second.
    pub per_second: u64,
    /// Events in all.
    pub events: u64,
    /// How long the last event may take to everybody.
    pub deadline: Duration,
}

/// How it went.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How long it took to say all events.
    pub said: Duration,
    /// The longest that saying one took.
    pub longest_said: Duration,
    /// From the last event said to the last one heard.
    pub heard_after: Duration,
    /// Frames heard, and their bytes.
    pub frames: u64,
    pub bytes: u64,
    /// From saying to hearing, sorted, a sample.
    pub latencies: Vec<Duration>,
    /// What was not as it should be.
    pub failures: Vec<String>,
    /// Frames that say that somebody is behind.
    pub lagged: u64,
    /// Memory of the process before and at the most, in KiB.
    pub memory: (u64, u64),
    /// Processor time of the threads of each name, in seconds.
    pub cpu: Vec<(String, f64)>,
}

impl Outcome {
    pub fn latency(&self, part: f64) -> Duration {
        let at = (self.latencies.len() as f64 * part) as usize;
        self.latencies
            .get(at.min(self.latencies.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }
}

/// Raises the limit of open files as far as it may.
pub fn allow_files() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Carries a load.
pub fn carry(server: &Inside, load: Load) -> Outcome {
    let began = Instant::now();
    let (ready, is_ready) = std::sync::mpsc::channel();
    let (leave, left) = watch::channel(false);
    let address = server.address;
    let hearing = std::thread::Builder::new()
        .name("audience".to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            tokio::task::LocalSet::new().block_on(&runtime, hear(address, load, began, ready, left))
        })
        .unwrap();
    is_ready.recv().unwrap();
    let before = cpu();
    let memory = memory_kib();
    let mut outcome = say(server, load, began);
    let said_at = Instant::now();
    let heard = {
        // Whoever is not done by then says so.
        let deadline = said_at + load.deadline;
        std::thread::spawn(move || {
            std::thread::sleep(deadline.saturating_duration_since(Instant::now()));
            let _ = leave.send(true);
        });
        hearing.join().unwrap()
    };
    outcome.heard_after = heard.last.saturating_duration_since(said_at);
    outcome.frames = heard.frames;
    outcome.bytes = heard.bytes;
    outcome.latencies = heard.latencies;
    outcome.latencies.sort_unstable();
    outcome.failures = heard.failures;
    outcome.lagged = heard.lagged;
    outcome.memory = (memory, outcome.memory.1.max(memory_kib()));
    outcome.cpu = spent(&before, &heard.cpu);
    outcome
}

fn say(server: &Inside, load: Load, began: Instant) -> Outcome {
    let mut outcome = Outcome::default();
    let start = Instant::now();
    for n in 0..load.events {
        let due = start + Duration::from_nanos(n * 1_000_000_000 / load.per_second);
        let now = Instant::now();
        if due > now + Duration::from_millis(1) {
            std::thread::sleep(due - now);
        }
        let session = format!("s{}", n % load.sessions);
        let before = Instant::now();
        let t = u64::try_from(before.duration_since(began).as_nanos()).unwrap();
        let data =
            json!({"n": n, "t": t, "session_id": session, "words": "what happened, in words"});
        server.shared.api.service.emit("something", data);
        outcome.longest_said = outcome.longest_said.max(before.elapsed());
        if n % 4_096 == 0 {
            outcome.memory.1 = outcome.memory.1.max(memory_kib());
        }
    }
    outcome.said = start.elapsed();
    outcome
}

struct Heard {
    frames: u64,
    bytes: u64,
    latencies: Vec<Duration>,
    failures: Vec<String>,
    lagged: u64,
    last: Instant,
    cpu: Vec<(String, f64)>,
}

async fn hear(
    address: SocketAddr,
    load: Load,
    began: Instant,
    ready: std::sync::mpsc::Sender<()>,
    left: watch::Receiver<bool>,
) -> Heard {
    let heard = Rc::new(RefCell::new(Heard {
        frames: 0,
        bytes: 0,
        latencies: Vec::new(),
        failures: Vec::new(),
        lagged: 0,
        last: Instant::now(),
        cpu: Vec::new(),
    }));
    let mut silent = Vec::new();
    for _ in 0..load.silent {
        silent.push(open(address, "").await.unwrap());
    }
    let mut listening = Vec::new();
    let buffer = Rc::new(RefCell::new(vec![0; 1 << 20]));
    for number in 0..load.all + load.one {
        let (query, first, step) = if number < load.all {
            (String::new(), 0, 1)
        } else {
            let session = number % load.sessions;
            (format!("&session_id=s{session}"), session, load.sessions)
        };
        let stream = open(address, &query).await.unwrap();
        let client = Client {
            number,
            stream,
            place: 0,
            next: first,
            step,
            end: load.events,
            is_sampled: number % 20 == 0,
        };
        let hearing = listen(
            client,
            began,
            Rc::clone(&heard),
            Rc::clone(&buffer),
            left.clone(),
        );
        listening.push(tokio::task::spawn_local(hearing));
    }
    ready.send(()).unwrap();
    for task in listening {
        task.await.unwrap();
    }
    drop(silent);
    // While this thread is still there to be counted.
    heard.borrow_mut().cpu = cpu();
    Rc::into_inner(heard).unwrap().into_inner()
}

async fn open(address: SocketAddr, query: &str) -> io::Result<(TcpStream, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "GET /ws/events?event=something{query} HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let head = if query.is_empty() {
        head.replace("?event=something", "")
    } else {
        head
    };
    stream.write_all(head.as_bytes()).await?;
    let mut read = Vec::new();
    loop {
        if let Some(cut) = read.windows(4).position(|it| it == b"\r\n\r\n") {
            assert!(
                read.starts_with(b"HTTP/1.1 101"),
                "{}",
                String::from_utf8_lossy(&read)
            );
            return Ok((stream, read.split_off(cut + 4)));
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

struct Client {
    number: u64,
    /// With what was read of it and is no whole frame yet.
    stream: (TcpStream, Vec<u8>),
    /// Where the number of an event is.
    place: usize,
    next: u64,
    step: u64,
    end: u64,
    is_sampled: bool,
}

async fn listen(
    mut client: Client,
    began: Instant,
    heard: Rc<RefCell<Heard>>,
    buffer: Rc<RefCell<Vec<u8>>>,
    mut left: watch::Receiver<bool>,
) {
    let mut lost = None;
    while client.next < client.end && lost.is_none() {
        let readable = tokio::select! {
            biased;
            readable = client.stream.0.readable() => readable,
            _ = left.wait_for(|left| *left) => {
                lost = Some(format!("it waits for event {}", client.next));
                break;
            }
        };
        // One buffer for all: what is left of a frame is kept by the client.
        let mut buffer = buffer.borrow_mut();
        let kept = client.stream.1.len();
        buffer[..kept].copy_from_slice(&client.stream.1);
        match readable.and_then(|()| client.stream.0.try_read(&mut buffer[kept..])) {
            Ok(0) => lost = Some(format!("the connection ended before event {}", client.next)),
            Ok(many) => {
                let bytes = &buffer[..kept + many];
                lost = client.hear(bytes, began, &mut heard.borrow_mut()).err();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => lost = Some(format!("{error} before event {}", client.next)),
        }
    }
    let mut heard = heard.borrow_mut();
    heard.last = Instant::now();
    if let Some(why) = lost {
        heard
            .failures
            .push(format!("client {}: {why}", client.number));
    }
}

impl Client {
    /// Checks every whole frame and keeps the rest.
    fn hear(&mut self, bytes: &[u8], began: Instant, heard: &mut Heard) -> Result<(), String> {
        let now = Instant::now();
        let mut at = 0;
        while let Some((first, payload, end)) = frame(&bytes[at..]) {
            let payload = &bytes[at + payload..at + end];
            at += end;
            match first {
                0x81 => {
                    let Some((n, rest)) = self.number(payload) else {
                        let text = String::from_utf8_lossy(payload);
                        heard.lagged += u64::from(text.contains("\"event\":\"lagged\""));
                        continue;
                    };
                    heard.frames += 1;
                    heard.bytes += payload.len() as u64;
                    if n != self.next {
                        return Err(format!("event {n} came where {} was due", self.next));
                    }
                    self.next += self.step;
                    if self.is_sampled && n % 16 == 0 {
                        let t = digits(rest.strip_prefix(b",\"t\":").unwrap()).0;
                        let heard_at = now.duration_since(began);
                        heard
                            .latencies
                            .push(heard_at.saturating_sub(Duration::from_nanos(t)));
                    }
                }
                0x89 => {
                    let _ = self.stream.0.try_write(&[0x8a, 0x80, 0, 0, 0, 0]);
                }
                other => return Err(format!("a frame {other:#x} came: {payload:?}")),
            }
        }
        self.stream.1.clear();
        self.stream.1.extend_from_slice(&bytes[at..]);
        Ok(())
    }

    /// The number of an event, and what is behind it. It is always at the same place.
    fn number<'a>(&mut self, payload: &'a [u8]) -> Option<(u64, &'a [u8])> {
        const KEY: &[u8] = b"\"n\":";
        if payload.get(self.place..self.place + KEY.len()) != Some(KEY) {
            self.place = payload.windows(KEY.len()).position(|it| it == KEY)?;
        }
        Some(digits(&payload[self.place + KEY.len()..]))
    }
}

/// The first byte of a whole frame, where its payload begins and where it ends.
fn frame(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let [first, length, ..] = *bytes else {
        return None;
    };
    let (payload, length) = match length {
        126 => (
            4,
            usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)),
        ),
        127 => (
            10,
            usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?,
        ),
        short => (2, usize::from(short)),
    };
    (bytes.len() >= payload + length).then_some((first, payload, payload + length))
}

/// A number and what is behind it.
fn digits(bytes: &[u8]) -> (u64, &[u8]) {
    let end = bytes
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(bytes.len());
    let number = bytes[..end]
        .iter()
        .fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    (number, &bytes[end..])
}

fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Processor time of each thread, by its name, in seconds.
fn cpu() -> Vec<(String, f64)> {
    let mut times: Vec<(String, f64)> = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else {
            continue;
        };
        let (name, rest) = stat.split_once('(').unwrap().1.rsplit_once(')').unwrap();
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
        let name = name
            .trim_end_matches(|c: char| c.is_ascii_digit() || c == ':' || c == '-')
            .to_owned();
        match times.iter_mut().find(|(known, _)| *known == name) {
            Some((_, time)) => *time += ticks / 100.0,
            None => times.push((name, ticks / 100.0)),
        }
    }
    times
}

fn spent(before: &[(String, f64)], after: &[(String, f64)]) -> Vec<(String, f64)> {
    let mut spent: Vec<(String, f64)> = after
        .iter()
        .map(|(name, time)| {
            let earlier = before
                .iter()
                .find(|(known, _)| known == name)
                .map_or(0.0, |(_, time)| *time);
            (name.clone(), time - earlier)
        })
        .filter(|(_, time)| *time >= 0.01)
        .collect();
    spent.sort_by(|one, other| other.1.total_cmp(&one.1));
    spent
}
