//! The thread behind the log: when it sleeps, when it writes, when it stops.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, select};
use orket_actors::port::event::RuntimeEvent;
use tokio::sync::oneshot;

use super::LogOptions;
use super::sheet::Sheets;

/// While events come in, the thread looks for them this often instead of being woken by each.
const NAP: Duration = Duration::from_millis(10);
/// The longest an event stays in a buffer while others keep coming.
const FLUSH_AFTER: Duration = Duration::from_millis(200);
/// Events handled before the thread looks at its orders again.
const AT_ONCE: usize = 4_096;

/// Why a log was not rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// A file could not be moved.
    #[error("the log could not be moved: {0}")]
    Io(#[from] std::io::Error),
    /// The log is being closed.
    #[error("the log is closed")]
    Gone,
}

/// What the thread is told, apart from events.
#[derive(Debug)]
pub(super) enum Control {
    /// Write everything taken so far, begin the default workspace's log anew, and answer.
    Rotate(oneshot::Sender<Result<Option<String>, RotateError>>),
    /// Write everything taken so far and answer.
    Flush(oneshot::Sender<()>),
    /// Write everything and end.
    Stop,
}

/// Where the thread's work comes from.
pub(super) struct Inbox {
    pub events: Receiver<Arc<RuntimeEvent>>,
    pub control: Receiver<Control>,
    /// Events that found the queue full since this was last told.
    pub dropped: Arc<AtomicU64>,
}

/// What to do after an order.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    End,
}

/// Runs until told to stop; a panic costs what was buffered, never the thread.
pub(super) fn run(options: &LogOptions, inbox: &Inbox) {
    loop {
        let mut sheets = Sheets::new(options);
        match catch_unwind(AssertUnwindSafe(|| serve(inbox, &mut sheets))) {
            Ok(()) => return,
            Err(_) => tracing::error!("the log thread panicked and goes on with the next event"),
        }
    }
}

fn serve(inbox: &Inbox, sheets: &mut Sheets<'_>) {
    loop {
        select! {
            recv(inbox.events) -> event => {
                // A closed channel means that the log is being dropped; its `Stop` follows.
                if let Ok(event) = event {
                    sheets.take(&event, &inbox.dropped);
                }
            }
            recv(inbox.control) -> order => {
                if obey(order.unwrap_or(Control::Stop), inbox, sheets) == Next::End {
                    return;
                }
            }
        }
        if stay_awake(inbox, sheets) == Next::End {
            return;
        }
    }
}

/// Takes events in bunches until none comes for one nap.
fn stay_awake(inbox: &Inbox, sheets: &mut Sheets<'_>) -> Next {
    let mut flushed = Instant::now();
    loop {
        for event in inbox.events.try_iter().take(AT_ONCE) {
            sheets.take(&event, &inbox.dropped);
        }
        if flushed.elapsed() >= FLUSH_AFTER {
            sheets.flush();
            flushed = Instant::now();
        }
        let nap = if inbox.events.len() < AT_ONCE {
            NAP
        } else {
            Duration::ZERO
        };
        match inbox.control.recv_timeout(nap) {
            Ok(order) => {
                if obey(order, inbox, sheets) == Next::End {
                    return Next::End;
                }
            }
            Err(RecvTimeoutError::Timeout) if inbox.events.is_empty() => {
                sheets.tell_dropped(&inbox.dropped);
                sheets.flush();
                return Next::GoOn;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return obey(Control::Stop, inbox, sheets);
            }
        }
    }
}

fn obey(order: Control, inbox: &Inbox, sheets: &mut Sheets<'_>) -> Next {
    // What is in the queue now was taken before the order was given; what comes while we write is
    // not waited for.
    for event in inbox.events.try_iter().take(inbox.events.len()) {
        sheets.take(&event, &inbox.dropped);
    }
    sheets.tell_dropped(&inbox.dropped);
    sheets.flush();
    match order {
        Control::Flush(done) => {
            // Nobody may be waiting any more.
            let _ = done.send(());
            Next::GoOn
        }
        Control::Rotate(done) => {
            let _ = done.send(sheets.rotate_home().map_err(RotateError::Io));
            Next::GoOn
        }
        Control::Stop => Next::End,
    }
}

/// Takes the count and leaves zero.
pub(super) fn take_count(count: &AtomicU64) -> u64 {
    // The load keeps the usual case, nothing dropped, free of a write to shared memory.
    if count.load(Ordering::Relaxed) == 0 {
        0
    } else {
        count.swap(0, Ordering::Relaxed)
    }
}
