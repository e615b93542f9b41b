//! What happened, for whoever asks or listens: a table of events in `<durable>/db/events.db`, and the
//! latest of them in memory. A record for people and dashboards; the journal is the truth.
//!
//! # Layout
//!
//! - `sink`: takes events from the actors and only queues them.
//! - `encoder`: the thread that makes text of them, once for everybody.
//! - [`chunk`], [`frame`]: that text, and what is in it.
//! - [`feed`]: the latest chunks, for those who listen.
//! - [`filter`]: which events somebody wants.
//! - [`pages`]: stored events for those who missed them, once for everybody.
//! - [`table`]: the database: what writes it, what reads it.

pub mod chunk;
mod encoder;
pub mod feed;
pub mod filter;
pub mod frame;
pub mod pages;
mod sink;
pub mod table;
#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use orket_actors::port::event::EventSink;
use tokio::sync::oneshot;

use crate::log::Zone;
use encoder::Control;
use feed::Feed;
use pages::Pages;
use table::{Store, Table};

/// Events that say that somebody looked at a run: told to whoever listens and kept nowhere, so that
/// reading writes nothing.
pub const LOOKS: [&str; 4] = [
    "api_session_detail",
    "api_session_snapshot",
    "api_run_metrics",
    "api_backlog",
];

/// Whether an event of this name says that somebody looked at a run.
#[must_use]
pub fn is_look(event: &str) -> bool {
    LOOKS.contains(&event)
}

/// Whether an event of this name is told while it is fresh and never stored.
#[must_use]
pub fn is_fleeting(event: &str) -> bool {
    event == "turn_progress" || is_look(event)
}

/// Processes begin their numbers this many bits apart.
pub const APART: u32 = 20;
/// How long somebody who asks waits for the latest events to be stored.
const PATIENCE: Duration = Duration::from_millis(500);

/// How events are kept.
#[derive(Debug, Clone)]
pub struct EventOptions {
    /// How many events the table keeps (`ORKET_EVENTS_KEEP`); 0 for none.
    pub keep: u64,
    /// In which zone their times are shown (`ORKET_TIMEZONE`).
    pub zone: Zone,
    /// How many events may wait to be made text of; more are dropped and counted.
    pub queue: usize,
    /// Events that the memory holds at most.
    pub recent: usize,
    /// Bytes that the memory has at most, but for one event that alone is longer.
    pub recent_bytes: usize,
}

impl Default for EventOptions {
    fn default() -> Self {
        Self {
            keep: 1_000_000,
            zone: Zone::default(),
            queue: 65_536,
            recent: 131_072,
            recent_bytes: 64 * 1_024 * 1_024,
        }
    }
}

/// What went wrong so far, and how far the table is.
#[derive(Debug, Default)]
pub struct Counts {
    /// Events that found the queue full: neither told nor stored.
    pub dropped: AtomicU64,
    /// Events that were told and could not be stored.
    pub unstored: AtomicU64,
    /// Everything up to this number is stored, or never will be.
    pub settled: AtomicU64,
}

/// The events of a running owner; cheap to clone.
#[derive(Clone)]
pub struct EventLog {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for EventLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EventLog")
    }
}

struct Inner {
    sink: Arc<sink::Sink>,
    feed: Arc<Feed>,
    table: Option<Table>,
    pages: Option<Arc<Pages>>,
    counts: Arc<Counts>,
    after: u64,
    is_stored: bool,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl EventLog {
    /// Opens the table in `folder` (such as `.orket/durable/db`) and starts the threads. A table that
    /// is damaged is put aside and begun anew; where there can be none, events are told and not
    /// stored.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn open(folder: &Path, options: &EventOptions) -> io::Result<Self> {
        let store = match Store::open(folder, options.keep) {
            Ok(store) => Some(store),
            Err(error) => {
                tracing::warn!(%error, "events are not stored; the journal has what counts");
                None
            }
        };
        let last = store
            .as_ref()
            .map_or_else(seconds, |store| store.last_seq());
        let after = ((last >> APART) + 1) << APART;
        let counts = Arc::new(Counts::default());
        counts.settled.store(after, Ordering::Relaxed);
        let table = (store.as_ref()).and_then(|store| store.table(&options.zone));
        let is_stored = store.is_some() && options.keep > 0;
        let feed = Arc::new(Feed::new(
            after,
            options.recent,
            options.recent_bytes,
            is_stored.then(|| Arc::clone(&counts)),
        ));
        let mut threads = Vec::new();
        let writer = match store {
            Some(store) => {
                let (writer, thread) = table::writer::start(store, after, Arc::clone(&counts))?;
                threads.push(thread);
                Some(writer)
            }
            None => None,
        };
        let (sink, inbox) = sink::Sink::new(options.queue, Arc::clone(&feed), Arc::clone(&counts));
        let encoder = encoder::Encoder::new(
            options.zone.clone(),
            Arc::clone(&feed),
            writer,
            Arc::clone(&counts),
        );
        threads.push(encoder::start(encoder, inbox)?);
        Ok(Self {
            inner: Arc::new(Inner {
                sink: Arc::new(sink),
                feed,
                pages: table.clone().map(|table| Arc::new(Pages::new(table))),
                table,
                counts,
                after,
                is_stored,
                threads: Mutex::new(threads),
            }),
        })
    }

    /// What the actors give their events to.
    #[must_use]
    pub fn sink(&self) -> Arc<dyn EventSink> {
        Arc::clone(&self.inner.sink) as _
    }

    /// Events of this process have higher numbers than this one, those of earlier ones have not.
    #[must_use]
    pub fn after(&self) -> u64 {
        self.inner.after
    }

    /// Whether events of this process are stored; those of earlier ones may be there all the same.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.inner.is_stored
    }

    /// The latest events, and those to come.
    #[must_use]
    pub fn feed(&self) -> &Arc<Feed> {
        &self.inner.feed
    }

    /// The stored events; `None` when nothing can be stored.
    #[must_use]
    pub fn table(&self) -> Option<&Table> {
        self.inner.table.as_ref()
    }

    /// The stored events, for those who missed them.
    #[must_use]
    pub fn pages(&self) -> Option<&Arc<Pages>> {
        self.inner.pages.as_ref()
    }

    /// What went wrong so far, and how far the table is.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.inner.counts
    }

    /// Everything up to this number is stored, or never will be.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.inner.counts.settled.load(Ordering::Acquire)
    }

    /// Waits until what happened before this call is in the table, for half a second at most.
    pub async fn settle(&self) {
        // An error means that it takes longer: whoever asks sees what there is.
        let _ = tokio::time::timeout(PATIENCE, self.inner.sink.flush()).await;
    }

    /// Tells listeners that no event will come any more.
    pub fn end(&self) {
        self.inner.feed.end();
    }

    /// Stores what was taken, ends the threads and closes the table. Blocks. A second call does
    /// nothing.
    pub fn close(&self) {
        self.end();
        let (done, _) = oneshot::channel();
        let _ = self.inner.sink.order(Control::Stop(done));
        let threads = std::mem::take(
            &mut *self
                .inner
                .threads
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for thread in threads {
            // A panic was told already.
            let _ = thread.join();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let (done, _) = oneshot::channel();
        let _ = self.sink.order(Control::Stop(done));
    }
}

/// A number that rises from one process to the next without anything that is stored.
fn seconds() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() << APART)
}
