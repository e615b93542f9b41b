//! The supervisor: owns the singletons and the runs, hears of every exit, restarts within a budget.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use actix::prelude::*;
use orket_core::ids::RunId;
use serde_json::json;

use crate::event_bus::{About, EventBus};
use crate::exit::{Child, ChildExit, ExitGuard, ExitStatus};
use crate::fault;
use crate::gateway::{ModelGateway, StopGateway};
use crate::giving_up::{CODE, fail_run, leave_run, put_run_down, tell_end};
use crate::port::event::EventSink;
use crate::port::store::{RunRecord, RunStatus};
use crate::reconciler::{Reconciler, StopReconciler};
use crate::run_actor::RunActor;
use crate::watchdog::{StopWatchdog, Watchdog};
use crate::world::{RunStage, World};

/// A singleton may be restarted this often within [`BUDGET_MS`].
const BUDGET: usize = 20;
const BUDGET_MS: u64 = 60_000;
/// The actor of one run may be restarted this often.
const MOST_RUN_RESTARTS: u32 = 3;

/// A run is durable: have it carried out.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StartRunActor {
    /// The run as the journal holds it.
    pub record: Box<RunRecord>,
    /// Whether a dead process had begun it.
    pub recovered: bool,
}

/// The actor.
pub struct Supervisor {
    exit: ExitGuard,
    world: Arc<World>,
    sinks: Arc<[Arc<dyn EventSink>]>,
    restarts: HashMap<&'static str, VecDeque<u64>>,
}

impl Supervisor {
    /// A supervisor that starts its singletons as it starts.
    #[must_use]
    pub fn new(exit: ExitGuard, world: Arc<World>, sinks: Arc<[Arc<dyn EventSink>]>) -> Self {
        Self {
            exit,
            world,
            sinks,
            restarts: HashMap::new(),
        }
    }

    fn guard(child: Child, ctx: &Context<Self>) -> ExitGuard {
        ExitGuard::new(child, ctx.address().recipient())
    }

    fn start_bus(&self, ctx: &Context<Self>) {
        let bus = EventBus::new(
            Self::guard(Child::EventBus, ctx),
            &self.world.events,
            Arc::clone(&self.sinks),
        );
        self.world.events.attach(bus.start());
    }

    fn start_watchdog(&self, ctx: &Context<Self>) {
        // After a restart of the supervisor the old one still ticks; it reports to nobody.
        if let Some(old) = self.world.watchdog.get() {
            old.do_send(StopWatchdog);
        }
        let watchdog = Watchdog::new(Self::guard(Child::Watchdog, ctx), Arc::clone(&self.world));
        self.world.watchdog.set(Some(watchdog.start()));
    }

    fn start_gateway(&self, ctx: &Context<Self>) {
        // Whoever waits there asks the new one.
        if let Some(old) = self.world.gateway.get() {
            old.do_send(StopGateway);
        }
        let gateway = ModelGateway::new(
            Self::guard(Child::ModelGateway, ctx),
            Arc::clone(&self.world),
        );
        self.world.gateway.set(Some(gateway.start()));
    }

    fn start_reconciler(&self, ctx: &Context<Self>) {
        if let Some(old) = self.world.reconciler.get() {
            old.do_send(StopReconciler);
        }
        let guard = Self::guard(Child::Reconciler, ctx);
        let reconciler = Reconciler::new(guard, Arc::clone(&self.world));
        self.world.reconciler.set(Some(reconciler.start()));
    }

    /// Whether the restart budget of a singleton still holds.
    fn may_restart(&mut self, name: &'static str) -> bool {
        let now = self.world.clock.now_ms();
        let times = self.restarts.entry(name).or_default();
        while times
            .front()
            .is_some_and(|at| now.saturating_sub(*at) > BUDGET_MS)
        {
            times.pop_front();
        }
        times.push_back(now);
        times.len() <= BUDGET
    }

    fn restart(
        &mut self,
        name: &'static str,
        ctx: &mut Context<Self>,
        start: fn(&Self, &Context<Self>),
    ) {
        tracing::warn!(actor = name, "an actor died and is restarted");
        if self.may_restart(name) {
            start(self, ctx);
            self.world.events.emit(
                "actor_restarted",
                About {
                    role: "supervisor",
                    ..About::default()
                },
                json!({"actor": name}),
            );
        } else {
            tracing::error!(
                actor = name,
                "an actor died too often; its supervisor is replaced"
            );
            self.exit.ends(ExitStatus::Failed(format!(
                "{name} died more than {BUDGET} times within a minute"
            )));
            ctx.stop();
        }
    }

