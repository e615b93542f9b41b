//! A model server on a real socket that outlives the processes that ask it, and remembers who asked
//! what. The address that a process is given holds the number of its life, so that a question is
//! never counted for the wrong one.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::epic::{Ask, answer};

/// Between two looks at whether a question will come at all.
const GLANCE: Duration = Duration::from_millis(10);

/// What the server does with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Answers at once.
    Answers,
    /// Begins to answer and falls silent.
    Stalls,
    /// Reads the question and waits until it is let go on.
    Holds,
}

/// Decides the manner by the question.
pub type Manners = fn(&Ask) -> Manner;

struct Shared {
    manners: Manners,
    asked: Mutex<Vec<(u32, Ask)>>,
    held: Mutex<Sender<Ask>>,
    released: Mutex<bool>,
    release: Condvar,
    closed: AtomicBool,
}

/// The server of one folder.
pub struct Model {
    port: u16,
    shared: Arc<Shared>,
    held: Mutex<Receiver<Ask>>,
}

impl Model {
    pub fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, held) = channel();
        let shared = Arc::new(Shared {
            manners,
            asked: Mutex::default(),
            held: Mutex::new(tell),
            released: Mutex::new(false),
            release: Condvar::new(),
            closed: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                // The last connection is the one that ends the server; see `drop`.
                if serving.closed.load(Ordering::Acquire) {
                    return;
                }
                let serving = Arc::clone(&serving);
                std::thread::spawn(move || serve(connection, &serving));
            }
        });
        Self {
            port,
            shared,
            held: Mutex::new(held),
        }
    }

    /// The address for the process of this life.
    pub fn url(&self, life: u32) -> String {
        format!("http://127.0.0.1:{}/{life}", self.port)
    }

    /// Everything that was asked, with the life of who asked.
    pub fn asked(&self) -> Vec<(u32, Ask)> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Waits until a question is held, or until `is_over` says that nobody will ask it.
    pub fn until_held(&self, mut is_over: impl FnMut() -> bool) {
        let held = self.held.lock().unwrap();
        let deadline = Instant::now() + super::world::DEADLINE;
        while held.recv_timeout(GLANCE).is_err() && !is_over() {
            assert!(Instant::now() < deadline, "nothing was asked that is held");
        }
    }

    /// From now on nothing is held.
    pub fn release(&self) {
        *self.shared.released.lock().unwrap() = true;
        self.shared.release.notify_all();
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.release();
        self.shared.closed.store(true, Ordering::Release);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve(mut connection: TcpStream, shared: &Shared) {
    // A client that dies in the middle is no news here.
    let _ = try_serve(&mut connection, shared);
}

fn try_serve(connection: &mut TcpStream, shared: &Shared) -> Option<()> {
    let (life, body) = read_request(connection)?;
    let ask = Ask::of(body["messages"].as_array().unwrap());
    shared.asked.lock().unwrap().push((life, ask.clone()));
    let text = answer(&ask);
    connection
        .write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n",
        )
        .ok()?;
    let mut line = |value: Value| connection.write_all(format!("{value}\n").as_bytes()).ok();
    match (shared.manners)(&ask) {
        Manner::Answers => {}
        Manner::Stalls => {
            line(
                json!({"message": {"role": "assistant", "content": "{\"tool\":"}, "done": false}),
            )?;
            // Until the client goes.
            let _ = connection.read(&mut [0; 1]);
            return None;
        }
        Manner::Holds => {
            let _ = shared.held.lock().unwrap().send(ask);
            let released = shared.released.lock().unwrap();
            drop(
                shared
                    .release
                    .wait_while(released, |released| !*released)
                    .unwrap(),
            );
        }
    }
    line(json!({"message": {"role": "assistant", "content": text}, "done": false}))?;
    line(
        json!({"message": {"role": "assistant", "content": ""}, "done": true, "done_reason": "stop",
                "prompt_eval_count": 10, "eval_count": 5}),
    )
}

/// The life in the path, and the body.
fn read_request(connection: &mut TcpStream) -> Option<(u32, Value)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let read = connection.read(&mut buffer).ok()?;
        if read == 0 {
            return None;
        }
        bytes.extend_from_slice(&buffer[..read]);
        let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())?;
        if bytes.len() >= end + 4 + length {
            let path = head.split_once("post /")?.1;
            let life = path.split('/').next()?.parse().ok()?;
            return Some((life, serde_json::from_slice(&bytes[end + 4..]).ok()?));
        }
    }
}
