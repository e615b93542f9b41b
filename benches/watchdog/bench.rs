//! Sets the watchdog on its leases and reads its time.

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix::prelude::*;
use orket::artifacts::{ProjectionOptions, Projections};
use orket::memory::RunMemory;
use orket::providers::{ProviderSettings, Providers};
use orket::storage::{Journal, JournalOptions};
use orket::tools::{Host, HostOptions};
use orket_actors::clock::SystemClock;
use orket_actors::ending::AttemptStalled;
use orket_actors::exit::{Child, ChildExit, ExitGuard, ExitStatus};
use orket_actors::port::store::Store;
use orket_actors::watchdog::{StopWatchdog, Watchdog};
use orket_actors::world::{Options, Ports, World};
use orket_core::plan::{ArtifactMode, RunPlan};
use orket_core::stall::Clocks;

use crate::journal::{card, plan, run_with_open_turns};
use crate::process::{peak_resident, used_by_this_thread};
use crate::turns::{Order, live};

/// The share of a core that the watchdog may take.
const SHARE: f64 = 0.01;
/// How late a stall may be noticed, in milliseconds.
const LATE_MS: u64 = 250;
const THREADS: usize = 2;
/// One round of renewals.
const ROUND_MS: u64 = 25;
const RUN: &str = "bench";

struct Case {
    leases: usize,
    stalls: usize,
    seconds: u64,
    idle_ms: u64,
    turns_per_second: usize,
}

/// Hears of stalls, on a thread of its own.
struct Card {
    world: Arc<World>,
    heard: Arc<Mutex<Vec<Heard>>>,
}

/// What a card heard.
#[derive(Debug, Clone, Copy)]
struct Heard {
    card: i64,
    /// How long nothing had come when the watchdog judged, in milliseconds.
    silent_ms: u64,
    at_ms: u64,
}

/// How late stalls were, in order, in milliseconds.
struct Late {
    noticed: Vec<u64>,
    told: Vec<u64>,
}

impl Actor for Card {
    type Context = Context<Self>;
}

impl Handler<AttemptStalled> for Card {
    type Result = ();

    fn handle(&mut self, stalled: AttemptStalled, _: &mut Context<Self>) {
        assert!(stalled.gone, "its work is gone");
        assert!(stalled.concluded.is_some(), "{}", stalled.failure);
        let now = self.world.clock.now_ms();
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push(Heard {
            card: stalled.turn_row,
            silent_ms: silent_ms(&stalled.failure.message),
            at_ms: now,
        });
    }
}

/// What the message of a stall says at its end: "silent for 5012 ms)".
fn silent_ms(message: &str) -> u64 {
    let (_, text) = message.rsplit_once("silent for ").expect("it says so");
    let (number, _) = text.split_once(' ').expect("with a unit");
    number.parse().expect("a number")
}

impl Handler<ChildExit> for Card {
    type Result = ();

    fn handle(&mut self, exit: ChildExit, _: &mut Context<Self>) {
        assert_eq!(exit.status, ExitStatus::Killed, "how the watchdog ended");
    }
}

pub fn main() -> i32 {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, default: usize| {
        let place = args.iter().position(|a| a == name);
        let text = place.and_then(|at| args.get(at + 1));
        text.map_or(default, |text| text.parse().expect("a number"))
    };
    let case = Case {
        leases: number("--leases", 100_000),
        stalls: number("--stalls", 256),
        seconds: number("--seconds", 25) as u64,
        idle_ms: number("--idle-ms", 10_000) as u64,
        turns_per_second: number("--turns-per-second", 2_000),
    };
    let (share, late) = run(&case);
    println!(
        "{} leases, a chunk every 250 ms each, {} turns a second begun and ended, clock {} ms",
        case.leases, case.turns_per_second, case.idle_ms
    );
    println!(
        "the watchdog took {:.3} % of a core over {} s (bar {:.0} %)",
        share * 100.0,
        case.seconds,
        SHARE * 100.0
    );
    let at_most = |late: &[u64]| late.last().copied().unwrap_or(0);
    let middle = |late: &[u64]| late.get(late.len() / 2).copied().unwrap_or(0);
    println!(
        "{} of {} stalls were noticed, late by {} ms in the middle, {} ms at most (bar {LATE_MS})",
        late.noticed.len(),
        case.stalls,
        middle(&late.noticed),
        at_most(&late.noticed),
    );
    println!(
        "each in the journal, its work gone and its card told: {} ms in the middle, {} ms at most",
        middle(&late.told),
        at_most(&late.told),
    );
    println!("peak memory {} MiB", peak_resident() / 1_048_576);
    let is_kept =
        share <= SHARE && late.noticed.len() == case.stalls && at_most(&late.noticed) <= LATE_MS;
    if !is_kept {
        eprintln!("missed: a bar was not kept");
    }
    i32::from(args.iter().any(|a| a == "--assert") && !is_kept)
}

