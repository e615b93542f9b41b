//! One run: decides which card starts when, hears how each settles, and ends the run.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use orket_core::card_life::{CardLife, Change};
use orket_core::ids::CardId;
use orket_core::memory::buffer::RecordWrite;
use orket_core::memory::recall::VisibilityMode;
use orket_core::message::Spoken;
use orket_core::plan::{CardPlan, RunPlan};
use orket_core::run::{BlockedBy, Run, RunEnd};
use orket_core::stages::Stage;
use orket_core::status::{CardStatus, WaitReason};
use serde_json::{Value, json};

use crate::approvals::{Standing, newest_gate, standing};
use crate::card_actor::{CardActor, CardStart, card_event};
use crate::ending::put_down;
use crate::event_bus::About;
use crate::exit::{Child, ChildExit, ExitGuard, ExitStatus};
use crate::fault;
use crate::giving_up::{fail_run, tell_end};
use crate::port::store::{
    BUDGET, CardRecord, CardRow, GATE_PENDING, GUARD_PAYLOAD, GateDecision, GateRecord, Guard, Op,
    OpenTurnRecord, RunRecord, RunStatus, StoreError, Write,
};
use crate::preparing::{Prepared, prepare};
use crate::remembering;
use crate::runtime::{CardReport, RunReport};
use crate::turn_actor::{Created, audit};
use crate::world::{RunScope, StopCause, World};

/// Card actors beyond the permits, so that a permit never waits for an actor.
const SPARE: usize = 64;
/// How often the actor of one card is restarted before the card is blocked.
const MOST_CARD_RESTARTS: u32 = 3;

/// A card is settled and durable.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct CardSettled {
    /// Its place.
    pub place: usize,
    /// Its life at the end.
    pub life: CardLife,
}

/// A card waits for a person; that is durable.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct CardHeld {
    /// Its place.
    pub place: usize,
    /// Its life.
    pub life: CardLife,
}

/// A person decided something: cards that wait may go on.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct LookAtGates;

/// A card stopped before its end because the run does.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct CardLaidDown {
    /// Its place.
    pub place: usize,
}

/// A card waits for time to pass, or does no longer.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Parked {
    /// Its place.
    pub place: usize,
    /// Whether it waits.
    pub parked: bool,
}

/// End without a word to the journal: a successor carries the run.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Leave;

/// A turn created cards; they are durable.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct CardsCreated(pub Vec<Created>);

/// A card had to be read back from the journal: its last word may not have come.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct CardReread;

/// Stop before the end.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct StopRun {
    /// Why.
    pub cause: StopCause,
    /// How long work under way may go on, in milliseconds.
    pub grace_ms: u64,
}

/// How does it stand?
#[derive(Debug, Message)]
#[rtype(result = "RunReport")]
pub struct GetReport;

/// One card of the run.
struct Slot {
    row: CardRow,
    plan: Arc<CardPlan>,
    life: CardLife,
    /// The record it is started with; taken when it starts.
    record: Option<CardRecord>,
    open_turn: Option<OpenTurnRecord>,
    actor: Option<Addr<CardActor>>,
    parked: bool,
    restarts: u32,
}

/// The actor.
pub struct RunActor {
    exit: ExitGuard,
    world: Arc<World>,
    scope: Arc<RunScope>,
    plan: Arc<RunPlan>,
    started_ms: i64,
    began_ms: u64,
    run: Run,
    cards: Vec<Slot>,
    places: HashMap<CardId, usize>,
    live: usize,
    parked: usize,
    most_live: usize,
    ending: bool,
    /// What comes before the first card is under way.
    preparing: bool,
    recovered: bool,
    /// Looks at the gates that are under way.
    looking: u32,
    /// A person decided something while the run was coming to its end.
    late: bool,
    /// Some card was read back, so that cards it created may not have been told.
    reread: bool,
}

