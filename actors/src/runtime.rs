//! The face of the actor system: what the command line, the socket server and tests hold.

mod archiving;
mod fork;
mod queue;
mod reopening;

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix::prelude::*;
use orket_core::ids::{CardId, RunId};
use orket_core::plan::{CardPlan, RunPlan};
use orket_core::run::Run;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::{broadcast, watch};

use self::reopening::{
    Reopen, UnknownOutcome, reopening, unknown_outcome, waits_for_a_budget, waits_for_the_guard,
};
use crate::approvals;
use crate::event_bus::{About, StopBus};
use crate::exit::{Child, ChildExit, ExitGuard, ExitStatus};
use crate::fault;
use crate::gateway::StopGateway;
use crate::giving_up::{give_run_up, give_system_up};
use crate::port::clock::SharedClock;
use crate::port::event::{EventSink, RuntimeEvent};
use crate::port::memory::Memory;
use crate::port::model::ModelProviders;
use crate::port::record::Projector;
use crate::port::store::{
    BUDGET, BudgetGrant, CardRow, GATE_PENDING, GUARD_PAYLOAD, GateDecision, Guard, Op, RequestKey,
    RunRecord, RunStatus, Store, StoreError, UNKNOWN_OUTCOME, Write,
};
use crate::port::tool::ToolHost;
use crate::probes::WatchProbe;
use crate::reconciler::StopReconciler;
use crate::run_actor::{GetReport, LookAtGates, StopRun, card_report};
use crate::supervisor::{StartRunActor, StopSupervisor, Supervisor};
use crate::turn_actor::audit;
use crate::watchdog::StopWatchdog;
use crate::world::{Options, Ports, RunEntry, RunScope, RunStage, StopCause, World, lock};
pub use fork::{BegunCard, ForkStart};
use queue::Kept;
pub use queue::ToQueue;

/// The supervisor may be restarted this often before the system stops.
const MOST_SUPERVISOR_RESTARTS: u32 = 5;

/// One card in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardReport {
    /// The card.
    pub id: String,
    /// Its title.
    pub summary: String,
    /// Its seat.
    pub seat: String,
    /// Its status.
    pub status: String,
    /// Attempts made, all turns together.
    pub attempts: u32,
    /// Tokens spent.
    pub tokens: u64,
    /// The code of what blocked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// In words: why it is not done, what is unknown, which command goes on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// How a run stands or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    /// The run.
    pub run_id: String,
    /// Its build.
    pub build_id: String,
    /// Its epic.
    pub epic: String,
    /// `queued`, `running`, `done`, `terminal_failure`, `incomplete`, `failed`, `halted`,
    /// `interrupted` or `skipped`.
    pub status: String,
    /// Its cards, in the epic's order.
    pub cards: Vec<CardReport>,
    /// Since it started, in milliseconds.
    pub elapsed_ms: u64,
}

/// Why a run was not started, halted or resumed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// There is no such run.
    #[error("there is no run `{0}`")]
    UnknownRun(String),
    /// The run is under way already.
    #[error("run `{0}` is under way already")]
    AlreadyRunning(String),
    /// The run is over.
    #[error("run `{0}` is {1}; nothing is left to do")]
    Over(String, String),
    /// The journal failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The actor system is shutting down.
    #[error("orket is shutting down")]
    ShuttingDown,
    /// The actors could not be kept alive.
    #[error("the actors could not be kept alive: {0}")]
    Broken(String),
}

/// A request for a new run.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// The plan.
    pub plan: RunPlan,
    /// Its cards, in the epic's order. Cards that the build has already are kept as they are:
    /// finished ones are left alone, unfinished ones are made ready again.
    pub cards: Vec<CardPlan>,
}

/// How to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Let tool calls under way finish, for at most `ORKET_SHUTDOWN_SEC`, then stop; runs become `interrupted`.
    Graceful,
    /// Cancel everything now.
    Immediate,
}

/// What the actor system is built from.
pub struct Parts {
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
    /// Where events go.
    pub sinks: Vec<Arc<dyn EventSink>>,
    /// Time.
    pub clock: SharedClock,
    /// Settings.
    pub options: Options,
}

/// A handle on the running actor system; cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    world: Arc<World>,
    sinks: Arc<[Arc<dyn EventSink>]>,
}

