//! Leases as turns hold them, without the turns: they are opened, renewed and closed on the thread
//! that they live on.

use std::ops::Range;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix::prelude::*;
use orket_actors::ending::AttemptStalled;
use orket_actors::lease::{Lease, LeaseOf};
use orket_actors::world::World;
use orket_core::card_life::CardLife;
use orket_core::plan::{CardPlan, RunPlan};
use orket_core::stall::Phase;
use orket_core::turn::Purpose;
use tokio_util::sync::CancellationToken;

/// How often the thread renews leases, and in how many rounds each has had its chunk.
const ROUND: Duration = Duration::from_millis(25);
const ROUNDS: usize = 10;
/// A chunk as models send them.
const CHUNK: &str = "some words ";
/// Replies are begun anew after so many chunks.
const CHUNKS: usize = 20;

/// What is asked of one thread.
pub struct Order {
    pub world: Arc<World>,
    pub plan: Arc<RunPlan>,
    pub card: Arc<CardPlan>,
    /// Who hears of stalls.
    pub heard: Recipient<AttemptStalled>,
    /// The cards of this thread that fall silent.
    pub silent: Range<i64>,
    /// At which round after the beginning each of them does.
    pub silences: Vec<usize>,
    /// The cards of this thread that live on.
    pub others: Range<i64>,
    /// Turns that end, and begin, in one round.
    pub turns: usize,
    /// Told once all leases are open.
    pub open: Sender<()>,
    /// When each silent one gave its last sign of life, by card.
    pub last: Arc<Mutex<Vec<(i64, u64)>>>,
}

/// Opens the leases and keeps them alive until nobody asks any more.
pub async fn live(order: Order) {
    let opened = |card: i64| {
        let of = LeaseOf {
            plan: Arc::clone(&order.plan),
            card,
            card_id: order.card.id.clone(),
            card_plan: Arc::clone(&order.card),
            turn_row: card,
            fence: 1,
            purpose: Purpose::Work,
            seat: "coder".to_owned(),
            role: "coder".to_owned(),
            turn: 1,
            attempt: 1,
            life: CardLife::default(),
        };
        let leases = &order.world.leases;
        let lease = leases.open(of, &CancellationToken::new(), order.heard.clone());
        // As a turn does: asked, connected, the first chunk.
        lease.enter_watched(Phase::Connect);
        lease.enter_watched(Phase::FirstToken);
        lease.chunk(CHUNK);
        lease.enter_watched(Phase::Idle);
        lease
    };
    let mut leases: Vec<Arc<Lease>> = Vec::new();
    for card in order.silent.clone().chain(order.others.clone()) {
        leases.push(opened(card));
        if leases.len().is_multiple_of(1_000) {
            tokio::task::yield_now().await;
        }
    }
    let _ = order.open.send(());
    let mut round = 0_usize;
    let mut replaced = order.silences.len();
    let mut interval = tokio::time::interval(ROUND);
    loop {
        interval.tick().await;
        for (place, lease) in leases
            .iter()
            .enumerate()
            .skip(round % ROUNDS)
            .step_by(ROUNDS)
        {
            match order.silences.get(place) {
                Some(at) if *at + ROUNDS <= round => continue,
                // Its last sign of life.
                Some(at) if *at <= round => {
                    lease.chunk(CHUNK);
                    let now = order.world.clock.now_ms();
                    let mut last = order.last.lock().unwrap_or_else(PoisonError::into_inner);
                    last.push((lease.of.card, now));
                }
                _ => {
                    if round % (ROUNDS * CHUNKS) < ROUNDS {
                        lease.clear_partial();
                    }
                    lease.chunk(CHUNK);
                }
            }
        }
        for _ in 0..order.turns {
            let lease = &mut leases[replaced];
            lease.enter(Phase::Queued);
            order.world.leases.close(lease);
            *lease = opened(lease.of.card);
            replaced += 1;
            if replaced == leases.len() {
                replaced = order.silences.len();
            }
        }
        round += 1;
    }
}
