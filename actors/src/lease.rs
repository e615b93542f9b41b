//! Leases: what an attempt shows of itself while it runs. Beating is an atomic store, not a message.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use actix::{ArbiterHandle, Recipient};
use orket_core::card_life::CardLife;
use orket_core::ids::CardId;
use orket_core::plan::{CardPlan, RunPlan};
use orket_core::stall::{Clocks, Phase, Pulse, Verdict, judge};
use orket_core::turn::{Purpose, Step};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ending::AttemptStalled;
use crate::port::clock::SharedClock;
use crate::port::store::{CardRow, TurnRow};

const NEVER: u64 = u64::MAX;

/// The fixed part of a lease: whose attempt it is.
#[derive(Debug, Clone)]
pub struct LeaseOf {
    /// The run.
    pub plan: Arc<RunPlan>,
    /// The card's row.
    pub card: CardRow,
    /// The card's id.
    pub card_id: CardId,
    /// The card.
    pub card_plan: Arc<CardPlan>,
    /// The attempt's row.
    pub turn_row: TurnRow,
    /// Its fence.
    pub fence: i64,
    /// Work or review.
    pub purpose: Purpose,
    /// The key of the seat that acts.
    pub seat: String,
    /// The role that speaks.
    pub role: String,
    /// The card's turn.
    pub turn: u32,
    /// The try.
    pub attempt: u32,
    /// The card's life as the attempt began.
    pub life: CardLife,
}

/// Leases that are to be looked at before the time that was planned for them, if any was. They wait
/// here for the next tick of the watchdog: a message for each would wake its thread for each. It
/// outlives the watchdog, as leases do.
#[derive(Default)]
struct Calls(Mutex<Vec<Weak<Lease>>>);

/// A running attempt as the watchdog sees it.
pub struct Lease {
    /// Whose it is.
    pub of: LeaseOf,
    clocks: Clocks,
    clock: SharedClock,
    phase: AtomicU8,
    phase_since: AtomicU64,
    last_beat: AtomicU64,
    started: AtomicU64,
    /// When a budget has no more time for the question under way.
    until: AtomicU64,
    /// It waits for others to give back what they have set aside.
    waits: AtomicBool,
    /// When the watchdog will look at it next.
    scheduled: AtomicU64,
    /// It is among those that call, so that it is there once only.
    is_calling: AtomicBool,
    chunks: AtomicU64,
    bytes: AtomicU64,
    partial: Mutex<String>,
    steps: Mutex<Vec<Arc<Step>>>,
    /// Cancelled to end the attempt.
    pub cancel: CancellationToken,
    /// Holds a token for every piece of work of the attempt; empty when nothing of it is left.
    pub tracker: TaskTracker,
    ended: AtomicBool,
    calls: Arc<Calls>,
    /// The thread that reads its stream.
    pub home: Option<ArbiterHandle>,
    /// Who is told when it stalls.
    pub card: Recipient<AttemptStalled>,
}

impl Lease {
    /// A sign of life.
    pub fn beat(&self) {
        // Two threads may beat at once; the later time stays.
        self.last_beat
            .fetch_max(self.clock.now_ms(), Ordering::Relaxed);
    }

    /// A chunk of the reply came.
    pub fn chunk(&self, text: &str) {
        self.chunks.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(
            u64::try_from(text.len()).unwrap_or(u64::MAX),
            Ordering::Relaxed,
        );
        lock(&self.partial).push_str(text);
        if self.phase() == Phase::Idle {
            self.beat()
        } else {
            self.enter(Phase::Idle)
        }
    }

    /// The attempt now waits for something else.
    pub fn enter(&self, phase: Phase) {
        let now = self.clock.now_ms();
        self.phase_since.store(now, Ordering::Relaxed);
        self.last_beat.fetch_max(now, Ordering::Relaxed);
        // In one order with `scheduled`, see there.
        self.phase.store(phase.to_byte(), Ordering::SeqCst);
    }