impl RunActor {
    /// An actor for a run as the journal holds it.
    #[must_use]
    pub fn new(
        exit: ExitGuard,
        world: Arc<World>,
        scope: Arc<RunScope>,
        mut record: RunRecord,
        recovered: bool,
    ) -> Self {
        let mut open: HashMap<CardRow, OpenTurnRecord> = record
            .open_turns
            .drain(..)
            .map(|turn| (turn.card, turn))
            .collect();
        let cards: Vec<Slot> = record
            .cards
            .into_iter()
            .map(|card| Slot {
                row: card.row,
                plan: Arc::clone(&card.plan),
                life: card.life.clone(),
                open_turn: open.remove(&card.row),
                record: Some(card),
                actor: None,
                parked: false,
                restarts: 0,
            })
            .collect();
        let places = cards
            .iter()
            .enumerate()
            .map(|(place, slot)| (slot.plan.id.clone(), place))
            .collect();
        let created = cards.iter().filter(|slot| slot.plan.created_by.is_some());
        scope.add_created(u32::try_from(created.count()).unwrap_or(u32::MAX));
        let graph: Vec<(&CardPlan, CardStatus)> = cards
            .iter()
            .map(|slot| (slot.plan.as_ref(), slot.life.status))
            .collect();
        let mut run = Run::new(
            &graph,
            record.plan.target.as_ref(),
            record.plan.wip_limit_per_seat,
        );
        for (place, slot) in cards.iter().enumerate() {
            if slot.life.is_parked()
                && (slot.open_turn.is_some() || slot.life.waits_between_turns())
            {
                run.hold(place);
            }
        }
        let most_live = most_live(&world, &record.plan);
        let began_ms = world.clock.now_ms();
        Self {
            exit,
            world,
            scope,
            plan: record.plan,
            started_ms: record.started_ms,
            began_ms,
            run,
            cards,
            places,
            live: 0,
            parked: 0,
            most_live,
            ending: false,
            preparing: false,
            recovered,
            looking: 0,
            late: false,
            reread: false,
        }
    }

    fn emit(&self, event: &str, card: Option<&CardId>, data: Value) {
        self.world.events.emit(
            event,
            About {
                run: Some(self.plan.run_id.as_str()),
                card: card.map(CardId::as_str),
                workspace: Some(&self.plan.workspace),
                role: "orchestrator",
            },
            data,
        );
    }

    /// Starts what may start; ends the run when nothing is left.
    fn pump(&mut self, ctx: &mut Context<Self>) {
        if self.ending || self.preparing {
            return;
        }
        if self.scope.is_winding_down() {
            if self.live == 0 {
                match self.scope.cause() {
                    Some(cause) => self.stop_early(cause, ctx),
                    // The run was given to another actor, which goes on from the journal.
                    None => {
                        self.exit.ends(ExitStatus::Killed);
                        ctx.stop();
                    }
                }
            }
            return;
        }
        while self.live.saturating_sub(self.parked) < self.most_live
            && self.live < self.most_live.saturating_mul(4)
        {
            let Some(place) = self.run.start_next() else {
                break;
            };
            self.start_card(place, ctx);
        }
        if self.live == 0
            && self.looking == 0
            && let Some(end) = self.run.end()
        {
            self.finish(end, ctx);
        }
    }

    fn start_card(&mut self, place: usize, ctx: &mut Context<Self>) {
        let Some(record) = self
            .cards
            .get_mut(place)
            .and_then(|slot| slot.record.take())
        else {
            return;
        };
        let open_turn = self
            .cards
            .get_mut(place)
            .and_then(|slot| slot.open_turn.take());
        self.live += 1;
        self.spawn_card(place, record, open_turn, ctx);
    }

    fn spawn_card(
        &mut self,
        place: usize,
        record: CardRecord,
        open_turn: Option<OpenTurnRecord>,
        ctx: &mut Context<Self>,
    ) {
        let dependencies: Vec<usize> = self.run.dependencies(place).to_vec();
        let start = CardStart {
            world: Arc::clone(&self.world),
            scope: Arc::clone(&self.scope),
            plan: Arc::clone(&self.plan),
            run: ctx.address(),
            place,
            score: self.run.score(place),
            record,
            open_turn,
            history: dependencies
                .iter()
                .filter_map(|from| self.cards.get(*from))
                .filter(|slot| !slot.life.last_reply.is_empty())
                .map(|slot| Spoken {
                    card: slot.plan.id.clone(),
                    seat: slot.plan.seat.clone(),
                    text: slot.life.last_reply.clone(),
                })
                .collect(),
            dependencies: dependencies
                .iter()
                .filter_map(|from| self.cards.get(*from))
                .map(|slot| (slot.plan.id.clone(), slot.life.status))
                .collect(),
        };
        let guard = ExitGuard::new(Child::Card(place), ctx.address().recipient());
        let addr = match self.world.arbiter() {
            Some(arbiter) => {
                CardActor::start_in_arbiter(&arbiter, move |_| CardActor::new(guard, start))
            }
            None => CardActor::new(guard, start).start(),
        };
        if let Some(slot) = self.cards.get_mut(place) {
            slot.actor = Some(addr);
            // Its predecessor may have died while it was parked.
            if std::mem::take(&mut slot.parked) {
                self.parked = self.parked.saturating_sub(1);
            }
        }
    }

    fn card_over(&mut self, place: usize) {
        if let Some(slot) = self.cards.get_mut(place)
            && slot.actor.take().is_some()
        {
            self.live = self.live.saturating_sub(1);
            if std::mem::take(&mut slot.parked) {
                self.parked = self.parked.saturating_sub(1);
            }
        }
    }