/// Watches the supervisor, so that even its panic is survived.
struct Root {
    world: Arc<World>,
    sinks: Arc<[Arc<dyn EventSink>]>,
    restarts: u32,
}

impl Actor for Root {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.raise("it could not be started", ctx);
    }
}

impl Root {
    /// Has a supervisor live, or gives everything up. A panic in here counts as one of the
    /// supervisor: nobody is there to restart the root itself.
    fn raise(&mut self, last: &str, ctx: &Context<Self>) {
        while self.restarts <= MOST_SUPERVISOR_RESTARTS {
            let started = catch_unwind(AssertUnwindSafe(|| {
                fault::point("root.raise");
                self.start_supervisor(ctx);
            }));
            if started.is_ok() {
                return;
            }
            self.restarts += 1;
        }
        let why = format!(
            "the supervisor died {} times; the last time: {last}",
            self.restarts
        );
        actix_rt::spawn(give_system_up(Arc::clone(&self.world), why));
    }

    fn start_supervisor(&self, ctx: &Context<Self>) {
        let guard = ExitGuard::new(Child::Supervisor, ctx.address().recipient());
        let supervisor = Supervisor::new(guard, Arc::clone(&self.world), Arc::clone(&self.sinks));
        self.world.supervisor.set(Some(supervisor.start()));
    }
}

impl Handler<ChildExit> for Root {
    type Result = ();

    fn handle(&mut self, exit: ChildExit, ctx: &mut Context<Self>) {
        let why = match exit.status {
            ExitStatus::Finished | ExitStatus::Killed => return,
            ExitStatus::Failed(why) => why,
            ExitStatus::Panicked => "it panicked".to_owned(),
        };
        self.restarts += 1;
        tracing::error!(why, restarts = self.restarts, "the supervisor died");
        self.raise(&why, ctx);
    }
}

impl Runtime {
    /// Starts the actor system on the calling thread's actix system, and takes over the runs that a
    /// dead owner left.
    ///
    /// # Errors
    ///
    /// [`RuntimeError::Store`] when the journal cannot be read.
    pub async fn start(parts: Parts) -> Result<Self, RuntimeError> {
        let strays = parts.tools.reap_strays();
        if strays > 0 {
            tracing::warn!(
                strays,
                "processes of an earlier owner were still running and were killed"
            );
        }
        let (cards, turns) = parts.store.highest_rows().await?;
        let sinks: Arc<[Arc<dyn EventSink>]> = parts.sinks.into();
        let ports = Ports {
            store: parts.store,
            models: parts.models,
            tools: parts.tools,
            projector: parts.projector,
            memory: parts.memory,
            clock: parts.clock,
        };
        let world = Arc::new(World::new(ports, parts.options, (cards, turns)));
        let root = Root {
            world: Arc::clone(&world),
            sinks: Arc::clone(&sinks),
            restarts: 0,
        }
        .start();
        // The root must live as long as the system does.
        std::mem::forget(root);
        while world.supervisor.get().is_none() || world.gateway.get().is_none() {
            if let Some(why) = world.broken.borrow().clone() {
                return Err(RuntimeError::Broken(why));
            }
            tokio::task::yield_now().await;
        }
        let taking = Arc::clone(&world);
        match actix_rt::spawn(async move { take_over(&taking).await }).await {
            Ok(taken) => taken?,
            // The reconciler tries again.
            Err(panic) => tracing::error!(%panic, "taking runs over broke off"),
        }
        Ok(Self { world, sinks })
    }