    /// Gives a run an actor.
    fn carry(&self, record: RunRecord, recovered: bool) {
        let run_id = record.plan.run_id.clone();
        let scope = {
            let mut runs = self.world.runs();
            let Some(entry) = runs.get_mut(&run_id) else {
                return;
            };
            // A wish to stop outlives the actor that it was told.
            entry.scope = entry.scope.successor();
            entry.stage = RunStage::Carried;
            Arc::clone(&entry.scope)
        };
        let guard = ExitGuard::to_supervisor(Child::Run(run_id.clone()), Arc::clone(&self.world));
        let addr = RunActor::new(guard, Arc::clone(&self.world), scope, record, recovered).start();
        if let Some(entry) = self.world.runs().get_mut(&run_id) {
            if let Some(stop) = entry.stop {
                addr.do_send(stop);
            }
            entry.actor = Some(addr);
        }
    }

    /// The actor of a run died, or its start was lost: everything of it is put down, then it goes on
    /// from the journal.
    fn revive_run(&self, run_id: RunId, why: String, ctx: &mut Context<Self>) {
        let Some(restarts) = self.world.runs().get_mut(&run_id).map(|entry| {
            entry.stage = RunStage::Reviving;
            entry.restarts += 1;
            entry.restarts
        }) else {
            return;
        };
        tracing::warn!(run = %run_id, why, restarts, "a run is read back from the journal");
        let world = Arc::clone(&self.world);
        let id = run_id.clone();
        let read = async move {
            put_run_down(&world, &id, restarts, &why).await?;
            if restarts > MOST_RUN_RESTARTS {
                let why = format!("the actor of its run died {restarts} times ({why})");
                return fail_run(&world, &id, CODE, &why).await.map(Some);
            }
            world.store.load_run(id).await
        };
        ctx.spawn(read.into_actor(self).map(move |read, act, ctx| {
            let is_still_ours = act.world.runs().get(&run_id).is_some_and(|entry| {
                entry.stage == RunStage::Reviving && entry.restarts == restarts
            });
            match read {
                _ if !is_still_ours => {}
                // Only its last word was lost.
                Ok(Some(record)) if record.status.is_over() => {
                    tell_end(&act.world, &run_id, Some(&record), record.status);
                }
                Ok(Some(record)) => act.carry(record, true),
                Ok(None) => tell_end(&act.world, &run_id, None, RunStatus::Failed),
                Err(error) => {
                    let world = Arc::clone(&act.world);
                    let leave = async move { leave_run(&world, &run_id, &error).await };
                    ctx.spawn(leave.into_actor(act));
                }
            }
        }));
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        fault::point("supervisor.started");
        ctx.set_mailbox_capacity(4_096);
        // After a restart of the supervisor its children are still there. The singletons report to
        // the dead one, so they are replaced; runs go on undisturbed, unless they died meanwhile or
        // their start was lost.
        self.start_bus(ctx);
        self.start_watchdog(ctx);
        self.start_gateway(ctx);
        self.start_reconciler(ctx);
        let orphans: Vec<RunId> = self
            .world
            .runs()
            .iter()
            .filter(|(_, entry)| entry.stage != RunStage::Announced && !entry.is_carried())
            .map(|(id, _)| id.clone())
            .collect();
        for run_id in orphans {
            self.revive_run(run_id, "the supervisor was restarted".to_owned(), ctx);
        }
    }
}

impl Handler<StartRunActor> for Supervisor {
    type Result = ();

    fn handle(&mut self, start: StartRunActor, _: &mut Context<Self>) {
        fault::point("supervisor.start_run");
        let run_id = &start.record.plan.run_id;
        let is_asked_for = self
            .world
            .runs()
            .get(run_id)
            .is_some_and(|entry| entry.stage == RunStage::HandedOver);
        // Otherwise a supervisor that began in between has taken it up from the journal.
        if is_asked_for {
            self.carry(*start.record, start.recovered);
        }
    }
}

impl Handler<ChildExit> for Supervisor {
    type Result = ();

    fn handle(&mut self, exit: ChildExit, ctx: &mut Context<Self>) {
        fault::point("supervisor.child_exit");
        let why = match exit.status {
            ExitStatus::Finished | ExitStatus::Killed => return,
            ExitStatus::Failed(why) => why,
            ExitStatus::Panicked => "it panicked".to_owned(),
        };
        match exit.child {
            Child::EventBus => self.restart("event_bus", ctx, Self::start_bus),
            Child::Watchdog => self.restart("watchdog", ctx, Self::start_watchdog),
            Child::ModelGateway => self.restart("model_gateway", ctx, Self::start_gateway),
            Child::Reconciler => self.restart("reconciler", ctx, Self::start_reconciler),
            Child::Run(run_id) => {
                let is_dead =
                    self.world.runs().get(&run_id).is_some_and(|entry| {
                        entry.stage == RunStage::Carried && !entry.is_carried()
                    });
                if is_dead {
                    self.revive_run(run_id, why, ctx);
                }
            }
            Child::Supervisor | Child::Card(_) | Child::Turn(_) | Child::Skill(_) => {}
        }
    }
}

/// Stops the supervisor.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StopSupervisor;

impl Handler<StopSupervisor> for Supervisor {
    type Result = ();

    fn handle(&mut self, _: StopSupervisor, ctx: &mut Context<Self>) {
        self.exit.ends(ExitStatus::Killed);
        ctx.stop();
    }
}