    /// Writes the blocks of cards whose dependency will not be satisfied.
    fn block(&mut self, blocked: Vec<BlockedBy>, ctx: &mut Context<Self>) {
        if blocked.is_empty() {
            return;
        }
        let at_ms = self.world.clock.wall_ms();
        let mut ops = Vec::new();
        let mut updates = Vec::new();
        for BlockedBy { place, by } in blocked {
            let by_id = self
                .cards
                .get(by)
                .map(|slot| slot.plan.id.to_string())
                .unwrap_or_default();
            let Some(slot) = self.cards.get_mut(place) else {
                continue;
            };
            let mut changes = Vec::new();
            let note = format!(
                "it depends on {by_id}, which did not finish; settle that one, then `orket resume {}`",
                self.plan.run_id
            );
            slot.life
                .block(WaitReason::Dependency, "E_DEPENDENCY", note, &mut changes);
            updates.push(json!({"issue_id": slot.plan.id.as_str(), "blocked_by": [by_id]}));
            ops.push(Op::SetCard {
                row: slot.row,
                life: Box::new(slot.life.clone()),
                fence: None,
                changes: audit(&changes, "scheduler"),
                at_ms,
            });
        }
        self.emit(
            "dependency_block_propagated",
            None,
            json!({"updates": updates}),
        );
        self.write(ops, ctx, |act, ctx| act.pump(ctx));
    }

    /// Submits ops and goes on when they are durable; a journal that fails ends the run's actor.
    fn write(
        &mut self,
        ops: Vec<Op>,
        ctx: &mut Context<Self>,
        then: impl FnOnce(&mut Self, &mut Context<Self>) + 'static,
    ) {
        let write = self.world.store.submit(Write {
            guard: Guard::None,
            flush: None,
            ops,
        });
        ctx.spawn(
            write
                .into_actor(self)
                .map(move |written, act, ctx| match written {
                    Ok(()) => then(act, ctx),
                    Err(error) => act.broken(&error, ctx),
                }),
        );
    }

    fn broken(&mut self, error: &StoreError, ctx: &mut Context<Self>) {
        tracing::error!(run = %self.plan.run_id, %error, "a run cannot write to the journal");
        self.exit.ends(ExitStatus::Failed(error.to_string()));
        ctx.stop();
    }

    /// A card that came up during the run takes part in it.
    fn add_card(&mut self, record: CardRecord) -> usize {
        let place = self.run.add(&record.plan, Vec::new());
        self.places.insert(record.plan.id.clone(), place);
        self.scope.add_created(1);
        self.emit(
            "card_created",
            Some(&record.plan.id),
            json!({"seat": record.plan.seat, "summary": record.plan.summary}),
        );
        self.cards.push(Slot {
            row: record.row,
            plan: Arc::clone(&record.plan),
            life: record.life.clone(),
            record: Some(record),
            open_turn: None,
            actor: None,
            parked: false,
            restarts: 0,
        });
        place
    }

    /// Looks in the journal for cards whose creation was durable but could not be told.
    fn find_untold(&mut self, ctx: &mut Context<Self>) {
        self.ending = true;
        let read = self.world.store.load_run(self.plan.run_id.clone());
        ctx.spawn(read.into_actor(self).map(|read, act, ctx| match read {
            Ok(record) => {
                for card in record.into_iter().flat_map(|record| record.cards) {
                    if !act.places.contains_key(&card.plan.id) {
                        act.add_card(card);
                    }
                }
                act.ending = false;
                act.pump(ctx);
            }
            Err(error) => act.broken(&error, ctx),
        }));
    }

    /// Every card has settled, or none can go on.
    fn finish(&mut self, end: RunEnd, ctx: &mut Context<Self>) {
        if std::mem::take(&mut self.reread) {
            return self.find_untold(ctx);
        }
        self.ending = true;
        let status = match end {
            RunEnd::Done => RunStatus::Done,
            RunEnd::TerminalFailure => RunStatus::TerminalFailure,
            RunEnd::Incomplete => RunStatus::Incomplete,
        };
        // The run is not over before its files are written.
        let drained = self.world.projector.drained();
        ctx.spawn(
            drained
                .into_actor(self)
                .map(move |(), act, ctx| act.close(status, Vec::new(), ctx)),
        );
    }

