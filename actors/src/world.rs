//! What all actors share: the ports, the addresses of the singletons, ids, options.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use actix::prelude::*;
use orket_core::ids::{BuildId, RunId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::event_bus::Events;
use crate::gateway::{ModelGateway, UnderWay};
use crate::lease::Leases;
use crate::port::clock::SharedClock;
use crate::port::memory::Memory;
use crate::port::model::ModelProviders;
use crate::port::record::Projector;
use crate::port::store::{CardRow, Store, TurnRow};
use crate::port::tool::ToolHost;
use crate::probes::Probes;
use crate::reconciler::Reconciler;
use crate::run_actor::{RunActor, StopRun};
use crate::runtime::RunReport;
use crate::supervisor::Supervisor;
use crate::watchdog::Watchdog;

/// Settings of the actor system.
#[derive(Debug, Clone)]
pub struct Options {
    /// Turns under way at once per endpoint; `None` for the provider's own default.
    pub max_turns: Option<usize>,
    /// Threads that cards run on.
    pub arbiters: usize,
    /// How long a graceful shutdown lets work under way finish, in milliseconds.
    pub shutdown_ms: u64,
    /// How often the reconciler looks for runs without an owner, in milliseconds.
    pub reconcile_ms: u64,
    /// The number of the last event of the processes before this one.
    pub after_event: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_turns: None,
            arbiters: 2,
            shutdown_ms: 10_000,
            reconcile_ms: 5_000,
            after_event: 0,
        }
    }
}

/// The ports that actors share.
pub struct Ports {
    /// The journal.
    pub store: Arc<dyn Store>,
    /// The models.
    pub models: Arc<dyn ModelProviders>,
    /// The tools.
    pub tools: Arc<dyn ToolHost>,
    /// Artifact files.
    pub projector: Arc<dyn Projector>,
    /// What projects remember.
    pub memory: Arc<dyn Memory>,
    /// Time.
    pub clock: SharedClock,
}

/// An address that changes when its actor is restarted.
pub struct Slot<A: Actor>(RwLock<Option<Addr<A>>>);

impl<A: Actor> Default for Slot<A> {
    fn default() -> Self {
        Self(RwLock::new(None))
    }
}

impl<A: Actor> Slot<A> {
    /// The address now.
    #[must_use]
    pub fn get(&self) -> Option<Addr<A>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Replaces it.
    pub fn set(&self, addr: Option<Addr<A>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = addr;
    }
}

/// Why a run is to stop before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopCause {
    /// An operator halted it.
    Halted,
    /// The process is shutting down.
    Interrupted,
    /// Its clock ran out.
    Deadline,
}

/// What all actors of one run share.
pub struct RunScope {
    /// Cancelled to end everything of the run at once.
    pub cancel: CancellationToken,
    /// Cancelled first: no new turn and no new call starts.
    pub winding_down: CancellationToken,
    cause: Mutex<Option<StopCause>>,
    created: AtomicU32,
    snapshot: OnceLock<u64>,
}

impl RunScope {
    /// A scope in which everything may run.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            cancel: CancellationToken::new(),
            winding_down: CancellationToken::new(),
            cause: Mutex::new(None),
            created: AtomicU32::new(0),
            snapshot: OnceLock::new(),
        })
    }

    /// How many cards turns of the run have created.
    #[must_use]
    pub fn created(&self) -> u32 {
        self.created.load(Ordering::Relaxed)
    }

    /// Turns of the run created so many more cards.
    pub fn add_created(&self, cards: u32) {
        self.created.fetch_add(cards, Ordering::Relaxed);
    }

    /// The snapshot of the project's memory that the run sees; `None` when it sees none.
    #[must_use]
    pub fn snapshot(&self) -> Option<u64> {
        self.snapshot.get().copied()
    }

    /// The run sees this snapshot; the first one said stays.
    pub fn see_snapshot(&self, snapshot: u64) {
        let _ = self.snapshot.set(snapshot);
    }

    /// Nothing new starts; the first cause given stays.
    pub fn wind_down(&self, cause: StopCause) {
        let _ = lock(&self.cause).get_or_insert(cause);
        self.winding_down.cancel();
    }

    /// A scope for a new actor of the same run: what the old one was to stop for still holds.
    #[must_use]
    pub fn successor(&self) -> Arc<Self> {
        let new = Self::new();
        if let Some(cause) = self.cause() {
            new.wind_down(cause);
            // Everything was put down with the old actor; there is nothing left to see to its end.
            new.cancel.cancel();
        }
        new
    }

    /// Why, once it is winding down.
    #[must_use]
    pub fn cause(&self) -> Option<StopCause> {
        *lock(&self.cause)
    }

    /// Whether nothing new may start.
    #[must_use]
    pub fn is_winding_down(&self) -> bool {
        self.winding_down.is_cancelled()
    }
}