    /// Resolves when the actors could not be kept alive, with the reason: every run was ended in
    /// good order, nothing new can be started, and the process should leave.
    pub async fn broken(&self) -> String {
        let mut broken = self.world.broken.subscribe();
        match broken.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            Err(_) => "the actor system is gone".to_owned(),
        }
    }

    fn refuse_when_stopping(&self) -> Result<(), RuntimeError> {
        if let Some(why) = self.world.broken.borrow().clone() {
            return Err(RuntimeError::Broken(why));
        }
        if self.world.is_stopping() {
            return Err(RuntimeError::ShuttingDown);
        }
        Ok(())
    }

    /// Starts a run; returns when it is durable. When a run of the same build is under way, that
    /// one's id is returned and nothing is started.
    ///
    /// # Errors
    ///
    /// [`RuntimeError`].
    pub async fn start_run(&self, new: NewRun) -> Result<RunId, RuntimeError> {
        self.begin_run(new, Kept::Nowhere, None, None).await
    }

    /// The same for a request that a client may send again: which run it began is durable with the
    /// run.
    ///
    /// # Errors
    ///
    /// [`RuntimeError`].
    pub async fn start_run_for(
        &self,
        new: NewRun,
        request: RequestKey,
    ) -> Result<RunId, RuntimeError> {
        self.begin_run(new, Kept::Nowhere, None, Some(request))
            .await
    }

    /// Remembers which run a client's request came to.
    ///
    /// # Errors
    ///
    /// [`RuntimeError`].
    pub async fn keep_request(
        &self,
        request: RequestKey,
        run_id: RunId,
    ) -> Result<(), RuntimeError> {
        let keep = Op::KeepRequest {
            request,
            run_id,
            at_ms: self.world.clock.wall_ms(),
        };
        let write = Write {
            guard: Guard::None,
            flush: None,
            ops: vec![keep],
        };
        Ok(self.world.store.submit(write).await?)
    }

    async fn begin_run(
        &self,
        new: NewRun,
        kept: Kept,
        fork: Option<ForkStart>,
        request: Option<RequestKey>,
    ) -> Result<RunId, RuntimeError> {
        self.refuse_when_stopping()?;
        let world = &self.world;
        let run_id = new.plan.run_id.clone();
        {
            let mut runs = world.runs();
            if let Some((id, _)) = runs
                .iter()
                .find(|(_, entry)| entry.build == new.plan.build_id)
            {
                return Ok(id.clone());
            }
            if runs.contains_key(&run_id) {
                return Err(RuntimeError::AlreadyRunning(run_id.to_string()));
            }
            // Before the write, so that the reconciler never takes it for an orphan.
            runs.insert(run_id.clone(), entry_of(&new.plan));
        }
        let _announced = Announced(world, run_id.clone());
        let record = self.write_run(new, kept, fork, request).await?;
        hand_over(world, record, false);
        Ok(run_id)
    }

    async fn write_run(
        &self,
        new: NewRun,
        kept: Kept,
        fork: Option<ForkStart>,
        request: Option<RequestKey>,
    ) -> Result<RunRecord, StoreError> {
        let world = &self.world;
        let at_ms = world.clock.wall_ms();
        let existing = world.store.build_cards(new.plan.build_id.clone()).await?;
        let gates = world
            .store
            .gates_of_build(new.plan.build_id.clone())
            .await?;
        let known: HashSet<&CardId> = existing.iter().map(|card| &card.plan.id).collect();
        let plan = planned(new.plan, &new.cards);
        let mut ops = vec![kept.first_op(&plan, at_ms)];
        if let Some(request) = request {
            ops.push(Op::KeepRequest {
                request,
                run_id: plan.run_id.clone(),
                at_ms,
            });
        }
        let mut fresh = Vec::new();
        let mut begun = fork::Begun::of(fork, &plan);
        let mut adopted = Vec::new();
        let mut changed = Vec::new();
        for (card, position) in new.cards.into_iter().zip(0_u32..) {
            if !known.contains(&card.id) {
                let row = world.card_row();
                let life = begun.life(&card.id, row, at_ms);
                fresh.push((row, position, Arc::new(card), life));
            }
        }
        // All of the build's cards, those that turns created among them: dependencies are looked up
        // in the run. Those that take no part stay as they are.
        let graph: Vec<_> = existing
            .iter()
            .map(|record| (record.plan.as_ref(), record.life.status))
            .collect();
        let scope = Run::new(&graph, plan.target.as_ref(), 0);
        let mut released = Vec::new();
        for (place, record) in existing.iter().enumerate() {
            adopted.push(record.row);
            if !scope.is_in_scope(place) {
                continue;
            }
            match unknown_outcome(&record.life, record.row, &gates) {
                UnknownOutcome::None => {}
                UnknownOutcome::Released(gate) => released.push(gate),
                UnknownOutcome::Waits => continue,
            }
            if waits_for_a_budget(&record.life, record.row, &gates)
                || waits_for_the_guard(&record.life, record.row, &gates)
            {
                continue;
            }
            let mut life = record.life.clone();
            let mut changes = Vec::new();
            if life.reopen(&mut changes) {
                changed.push(Op::SetCard {
                    row: record.row,
                    life: Box::new(life),
                    fence: None,
                    changes: audit(&changes, "operator"),
                    at_ms,
                });
            }
        }
        if !fresh.is_empty() {
            ops.push(Op::InsertCards {
                run_id: plan.run_id.clone(),
                build_id: plan.build_id.clone(),
                cards: fresh,
                at_ms,
            });
        }
        if !adopted.is_empty() {
            ops.push(Op::AdoptCards {
                run_id: plan.run_id.clone(),
                rows: adopted,
            });
        }
        ops.extend(changed);
        ops.extend(begun.ops);
        if !released.is_empty() {
            ops.push(Op::SpendGates {
                gates: released,
                at_ms,
            });
        }
        fault::point("run.before_insert");
        world
            .store
            .submit(Write {
                guard: Guard::None,
                flush: begun.flush,
                ops,
            })
            .await?;
        fault::point("run.after_insert");
        loaded(world, &plan.run_id).await
    }

    /// Stops a run: nothing new starts, what is under way is cancelled; returns when the ledger says so.
    ///
    /// # Errors
    ///
    /// [`RuntimeError`].
    pub async fn halt(&self, run: RunId) -> Result<RunReport, RuntimeError> {
        let stop = StopRun {
            cause: StopCause::Halted,
            grace_ms: 0,
        };
        let stopping = {
            let mut runs = self.world.runs();
            runs.get_mut(&run).map(|entry| entry.told_to_stop(stop))
        };
        if stopping.is_none() {
            let report = self.report(run.clone()).await?;
            return Err(RuntimeError::Over(run.to_string(), report.status));
        }
        self.wait(run).await
    }

    /// Goes on with a halted, interrupted or unfinished run: only what is left is run.
    ///
    /// # Errors
    ///
    /// [`RuntimeError`].
    pub async fn resume(&self, run: RunId) -> Result<(), RuntimeError> {
        if let Some(new) = self.world.store.queued_run(run.clone()).await? {
            return self.begin_queued(new).await;
        }
        self.go_on(run, Reopen::All).await
    }

    /// Makes a person's decision durable and goes on with the run as far as that lets it. Says
    /// whether the run is under way now.
    ///
    /// # Errors
    ///
    /// [`RuntimeError`]; a gate that is not pending is a conflict.
    pub async fn decide_gate(
        &self,
        gate: i64,
        decision: GateDecision,
        by: String,
        reason: String,
    ) -> Result<bool, RuntimeError> {
        let found = self.world.store.gate(gate).await?;
        let found = found.ok_or_else(|| {
            RuntimeError::Store(StoreError::Conflict(format!("there is no gate {gate}")))
        })?;
        approvals::decide(&self.world, &found, decision, &by, &reason).await?;
        let Ok(run) = RunId::new(found.run_id) else {
            return Ok(false);
        };
        let reopen = match (&found.digest, decision) {
            (Some(_), _) => Reopen::Nothing,
            (None, _) if found.request_type == GUARD_PAYLOAD => Reopen::Nothing,
            (None, GateDecision::Approved) if found.request_type == BUDGET => Reopen::Nothing,
            (None, GateDecision::Approved) => Reopen::Released,
            (None, GateDecision::Rejected | GateDecision::Expired) => return Ok(false),
        };
        match self.go_on(run.clone(), reopen).await {
            Ok(()) => Ok(true),
            // A card that was blocked is looked at again when its run is begun again.
            Err(RuntimeError::AlreadyRunning(_)) if found.request_type == UNKNOWN_OUTCOME => {
                Ok(false)
            }
            Err(RuntimeError::AlreadyRunning(_)) => {
                self.see_heeded(run, Some(found.card));
                Ok(true)
            }
            Err(error) => {
                tracing::info!(%error, "the decision is stored; the run does not go on by itself");
                Ok(false)
            }
        }
    }

    /// A run that is just coming to its end may not hear of a decision any more. When it is over, and a
    /// card still waits although nothing is asked about it, it is gone on with.
    fn see_heeded(&self, run: RunId, card: Option<CardRow>) {
        let runtime = self.clone();
        tokio::spawn(async move {
            if runtime.wait(run.clone()).await.is_err() {
                return;
            }
            let store = &runtime.world.store;
            let (Ok(Some(record)), Ok(gates)) = (
                store.load_run(run.clone()).await,
                store.gates_of_run(run.clone()).await,
            ) else {
                return;
            };
            let asked = |row: CardRow| {
                let mut gates = gates.iter().filter(|gate| gate.card == row);
                gates.any(|gate| gate.status == GATE_PENDING)
            };
            let unheeded = record.cards.iter().any(|it| {
                card.is_none_or(|row| row == it.row) && it.life.is_parked() && !asked(it.row)
            });
            if unheeded && let Err(error) = runtime.go_on(run, Reopen::Nothing).await {
                tracing::info!(%error, "the decision is stored; the run does not go on by itself");
            }
        });
    }

    /// Lets scopes of a run spend more and goes on with what waited for it.
    /// Says whether the run is under way now.
    ///
    /// # Errors
    ///
    /// [`RuntimeError`].
    pub async fn grant(
        &self,
        run: RunId,
        grants: Vec<BudgetGrant>,
        by: String,
    ) -> Result<bool, RuntimeError> {
        let world = &self.world;
        let gates = world.store.gates_of_run(run.clone()).await?;
        let ops = approvals::grant_ops(&gates, &grants, &by, world.clock.wall_ms());
        let answers = ops.iter().any(|op| matches!(op, Op::DecideGate { .. }));
        world
            .store
            .submit(Write {
                guard: Guard::None,
                flush: None,
                ops,
            })
            .await?;
        world.events.emit(
            "budget_granted",
            About {
                run: Some(run.as_str()),
                role: "operator",
                ..About::default()
            },
            json!({"by": by, "grants": grants}),
        );
        let actor = world.runs().get(&run).and_then(|entry| entry.actor.clone());
        if let Some(actor) = actor {
            actor.do_send(LookAtGates);
            if answers {
                self.see_heeded(run, None);
            }
            return Ok(true);
        }
        if !answers {
            return Ok(false);
        }
        match self.go_on(run, Reopen::Nothing).await {
            Ok(()) | Err(RuntimeError::AlreadyRunning(_)) => Ok(true),
            Err(error) => {
                tracing::info!(%error, "more may be spent; the run does not go on by itself");
                Ok(false)
            }
        }
    }

    async fn go_on(&self, run: RunId, reopen: Reopen) -> Result<(), RuntimeError> {
        self.refuse_when_stopping()?;
        let world = &self.world;
        let record = world
            .store
            .load_run(run.clone())
            .await?
            .ok_or_else(|| RuntimeError::UnknownRun(run.to_string()))?;
        if record
            .cards
            .iter()
            .all(|card| card.life.status.is_finished())
        {
            return Err(RuntimeError::Over(
                run.to_string(),
                record.status.as_str().to_owned(),
            ));
        }
        {
            let mut runs = world.runs();
            if runs.contains_key(&run) {
                return Err(RuntimeError::AlreadyRunning(run.to_string()));
            }
            if let Some((other, _)) = runs
                .iter()
                .find(|(_, entry)| entry.build == record.plan.build_id)
            {
                return Err(RuntimeError::AlreadyRunning(other.to_string()));
            }
            runs.insert(run.clone(), entry_of(&record.plan));
        }
        let _announced = Announced(world, run.clone());
        // Only what is read after it was entered is sure to be still true: the run may have come to
        // its end between the two.
        let record = loaded(world, &run).await?;
        let gates = world.store.gates_of_run(run.clone()).await?;
        world
            .store
            .submit(Write {
                guard: Guard::None,
                flush: None,
                ops: reopening(&record, &gates, reopen, world.clock.wall_ms()),
            })
            .await?;
        hand_over(world, loaded(world, &run).await?, true);
        Ok(())
    }

    /// Waits until a run is over.
    ///
    /// # Errors
    ///
    /// [`RuntimeError`].
    pub async fn wait(&self, run: RunId) -> Result<RunReport, RuntimeError> {
        let subscribed = self
            .world
            .runs()
            .get(&run)
            .map(|entry| entry.report.subscribe());
        let Some(mut reports) = subscribed else {
            return self.report(run).await;
        };
        match reports.wait_for(Option::is_some).await {
            Ok(report) => report.clone().ok_or(RuntimeError::ShuttingDown),
            Err(_) => Err(RuntimeError::ShuttingDown),
        }
    }

    /// How a run stands.
    ///
    /// # Errors
    ///
    /// [`RuntimeError`].
    pub async fn report(&self, run: RunId) -> Result<RunReport, RuntimeError> {
        let actor = self
            .world
            .runs()
            .get(&run)
            .and_then(|entry| entry.actor.clone());
        if let Some(actor) = actor
            && let Ok(report) = actor.send(GetReport).await
        {
            return Ok(report);
        }
        let record = self
            .world
            .store
            .load_run(run.clone())
            .await?
            .ok_or_else(|| RuntimeError::UnknownRun(run.to_string()))?;
        Ok(report_of(&run, Some(&record), record.status))
    }

    /// Runs under way in this process.
    pub async fn active(&self) -> Vec<RunId> {
        self.world.runs().keys().cloned().collect()
    }

    /// How many runs are under way in this process.
    #[must_use]
    pub fn active_count(&self) -> usize {
        self.world.runs().len()
    }

    /// How many attempts are under way in this process, those that wait for a permit not counted.
    #[must_use]
    pub fn turns_under_way(&self) -> usize {
        self.world.leases.under_way()
    }

    /// The run under way that works on a build.
    #[must_use]
    pub fn active_build(&self, build: &orket_core::ids::BuildId) -> Option<RunId> {
        self.world
            .runs()
            .iter()
            .find(|(_, entry)| entry.build == *build)
            .map(|(id, _)| id.clone())
    }

    /// All events from now on; a slow reader is told how many it missed.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<RuntimeEvent>> {
        self.world.events.outlet().subscribe()
    }

    /// Says that something happened outside of the actors. It goes where all events go.
    pub fn emit(&self, event: &str, about: About<'_>, data: serde_json::Value) {
        self.world.events.emit(event, about, data);
    }

    /// Has the watchdog look at something until nobody else has it any more.
    pub fn watch(&self, probe: WatchProbe) {
        self.world.probes.watch(probe);
    }

    /// Stops the actor system: intake first, then runs, then the singletons; everything is flushed.
    pub async fn shutdown(&self, how: Shutdown) {
        let world = &self.world;
        world.stopping.store(true, Ordering::Release);
        fault::point("shutdown.begin");
        let grace_ms = match how {
            Shutdown::Graceful => world.options.shutdown_ms,
            Shutdown::Immediate => 0,
        };
        let stop = StopRun {
            cause: StopCause::Interrupted,
            grace_ms,
        };
        let reports: Vec<_> = world
            .runs()
            .values_mut()
            .map(|entry| {
                entry.told_to_stop(stop);
                entry.report.subscribe()
            })
            .collect();
        let all_over = futures_util::future::join_all(
            reports
                .into_iter()
                .map(|mut report| async move { report.wait_for(Option::is_some).await.is_ok() }),
        );
        // A run that does not stop is left to the next owner's recovery.
        let most = std::time::Duration::from_millis(grace_ms.saturating_add(30_000));
        tokio::select! {
            _ = all_over => {}
            () = world.clock.sleep(most) => tracing::error!("some runs did not stop in time; they are taken over at the next start"),
        }
        fault::point("shutdown.drained");
        if let Some(supervisor) = world.supervisor.get() {
            supervisor.do_send(StopSupervisor);
        }
        if let Some(reconciler) = world.reconciler.get() {
            reconciler.do_send(StopReconciler);
        }
        if let Some(watchdog) = world.watchdog.get() {
            watchdog.do_send(StopWatchdog);
        }
        if let Some(gateway) = world.gateway.get() {
            gateway.do_send(StopGateway);
        }
        world.projector.drained().await;
        if let Some(bus) = world.events.bus() {
            // An ask, not a tell: it is answered after everything that was published before it.
            let _ = bus.send(StopBus).await;
        }
        for sink in self.sinks.iter() {
            sink.flush().await;
            sink.end();
        }
        for arbiter in &world.arbiters {
            arbiter.stop();
        }
        // Whoever still waits for a run learns that it does not end here.
        world.runs().clear();
    }
}