    /// The run stops before its end and everything of it is still: lays down what was cut off.
    fn stop_early(&mut self, cause: StopCause, ctx: &mut Context<Self>) {
        self.ending = true;
        let world = Arc::clone(&self.world);
        let run_id = self.plan.run_id.clone();
        let read = async move {
            // Writes of attempts that were just cut off are ahead of this one in the writer's queue.
            let barrier = Op::CardEvent {
                run_id: run_id.clone(),
                card: None,
                kind: "run_stopping".to_owned(),
                data: Value::Null,
                at_ms: world.clock.wall_ms(),
            };
            world
                .store
                .submit(Write {
                    guard: Guard::None,
                    flush: None,
                    ops: vec![barrier],
                })
                .await?;
            world.projector.drained().await;
            world.store.load_run(run_id).await
        };
        ctx.spawn(read.into_actor(self).map(move |read, act, ctx| match read {
            Ok(Some(record)) => act.stopped(record, cause, ctx),
            Ok(None) => act.broken(
                &StoreError::Conflict("the run is gone from the journal".to_owned()),
                ctx,
            ),
            Err(error) => act.broken(&error, ctx),
        }));
    }

    fn stopped(&mut self, record: RunRecord, cause: StopCause, ctx: &mut Context<Self>) {
        let at_ms = self.world.clock.wall_ms();
        let mut ops = Vec::new();
        let mut nothing_blocked = true;
        for card in record.cards {
            let place = match self.places.get(&card.plan.id) {
                Some(place) => *place,
                None => self.add_card(card.clone()),
            };
            let Some(slot) = self.cards.get_mut(place) else {
                continue;
            };
            slot.life = card.life;
            if slot.life.status.is_settled() && self.run.status(place) != Some(slot.life.status) {
                // It settled while the run was stopping.
                nothing_blocked &= self.run.settled(place, slot.life.status).is_empty();
            }
            let mut changes = Vec::new();
            slot.life.release(&mut changes);
            if !changes.is_empty() {
                ops.push(Op::SetCard {
                    row: slot.row,
                    life: Box::new(slot.life.clone()),
                    fence: None,
                    changes: audit(&changes, "scheduler"),
                    at_ms,
                });
            }
        }
        // Its last card may have settled just before the stop.
        let end = self.run.end().filter(|_| nothing_blocked);
        let status = match (end, cause) {
            (Some(RunEnd::Done), _) => RunStatus::Done,
            (Some(RunEnd::TerminalFailure), _) => RunStatus::TerminalFailure,
            (Some(RunEnd::Incomplete) | None, StopCause::Halted) => RunStatus::Halted,
            (Some(RunEnd::Incomplete) | None, StopCause::Interrupted) => RunStatus::Interrupted,
            (Some(RunEnd::Incomplete) | None, StopCause::Deadline) => RunStatus::Incomplete,
        };
        self.close(status, ops, ctx);
    }

    /// The end: what is left behind for later runs, then the last write.
    fn close(&mut self, status: RunStatus, ops: Vec<Op>, ctx: &mut Context<Self>) {
        let goes_on = matches!(status, RunStatus::Halted | RunStatus::Interrupted);
        if goes_on || self.scope.snapshot().is_none() {
            return self.close_now(status, ops, ctx);
        }
        let cards = self
            .cards
            .iter()
            .map(|slot| (slot.plan.as_ref(), &slot.life));
        let writes = remembering::decisions(&self.plan, cards);
        let kept =
            remembering::leave_behind(Arc::clone(&self.world), Arc::clone(&self.plan), writes);
        ctx.spawn(
            kept.into_actor(self)
                .map(move |(), act, ctx| act.close_now(status, ops, ctx)),
        );
    }

    /// The last write of the run, then the word of its end.
    fn close_now(&mut self, status: RunStatus, mut ops: Vec<Op>, ctx: &mut Context<Self>) {
        let stops = self.scope.is_winding_down();
        if status == RunStatus::Incomplete && !stops && std::mem::take(&mut self.late) {
            // What was decided meanwhile may let it go on.
            self.ending = false;
            return self.look_at_gates(ctx);
        }
        fault::point("run.before_finish");
        let at_ms = self.world.clock.wall_ms();
        let report = self.report(status.as_str());
        let mut counts: HashMap<&str, u32> = HashMap::new();
        for card in &report.cards {
            *counts.entry(card.status.as_str()).or_default() += 1;
        }
        let why: Vec<String> = report
            .cards
            .iter()
            .filter(|card| !card.note.is_empty())
            .take(20)
            .map(|card| format!("{}: {}", card.id, card.note))
            .collect();
        ops.push(Op::SetRun {
            run_id: self.plan.run_id.clone(),
            status,
            summary: json!({
                "session_status": status.as_str(), "issue_count": report.cards.len(), "status_counts": counts,
                "failure_reason": if status == RunStatus::Done { Value::Null } else { json!(why) },
            }),
            at_ms,
        });
        self.write(ops, ctx, move |act, ctx| {
            fault::point("run.after_finish");
            act.emit("session_end", None, json!({"run_id": act.plan.run_id.as_str(), "status": report.status, "issue_count": report.cards.len(), "elapsed_ms": report.elapsed_ms}));
            if let Some(entry) = act.world.runs().remove(&act.plan.run_id) {
                entry.report.send_replace(Some(report));
            }
            act.exit.ends(ExitStatus::Finished);
            ctx.stop();
        });
    }

