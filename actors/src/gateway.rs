//! The model gateway: who may ask which endpoint now.
//!
//! Per endpoint it keeps permits, a queue (reviews before new work, then by score, then by age) and
//! a circuit breaker. A card that waits here holds nothing. An endpoint that has answered before and
//! then stops is waited for; one that never answered fails fast, since that is a wrong address.
//!
//! While more than a hundred writes wait in the journal no new turn begins: what is under way ends first, and a
//! reply that was paid for is not held up by those that begin.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering as Memory};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::prelude::*;
use orket_core::failure::{Failure, FailureClass};
use serde_json::json;
use tokio::sync::oneshot;

use crate::event_bus::About;
use crate::exit::{ExitGuard, ExitStatus};
use crate::fault;
use crate::world::{World, lock};

/// Failures in a row that open the breaker.
const TRIP_AFTER: u32 = 5;
/// How long the breaker stays open the first time; it doubles up to [`OPEN_MOST`].
const OPEN_FIRST: Duration = Duration::from_secs(5);
const OPEN_MOST: Duration = Duration::from_secs(120);
/// With so many writes waiting, turns do not begin.
const JOURNAL_IS_BEHIND: usize = 128;
/// How soon to look at the journal again. Real time, whatever the clock of the turns: its writes are real.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// May this card ask that endpoint? Answered when it may, or when it never will.
pub struct Acquire {
    /// The endpoint.
    pub endpoint: String,
    /// Its permits, when nobody asked for it before.
    pub permits: usize,
    /// Reviews go first: what is begun is finished before more is begun.
    pub review: bool,
    /// The card's score.
    pub score: f64,
}

impl Message for Acquire {
    type Result = Result<oneshot::Receiver<Result<Permit, Failure>>, Failure>;
}

/// The right to have one turn under way at an endpoint; given back when dropped.
pub struct Permit {
    endpoint: String,
    /// The one that tries whether the endpoint is back.
    probe: bool,
    under_way: Arc<AtomicUsize>,
    world: Arc<World>,
}

impl Permit {
    fn new(endpoint: &str, probe: bool, under_way: &Arc<AtomicUsize>, world: &Arc<World>) -> Self {
        under_way.fetch_add(1, Memory::AcqRel);
        Self {
            endpoint: endpoint.to_owned(),
            probe,
            under_way: Arc::clone(under_way),
            world: Arc::clone(world),
        }
    }
}

impl std::fmt::Debug for Permit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Permit({})", self.endpoint)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.under_way.fetch_sub(1, Memory::AcqRel);
        // Between two gateways nobody waits: whoever did asks the next one, which counts anew.
        if let Some(gateway) = self.world.gateway.get() {
            gateway.do_send(Release {
                endpoint: self.endpoint.clone(),
                probe: self.probe,
            });
        }
    }
}

/// Turns under way at each endpoint. It outlives a restart of the gateway: permits of the old one
/// count for the new one.
#[derive(Default)]
pub struct UnderWay(Mutex<HashMap<String, Arc<AtomicUsize>>>);

