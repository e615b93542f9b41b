//! The events of runs of the last while and those to come, so that whoever looks at a run a little
//! late still sees its beginning. Bounded: what falls out of it is to be looked for in the table of
//! events, and a slow reader is told that it must do so.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use orket_actors::port::event::RuntimeEvent;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::events::is_fleeting;

/// Events remembered.
const REMEMBERED: usize = 4_096;
/// Events that a reader may be behind.
const BACKLOG: usize = 4_096;

/// One thing to pass on.
#[derive(Debug, Clone)]
pub enum Item {
    /// An event of a run.
    Event(Arc<RuntimeEvent>),
    /// Events were lost before they came here.
    Lost,
}

/// What is remembered of one run, and what is to come.
#[derive(Debug)]
pub struct Memory {
    /// Its events, oldest first.
    pub recent: Vec<Arc<RuntimeEvent>>,
    /// Events of the run with a higher number than this are all in `recent`; `None` when nothing was
    /// seen yet, of any run.
    pub floor: Option<u64>,
    /// Everything from now on, of all runs.
    pub live: broadcast::Receiver<Item>,
}

/// See the file's head; cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    recent: VecDeque<Arc<RuntimeEvent>>,
    floor: Option<u64>,
    /// The number of the last event.
    newest: u64,
    live: broadcast::Sender<Item>,
}

impl Hub {
    /// A hub fed by a task that lives as long as `events` does. Must be called on a runtime.
    #[must_use]
    pub fn start(mut events: broadcast::Receiver<Arc<RuntimeEvent>>) -> Self {
        let hub = Self {
            shared: Arc::new(Mutex::new(Shared {
                recent: VecDeque::new(),
                floor: None,
                newest: 0,
                live: broadcast::channel(BACKLOG).0,
            })),
        };
        let feeder = hub.clone();
        tokio::spawn(async move {
            let mut has_lost = false;
            loop {
                match events.recv().await {
                    Ok(event) => feeder.take(event, std::mem::take(&mut has_lost)),
                    // The event behind them is there already.
                    Err(RecvError::Lagged(_)) => has_lost = true,
                    Err(RecvError::Closed) => break,
                }
            }
        });
        hub
    }

    /// Takes an event; with `has_lost` others were lost before it.
    fn take(&self, event: Arc<RuntimeEvent>, has_lost: bool) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if has_lost {
            shared.recent.clear();
            shared.floor = None;
            // Nobody listening is no failure; here and below.
            let _ = shared.live.send(Item::Lost);
        }
        shared.floor.get_or_insert(event.seq.saturating_sub(1));
        shared.newest = event.seq;
        // What the server does, such as being looked at, would only push out what runs do.
        if event.run_id.is_none() {
            return;
        }
        if !is_fleeting(&event.event) {
            if shared.recent.len() >= REMEMBERED
                && let Some(oldest) = shared.recent.pop_front()
            {
                shared.floor = Some(oldest.seq);
            }
            shared.recent.push_back(Arc::clone(&event));
        }
        let _ = shared.live.send(Item::Event(event));
    }

    /// Remembered events of a run with a number above `after`, and everything from then on: nothing
    /// between the two is lost.
    #[must_use]
    pub fn since(&self, run_id: &str, after: u64) -> Memory {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = shared
            .recent
            .iter()
            .filter(|event| event.seq > after && event.run_id.as_deref() == Some(run_id))
            .cloned()
            .collect();
        Memory {
            recent,
            floor: shared.floor,
            live: shared.live.subscribe(),
        }
    }

    /// The number of the last event, of whatever; 0 before the first.
    #[must_use]
    pub fn newest(&self) -> u64 {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn event(seq: u64, run: Option<&str>, name: &str) -> Arc<RuntimeEvent> {
        Arc::new(RuntimeEvent {
            seq,
            at_ms: 0,
            event: name.to_owned(),
            role: String::new(),
            run_id: run.map(str::to_owned),
            issue_id: None,
            workspace: None,
            data: Value::Null,
            shown: orket_actors::port::event::Shown::default(),
        })
    }

    fn numbers(memory: &Memory) -> Vec<u64> {
        memory.recent.iter().map(|event| event.seq).collect()
    }

    async fn until_newest(hub: &Hub, seq: u64) {
        while hub.newest() < seq {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_late_reader_sees_the_beginning_and_a_slow_one_is_told_that_it_missed_some() {
        let (to, events) = broadcast::channel(4);
        let hub = Hub::start(events);
        let before = hub.since("a", 0);
        assert_eq!((numbers(&before), before.floor), (vec![], None));
        for (seq, run, name) in [
            (11, "a", "session_start"),
            (12, "b", "session_start"),
            (13, "a", "turn_progress"),
            (14, "a", "turn_start"),
        ] {
            to.send(event(seq, Some(run), name)).unwrap();
        }
        until_newest(&hub, 14).await;
        let memory = hub.since("a", 0);
        assert_eq!((numbers(&memory), memory.floor), (vec![11, 14], Some(10)));
        assert_eq!(numbers(&hub.since("a", 11)), [14]);
        let mut live = hub.since("a", 14).live;
        // The hub itself is too slow here: six events into a channel of four.
        for seq in 15..21 {
            to.send(event(seq, Some("a"), "turn_start")).unwrap();
        }
        assert!(matches!(live.recv().await, Ok(Item::Lost)));
        assert!(matches!(live.recv().await, Ok(Item::Event(event)) if event.seq == 17));
        until_newest(&hub, 20).await;
        let memory = hub.since("a", 0);
        assert_eq!(
            (numbers(&memory), memory.floor),
            (vec![17, 18, 19, 20], Some(16))
        );
    }

    #[tokio::test]
    async fn the_oldest_fall_out_and_what_is_no_run_s_pushes_nothing_out() {
        let (to, events) = broadcast::channel(8 * REMEMBERED);
        let hub = Hub::start(events);
        let many = u64::try_from(REMEMBERED).unwrap();
        to.send(event(1, Some("a"), "session_start")).unwrap();
        for seq in 2..=2 * many {
            to.send(event(seq, None, "api_session_detail")).unwrap();
        }
        until_newest(&hub, 2 * many).await;
        let mut memory = hub.since("a", 0);
        assert_eq!((numbers(&memory), memory.floor), (vec![1], Some(0)));
        for seq in 2 * many + 1..=3 * many {
            to.send(event(seq, Some("b"), "turn_start")).unwrap();
        }
        until_newest(&hub, 3 * many).await;
        assert_eq!(hub.since("a", 0).floor, Some(1));
        assert_eq!(hub.since("b", 0).recent.len(), REMEMBERED);
        let first = memory.live.recv().await;
        assert!(matches!(first, Ok(Item::Event(event)) if event.seq == 2 * many + 1));
    }
}