    fn report(&self, status: &str) -> RunReport {
        RunReport {
            run_id: self.plan.run_id.to_string(),
            build_id: self.plan.build_id.to_string(),
            epic: self.plan.epic.clone(),
            status: status.to_owned(),
            cards: self
                .cards
                .iter()
                .map(|slot| card_report(&slot.plan, &slot.life))
                .collect(),
            elapsed_ms: u64::try_from(self.world.clock.wall_ms().saturating_sub(self.started_ms))
                .unwrap_or(0),
        }
    }
}

/// A card as reports show it.
#[must_use]
pub fn card_report(plan: &CardPlan, life: &CardLife) -> CardReport {
    CardReport {
        id: plan.id.to_string(),
        summary: plan.summary.clone(),
        seat: plan.seat.clone(),
        status: life.status.as_str().to_owned(),
        attempts: life.attempts,
        tokens: life.tokens,
        code: life.code.clone(),
        note: life.note.clone(),
    }
}

/// How many cards may be live: enough to keep every permit busy, few enough to bound memory.
fn most_live(world: &World, plan: &RunPlan) -> usize {
    let permits: usize = match world.options.max_turns {
        Some(permits) => permits,
        None => plan
            .seats
            .values()
            .filter_map(|seat| world.models.provider(&seat.model).ok())
            .map(|provider| provider.default_permits())
            .max()
            .unwrap_or(1),
    };
    permits.saturating_add(SPARE)
}

impl Actor for RunActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        fault::point("run_actor.started");
        ctx.set_mailbox_capacity(65_536);
        let settled = self
            .cards
            .iter()
            .filter(|slot| slot.life.status.is_settled())
            .count();
        if self.recovered {
            self.emit(
                "run_recovered",
                None,
                json!({"epic": self.plan.epic, "build_id": self.plan.build_id.as_str(),
                       "cards_settled": settled, "cards_left": self.cards.len() - settled}),
            );
        }
        let cards: Vec<Value> = self
            .cards
            .iter()
            .take(2_000)
            .map(|slot| json!({"id": slot.plan.id.as_str(), "seat": slot.plan.seat, "summary": slot.plan.summary, "status": slot.life.status.as_str()}))
            .collect();
        self.emit(
            "session_start",
            None,
            json!({"epic": self.plan.epic, "run_id": self.plan.run_id.as_str(), "build_id": self.plan.build_id.as_str(),
                   "cards_total": self.cards.len(), "cards": cards}),
        );
        if self.plan.clocks.run_ms > 0 {
            let elapsed = u64::try_from(self.world.clock.wall_ms().saturating_sub(self.started_ms))
                .unwrap_or(0);
            let left = self.plan.clocks.run_ms.saturating_sub(elapsed);
            let nap = self.world.clock.sleep(Duration::from_millis(left));
            ctx.spawn(nap.into_actor(self).map(|(), act, ctx| {
                act.emit(
                    "run_stalled",
                    None,
                    json!({"phase": "run", "clock_ms": act.plan.clocks.run_ms}),
                );
                act.stop_run(StopCause::Deadline, 0, ctx);
            }));
        }
        let forgetful = self.plan.policy.memory.visibility == VisibilityMode::Off;
        if self.plan.policy.project.stages.is_empty() && forgetful {
            self.begin(ctx)
        } else {
            self.prepare(ctx)
        }
    }
}

impl RunActor {
    /// What comes before the first card.
    fn prepare(&mut self, ctx: &mut Context<Self>) {
        self.preparing = true;
        let stages = prepare(
            Arc::clone(&self.world),
            Arc::clone(&self.scope),
            Arc::clone(&self.plan),
        );
        ctx.spawn(stages.into_actor(self).map(|prepared, act, ctx| {
            act.preparing = false;
            match prepared {
                Ok(Prepared::Ready) => act.begin(ctx),
                Ok(Prepared::Stopped) => act.pump(ctx),
                Ok(Prepared::Failed(stage, reason)) => act.not_begun(stage, &reason, ctx),
                Err(error) => act.broken(&error, ctx),
            }
        }));
    }

    /// A stage failed: the run is over before any card of it started.
    fn not_begun(&mut self, stage: Stage, reason: &str, ctx: &mut Context<Self>) {
        self.ending = true;
        let why = format!("stage {stage} failed, so nothing was begun: {reason}");
        let world = Arc::clone(&self.world);
        let run_id = self.plan.run_id.clone();
        let end = async move { fail_run(&world, &run_id, stage.code(), &why).await };
        ctx.spawn(end.into_actor(self).map(|end, act, ctx| match end {
            Ok(record) => {
                tell_end(&act.world, &act.plan.run_id, Some(&record), record.status);
                act.exit.ends(ExitStatus::Finished);
                ctx.stop();
            }
            Err(error) => act.broken(&error, ctx),
        }));
    }