impl UnderWay {
    fn at(&self, endpoint: &str) -> Arc<AtomicUsize> {
        Arc::clone(lock(&self.0).entry(endpoint.to_owned()).or_default())
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Release {
    endpoint: String,
    probe: bool,
}

/// How an endpoint did.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Observed {
    /// The endpoint.
    pub endpoint: String,
    /// Whether it answered.
    pub answered: bool,
    /// How long it asked to be left alone, if it did.
    pub rest: Option<Duration>,
}

/// Stops the gateway.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StopGateway;

struct Waiter {
    review: bool,
    score: f64,
    number: u64,
    answer: oneshot::Sender<Result<Permit, Failure>>,
}

impl PartialEq for Waiter {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}
impl Eq for Waiter {}
impl PartialOrd for Waiter {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Waiter {
    fn cmp(&self, other: &Self) -> Ordering {
        self.review
            .cmp(&other.review)
            .then(self.score.total_cmp(&other.score))
            .then(other.number.cmp(&self.number))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Breaker {
    Closed,
    /// Nobody may ask until the timer fires.
    Open,
    /// The next one may ask, alone.
    HalfOpen,
    /// One asks; the others wait for what it finds.
    Probing,
}

struct Endpoint {
    permits: usize,
    under_way: Arc<AtomicUsize>,
    queue: BinaryHeap<Waiter>,
    breaker: Breaker,
    failures: u32,
    open_for: Duration,
    /// How often the breaker opened; a timer of an earlier time does nothing.
    trips: u64,
    has_answered: bool,
    /// It asked to be left alone until then, on the clock for waiting, in milliseconds.
    rests_until: u64,
}

/// The actor.
pub struct ModelGateway {
    exit: ExitGuard,
    world: Arc<World>,
    endpoints: HashMap<String, Endpoint>,
    next: u64,
    /// The journal is looked at again soon.
    looks_again: bool,
}

impl ModelGateway {
    /// A gateway; permits that are out already count.
    #[must_use]
    pub fn new(exit: ExitGuard, world: Arc<World>) -> Self {
        Self {
            exit,
            world,
            endpoints: HashMap::new(),
            next: 0,
            looks_again: false,
        }
    }

    fn serve(&mut self, name: &str, ctx: &mut Context<Self>) {
        let now_ms = self.world.clock.now_ms();
        let mut room = JOURNAL_IS_BEHIND.saturating_sub(self.world.store.waiting());
        let Some(endpoint) = self.endpoints.get_mut(name) else {
            return;
        };
        if now_ms < endpoint.rests_until {
            return;
        }
        loop {
            let probe = match endpoint.breaker {
                Breaker::Closed => false,
                Breaker::HalfOpen => true,
                Breaker::Open | Breaker::Probing => return,
            };
            if endpoint.under_way.load(Memory::Acquire) >= endpoint.permits {
                return;
            }
            if room == 0 && !endpoint.queue.is_empty() {
                return self.look_again(ctx);
            }
            let Some(waiter) = endpoint.queue.pop() else {
                return;
            };
            if waiter.answer.is_closed() {
                continue;
            }
            room -= 1;
            if probe {
                endpoint.breaker = Breaker::Probing;
            }
            let permit = Permit::new(name, probe, &endpoint.under_way, &self.world);
            // A waiter that just left gives its permit back by dropping it.
            let _ = waiter.answer.send(Ok(permit));
        }
    }

    /// Serves all endpoints once the journal may have caught up.
    fn look_again(&mut self, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.looks_again, true) {
            return;
        }
        ctx.run_later(LOOK_AGAIN, |act, ctx| {
            act.looks_again = false;
            let names: Vec<String> = act.endpoints.keys().cloned().collect();
            for name in names {
                act.serve(&name, ctx);
            }
        });
    }

    /// The wait is over: the next one may try.
    fn probe(&mut self, name: &str, trip: u64, ctx: &mut Context<Self>) {
        if let Some(endpoint) = self.endpoints.get_mut(name)
            && endpoint.breaker == Breaker::Open
            && endpoint.trips == trip
        {
            endpoint.breaker = Breaker::HalfOpen;
            self.serve(name, ctx);
        }
    }

    /// The endpoint wants to be left alone: nobody asks it until then, whichever card it told.
    fn rest(&mut self, name: &str, wait: Duration, ctx: &mut Context<Self>) {
        let now_ms = self.world.clock.now_ms();
        let Some(endpoint) = self.endpoints.get_mut(name) else {
            return;
        };
        let until = now_ms.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        if until <= endpoint.rests_until {
            return;
        }
        endpoint.rests_until = until;
        self.world.events.emit(
            "model_endpoint_rests",
            About {
                role: "model_gateway",
                ..About::default()
            },
            json!({"endpoint": name, "next_try_ms": wait.as_millis(), "waiting": endpoint.queue.len()}),
        );
        let nap = self.world.clock.sleep(wait);
        let name = name.to_owned();
        ctx.spawn(
            nap.into_actor(self)
                .map(move |(), act, ctx| act.serve(&name, ctx)),
        );
    }

    fn trip(&mut self, name: &str, ctx: &mut Context<Self>) {
        let Some(endpoint) = self.endpoints.get_mut(name) else {
            return;
        };
        endpoint.breaker = Breaker::Open;
        endpoint.trips += 1;
        let trip = endpoint.trips;
        let wait = endpoint.open_for;
        endpoint.open_for = (wait * 2).min(OPEN_MOST);
        if !endpoint.has_answered {
            for waiter in std::mem::take(&mut endpoint.queue) {
                let _ = waiter.answer.send(Err(unavailable(name)));
            }
        }
        self.world.events.emit(
            "model_endpoint_unavailable",
            About { role: "model_gateway", ..About::default() },
            json!({"endpoint": name, "failures": endpoint.failures, "next_try_ms": wait.as_millis()}),
        );
        let nap = self.world.clock.sleep(wait);
        let name = name.to_owned();
        ctx.spawn(
            nap.into_actor(self)
                .map(move |(), act, ctx| act.probe(&name, trip, ctx)),
        );
    }
}

fn unavailable(name: &str) -> Failure {
    Failure::new(
        FailureClass::ModelConnect,
        format!(
            "the model endpoint {name} has not answered once; is it running, and is its address right?"
        ),
    )
}

impl Actor for ModelGateway {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Context<Self>) {
        fault::point("gateway.started");
    }
}

impl Handler<Acquire> for ModelGateway {
    type Result = <Acquire as Message>::Result;

