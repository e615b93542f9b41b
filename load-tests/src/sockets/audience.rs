//! Those who listen to all events while other things go on, and what they must have heard.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use super::{Door, Socket, kind_of};
use crate::kind::ErrorKind;
use crate::measurement::Measurement;
use crate::outcome::Outcome;

/// What one of them heard.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// Frames.
    pub frames: u64,
    /// How often it heard that a run ended, by run.
    pub ends: BTreeMap<String, u32>,
    /// Events whose number was not above that of the one before.
    pub out_of_order: u64,
    /// Frames that said that it was behind.
    pub lagged: u64,
    /// Why it hears no more, if it was cut off.
    pub cut_off: Option<ErrorKind>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    seq: Option<u64>,
    event: String,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    data: Data,
}

#[derive(Deserialize, Default)]
struct Data {
    #[serde(default)]
    run_id: Option<String>,
}

/// See the file's head.
pub struct Audience {
    listeners: Vec<JoinHandle<Heard>>,
    /// How many runs each heard the end of.
    ended: Vec<Rc<Cell<usize>>>,
    delays: Rc<RefCell<Measurement>>,
    leave: watch::Sender<bool>,
}

impl Audience {
    /// Listens with these sockets, on a `LocalSet`.
    #[must_use]
    pub fn listen(sockets: Vec<Socket>) -> Self {
        let (leave, left) = watch::channel(false);
        let delays = Rc::default();
        let ended: Vec<Rc<Cell<usize>>> = sockets.iter().map(|_| Rc::default()).collect();
        let listeners = sockets
            .into_iter()
            .zip(&ended)
            .map(|(socket, ended)| {
                let (ended, delays) = (Rc::clone(ended), Rc::clone(&delays));
                tokio::task::spawn_local(hear(socket, ended, delays, left.clone()))
            })
            .collect();
        Self {
            listeners,
            ended,
            delays,
            leave,
        }
    }

    /// Opens so many sockets; those that cannot be opened are in the measurement.
    pub async fn invite(door: &Door, count: u32, found: &mut Measurement) -> Self {
        let began = std::time::Instant::now();
        let mut sockets = Vec::new();
        for _ in 0..count {
            let asked = std::time::Instant::now();
            let opened = door.open().await;
            let attempt = opened.as_ref().map(drop).map_err(|kind| *kind);
            found.record(began.elapsed(), asked.elapsed(), attempt);
            sockets.extend(opened.ok());
        }
        Self::listen(sockets)
    }

    /// Waits until each of them heard of so many ends, at most for `patience`; then all leave. What they heard,
    /// and how long events took to them.
    pub async fn leave(self, ends: usize, patience: Duration) -> (Vec<Heard>, Measurement) {
        let deadline = tokio::time::Instant::now() + patience;
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        while self.ended.iter().any(|ended| ended.get() < ends)
            && tokio::time::Instant::now() < deadline
        {
            pause.tick().await;
        }
        let _ = self.leave.send(true);
        let mut heard = Vec::new();
        for listener in self.listeners {
            heard.extend(listener.await.ok());
        }
        (heard, self.delays.take())
    }
}

async fn hear(
    mut socket: Socket,
    ended: Rc<Cell<usize>>,
    delays: Rc<RefCell<Measurement>>,
    mut left: watch::Receiver<bool>,
) -> Heard {
    let began = std::time::Instant::now();
    let mut heard = Heard::default();
    let mut last = None;
    loop {
        let frame = tokio::select! {
            frame = socket.next() => frame,
            _ = left.changed() => {
                let _ = socket.close(None).await;
                return heard;
            }
        };
        let text = match frame {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(_))) | None => {
                heard.cut_off = Some(ErrorKind::Closed);
                return heard;
            }
            // Pings are answered by the library.
            Some(Ok(_)) => continue,
            Some(Err(error)) => {
                heard.cut_off = Some(kind_of(&error));
                return heard;
            }
        };
        heard.frames += 1;
        let Ok(event) = serde_json::from_str::<Event>(&text) else {
            delays
                .borrow_mut()
                .record(began.elapsed(), Duration::ZERO, Err(ErrorKind::Body));
            continue;
        };
        if event.event == "lagged" {
            heard.lagged += 1;
        }
        if event.seq.is_some() {
            heard.out_of_order += u64::from(event.seq <= last);
            last = event.seq;
        }
        let at = event
            .timestamp
            .as_deref()
            .map(str::parse::<jiff::Timestamp>);
        if let Some(Ok(at)) = at {
            let delay = jiff::Timestamp::now().duration_since(at);
            let delay = Duration::try_from(delay).unwrap_or_default();
            delays.borrow_mut().record(began.elapsed(), delay, Ok(()));
        }
        if let ("session_end", Some(run)) = (event.event.as_str(), event.data.run_id) {
            let count = heard.ends.entry(run).or_default();
            *count += 1;
            if *count == 1 {
                ended.set(ended.get() + 1);
            }
        }
    }
}

/// Checks that each of them heard the end of each run once, in order, and nobody was cut off.
pub fn check(heard: &[Heard], runs: &BTreeSet<String>, outcome: &mut Outcome) {
    let mut wrong = Vec::new();
    for (number, one) in heard.iter().enumerate() {
        if let Some(kind) = one.cut_off {
            wrong.push(format!("listener {number} was cut off: {kind}"));
        }
        if one.out_of_order > 0 {
            wrong.push(format!(
                "listener {number} heard {} out of order",
                one.out_of_order
            ));
        }
        let bad = |run: &&String| one.ends.get(*run) != Some(&1);
        let count = runs.iter().filter(bad).count();
        if count > 0 {
            let first = runs.iter().find(bad).cloned().unwrap_or_default();
            wrong.push(format!(
                "listener {number} did not hear the end of {count} of {} runs once, such as {first}",
                runs.len()
            ));
        }
    }
    let words = match wrong.first() {
        None => format!(
            "each of {} heard the end of each of {} runs once",
            heard.len(),
            runs.len()
        ),
        Some(first) => format!("{} are wrong, such as: {first}", wrong.len()),
    };
    outcome.check("events_heard_once", wrong.is_empty(), words);
    let lagged: u64 = heard.iter().map(|one| one.lagged).sum();
    outcome.cost("websocket_lagged", lagged as f64, "count");
    let frames: u64 = heard.iter().map(|one| one.frames).sum();
    outcome.figure("websocket_frames", frames as f64, "count");
}