/// How far a run of this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStage {
    /// It is being written into the journal.
    Announced,
    /// It is durable, and the supervisor was asked to have it carried out.
    HandedOver,
    /// Its actor died, and it is read back from the journal.
    Reviving,
    /// It has an actor.
    Carried,
}

/// A run of this process, while it is under way.
pub struct RunEntry {
    /// How far it is.
    pub stage: RunStage,
    /// Its actor, while it lives.
    pub actor: Option<Addr<RunActor>>,
    /// Its build.
    pub build: BuildId,
    /// How often its actor was restarted.
    pub restarts: u32,
    /// Shared with its actors; a new one with each restart.
    pub scope: Arc<RunScope>,
    /// It is to stop; kept here because its actor may not have begun, or may just be restarted.
    pub stop: Option<StopRun>,
    /// The final report, once there is one.
    pub report: watch::Sender<Option<RunReport>>,
}

impl RunEntry {
    /// Whether a living actor carries it.
    #[must_use]
    pub fn is_carried(&self) -> bool {
        self.stage == RunStage::Carried && self.actor.as_ref().is_some_and(Addr::connected)
    }
}

/// Everything that actors share.
pub struct World {
    /// The journal.
    pub store: Arc<dyn Store>,
    /// The models.
    pub models: Arc<dyn ModelProviders>,
    /// The tools.
    pub tools: Arc<dyn ToolHost>,
    /// Artifact files.
    pub projector: Arc<dyn Projector>,
    /// What projects remember.
    pub memory: Arc<dyn Memory>,
    /// Time.
    pub clock: SharedClock,
    /// What happens.
    pub events: Events,
    /// Running attempts.
    pub leases: Leases,
    /// What the watchdog looks at beside them.
    pub probes: Probes,
    /// Settings.
    pub options: Options,
    /// The model gateway.
    pub gateway: Slot<ModelGateway>,
    /// The watchdog.
    pub watchdog: Slot<Watchdog>,
    /// The reconciler.
    pub reconciler: Slot<Reconciler>,
    /// Turns under way at each endpoint.
    pub under_way: UnderWay,
    /// The supervisor.
    pub supervisor: Slot<Supervisor>,
    /// Runs under way.
    pub runs: Mutex<HashMap<RunId, RunEntry>>,
    /// Set when the process is shutting down.
    pub stopping: AtomicBool,
    pub(crate) arbiters: Vec<Arbiter>,
    pub(crate) next_arbiter: AtomicUsize,
    pub(crate) next_card: AtomicI64,
    pub(crate) next_turn: AtomicI64,
    /// Why the actors cannot be kept alive, as soon as that is known.
    pub(crate) giving_up: Mutex<Option<String>>,
    /// Why the actors could not be kept alive, once every run was ended for it.
    pub(crate) broken: watch::Sender<Option<String>>,
}

impl World {
    /// A world in which no actor lives yet. `highest` are the highest card row and attempt row that
    /// the journal holds.
    #[must_use]
    pub fn new(ports: Ports, options: Options, highest: (CardRow, TurnRow)) -> Self {
        let clock = ports.clock;
        let (card, turn) = highest;
        Self {
            store: ports.store,
            models: ports.models,
            tools: ports.tools,
            projector: ports.projector,
            memory: ports.memory,
            events: Events::new(Arc::clone(&clock), options.after_event),
            leases: Leases::new(Arc::clone(&clock)),
            probes: Probes::new(Arc::clone(&clock)),
            clock,
            gateway: Slot::default(),
            watchdog: Slot::default(),
            reconciler: Slot::default(),
            under_way: UnderWay::default(),
            supervisor: Slot::default(),
            runs: Mutex::default(),
            stopping: AtomicBool::new(false),
            arbiters: (0..options.arbiters).map(|_| Arbiter::new()).collect(),
            next_arbiter: AtomicUsize::new(0),
            next_card: AtomicI64::new(card + 1),
            next_turn: AtomicI64::new(turn + 1),
            giving_up: Mutex::default(),
            broken: watch::Sender::new(None),
            options,
        }
    }

    /// A new card row.
    pub fn card_row(&self) -> CardRow {
        self.next_card.fetch_add(1, Ordering::Relaxed)
    }

    /// A new attempt row.
    pub fn turn_row(&self) -> TurnRow {
        self.next_turn.fetch_add(1, Ordering::Relaxed)
    }

    /// The thread that the next actor tree should live on.
    #[must_use]
    pub fn arbiter(&self) -> Option<ArbiterHandle> {
        let turn = self.next_arbiter.fetch_add(1, Ordering::Relaxed);
        self.arbiters
            .get(turn.checked_rem(self.arbiters.len()).unwrap_or(0))
            .map(Arbiter::handle)
    }

    /// The runs under way, locked for a moment.
    pub fn runs(&self) -> MutexGuard<'_, HashMap<RunId, RunEntry>> {
        lock(&self.runs)
    }

    /// Whether the process is shutting down.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