    fn handle(&mut self, ask: Acquire, ctx: &mut Context<Self>) -> Self::Result {
        fault::point("gateway.acquire");
        let permits = self.world.options.max_turns.unwrap_or(ask.permits).max(1);
        let endpoint = self
            .endpoints
            .entry(ask.endpoint.clone())
            .or_insert_with(|| Endpoint {
                permits,
                under_way: self.world.under_way.at(&ask.endpoint),
                queue: BinaryHeap::new(),
                breaker: Breaker::Closed,
                failures: 0,
                open_for: OPEN_FIRST,
                trips: 0,
                has_answered: false,
                rests_until: 0,
            });
        if endpoint.breaker == Breaker::Open && !endpoint.has_answered {
            return Err(unavailable(&ask.endpoint));
        }
        let (answer, waiting) = oneshot::channel();
        self.next += 1;
        endpoint.queue.push(Waiter {
            review: ask.review,
            score: ask.score,
            number: self.next,
            answer,
        });
        self.serve(&ask.endpoint, ctx);
        Ok(waiting)
    }
}

impl Handler<Release> for ModelGateway {
    type Result = ();

    fn handle(&mut self, release: Release, ctx: &mut Context<Self>) {
        if let Some(endpoint) = self.endpoints.get_mut(&release.endpoint) {
            if release.probe && endpoint.breaker == Breaker::Probing {
                // The probe ended without having found out: it was halted, stalled, or refused by
                // a verifier before it asked. The next one tries.
                endpoint.breaker = Breaker::HalfOpen;
            }
            self.serve(&release.endpoint, ctx);
        }
    }
}

impl Handler<Observed> for ModelGateway {
    type Result = ();

    fn handle(&mut self, seen: Observed, ctx: &mut Context<Self>) {
        if let Some(wait) = seen.rest {
            self.rest(&seen.endpoint, wait, ctx);
        }
        let Some(endpoint) = self.endpoints.get_mut(&seen.endpoint) else {
            return;
        };
        if seen.answered {
            endpoint.has_answered = true;
            endpoint.failures = 0;
            endpoint.open_for = OPEN_FIRST;
            if endpoint.breaker != Breaker::Closed {
                endpoint.breaker = Breaker::Closed;
                self.serve(&seen.endpoint, ctx);
            }
            return;
        }
        endpoint.failures = endpoint.failures.saturating_add(1);
        match endpoint.breaker {
            Breaker::Closed if endpoint.failures >= TRIP_AFTER => self.trip(&seen.endpoint, ctx),
            Breaker::Probing => self.trip(&seen.endpoint, ctx),
            Breaker::Closed | Breaker::Open | Breaker::HalfOpen => {}
        }
    }
}

impl Handler<StopGateway> for ModelGateway {
    type Result = ();

    fn handle(&mut self, _: StopGateway, ctx: &mut Context<Self>) {
        self.exit.ends(ExitStatus::Killed);
        ctx.stop();
    }
}

#[cfg(test)]
mod tests;
