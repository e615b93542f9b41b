//! The watchdog: reads the clocks of every lease and has attempts ended that stall, and lets probes look
//! when their time comes. How an attempt is ended is in [`crate::ending`], which leases are due in
//! [`crate::agenda`], which probes in [`crate::probes`].

use std::sync::{Arc, Weak};
use std::time::Duration;

use actix::prelude::*;
use orket_core::stall::Verdict;

use crate::agenda::Agenda;
use crate::ending::end_stalled;
use crate::exit::{ExitGuard, ExitStatus};
use crate::fault;
use crate::lease::Lease;
use crate::world::World;

/// How often the watchdog wakes up to look at what is due.
const TICK: Duration = Duration::from_millis(25);
/// How long the thread that reads a stream may take to read what has already come.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// The actor.
pub struct Watchdog {
    exit: ExitGuard,
    world: Arc<World>,
    agenda: Agenda,
}

impl Watchdog {
    /// A watchdog over the leases of `world`.
    #[must_use]
    pub fn new(exit: ExitGuard, world: Arc<World>) -> Self {
        Self {
            exit,
            world,
            agenda: Agenda::default(),
        }
    }

    fn look(&mut self, lease: Arc<Lease>) {
        if lease.has_ended() {
            return;
        }
        lease.unschedule();
        match lease.judge() {
            Verdict::Alive { look_again } => {
                if let Some(at) = look_again {
                    self.agenda.add(at, &lease);
                }
            }
            Verdict::Stalled { .. } => {
                let world = Arc::clone(&self.world);
                // Outside this actor: a panic of the watchdog must not leave an end half done.
                actix_rt::spawn(async move {
                    match look_closely(&world, &lease).await {
                        Verdict::Stalled { phase, silent_ms } => {
                            end_stalled(world, lease, phase, silent_ms).await;
                        }
                        Verdict::Alive { .. } => lease.call(),
                    }
                });
            }
        }
    }

    fn look_at_all(&mut self, leases: Vec<Weak<Lease>>) {
        for lease in leases.into_iter().filter_map(|lease| lease.upgrade()) {
            self.look(lease);
        }
    }

    fn tick(&mut self) {
        fault::point("watchdog.tick");
        self.look_at_all(self.world.leases.calling());
        let now = self.world.clock.now_ms();
        while let Some(lease) = self.agenda.next_due(now) {
            self.look(lease);
        }
        for look in self.world.probes.due() {
            // Outside this actor, as above: a probe's panic is not the watchdog's.
            actix_rt::spawn(look);
        }
    }

    fn sleep_and_tick(&mut self, ctx: &mut Context<Self>) {
        let nap = self.world.clock.sleep(TICK);
        ctx.spawn(nap.into_actor(self).map(|(), act, ctx| {
            act.tick();
            act.sleep_and_tick(ctx);
        }));
    }
}

impl Actor for Watchdog {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        fault::point("watchdog.started");
        self.look_at_all(self.world.leases.all());
        self.sleep_and_tick(ctx);
    }
}

/// Stops the watchdog.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StopWatchdog;

impl Handler<StopWatchdog> for Watchdog {
    type Result = ();

    fn handle(&mut self, _: StopWatchdog, ctx: &mut Context<Self>) {
        self.exit.ends(ExitStatus::Killed);
        ctx.stop();
    }
}

/// Judges once more, after the thread that reads the stream had its turn: what a busy or just
/// woken machine has not read yet is no silence of the other side.
async fn look_closely(world: &World, lease: &Lease) -> Verdict {
    if let Some(home) = &lease.home {
        let (tell, told) = tokio::sync::oneshot::channel::<()>();
        let sent = home.spawn(async move {
            // Each of these lets the thread look at its sockets and run what that woke: first the
            // connection, then who reads from it.
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            // Nobody waits any more when this took too long.
            let _ = tell.send(());
        });
        if sent {
            tokio::select! {
                _ = told => {}
                () = world.clock.sleep(READ_WITHIN) => {}
            }
        }
    }
    lease.judge()
}
