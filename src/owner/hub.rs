//! The events of the last while and those to come, so that whoever looks at a run a little late
//! still sees its beginning. Bounded: what falls out of it is gone, and a slow reader is told how
//! many events it missed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use orket_actors::port::event::RuntimeEvent;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Events remembered.
const REMEMBERED: usize = 4_096;
/// Events that a reader may be behind.
const BACKLOG: usize = 4_096;

/// One thing to pass on.
#[derive(Debug, Clone)]
pub enum Item {
    /// An event.
    Event(Arc<RuntimeEvent>),
    /// So many events were lost before they came here.
    Lost(u64),
}

/// See the file's head; cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    recent: VecDeque<Arc<RuntimeEvent>>,
    live: broadcast::Sender<Item>,
}

impl Hub {
    /// A hub fed by a task that lives as long as `events` does. Must be called on a runtime.
    #[must_use]
    pub fn start(mut events: broadcast::Receiver<Arc<RuntimeEvent>>) -> Self {
        let hub = Self {
            shared: Arc::new(Mutex::new(Shared {
                recent: VecDeque::new(),
                live: broadcast::channel(BACKLOG).0,
            })),
        };
        let feeder = hub.clone();
        tokio::spawn(async move {
            loop {
                match events.recv().await {
                    Ok(event) => feeder.take(Item::Event(event)),
                    Err(RecvError::Lagged(missed)) => feeder.take(Item::Lost(missed)),
                    Err(RecvError::Closed) => break,
                }
            }
        });
        hub
    }

    fn take(&self, item: Item) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Item::Event(event) = &item {
            // Progress is only worth something while it is fresh.
            if event.event != "turn_progress" {
                if shared.recent.len() >= REMEMBERED {
                    shared.recent.pop_front();
                }
                shared.recent.push_back(Arc::clone(event));
            }
        }
        // Nobody listening is no failure.
        let _ = shared.live.send(item);
    }

    /// Remembered events of a run with a number above `after`, and everything from then on: nothing
    /// between the two is lost.
    #[must_use]
    pub fn since(
        &self,
        run_id: &str,
        after: u64,
    ) -> (Vec<Arc<RuntimeEvent>>, broadcast::Receiver<Item>) {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = shared
            .recent
            .iter()
            .filter(|event| event.seq > after && event.run_id.as_deref() == Some(run_id))
            .cloned()
            .collect();
        (recent, shared.live.subscribe())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn event(seq: u64, run: &str, name: &str) -> Arc<RuntimeEvent> {
        Arc::new(RuntimeEvent {
            seq,
            at_ms: 0,
            event: name.to_owned(),
            role: String::new(),
            run_id: Some(run.to_owned()),
            issue_id: None,
            workspace: None,
            data: Value::Null,
        })
    }

    #[test]
    fn a_late_reader_sees_the_beginning_and_a_slow_one_is_told_what_it_missed() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("runtime");
        runtime.block_on(async {
            let (to, events) = broadcast::channel(4);
            let hub = Hub::start(events);
            for (seq, run, name) in [
                (1, "a", "session_start"),
                (2, "b", "session_start"),
                (3, "a", "turn_progress"),
                (4, "a", "turn_start"),
            ] {
                to.send(event(seq, run, name)).expect("somebody listens");
            }
            let seen = |after: u64| -> Vec<u64> {
                hub.since("a", after)
                    .0
                    .iter()
                    .map(|event| event.seq)
                    .collect()
            };
            while seen(0).len() < 2 {
                tokio::task::yield_now().await;
            }
            assert_eq!((seen(0), seen(1)), (vec![1, 4], vec![4]));
            let (_, mut live) = hub.since("a", 4);
            // The hub itself is too slow here: six events into a channel of four.
            for seq in 5..11 {
                to.send(event(seq, "a", "turn_start"))
                    .expect("somebody listens");
            }
            match live.recv().await.expect("open") {
                Item::Lost(missed) => assert_eq!(missed, 2),
                Item::Event(event) => panic!("{event:?}"),
            }
            match live.recv().await.expect("open") {
                Item::Event(event) => assert_eq!(event.seq, 7),
                Item::Lost(missed) => panic!("{missed} lost"),
            }
        });
    }
}
