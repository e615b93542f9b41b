//! A model server that does what a test tells it, on a real socket.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

/// The longest a test waits for anything.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// One thing that the server does once it has read a request.
#[derive(Debug, Clone)]
pub enum Act {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Sends bytes, each in a packet of its own.
    Drip(Vec<u8>),
    /// Waits until the test lets it go on.
    Step,
    /// Resets the connection.
    Reset,
    /// Sends nothing more and waits until the client is gone.
    Watch,
}

/// A request as it came.
#[derive(Debug)]
pub struct Seen {
    pub head: String,
    pub body: Value,
}

pub struct Server {
    pub url: String,
    steps: Arc<Semaphore>,
    seen: mpsc::UnboundedReceiver<Seen>,
    gone: mpsc::UnboundedReceiver<()>,
}

impl Server {
    /// A server whose connections, in order, do these acts and are then closed.
    pub async fn start(connections: Vec<Vec<Act>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let steps = Arc::new(Semaphore::new(0));
        let (tell_seen, seen) = mpsc::unbounded_channel();
        let (tell_gone, gone) = mpsc::unbounded_channel();
        let allowed = steps.clone();
        tokio::spawn(async move {
            for acts in connections {
                let (socket, _) = listener.accept().await.unwrap();
                let (seen, gone) = (tell_seen.clone(), tell_gone.clone());
                tokio::spawn(serve(socket, acts, allowed.clone(), seen, gone));
            }
        });
        Self {
            url,
            steps,
            seen,
            gone,
        }
    }

    /// A server for one connection.
    pub async fn once(acts: Vec<Act>) -> Self {
        Self::start(vec![acts]).await
    }

    /// Lets a waiting connection go on.
    pub fn step(&self) {
        self.steps.add_permits(1);
    }

    /// The next request that was read.
    pub async fn seen(&mut self) -> Seen {
        within(self.seen.recv()).await.expect("a request")
    }

    /// Resolves when a watched client is gone.
    pub async fn gone(&mut self) {
        within(self.gone.recv()).await.expect("a closed connection");
    }
}

/// Waits, but not for ever.
pub async fn within<F: std::future::Future>(wait: F) -> F::Output {
    timeout(DEADLINE, wait)
        .await
        .expect("nothing happened in time")
}

async fn serve(
    mut socket: TcpStream,
    acts: Vec<Act>,
    steps: Arc<Semaphore>,
    seen: mpsc::UnboundedSender<Seen>,
    gone: mpsc::UnboundedSender<()>,
) {
    socket.set_nodelay(true).unwrap();
    let _ = seen.send(read_request(&mut socket).await);
    for act in acts {
        match act {
            Act::Send(bytes) => socket.write_all(&bytes).await.unwrap(),
            Act::Drip(bytes) => {
                for byte in bytes {
                    socket.write_all(&[byte]).await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
            Act::Step => steps.acquire().await.unwrap().forget(),
            Act::Reset => {
                socket.set_zero_linger().unwrap();
                return;
            }
            Act::Watch => {
                let mut buffer = [0; 64];
                while matches!(socket.read(&mut buffer).await, Ok(1..)) {}
                let _ = gone.send(());
            }
        }
    }
}

async fn read_request(socket: &mut TcpStream) -> Seen {
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
                return Seen {
                    head: head.to_owned(),
                    body: serde_json::from_str(body).unwrap(),
                };
            }
        }
        let read = socket.read_buf(&mut bytes).await.unwrap();
        assert!(read > 0, "the client closed before its request was whole");
    }
}
