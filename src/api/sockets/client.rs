//! What is known of one client. All of it is used by the one thread that serves its connection.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use actix_web::web::Bytes;

use crate::events::chunk::Chunk;
use crate::events::feed::{self, Place};
use crate::events::filter::Filter;
use crate::events::frame;

/// Where a client stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is given what is in memory behind this place.
    Live(Place),
    /// It is given stored events until it has caught up with the memory.
    Behind,
}

/// What a client waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    /// It is on the move, or its connection takes nothing.
    Not,
    /// Events that it wants.
    News,
    /// Whatever changes.
    Anything,
    /// Only for being closed or pinged; something else wakes it.
    Orders,
}

/// See the file's head.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) filter: Filter,
    pub(super) stage: Cell<Stage>,
    /// The number of the last event that it was given, or that it does not want.
    pub(super) after: Cell<u64>,
    pub(super) waits: Cell<Waits>,
    waker: RefCell<Option<Waker>>,
    /// When it was pinged without having answered.
    pinged: Cell<Option<Instant>>,
    next_ping: Cell<Instant>,
    is_ping_due: Cell<bool>,
    closing: RefCell<Option<Bytes>>,
    pub(super) is_gone: Cell<bool>,
}

impl Client {
    /// One that wants these events, from `stage` on.
    pub(super) fn new(filter: Filter, stage: Stage, after: u64, ping: Duration) -> Self {
        Self {
            filter,
            stage: Cell::new(stage),
            after: Cell::new(after),
            waits: Cell::new(Waits::Not),
            waker: RefCell::new(None),
            pinged: Cell::new(None),
            next_ping: Cell::new(Instant::now() + ping),
            is_ping_due: Cell::new(false),
            closing: RefCell::new(None),
            is_gone: Cell::new(false),
        }
    }

    /// It is polled again when what it waits for comes.
    pub(super) fn wait(&self, waker: &Waker, what: Waits) {
        self.waits.set(what);
        let mut slot = self.waker.borrow_mut();
        match slot.as_ref() {
            Some(known) if known.will_wake(waker) => {}
            _ => *slot = Some(waker.clone()),
        }
    }

    /// Has it polled again if it waits; true when it did.
    pub(super) fn wake(&self) -> bool {
        let waited = self.waits.replace(Waits::Not) != Waits::Not;
        if waited && let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
        waited
    }

    /// Has it closed, with a code and words; the first order counts.
    pub(super) fn close(&self, code: u16, words: &str) {
        {
            let mut closing = self.closing.borrow_mut();
            if closing.is_some() {
                return;
            }
            *closing = Some(frame::close(code, words).into());
        }
        self.wake();
    }

    /// The close frame that is to be sent.
    pub(super) fn take_close(&self) -> Option<Bytes> {
        self.closing.borrow_mut().take()
    }

    /// Whether it is to be pinged now; from now on its answer is awaited.
    pub(super) fn take_ping(&self) -> bool {
        let is_due = self.is_ping_due.take();
        if is_due && self.pinged.get().is_none() {
            self.pinged.set(Some(Instant::now()));
        }
        is_due
    }

    /// It answered.
    pub(super) fn pong(&self) {
        self.pinged.set(None);
    }

    /// Looks after it; true when it is sent away because it does not answer.
    pub(super) fn look(&self, now: Instant, ping: Duration, patience: Duration) -> bool {
        if let Some(pinged) = self.pinged.get()
            && now.saturating_duration_since(pinged) >= patience
        {
            self.pinged.set(None);
            self.close(1008, "no answer to a ping");
            return true;
        }
        if now >= self.next_ping.get() {
            self.next_ping.set(now + ping);
            self.is_ping_due.set(true);
            self.wake();
        }
        false
    }

    /// Tells it of new chunks; it is woken, which is true then, when it waits for what is in them.
    pub(super) fn tell(&self, news: &[Arc<Chunk>]) -> bool {
        match (self.waits.get(), self.stage.get()) {
            (Waits::News, Stage::Live(place)) => {
                let from = news.partition_point(|chunk| chunk.number < place.chunk);
                for chunk in news.iter().skip(from) {
                    if self.filter.wants_some(chunk) {
                        return self.wake();
                    }
                    self.stage.set(Stage::Live(feed::behind(chunk)));
                    self.after.set(chunk.last_seq());
                }
                false
            }
            (Waits::Not | Waits::Orders, _) => false,
            (Waits::News | Waits::Anything, _) => self.wake(),
        }
    }
}