    /// Like [`Self::enter`], and has the watchdog look earlier if this phase's clock needs it.
    pub fn enter_watched(self: &Arc<Self>, phase: Phase) {
        self.enter(phase);
        if let Verdict::Alive {
            look_again: Some(at),
        } = self.judge()
            && at < self.scheduled.load(Ordering::SeqCst)
        {
            self.call();
        }
    }

    /// Has the watchdog look at it with its next tick. Between two watchdogs nothing is lost: the
    /// next one looks at all leases as it starts.
    pub fn call(self: &Arc<Self>) {
        if !self.is_calling.swap(true, Ordering::SeqCst) {
            lock(&self.calls.0).push(Arc::downgrade(self));
        }
    }

    /// The phase now.
    #[must_use]
    pub fn phase(&self) -> Phase {
        Phase::from_byte(self.phase.load(Ordering::SeqCst))
    }

    /// Forgets the reply received so far: a new question is asked.
    pub fn clear_partial(&self) {
        lock(&self.partial).clear();
    }

    /// How much came since the attempt began: chunks, bytes.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (
            self.chunks.load(Ordering::Relaxed),
            self.bytes.load(Ordering::Relaxed),
        )
    }

    /// What was received of the reply, and how much came since the attempt began: text, chunks, bytes.
    #[must_use]
    pub fn received(&self) -> (String, u64, u64) {
        let (chunks, bytes) = self.counts();
        (lock(&self.partial).clone(), chunks, bytes)
    }

    /// The length in bytes of the reply received so far, and whether it only repeats itself.
    #[must_use]
    pub fn repeats(&self) -> bool {
        self.clocks.repeat_chars > 0
            && orket_core::stall::is_repeating(&lock(&self.partial), self.clocks.repeat_chars)
    }

    /// The clocks that apply.
    #[must_use]
    pub const fn clocks(&self) -> &Clocks {
        &self.clocks
    }

    /// Notes durable steps.
    pub fn note_steps(&self, steps: impl IntoIterator<Item = Arc<Step>>) {
        lock(&self.steps).extend(steps);
    }

    /// The durable steps so far.
    #[must_use]
    pub fn steps(&self) -> Vec<Arc<Step>> {
        lock(&self.steps).clone()
    }

    /// The next question must have its answer within this time; `None` where the turn's clock alone
    /// says how long it may take.
    pub fn give_time(&self, ms: Option<u64>) {
        let until = ms.map_or(NEVER, |ms| self.clock.now_ms().saturating_add(ms));
        self.until.store(until, Ordering::Relaxed);
    }

    /// When a budget has no more time for the question under way.
    #[must_use]
    pub fn time_is_up_at(&self) -> Option<u64> {
        let until = self.until.load(Ordering::Relaxed);
        (until != NEVER).then_some(until)
    }

    /// Whether that time is over.
    #[must_use]
    pub fn is_out_of_time(&self) -> bool {
        self.time_is_up_at()
            .is_some_and(|until| until <= self.clock.now_ms())
    }

    /// Whether it now only waits for others to give back what they have set aside.
    pub fn stand_by(&self, waits: bool) {
        self.waits.store(waits, Ordering::Relaxed);
    }

    /// Stops the turn's clock; returns when the turn began.
    #[must_use]
    pub fn stop_the_clock(&self) -> u64 {
        self.started.swap(NEVER, Ordering::Relaxed)
    }

    /// The turn's clock goes on, as if the turn had begun then.
    pub fn start_the_clock(&self, started: u64) {
        self.started.store(started, Ordering::Relaxed);
    }

    /// Whether it waits for others to give back what they have set aside.
    #[must_use]
    pub fn stands_by(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }

    /// What the clocks say now.
    #[must_use]
    pub fn judge(&self) -> Verdict {
        // The time comes first: were it read last and this thread held up before, beats that came
        // meanwhile would count as silence.
        let now = self.clock.now_ms();
        let started = self.started.load(Ordering::Relaxed);
        let pulse = Pulse {
            phase: self.phase(),
            phase_since: self.phase_since.load(Ordering::Relaxed),
            last_beat: self.last_beat.load(Ordering::Relaxed),
            started: (started != NEVER).then_some(started),
            until: self.time_is_up_at(),
        };
        judge(&self.clocks, &pulse, now)
    }

    /// The watchdog is about to look: no look is due any more. Whoever enters a phase from now on
    /// sees that and asks for one, so that a phase entered while the watchdog looks is never missed.
    pub fn unschedule(&self) {
        self.is_calling.store(false, Ordering::SeqCst);
        self.scheduled.store(NEVER, Ordering::SeqCst);
    }

    /// Remembers when the watchdog looks next.
    pub fn schedule(&self, at: u64) {
        self.scheduled.fetch_min(at, Ordering::SeqCst);
    }

    /// Whether the next look is due at this time, and not earlier.
    #[must_use]
    pub fn is_scheduled(&self, at: u64) -> bool {
        self.scheduled.load(Ordering::SeqCst) == at
    }

    /// Claims the right to end the attempt; only the first caller gets it.
    #[must_use]
    pub fn end(&self) -> bool {
        !self.ended.swap(true, Ordering::AcqRel)
    }

    /// Whether somebody has ended it.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while holding one of these locks leaves plain data; it is still worth reading.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All running attempts of the process. It outlives a restart of the watchdog.
