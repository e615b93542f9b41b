//! The thread that makes chunks of events, for listeners and for the table.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, select};
use orket_actors::port::event::RuntimeEvent;
use tokio::sync::oneshot;

use super::Counts;
use super::chunk::ChunkMaker;
use super::feed::Feed;
use super::sink::Inbox;
use super::table::writer::TableWriter;
use crate::log::Zone;
use crate::log::zone::Stamp;

/// While events come in they are gathered for so long: a chunk costs a turn of every listener.
const NAP: Duration = Duration::from_millis(4);
/// Events handled before the thread looks at its orders again.
const AT_ONCE: usize = 4_096;

/// What the thread is told, apart from events.
pub(super) enum Control {
    /// Pass everything taken so far on, have it stored, and answer.
    Flush(oneshot::Sender<()>),
    /// The same, and end.
    Stop(oneshot::Sender<()>),
}

/// See the file's head.
pub(super) struct Encoder {
    zone: Zone,
    chunks: ChunkMaker,
    feed: Arc<Feed>,
    table: Option<TableWriter>,
    counts: Arc<Counts>,
}

impl Encoder {
    pub(super) fn new(
        zone: Zone,
        feed: Arc<Feed>,
        table: Option<TableWriter>,
        counts: Arc<Counts>,
    ) -> Self {
        Self {
            zone,
            chunks: ChunkMaker::default(),
            feed,
            table,
            counts,
        }
    }

    fn take(&mut self, stamp: &mut Stamp<'_>, event: &RuntimeEvent) {
        orket_actors::fault::point("events.take");
        if !self.chunks.add(stamp.at(event.at_ms), event) {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
        if self.chunks.is_full() {
            self.publish();
        }
    }

    fn publish(&mut self) {
        let Some(chunk) = self.chunks.take() else {
            return;
        };
        let chunk = Arc::new(chunk);
        self.feed.push(&chunk);
        match &self.table {
            Some(table) => table.take(chunk),
            None => self
                .counts
                .settled
                .store(chunk.last_seq(), Ordering::Release),
        }
    }

    fn flush(&mut self, done: oneshot::Sender<()>) {
        match &self.table {
            Some(table) => table.flush(done),
            None => {
                // Nobody may be waiting any more.
                let _ = done.send(());
            }
        }
    }
}

/// Starts the thread; it ends with [`Control::Stop`].
pub(super) fn start(mut encoder: Encoder, inbox: Inbox) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("orket-events".to_owned())
        .spawn(move || {
            // A panic costs what was being made, never the thread.
            while catch_unwind(AssertUnwindSafe(|| serve(&mut encoder, &inbox))).is_err() {
                tracing::error!("the event thread panicked and goes on with the next event");
                encoder.chunks.give_up();
            }
        })
}

fn serve(encoder: &mut Encoder, inbox: &Inbox) {
    let zone = encoder.zone.clone();
    let mut stamp = Stamp::new(&zone);
    loop {
        select! {
            recv(inbox.events) -> event => {
                // A closed channel means that `Stop` follows.
                if let Ok(event) = event {
                    encoder.take(&mut stamp, &event);
                }
            }
            recv(inbox.control) -> order => {
                if is_last(encoder, inbox, &mut stamp, order.ok()) {
                    return;
                }
            }
        }
        // As long as events keep coming, the thread looks for them instead of being woken by each.
        loop {
            for event in inbox.events.try_iter().take(AT_ONCE) {
                encoder.take(&mut stamp, &event);
            }
            encoder.publish();
            let nap = if inbox.events.len() < AT_ONCE {
                NAP
            } else {
                Duration::ZERO
            };
            match inbox.control.recv_timeout(nap) {
                Err(RecvTimeoutError::Timeout) if inbox.events.is_empty() => break,
                Err(RecvTimeoutError::Timeout) => {}
                order => {
                    if is_last(encoder, inbox, &mut stamp, order.ok()) {
                        return;
                    }
                }
            }
        }
    }
}

/// Does what it is told; true when that was the last.
fn is_last(
    encoder: &mut Encoder,
    inbox: &Inbox,
    stamp: &mut Stamp<'_>,
    order: Option<Control>,
) -> bool {
    // What is in the queue now was taken before the order was given.
    for event in inbox.events.try_iter().take(inbox.events.len()) {
        encoder.take(stamp, &event);
    }
    encoder.publish();
    match order {
        Some(Control::Flush(done)) => {
            encoder.flush(done);
            false
        }
        Some(Control::Stop(done)) => {
            encoder.flush(done);
            true
        }
        None => true,
    }
}
