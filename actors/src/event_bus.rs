//! The event bus: what happens goes to the log, to live progress, to whoever subscribes.
//!
//! The events wait in [`Events`], not in the mailbox, so that a panic of the bus costs the one event
//! it happened in and none of those behind it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use actix::prelude::*;
use serde_json::Value;
use tokio::sync::broadcast;

use crate::exit::ExitGuard;
use crate::fault;
use crate::port::clock::SharedClock;
use crate::port::event::{EventSink, RuntimeEvent, Shown};
use crate::world::lock;

/// How many events may wait for the bus; further ones are counted and left out.
const MOST_WAITING: usize = 65_536;
/// Events handled before others on the same thread get their turn.
const AT_ONCE: usize = 256;
/// How many events a subscriber may be behind before it is told that it missed some.
const BACKLOG: usize = 16_384;

/// Events are waiting.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Look;

/// The events on their way. Outlives a restart of the bus.
#[derive(Default)]
pub struct Waiting {
    queue: VecDeque<Arc<RuntimeEvent>>,
    /// The number of the last event.
    seq: u64,
    /// A bus knows, or will look as it starts.
    told: bool,
}

/// Stops the bus.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StopBus;

/// The actor.
pub struct EventBus {
    exit: ExitGuard,
    waiting: Arc<Mutex<Waiting>>,
    outlet: broadcast::Sender<Arc<RuntimeEvent>>,
    sinks: Arc<[Arc<dyn EventSink>]>,
}

impl EventBus {
    /// A bus that feeds `sinks` and the subscribers of `events`.
    #[must_use]
    pub fn new(exit: ExitGuard, events: &Events, sinks: Arc<[Arc<dyn EventSink>]>) -> Self {
        Self {
            exit,
            waiting: Arc::clone(&events.waiting),
            outlet: events.outlet(),
            sinks,
        }
    }

    /// Passes on at most `most` events; false when more wait.
    fn pass_on(&self, most: usize) -> bool {
        for _ in 0..most {
            let event = {
                let mut waiting = lock(&self.waiting);
                let Some(event) = waiting.queue.pop_front() else {
                    waiting.told = false;
                    return true;
                };
                event
            };
            fault::point("event_bus.publish");
            for sink in self.sinks.iter() {
                sink.take(&event);
            }
            // Nobody listening is no error.
            let _ = self.outlet.send(event);
        }
        false
    }
}

impl Actor for EventBus {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        fault::point("event_bus.started");
        // What its predecessor left.
        ctx.notify(Look);
    }
}

impl Handler<Look> for EventBus {
    type Result = ();

    fn handle(&mut self, _: Look, ctx: &mut Context<Self>) {
        if !self.pass_on(AT_ONCE) {
            ctx.notify(Look);
        }
    }
}

impl Handler<StopBus> for EventBus {
    type Result = ();

    fn handle(&mut self, _: StopBus, ctx: &mut Context<Self>) {
        while !self.pass_on(AT_ONCE) {}
        self.exit.ends(crate::exit::ExitStatus::Killed);
        ctx.stop();
    }
}

/// What everybody holds to say that something happened.
pub struct Events {
    clock: SharedClock,
    waiting: Arc<Mutex<Waiting>>,
    dropped: AtomicU64,
    bus: RwLock<Option<Addr<EventBus>>>,
    outlet: broadcast::Sender<Arc<RuntimeEvent>>,
}

/// Where an event belongs.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    /// The run.
    pub run: Option<&'a str>,
    /// The card.
    pub card: Option<&'a str>,
    /// The run's workspace.
    pub workspace: Option<&'a str>,
    /// Who speaks.
    pub role: &'a str,
}

impl Events {
    /// No bus yet. The first event is the one after number `after`.
    #[must_use]
    pub fn new(clock: SharedClock, after: u64) -> Self {
        let (outlet, _) = broadcast::channel(BACKLOG);
        let waiting = Waiting {
            seq: after,
            ..Waiting::default()
        };
        Self {
            clock,
            waiting: Arc::new(Mutex::new(waiting)),
            dropped: AtomicU64::new(0),
            bus: RwLock::new(None),
            outlet,
        }
    }

    /// The channel that subscribers hang on.
    #[must_use]
    pub fn outlet(&self) -> broadcast::Sender<Arc<RuntimeEvent>> {
        self.outlet.clone()
    }

    /// From now on `bus` takes the events.
    pub fn attach(&self, bus: Addr<EventBus>) {
        if let Ok(mut slot) = self.bus.write() {
            *slot = Some(bus);
        }
    }

    /// The bus, if there is one.
    #[must_use]
    pub fn bus(&self) -> Option<Addr<EventBus>> {
        self.bus.read().ok().and_then(|slot| slot.clone())
    }

    /// How many events could not be taken because the bus was behind.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Something happened.
    pub fn emit(&self, event: &str, about: About<'_>, data: Value) {
        let mut happened = RuntimeEvent {
            seq: 0,
            at_ms: 0,
            event: event.to_owned(),
            role: about.role.to_owned(),
            run_id: about.run.map(str::to_owned),
            issue_id: about.card.map(str::to_owned),
            workspace: about.workspace.map(str::to_owned),
            data,
            shown: Shown::default(),
        };
        {
            let mut waiting = lock(&self.waiting);
            waiting.seq += 1;
            if waiting.queue.len() >= MOST_WAITING {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                return;
            }
            happened.seq = waiting.seq;
            // In here, so that times rise with the numbers.
            happened.at_ms = self.clock.wall_ms();
            waiting.queue.push_back(Arc::new(happened));
            if std::mem::replace(&mut waiting.told, true) {
                return;
            }
        }
        // Without a bus, or with a dead one, the next one looks as it starts.
        if let Some(bus) = self.bus() {
            bus.do_send(Look);
        }
    }
}
