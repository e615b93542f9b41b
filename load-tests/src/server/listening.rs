//! Reads from a process that starts where it listens.

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::process::Child;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::Role;

/// How long a process may take until it listens.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much of what it says on standard error is kept, in bytes.
const KEPT: usize = 4_096;

/// Where it listens.
#[derive(Debug, Default)]
pub struct Told {
    /// The API.
    pub api: Option<SocketAddr>,
    /// The webhook receiver.
    pub webhook: Option<SocketAddr>,
}

/// Waits until it says where it listens; goes on reading what it says afterwards, so that it is never held
/// up by a full pipe.
pub fn told(child: &mut Child, role: Role) -> Result<Told, String> {
    let last_words = Arc::new(Mutex::new(Vec::new()));
    if let Some(stderr) = child.stderr.take() {
        let kept = Arc::clone(&last_words);
        std::thread::spawn(move || keep_the_end(stderr, &kept));
    }
    let stdout = child.stdout.take().ok_or("its output cannot be read")?;
    let (say, said) = mpsc::channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        // The first thing it says: one JSON value, over one line or several.
        let mut text = String::new();
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
            text.push_str(&line);
            line.clear();
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                let _ = say.send(value);
                break;
            }
        }
        drop(say);
        let _ = std::io::copy(&mut reader, &mut std::io::sink());
    });
    let value = said.recv_timeout(PATIENCE).map_err(|error| {
        let words = last_words.lock().unwrap_or_else(PoisonError::into_inner);
        let words = String::from_utf8_lossy(&words).trim().to_owned();
        match error {
            mpsc::RecvTimeoutError::Timeout => format!("it said nothing for {PATIENCE:?}; {words}"),
            mpsc::RecvTimeoutError::Disconnected => words,
        }
    })?;
    let address = |field: &str| -> Result<SocketAddr, String> {
        let url = value.get(field).and_then(Value::as_str).unwrap_or_default();
        url.strip_prefix("http://")
            .and_then(|it| it.parse().ok())
            .ok_or_else(|| format!("it said {value}, which has no address in `{field}`"))
    };
    Ok(Told {
        api: match role {
            Role::Api | Role::Both => Some(address("url")?),
            Role::Webhook => None,
        },
        webhook: match role {
            Role::Webhook | Role::Both => Some(address("webhook_url")?),
            Role::Api => None,
        },
    })
}

fn keep_the_end(mut from: impl Read, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 1_024];
    while let Ok(read) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return;
        };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(bytes);
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }
}