    /// The cards.
    fn begin(&mut self, ctx: &mut Context<Self>) {
        // A person may have decided while nobody carried the run.
        self.look_at_gates(ctx);
        let blocked = self.run.block_unreachable();
        if blocked.is_empty() {
            self.pump(ctx)
        } else {
            self.block(blocked, ctx)
        }
    }

    /// The places of cards that wait for a person.
    fn held(&self) -> Vec<usize> {
        let waits = |slot: &Slot| slot.life.is_parked() && slot.actor.is_none();
        let slots = self.cards.iter().enumerate();
        slots
            .filter(|(_, slot)| waits(slot))
            .map(|(place, _)| place)
            .collect()
    }

    /// Reads what persons decided, and goes on with the cards whose questions are all answered. The
    /// run does not end meanwhile.
    fn look_at_gates(&mut self, ctx: &mut Context<Self>) {
        if self.held().is_empty() {
            return;
        }
        if self.ending {
            self.late = true;
            return;
        }
        self.looking += 1;
        let world = Arc::clone(&self.world);
        let run_id = self.plan.run_id.clone();
        let rows: Vec<(usize, CardRow)> = self
            .held()
            .into_iter()
            .filter_map(|place| Some((place, self.cards.get(place)?.row)))
            .collect();
        let read = async move {
            crate::approvals::expire(&world).await?;
            let gates = world.store.gates_of_run(run_id).await?;
            let mut ready = Vec::new();
            for (place, row) in rows {
                let Some((record, mut open)) = world.store.load_card(row).await? else {
                    continue;
                };
                if record.life.is_over_budget() {
                    if is_granted(row, &gates)
                        && let Some(record) = unparked(&world, record).await?
                    {
                        ready.push((place, record, open.pop()));
                    }
                } else if record.life.is_guard_unclear() {
                    if let Some(record) = guard_decided(&world, record, &gates).await? {
                        ready.push((place, record, open.pop()));
                    }
                } else if let Some(turn) = open.pop()
                    && is_decided(&turn, row, &gates)
                {
                    ready.push((place, record, Some(turn)));
                }
            }
            Ok::<_, StoreError>(ready)
        };
        ctx.spawn(read.into_actor(self).map(|read, act, ctx| {
            act.looking = act.looking.saturating_sub(1);
            match read {
                Ok(ready) => {
                    for (place, record, turn) in ready {
                        act.unhold(place, record, turn);
                    }
                    act.pump(ctx);
                }
                Err(error) => act.broken(&error, ctx),
            }
        }));
    }

    fn unhold(&mut self, place: usize, record: CardRecord, turn: Option<OpenTurnRecord>) {
        if let Some(slot) = self.cards.get_mut(place)
            && slot.actor.is_none()
            && slot.life.is_parked()
        {
            slot.life = record.life.clone();
            slot.record = Some(record);
            slot.open_turn = turn;
            self.run.unhold(place);
        }
    }
}

/// Whether the last question about a card's budget was answered with yes.
fn is_granted(card: CardRow, gates: &[GateRecord]) -> bool {
    newest_gate(gates, card, BUDGET)
        .is_some_and(|gate| gate.status == GateDecision::Approved.as_str())
}

/// A card that may spend more takes its turn again.
async fn unparked(world: &World, mut record: CardRecord) -> Result<Option<CardRecord>, StoreError> {
    let mut changes = Vec::new();
    record.life.unpark(&mut changes);
    changed(world, record, &changes, Vec::new()).await
}

/// A card whose guard could not be understood goes on as a person decided: back to its seat, or the
/// guard is asked again. The decision is spent with that.
async fn guard_decided(
    world: &World,
    mut record: CardRecord,
    gates: &[GateRecord],
) -> Result<Option<CardRecord>, StoreError> {
    let newest = newest_gate(gates, record.row, GUARD_PAYLOAD);
    let Some(gate) = newest.filter(|gate| gate.status != GATE_PENDING && !gate.spent) else {
        return Ok(None);
    };
    let mut changes = Vec::new();
    if gate.status == GateDecision::Approved.as_str() {
        let said = gate.payload.get("guard_said").and_then(Value::as_str);
        let person = gate.reason.as_deref().unwrap_or_default();
        let words = [person, said.unwrap_or_default()];
        let words: Vec<&str> = words.into_iter().filter(|it| !it.is_empty()).collect();
        record
            .life
            .let_refusal_stand(words.join("\n\n"), &mut changes);
    } else {
        record.life.ask_guard_again(&mut changes);
    }
    let spend = vec![Op::SpendGates {
        gates: vec![gate.id],
        at_ms: world.clock.wall_ms(),
    }];
    changed(world, record, &changes, spend).await
}