/// The plan with the cards that it is for: a card that is missing from the journal later is missed.
fn planned(mut plan: RunPlan, cards: &[CardPlan]) -> Arc<RunPlan> {
    plan.cards = cards.iter().map(|card| card.id.clone()).collect();
    Arc::new(plan)
}

fn entry_of(plan: &RunPlan) -> RunEntry {
    RunEntry {
        stage: RunStage::Announced,
        actor: None,
        build: plan.build_id.clone(),
        restarts: 0,
        scope: RunScope::new(),
        stop: None,
        report: watch::Sender::new(None),
    }
}

impl RunEntry {
    /// Tells the run's actor to stop, now or as soon as there is one.
    fn told_to_stop(&mut self, stop: StopRun) {
        self.stop = Some(stop);
        if let Some(actor) = &self.actor {
            actor.do_send(stop);
        }
    }
}

/// Takes a run back that was announced and never handed over: its start failed, panicked, or was
/// dropped half-way. What is durable of it is taken over by the reconciler.
struct Announced<'a>(&'a World, RunId);

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        let mut runs = self.0.runs();
        if runs
            .get(&self.1)
            .is_some_and(|entry| entry.stage == RunStage::Announced)
        {
            runs.remove(&self.1);
        }
    }
}

fn hand_over(world: &Arc<World>, record: RunRecord, recovered: bool) {
    // First: a supervisor that starts between the two lines takes it up from the journal.
    if let Some(entry) = world.runs().get_mut(&record.plan.run_id) {
        entry.stage = RunStage::HandedOver;
    }
    let giving_up = lock(&world.giving_up).clone();
    if let Some(why) = giving_up {
        let (world, run_id) = (Arc::clone(world), record.plan.run_id.clone());
        if let Some(arbiter) = world.arbiter() {
            arbiter.spawn(async move { give_run_up(&world, &run_id, &why).await });
        }
        return;
    }
    if let Some(supervisor) = world.supervisor.get() {
        supervisor.do_send(StartRunActor {
            record: Box::new(record),
            recovered,
        });
    }
}

