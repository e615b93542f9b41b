//! Leases on clocks that tests move, and leases for the tests of others.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::clock::VirtualClock;
use crate::port::clock::Clock;

/// Clocks of one second while a reply comes in, and of an hour for the turn.
pub(crate) fn clocks() -> Clocks {
    Clocks {
        idle_ms: 1_000,
        turn_ms: 3_600_000,
        ..Clocks::default()
    }
}

struct Nobody;

impl actix::Actor for Nobody {
    type Context = actix::Context<Self>;
}

impl actix::Handler<AttemptStalled> for Nobody {
    type Result = ();
    fn handle(&mut self, _: AttemptStalled, _: &mut Self::Context) {}
}

/// Opens leases of cards that nobody works at.
pub(crate) struct Bench {
    pub(crate) leases: Leases,
    plan: Arc<RunPlan>,
    card: Arc<CardPlan>,
    _system: actix::SystemRunner,
    to: Recipient<AttemptStalled>,
}

impl Bench {
    pub(crate) fn new(clock: SharedClock, clocks: Clocks) -> Self {
        let system = actix::System::new();
        let to = system.block_on(async { actix::Actor::start(Nobody).recipient() });
        let plan = json!({
            "run_id": "r", "build_id": "b", "epic": "e", "title": "E", "department": "core",
            "workspace": "/nowhere", "seats": {}, "guard_seat": "g", "clocks": clocks,
            "retry": {"base_ms": 1, "max_ms": 1}, "context_window": 1, "max_rounds": 1,
            "max_recoveries": 1, "artifacts": "none",
        });
        let card = json!({
            "id": "C", "kind": "issue", "summary": "s", "seat": "coder", "priority": 1.0,
            "max_retries": 1, "contract": {}, "review_contract": {},
        });
        Self {
            leases: Leases::new(clock),
            plan: Arc::new(serde_json::from_value(plan).expect("a plan")),
            card: Arc::new(serde_json::from_value(card).expect("a card")),
            _system: system,
            to,
        }
    }

    pub(crate) fn open(&self, card: CardRow) -> Arc<Lease> {
        let of = LeaseOf {
            plan: Arc::clone(&self.plan),
            card,
            card_id: self.card.id.clone(),
            card_plan: Arc::clone(&self.card),
            turn_row: card,
            fence: 1,
            purpose: Purpose::Work,
            seat: "coder".to_owned(),
            role: "coder".to_owned(),
            turn: 1,
            attempt: 1,
            life: CardLife::default(),
        };
        self.leases
            .open(of, &CancellationToken::new(), self.to.clone())
    }
}

/// A clock that tests set, backwards too: what two threads see that read it one after the other
/// and store in the other order.
#[derive(Default)]
struct Set(AtomicU64);

impl Clock for Set {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
    fn wall_ms(&self) -> i64 {
        0
    }
    fn sleep(&self, _: Duration) -> futures_util::future::BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

#[test]
fn a_beat_never_moves_time_backwards() {
    let clock = Arc::new(Set::default());
    let bench = Bench::new(clock.clone(), clocks());
    let lease = bench.open(1);
    lease.enter(Phase::Idle);
    for (at, since) in [(500, 500), (400, 500), (900, 900), (0, 900)] {
        clock.0.store(at, Ordering::SeqCst);
        lease.beat();
        clock.0.store(since + 999, Ordering::SeqCst);
        assert_eq!(
            lease.judge(),
            Verdict::Alive {
                look_again: Some(since + 1_000)
            }
        );
    }
}

#[test]
fn each_phase_starts_its_clock_anew_and_a_chunk_keeps_it_alive() {
    let clock = Arc::new(VirtualClock::default());
    let bench = Bench::new(clock.clone(), clocks());
    let lease = bench.open(1);
    lease.enter_watched(Phase::Connect);
    clock.advance(Duration::from_millis(9_999));
    assert!(matches!(lease.judge(), Verdict::Alive { .. }));
    lease.enter_watched(Phase::FirstToken);
    clock.advance(Duration::from_millis(299_999));
    lease.beat();
    clock.advance(Duration::from_millis(299_999));
    assert!(matches!(lease.judge(), Verdict::Alive { .. }), "it thinks");
    for _ in 0..100 {
        lease.chunk("word ");
        clock.advance(Duration::from_millis(999));
        assert!(matches!(lease.judge(), Verdict::Alive { .. }));
    }
    clock.advance(Duration::from_millis(1));
    assert_eq!(
        lease.judge(),
        Verdict::Stalled {
            phase: Phase::Idle,
            silent_ms: 1_000
        }
    );
    assert_eq!(lease.received(), ("word ".repeat(100), 100, 500));
}

#[test]
fn a_lease_calls_once_until_it_is_looked_at() {
    let clock = Arc::new(VirtualClock::default());
    let bench = Bench::new(clock, clocks());
    let lease = bench.open(1);
    // The clock of the connection runs out before any look that was planned.
    lease.enter_watched(Phase::Connect);
    let calling = |bench: &Bench| -> Vec<CardRow> {
        let calls = bench.leases.calling();
        let leases = calls.iter().filter_map(Weak::upgrade);
        leases.map(|lease| lease.of.card).collect()
    };
    assert_eq!(calling(&bench), [1], "opened and connecting is one look");
    lease.enter_watched(Phase::FirstToken);
    assert_eq!(calling(&bench), [] as [CardRow; 0], "not looked at yet");
    lease.unschedule();
    lease.enter_watched(Phase::Idle);
    assert_eq!(calling(&bench), [1], "after a look it calls again");

    let gone = bench.open(2);
    bench.leases.close(&gone);
    drop(gone);
    assert_eq!(calling(&bench), [] as [CardRow; 0], "nobody keeps it");
}

#[test]
fn only_one_ends_an_attempt() {
    let bench = Bench::new(Arc::new(VirtualClock::default()), clocks());
    let lease = bench.open(1);
    let ends: usize = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| usize::from(lease.end())))
            .collect();
        all.into_iter()
            .map(|one| one.join().expect("no panic"))
            .sum()
    });
    assert_eq!(ends, 1);
}