/// The share of a core, and how late each stall was noticed, in order.
fn run(case: &Case) -> (f64, Late) {
    let root = tempfile::tempdir().expect("a folder");
    actix_rt::System::new().block_on(async {
        let world = world(root.path(), case.stalls).await;
        let heard = Arc::default();
        let card_actor = Card {
            world: Arc::clone(&world),
            heard: Arc::clone(&heard),
        };
        let cards = Card::start_in_arbiter(&Arbiter::new().handle(), |_| card_actor);
        let guard = ExitGuard::new(Child::Watchdog, cards.clone().recipient());
        let watchdog = Watchdog::new(guard, Arc::clone(&world)).start();
        let last = Arc::default();
        begin(case, &world, &cards, &last);
        // What opening them cost is behind us.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (begun, used) = (Instant::now(), used_by_this_thread());
        tokio::time::sleep(Duration::from_secs(case.seconds)).await;
        let used = used_by_this_thread() - used;
        let share = used.as_secs_f64() / begun.elapsed().as_secs_f64();
        let late = late(case, &last, &heard);
        watchdog
            .send(StopWatchdog)
            .await
            .expect("the watchdog lives");
        (share, late)
    })
}

async fn world(root: &Path, stalls: usize) -> Arc<World> {
    let database = root.join("db");
    std::fs::create_dir_all(&database).expect("a folder");
    let journal = Journal::open(&database, JournalOptions::default()).expect("a journal");
    for write in run_with_open_turns(RUN, stalls, 1) {
        journal.submit(write).await.expect("written");
    }
    let ports = Ports {
        store: journal,
        models: Arc::new(Providers::new(
            ProviderSettings::default(),
            Arc::new(|name: &str| Err(format!("no scenario {name}"))),
        )),
        tools: Host::new(HostOptions::new("watchdog-bench".to_owned())).expect("tools"),
        projector: Arc::new(Projections::start(ProjectionOptions::default()).expect("a thread")),
        memory: Arc::new(RunMemory::new(&database)),
        clock: Arc::new(SystemClock::default()),
    };
    Arc::new(World::new(ports, Options::default(), (0, 0)))
}

/// Opens all leases, half of them on each thread.
fn begin(case: &Case, world: &Arc<World>, cards: &Addr<Card>, last: &Arc<Mutex<Vec<(i64, u64)>>>) {
    let plan = Arc::new(RunPlan {
        clocks: Clocks {
            idle_ms: case.idle_ms,
            ..Clocks::default()
        },
        artifacts: ArtifactMode::None,
        ..plan(RUN, RUN, "epic")
    });
    let (open, opened) = channel();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    // Silences must be over and noticed within the time that is measured.
    let rounds = (case.seconds * 1_000).saturating_sub(case.idle_ms + 2_000) / ROUND_MS;
    for thread in 0..THREADS {
        // The journal knows the first ones only; the others never stall.
        let silent = case.stalls / THREADS;
        let first = thread * silent;
        let others = case.stalls + thread * (case.leases - case.stalls) / THREADS;
        let end = case.stalls + (thread + 1) * (case.leases - case.stalls) / THREADS;
        let rows = |from: usize, to: usize| from as i64 + 1..to as i64 + 1;
        let order = Order {
            world: Arc::clone(world),
            plan: Arc::clone(&plan),
            card: Arc::new(card("C-1")),
            heard: cards.clone().recipient(),
            silent: rows(first, first + silent),
            others: rows(others, end),
            silences: (0..silent)
                .map(|_| {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    20 + (random % rounds.max(1)) as usize
                })
                .collect(),
            turns: case.turns_per_second * ROUND_MS as usize / 1_000 / THREADS,
            open: open.clone(),
            last: Arc::clone(last),
        };
        Arbiter::new().spawn(live(order));
    }
    for _ in 0..THREADS {
        opened.recv().expect("opened");
    }
}

fn late(case: &Case, last: &Mutex<Vec<(i64, u64)>>, heard: &Mutex<Vec<Heard>>) -> Late {
    let last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let last: HashMap<i64, u64> = last.iter().copied().collect();
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    let in_order = |late: &dyn Fn(&Heard) -> u64| {
        let mut all: Vec<u64> = heard.iter().map(late).collect();
        all.sort_unstable();
        all
    };
    Late {
        noticed: in_order(&|it| it.silent_ms.saturating_sub(case.idle_ms)),
        told: in_order(&|it| {
            let due = last.get(&it.card).expect("it fell silent") + case.idle_ms;
            it.at_ms.saturating_sub(due)
        }),
    }
}