async fn loaded(world: &World, run_id: &RunId) -> Result<RunRecord, StoreError> {
    world
        .store
        .load_run(run_id.clone())
        .await?
        .ok_or_else(|| StoreError::Conflict(format!("run {run_id} is not in the journal")))
}

/// Takes over the runs that the journal calls running and nobody carries out.
///
/// # Errors
///
/// When the journal cannot be read.
pub async fn take_over(world: &Arc<World>) -> Result<(), StoreError> {
    for run_id in world.store.running_runs().await? {
        if world.runs().contains_key(&run_id) {
            continue;
        }
        let Some(record) = world.store.load_run(run_id.clone()).await? else {
            continue;
        };
        fault::point("recovery.loaded");
        // It may have ended, or begun here, while it was read.
        if record.status != RunStatus::Running {
            continue;
        }
        {
            let mut runs = world.runs();
            if runs.contains_key(&run_id) {
                continue;
            }
            runs.insert(run_id.clone(), entry_of(&record.plan));
        }
        // Only what is read after it was entered is sure to be still true.
        match world.store.load_run(run_id.clone()).await {
            Ok(Some(record)) if record.status == RunStatus::Running => {
                hand_over(world, record, true);
            }
            Ok(_) => {
                world.runs().remove(&run_id);
            }
            Err(error) => {
                world.runs().remove(&run_id);
                return Err(error);
            }
        }
        fault::point("recovery.handed_over");
    }
    Ok(())
}

/// The report of a run that has no actor.
#[must_use]
pub fn report_of(run_id: &RunId, record: Option<&RunRecord>, status: RunStatus) -> RunReport {
    RunReport {
        run_id: run_id.to_string(),
        build_id: record
            .map(|r| r.plan.build_id.to_string())
            .unwrap_or_default(),
        epic: record.map(|r| r.plan.epic.clone()).unwrap_or_default(),
        status: status.as_str().to_owned(),
        cards: record
            .map(|r| {
                r.cards
                    .iter()
                    .map(|card| card_report(&card.plan, &card.life))
                    .collect()
            })
            .unwrap_or_default(),
        elapsed_ms: 0,
    }
}