/// Makes a card's life durable; `None` when somebody else has it meanwhile.
async fn changed(
    world: &World,
    record: CardRecord,
    changes: &[Change],
    mut ops: Vec<Op>,
) -> Result<Option<CardRecord>, StoreError> {
    ops.push(Op::SetCard {
        row: record.row,
        life: Box::new(record.life.clone()),
        fence: None,
        changes: audit(changes, "scheduler"),
        at_ms: world.clock.wall_ms(),
    });
    let write = Write {
        guard: Guard::Card(record.row, record.fence),
        flush: None,
        ops,
    };
    match world.store.submit(write).await {
        Ok(()) => Ok(Some(record)),
        Err(StoreError::Fenced) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_decided(turn: &OpenTurnRecord, card: CardRow, gates: &[GateRecord]) -> bool {
    orket_core::turn::waits_for(&turn.steps)
        .is_none_or(|requests| standing(requests, card, gates) != Standing::Waits)
}

impl Handler<CardHeld> for RunActor {
    type Result = ();

    fn handle(&mut self, held: CardHeld, ctx: &mut Context<Self>) {
        self.card_over(held.place);
        if let Some(slot) = self.cards.get_mut(held.place) {
            slot.life = held.life;
        }
        self.run.hold(held.place);
        // It may have been decided before this was heard.
        self.look_at_gates(ctx);
        self.pump(ctx);
    }
}

impl Handler<LookAtGates> for RunActor {
    type Result = ();

    fn handle(&mut self, _: LookAtGates, ctx: &mut Context<Self>) {
        self.look_at_gates(ctx);
    }
}

impl RunActor {
    /// Where nothing is held back: what this card leaves behind, to be there before those that come
    /// after it begin.
    fn left_at_once(&self, settled: &CardSettled) -> Vec<RecordWrite> {
        let live = self.plan.policy.memory.visibility == VisibilityMode::LiveReadWrite;
        let slot = self.cards.get(settled.place).filter(|_| live);
        let card = slot
            .map(|slot| (slot.plan.as_ref(), &settled.life))
            .into_iter();
        remembering::decisions(&self.plan, card)
    }

    fn card_settled(&mut self, settled: CardSettled, ctx: &mut Context<Self>) {
        self.card_over(settled.place);
        let status = settled.life.status;
        if let Some(slot) = self.cards.get_mut(settled.place) {
            slot.life = settled.life;
        }
        let blocked = self.run.settled(settled.place, status);
        self.block(blocked, ctx);
        self.pump(ctx);
    }

    fn stop_run(&mut self, cause: StopCause, grace_ms: u64, ctx: &mut Context<Self>) {
        self.scope.wind_down(cause);
        if self.ending {
            return;
        }
        if grace_ms == 0 {
            self.scope.cancel.cancel();
        } else {
            let nap = self.world.clock.sleep(Duration::from_millis(grace_ms));
            ctx.spawn(
                nap.into_actor(self)
                    .map(|(), act, _| act.scope.cancel.cancel()),
            );
        }
        self.pump(ctx);
    }
}

impl Handler<CardSettled> for RunActor {
    type Result = ();

    fn handle(&mut self, settled: CardSettled, ctx: &mut Context<Self>) {
        fault::point("run_actor.card_settled");
        let writes = self.left_at_once(&settled);
        if writes.is_empty() {
            return self.card_settled(settled, ctx);
        }
        let add = remembering::add(Arc::clone(&self.world), Arc::clone(&self.plan), writes);
        ctx.spawn(
            add.into_actor(self)
                .map(move |(), act, ctx| act.card_settled(settled, ctx)),
        );
    }
}

impl Handler<CardLaidDown> for RunActor {
    type Result = ();

    fn handle(&mut self, laid: CardLaidDown, ctx: &mut Context<Self>) {
        self.card_over(laid.place);
        self.pump(ctx);
    }
}

impl Handler<Parked> for RunActor {
    type Result = ();

    fn handle(&mut self, message: Parked, ctx: &mut Context<Self>) {
        if let Some(slot) = self.cards.get_mut(message.place)
            && slot.actor.is_some()
            && slot.parked != message.parked
        {
            slot.parked = message.parked;
            if message.parked {
                self.parked += 1;
            } else {
                self.parked = self.parked.saturating_sub(1);
            }
        }
        self.pump(ctx);
    }
}

impl Handler<CardsCreated> for RunActor {
    type Result = ();

    fn handle(&mut self, message: CardsCreated, ctx: &mut Context<Self>) {
        for created in message.0 {
            if self.places.contains_key(&created.plan.id) {
                continue;
            }
            self.add_card(CardRecord {
                row: created.row,
                position: created.position,
                fence: 0,
                plan: created.plan,
                life: CardLife::default(),
                comments: Vec::new(),
            });
        }
        self.pump(ctx);
    }
}

impl Handler<CardReread> for RunActor {
    type Result = ();

    fn handle(&mut self, _: CardReread, _: &mut Context<Self>) {
        self.reread = true;
    }
}

impl Handler<Leave> for RunActor {
    type Result = ();

    fn handle(&mut self, _: Leave, ctx: &mut Context<Self>) {
        self.exit.ends(ExitStatus::Killed);
        ctx.stop();
    }
}

impl Handler<StopRun> for RunActor {
    type Result = ();

    fn handle(&mut self, stop: StopRun, ctx: &mut Context<Self>) {
        self.stop_run(stop.cause, stop.grace_ms, ctx);
    }
}

impl Handler<GetReport> for RunActor {
    type Result = MessageResult<GetReport>;

    fn handle(&mut self, _: GetReport, _: &mut Context<Self>) -> Self::Result {
        let _ = self.began_ms;
        MessageResult(self.report(RunStatus::Running.as_str()))
    }
}

impl Handler<ChildExit> for RunActor {
    type Result = ();

    fn handle(&mut self, exit: ChildExit, ctx: &mut Context<Self>) {
        let Child::Card(place) = exit.child else {
            return;
        };
        let why = match exit.status {
            // It said so itself.
            ExitStatus::Finished | ExitStatus::Killed => return,
            ExitStatus::Failed(why) => return self.broken(&StoreError::Unavailable(why), ctx),
            ExitStatus::Panicked => "the actor of a card panicked",
        };
        let Some(slot) = self.cards.get_mut(place) else {
            return;
        };
        if slot.actor.is_none() {
            return;
        }
        self.reread = true;
        slot.restarts += 1;
        let (row, restarts) = (slot.row, slot.restarts);
        tracing::warn!(run = %self.plan.run_id, card = %slot.plan.id, restarts, why, "a card is read back from the journal");
        let world = Arc::clone(&self.world);
        let run_id = self.plan.run_id.clone();
        let read = async move {
            if let Some(lease) = world.leases.of_card(row) {
                put_down(&world, &lease).await;
            }
            // Behind whatever the card had on its way to the journal.
            let barrier = card_event(&world, &run_id, row, "card_restarted", why);
            world.store.submit(barrier).await?;
            world.store.load_card(row).await
        };
        ctx.spawn(read.into_actor(self).map(move |read, act, ctx| match read {
            Ok(Some((record, mut open))) => {
                // A card that is settled stays so, whatever becomes of its actor.
                if record.life.status.is_settled() {
                    let life = record.life;
                    return ctx.notify(CardSettled { place, life });
                }
                if restarts <= MOST_CARD_RESTARTS {
                    return act.spawn_card(place, record, open.pop(), ctx);
                }
                act.block_broken(place, record, open.pop(), ctx);
            }
            Ok(None) => act.broken(
                &StoreError::Conflict("a card is gone from the journal".to_owned()),
                ctx,
            ),
            Err(error) => act.broken(&error, ctx),
        }));
    }
}

impl RunActor {
    /// A card whose actor does not survive is blocked; the others go on.
    fn block_broken(
        &mut self,
        place: usize,
        record: CardRecord,
        open: Option<OpenTurnRecord>,
        ctx: &mut Context<Self>,
    ) {
        let at_ms = self.world.clock.wall_ms();
        let mut life = record.life;
        let mut changes = Vec::new();
        life.block(
            WaitReason::System,
            "E_ACTOR_PANIC",
            format!(
                "its actor panicked {} times; `orket resume {}` tries again",
                MOST_CARD_RESTARTS + 1,
                self.plan.run_id
            ),
            &mut changes,
        );
        let mut ops: Vec<Op> = open
            .map(|turn| Op::CloseTurn {
                turn: turn.row,
                status: "abandoned",
                code: Some("E_ACTOR_PANIC"),
                prompt_tokens: 0,
                output_tokens: 0,
                at_ms,
            })
            .into_iter()
            .collect();
        ops.push(Op::SetCard {
            row: record.row,
            life: Box::new(life.clone()),
            fence: Some(record.fence + 1),
            changes: audit(&changes, "scheduler"),
            at_ms,
        });
        self.write(ops, ctx, move |act, ctx| {
            act.emit("card_status", act.cards.get(place).map(|slot| slot.plan.id.clone()).as_ref(),
                     json!({"to": "blocked", "reason": "actor_panic", "by": "scheduler", "wait_reason": "system"}));
            ctx.notify(CardSettled { place, life });
        });
    }
}