pub struct Leases {
    clock: SharedClock,
    calls: Arc<Calls>,
    live: Mutex<HashMap<CardRow, Arc<Lease>>>,
}

impl Leases {
    /// No leases yet.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            calls: Arc::default(),
            live: Mutex::new(HashMap::new()),
        }
    }

    /// Takes those that call.
    #[must_use]
    pub fn calling(&self) -> Vec<Weak<Lease>> {
        std::mem::take(&mut *lock(&self.calls.0))
    }

    /// Opens the lease of an attempt and has it watched. Called on the thread that will read its
    /// stream.
    pub fn open(
        &self,
        of: LeaseOf,
        parent: &CancellationToken,
        card: Recipient<AttemptStalled>,
    ) -> Arc<Lease> {
        let now = self.clock.now_ms();
        let lease = Arc::new(Lease {
            clocks: of.plan.clocks,
            clock: Arc::clone(&self.clock),
            phase: AtomicU8::new(Phase::Queued.to_byte()),
            phase_since: AtomicU64::new(now),
            last_beat: AtomicU64::new(now),
            started: AtomicU64::new(now),
            until: AtomicU64::new(NEVER),
            waits: AtomicBool::new(false),
            scheduled: AtomicU64::new(NEVER),
            chunks: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            partial: Mutex::new(String::new()),
            steps: Mutex::new(Vec::new()),
            cancel: parent.child_token(),
            tracker: TaskTracker::new(),
            ended: AtomicBool::new(false),
            is_calling: AtomicBool::new(false),
            calls: Arc::clone(&self.calls),
            home: actix::Arbiter::try_current(),
            card,
            of,
        });
        lock(&self.live).insert(lease.of.card, Arc::clone(&lease));
        lease.call();
        lease
    }

    /// Closes the lease of an attempt.
    pub fn close(&self, lease: &Arc<Lease>) {
        let _ = lease.end();
        let mut live = lock(&self.live);
        if live
            .get(&lease.of.card)
            .is_some_and(|found| Arc::ptr_eq(found, lease))
        {
            live.remove(&lease.of.card);
        }
    }

    /// The lease of a card's attempt.
    #[must_use]
    pub fn of_card(&self, card: CardRow) -> Option<Arc<Lease>> {
        lock(&self.live).get(&card).cloned()
    }

    /// Attempts under way that do not wait for a permit.
    #[must_use]
    pub fn under_way(&self) -> usize {
        let live = lock(&self.live);
        live.values()
            .filter(|lease| lease.phase() != Phase::Queued)
            .count()
    }

    /// How many are open.
    #[must_use]
    pub fn open_now(&self) -> usize {
        lock(&self.live).len()
    }

    /// All leases, for a watchdog that begins anew.
    #[must_use]
    pub fn all(&self) -> Vec<Weak<Lease>> {
        lock(&self.live).values().map(Arc::downgrade).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests;
