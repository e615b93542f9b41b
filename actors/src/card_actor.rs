//! One live card: takes its turns one after another until it is settled.
//!
//! It owns the card's life in memory; the journal owns it on disk. When an attempt ends in any way
//! but by its own word (a panic, a lost write), the card reads itself back from the journal and goes
//! on from there, exactly as after a crash of the process.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use orket_core::card_life::{After, Budgets, CardLife, Conclusion, PARKED};
use orket_core::failure::{Failure, FailureClass};
use orket_core::gate::normal_path;
use orket_core::ids::{CardId, RunId};
use orket_core::memory::recall::Remembered;
use orket_core::message::Spoken;
use orket_core::plan::{CardPlan, RunPlan};
use orket_core::policy::OnExceed;
use orket_core::status::{CardStatus, WaitReason};
use orket_core::turn::{
    Context as TurnContext, Decided, Decision, MOST_CREATED_IN_A_TURN, Next, Purpose, Step, Turn,
    TurnOutcome, cut_off_effect, waits_for, written_files,
};
use serde_json::json;

use crate::approvals::{Standing, standing};
use crate::ending::{AttemptStalled, put_down};
use crate::event_bus::About;
use crate::exit::{Child, ChildExit, ExitGuard, ExitStatus};
use crate::fault;
use crate::gateway::{Acquire, Permit};
use crate::lease::{Lease, LeaseOf};
use crate::port::store::{CardRecord, CardRow, Guard, Op, OpenTurnRecord, Write};
use crate::remembering::recall;
use crate::run_actor::{
    CardHeld, CardLaidDown, CardReread, CardSettled, CardsCreated, Parked, RunActor,
};
use crate::turn_actor::{TurnActor, TurnEnded, TurnStart, add_next_command, audit, gate};
use crate::world::{RunScope, World};

/// How many times in a row a card is read back from the journal before it is blocked.
const MOST_RELOADS: u32 = 3;

/// What a card is started with.
pub struct CardStart {
    /// What all share.
    pub world: Arc<World>,
    /// What the run's actors share.
    pub scope: Arc<RunScope>,
    /// The run.
    pub plan: Arc<RunPlan>,
    /// The run's actor.
    pub run: Addr<RunActor>,
    /// Its place in the run.
    pub place: usize,
    /// Its score: the order in which permits are given.
    pub score: f64,
    /// What the journal holds of it.
    pub record: CardRecord,
    /// An attempt that had not ended when its process died.
    pub open_turn: Option<OpenTurnRecord>,
    /// What its dependencies said, oldest first.
    pub history: Vec<Spoken>,
    /// Its dependencies and their statuses.
    pub dependencies: Vec<(CardId, CardStatus)>,
}

/// The actor.
pub struct CardActor {
    exit: ExitGuard,
    world: Arc<World>,
    scope: Arc<RunScope>,
    plan: Arc<RunPlan>,
    run: Addr<RunActor>,
    place: usize,
    score: f64,
    row: CardRow,
    card: Arc<CardPlan>,
    life: CardLife,
    fence: i64,
    comments: Vec<(String, String)>,
    open_turn: Option<OpenTurnRecord>,
    /// What a person decided about the calls that the open attempt waits with.
    decided: Option<Decided>,
    history: Vec<Spoken>,
    dependencies: Vec<(CardId, CardStatus)>,
    child: Option<Live>,
    /// The permit of the attempt before, until the next is asked for.
    held: Option<Permit>,
    reloads: u32,
    down: bool,
}

/// The attempt under way.
struct Live {
    turn_row: i64,
    lease: Arc<Lease>,
    /// Keeps the actor alive.
    _addr: Addr<TurnActor>,
}

impl CardActor {
    /// An actor for one card.
    #[must_use]
    pub fn new(exit: ExitGuard, start: CardStart) -> Self {
        let comments = start
            .record
            .comments
            .into_iter()
            .map(|c| (c.author, c.content))
            .collect();
        Self {
            exit,
            world: start.world,
            scope: start.scope,
            plan: start.plan,
            run: start.run,
            place: start.place,
            score: start.score,
            row: start.record.row,
            card: start.record.plan,
            life: start.record.life,
            fence: start.record.fence,
            comments,
            open_turn: start.open_turn,
            decided: None,
            history: start.history,
            dependencies: start.dependencies,
            child: None,
            held: None,
            reloads: 0,
            down: false,
        }
    }

    fn emit(&self, event: &str, data: serde_json::Value) {
        self.world.events.emit(
            event,
            About {
                run: Some(self.plan.run_id.as_str()),
                card: Some(self.card.id.as_str()),
                workspace: Some(&self.plan.workspace),
                role: &self.card.seat,
            },
            data,
        );
    }

    /// The next turn, or the end.
    fn proceed(&mut self, wait: Duration, ctx: &mut Context<Self>) {
        if self.scope.is_winding_down() {
            return self.lay_down(ctx);
        }
        // Nothing can be done for it but to ask a person, and that needs no permit.
        let is_cut_off = |open: &mut OpenTurnRecord| cut_off_effect(&open.steps).is_some();
        if let Some(open) = self.open_turn.take_if(is_cut_off) {
            return self.park(&open, ctx);
        }
        let waits = |open: &OpenTurnRecord| waits_for(&open.steps).is_some();
        if self.decided.is_none() && self.open_turn.as_ref().is_some_and(waits) {
            return self.look_at_gates(ctx);
        }
        let purpose = match &self.open_turn {
            Some(open) => purpose_of(open).or(self.life.next_purpose()),
            None => self.life.next_purpose(),
        };
        let Some(purpose) = purpose else {
            return self.settle(ctx);
        };
        if wait.is_zero() {
            return self.acquire(purpose, ctx);
        }
        self.held = None;
        self.run.do_send(Parked {
            place: self.place,
            parked: true,
        });
        let nap = self.world.clock.sleep(wait);
        ctx.spawn(nap.into_actor(self).map(move |(), act, ctx| {
            act.run.do_send(Parked {
                place: act.place,
                parked: false,
            });
            if act.scope.is_winding_down() {
                act.lay_down(ctx)
            } else {
                act.acquire(purpose, ctx)
            }
        }));
    }

    /// Waits for a permit; holds nothing meanwhile.
    fn acquire(&mut self, purpose: Purpose, ctx: &mut Context<Self>) {
        let seat = self.seat_for(purpose);
        let model = match self.plan.seat(&seat) {
            Some(seat) => self
                .card
                .model_override(&seat.role)
                .unwrap_or_else(|| seat.model.clone()),
            None => {
                let failure = Failure::new(
                    FailureClass::ModelRefused,
                    format!("the plan has no seat `{seat}`"),
                );
                return self.failed_without_turn(purpose, failure, ctx);
            }
        };
        let provider = match self.world.models.provider(&model) {
            Ok(provider) => provider,
            Err(failure) => return self.failed_without_turn(purpose, failure, ctx),
        };
        let Some(gateway) = self.world.gateway.get() else {
            return self.acquire_later(purpose, ctx);
        };
        let ask = Acquire {
            endpoint: provider.endpoint().to_owned(),
            permits: provider.default_permits(),
            review: purpose == Purpose::Review,
            score: self.score,
        };
        let endpoint = ask.endpoint.clone();
        let asked = gateway.send(ask);
        // In this order: what is begun is finished before more is begun.
        self.held = None;
        let (world, scope) = (Arc::clone(&self.world), Arc::clone(&self.scope));
        let (plan, card) = (Arc::clone(&self.plan), Arc::clone(&self.card));
        let waiting = async move {
            let answer = match asked.await {
                Ok(Ok(waiting)) => waiting.await.ok(),
                Ok(Err(failure)) => Some(Err(failure)),
                Err(_) => None,
            };
            match answer {
                Some(Ok(permit)) => {
                    let remembered = recall(&world, &scope, &plan, &card).await;
                    Some(Ok((permit, remembered)))
                }
                Some(Err(failure)) => Some(Err(failure)),
                None => None,
            }
        };
        ctx.spawn(
            waiting
                .into_actor(self)
                .map(move |answer, act, ctx| match answer {
                    Some(Ok((permit, remembered))) => {
                        act.begin(purpose, endpoint, (permit, remembered), ctx)
                    }
                    Some(Err(failure)) => act.failed_without_turn(purpose, failure, ctx),
                    // The gateway died; its successor is asked.
                    None => act.acquire_later(purpose, ctx),
                }),
        );
    }

    fn acquire_later(&mut self, purpose: Purpose, ctx: &mut Context<Self>) {
        let nap = self.world.clock.sleep(Duration::from_millis(20));
        ctx.spawn(nap.into_actor(self).map(move |(), act, ctx| {
            if act.scope.is_winding_down() {
                act.lay_down(ctx)
            } else {
                act.acquire(purpose, ctx)
            }
        }));
    }

    fn seat_for(&self, purpose: Purpose) -> String {
        match purpose {
            Purpose::Work => match (
                &self.life.escalation,
                &self.plan.policy.guard_loop.fallback_seat,
            ) {
                (Some(OnExceed::FallbackRole), Some(seat)) => seat.clone(),
                _ => self.card.seat.clone(),
            },
            Purpose::Review => self.plan.guard_seat.clone(),
        }
    }

    /// A permit is there: a new attempt, or the one that a dead process left.
    fn begin(
        &mut self,
        purpose: Purpose,
        endpoint: String,
        (permit, remembered): (Permit, Option<Remembered>),
        ctx: &mut Context<Self>,
    ) {
        fault::point_of("card_actor.begin", self.card.id.as_str());
        if self.down || self.scope.is_winding_down() {
            drop(permit);
            return self.lay_down(ctx);
        }
        let old_fence = self.fence;
        let new_fence = old_fence + 1;
        let mut claim = Vec::new();
        let at_ms = self.world.clock.wall_ms();
        if let Some(decided) = self.decided.take()
            && let Some(open) = self.open_turn.take()
        {
            if let Some(cx) = self.recovered_context(&open)
                && let Ok((turn, decision)) =
                    Turn::recover(Arc::new(cx), &open.steps, self.life.recoveries)
                && matches!(decision.next, Next::Park(_))
            {
                return self.go_on_decided(open, turn, decided, endpoint, permit, ctx);
            }
            claim.push(abandon(&open, at_ms));
        }
        if let Some(open) = self.open_turn.take() {
            let recoveries = match self.life.take_up(self.plan.max_recoveries) {
                Ok(recoveries) => recoveries,
                Err(failure) => {
                    claim.push(abandon(&open, at_ms));
                    return self.block_with(failure, claim, ctx);
                }
            };
            let replied = open
                .steps
                .iter()
                .any(|step| matches!(step.as_ref(), Step::ModelReplied { .. }));
            if replied
                && let Some(cx) = self.recovered_context(&open)
                && let Ok((turn, decision)) = Turn::recover(Arc::new(cx), &open.steps, recoveries)
            {
                fault::point("recovery.take_up");
                return self.take_up(open, turn, decision, Vec::new(), (endpoint, permit), ctx);
            }
            // An attempt that cannot be followed, because another version of this program made it,
            // is asked for anew; one with an effect that must not be repeated was parked before.
            self.life.note_written(written_files(&open.steps));
            claim.push(abandon(&open, at_ms));
        }
        let changes = self.life.claim(purpose);
        let seat = self.seat_for(purpose);
        let role = self
            .plan
            .seat(&seat)
            .map(|seat| seat.role.clone())
            .unwrap_or_default();
        let (unshown, history) = self.spoken(purpose);
        let cx = TurnContext {
            plan: Arc::clone(&self.plan),
            card: Arc::clone(&self.card),
            seat: seat.clone(),
            purpose,
            turn: self.life.turn,
            attempt: self.life.attempt,
            status: self.life.status,
            missing_reads: self.missing_reads(purpose),
            comments: self.comments.clone(),
            refusal: self.life.refusal.clone(),
            history,
            unshown,
            dependencies: self.dependencies.clone(),
            room: Some(self.room()),
            written: match purpose {
                Purpose::Work => Vec::new(),
                Purpose::Review => self.life.written.clone(),
            },
            remembered,
        };
        let (turn, decision) = match Turn::begin(Arc::new(cx)) {
            Ok(begun) => begun,
            Err(failure) => return self.block_with(failure, claim, ctx),
        };
        let turn_row = self.world.turn_row();
        claim.push(Op::SetCard {
            row: self.row,
            life: Box::new(self.life.clone()),
            fence: Some(new_fence),
            changes: audit(&changes, &role),
            at_ms,
        });
        claim.push(Op::OpenTurn {
            row: turn_row,
            card: self.row,
            run_id: self.plan.run_id.clone(),
            card_id: self.card.id.clone(),
            fence: new_fence,
            turn: self.life.turn,
            attempt: self.life.attempt,
            seat: seat.clone(),
            role: role.clone(),
            at_ms,
        });
        self.fence = new_fence;
        let lease = self.open_lease(turn_row, turn.context(), &role, ctx);
        self.emit(
            "orchestrator_dispatch",
            json!({"seat": seat, "turn": self.life.turn, "attempt": self.life.attempt, "status": self.life.status.as_str()}),
        );
        self.start_turn(
            TurnStart {
                world: Arc::clone(&self.world),
                scope: Arc::clone(&self.scope),
                turn,
                decision,
                claim,
                guard: Guard::Card(self.row, old_fence),
                changes,
                first_seq: 0,
                lease,
                permit: Some(permit),
                endpoint,
                recovered: false,
                to: ctx.address().recipient(),
            },
            ctx,
        );
    }

    /// Gives up an attempt in which a call that must not be repeated has no outcome, and leaves the
    /// card to a person.
    fn park(&mut self, open: &OpenTurnRecord, ctx: &mut Context<Self>) {
        let tool = cut_off_effect(&open.steps).unwrap_or_default();
        let failure = orket_core::turn::unknown_outcome(&tool);
        let at_ms = self.world.clock.wall_ms();
        let seat = open.steps.iter().find_map(|step| match step.as_ref() {
            Step::TurnStarted { seat, .. } => Some(seat.as_str()),
            _ => None,
        });
        let seat = seat.unwrap_or(&self.card.seat);
        let purpose = purpose_of(open).unwrap_or(Purpose::Work);
        let of = self.lease_of(open.row, (seat, ""), purpose, (open.turn, open.attempt));
        let gate = gate(&of, seat, Some(&failure), &open.steps, at_ms);
        let ops = vec![abandon(open, at_ms), gate];
        self.block_for(WaitReason::Input, failure, ops, ctx);
    }

    /// Asks the journal what became of the gates that the open attempt waits for.
    fn look_at_gates(&mut self, ctx: &mut Context<Self>) {
        let read = self.world.store.gates_of_run(self.plan.run_id.clone());
        ctx.spawn(read.into_actor(self).map(|read, act, ctx| {
            let gates = match read {
                Ok(gates) => gates,
                Err(error) => return act.reload(error.to_string(), ctx),
            };
            let requests = act
                .open_turn
                .as_ref()
                .and_then(|open| waits_for(&open.steps))
                .unwrap_or_default();
            match standing(requests, act.row, &gates) {
                Standing::Waits => act.hold(ctx),
                Standing::Decided(decided) => {
                    act.decided = Some(decided);
                    act.proceed(Duration::ZERO, ctx);
                }
            }
        }));
    }

    /// Nobody has decided yet: back to waiting.
    fn hold(&mut self, ctx: &mut Context<Self>) {
        if self.life.is_parked() {
            return self.held_down(ctx);
        }
        let purpose = self.open_turn.as_ref().and_then(purpose_of);
        let mut changes = Vec::new();
        if self.life.status == CardStatus::Ready {
            self.life.dispatch(Purpose::Work, &mut changes);
        }
        let note = "waits for a person; `orket gates list` shows for what".to_owned();
        self.life
            .park(purpose.unwrap_or(Purpose::Work), PARKED, note, &mut changes);
        let conclusion = Conclusion {
            changes,
            after: After::Parked,
            gate: false,
        };
        self.store_life(conclusion, Vec::new(), None, ctx);
    }

    /// Gives everything back until a person has decided.
    fn held_down(&mut self, ctx: &mut Context<Self>) {
        self.held = None;
        if self.down {
            return;
        }
        self.exit.ends(ExitStatus::Finished);
        self.run.do_send(CardHeld {
            place: self.place,
            life: self.life.clone(),
        });
        ctx.stop();
    }

    /// A person decided: the approvals are spent with the step that says so.
    fn go_on_decided(
        &mut self,
        open: OpenTurnRecord,
        mut turn: Turn,
        decided: Decided,
        endpoint: String,
        permit: Permit,
        ctx: &mut Context<Self>,
    ) {
        let at_ms = self.world.clock.wall_ms();
        // A refusal is used up too: it decides this attempt and no later one.
        let spend = vec![Op::SpendGates {
            gates: decided.gates.clone(),
            at_ms,
        }];
        match turn.decided(decided) {
            Ok(decision) => self.take_up(open, turn, decision, spend, (endpoint, permit), ctx),
            Err(failure) => self.block_with(failure, vec![abandon(&open, at_ms)], ctx),
        }
    }

    /// Goes on with an attempt whose reply is in the journal already.
    fn take_up(
        &mut self,
        open: OpenTurnRecord,
        turn: Turn,
        decision: Decision,
        first: Vec<Op>,
        (endpoint, permit): (String, Permit),
        ctx: &mut Context<Self>,
    ) {
        let old_fence = self.fence;
        let new_fence = old_fence + 1;
        let purpose = turn.context().purpose;
        let mut changes = Vec::new();
        self.life.unpark(&mut changes);
        self.life.dispatch(purpose, &mut changes);
        let role = turn
            .context()
            .plan
            .seat(&turn.context().seat)
            .map(|seat| seat.role.clone())
            .unwrap_or_default();
        let at_ms = self.world.clock.wall_ms();
        let mut claim = first;
        claim.extend([
            Op::SetCard {
                row: self.row,
                life: Box::new(self.life.clone()),
                fence: Some(new_fence),
                changes: audit(&changes, &role),
                at_ms,
            },
            Op::FenceTurn {
                turn: open.row,
                fence: new_fence,
            },
        ]);
        self.fence = new_fence;
        let lease = self.open_lease(open.row, turn.context(), &role, ctx);
        lease.note_steps(open.steps.iter().cloned());
        self.start_turn(
            TurnStart {
                world: Arc::clone(&self.world),
                scope: Arc::clone(&self.scope),
                turn,
                decision,
                claim,
                guard: Guard::Card(self.row, old_fence),
                changes,
                first_seq: u32::try_from(open.steps.len()).unwrap_or(u32::MAX),
                lease,
                permit: Some(permit),
                endpoint,
                recovered: true,
                to: ctx.address().recipient(),
            },
            ctx,
        );
    }

    fn start_turn(&mut self, start: TurnStart, ctx: &mut Context<Self>) {
        let lease = Arc::clone(&start.lease);
        let turn_row = lease.of.turn_row;
        let guard = ExitGuard::new(Child::Turn(turn_row), ctx.address().recipient());
        let addr = TurnActor::new(guard, start).start();
        self.child = Some(Live {
            turn_row,
            lease,
            _addr: addr,
        });
    }

    fn open_lease(
        &self,
        turn_row: i64,
        cx: &TurnContext,
        role: &str,
        ctx: &Context<Self>,
    ) -> Arc<Lease> {
        self.world.leases.open(
            self.lease_of(
                turn_row,
                (&cx.seat, role),
                cx.purpose,
                (cx.turn, cx.attempt),
            ),
            &self.scope.cancel,
            ctx.address().recipient(),
        )
    }

    fn lease_of(
        &self,
        turn_row: i64,
        (seat, role): (&str, &str),
        purpose: Purpose,
        (turn, attempt): (u32, u32),
    ) -> LeaseOf {
        LeaseOf {
            plan: Arc::clone(&self.plan),
            card: self.row,
            card_id: self.card.id.clone(),
            card_plan: Arc::clone(&self.card),
            turn_row,
            fence: self.fence,
            purpose,
            seat: seat.to_owned(),
            role: role.to_owned(),
            turn,
            attempt,
            life: self.life.clone(),
        }
    }

    fn recovered_context(&self, open: &OpenTurnRecord) -> Option<TurnContext> {
        let started = open.steps.first()?;
        let (plan, card) = (Arc::clone(&self.plan), Arc::clone(&self.card));
        let mut cx = TurnContext::recorded(plan, card, started)?;
        if matches!(&**started, Step::TurnStarted { given: None, .. }) {
            // Begun by an earlier version, which did not record it.
            cx.comments = self.comments.clone();
            cx.refusal = self.life.refusal.clone();
            (cx.unshown, cx.history) = self.spoken(cx.purpose);
            cx.dependencies = self.dependencies.clone();
        }
        Some(cx)
    }

    /// How many cards a turn that begins now may create.
    fn room(&self) -> u32 {
        let left = self.plan.max_created_cards;
        left.saturating_sub(self.scope.created())
            .min(MOST_CREATED_IN_A_TURN)
    }

    fn missing_reads(&self, purpose: Purpose) -> Vec<String> {
        let contract = match purpose {
            Purpose::Work => &self.card.contract,
            Purpose::Review => &self.card.review_contract,
        };
        contract
            .required_read_paths
            .iter()
            .filter(|path| {
                let normal = normal_path(path).unwrap_or_else(|| (*path).clone());
                !Path::new(&self.plan.workspace).join(normal).exists()
            })
            .cloned()
            .collect()
    }

    /// What was said before: the dependencies, and before a review the card's own work; as much as
    /// the window shows, after the number of those that it does not.
    fn spoken(&self, purpose: Purpose) -> (u32, Vec<Spoken>) {
        let mut all = self.history.clone();
        if purpose == Purpose::Review && !self.life.last_reply.is_empty() {
            all.push(Spoken {
                card: self.card.id.clone(),
                seat: self.card.seat.clone(),
                text: self.life.last_reply.clone(),
            });
        }
        let window = usize::try_from(self.plan.context_window).unwrap_or(usize::MAX);
        let skip = all.len().saturating_sub(window);
        let shown = all.split_off(skip);
        (u32::try_from(skip).unwrap_or(u32::MAX), shown)
    }

    /// No attempt could even begin.
    fn failed_without_turn(&mut self, purpose: Purpose, failure: Failure, ctx: &mut Context<Self>) {
        let seed = format!(
            "{}:{}:{}",
            self.plan.run_id, self.card.id, self.life.attempts
        );
        let outcome = TurnOutcome::Failed {
            failure: failure.clone(),
        };
        let budgets = budgets(&self.plan);
        let conclusion = self
            .life
            .conclude(&self.card, purpose, &outcome, &budgets, &seed);
        add_next_command(&mut self.life, &self.plan);
        self.emit(
            "turn_failed",
            json!({"type": failure.class.as_str(), "code": failure.code(), "error": failure.message}),
        );
        self.store_life(conclusion, Vec::new(), None, ctx);
    }

    fn block_with(&mut self, failure: Failure, ops: Vec<Op>, ctx: &mut Context<Self>) {
        self.block_for(WaitReason::System, failure, ops, ctx);
    }

    fn block_for(
        &mut self,
        reason: WaitReason,
        failure: Failure,
        ops: Vec<Op>,
        ctx: &mut Context<Self>,
    ) {
        let mut changes = Vec::new();
        self.life
            .block(reason, failure.code(), failure.message, &mut changes);
        add_next_command(&mut self.life, &self.plan);
        let conclusion = Conclusion {
            changes,
            after: After::Settled,
            gate: false,
        };
        self.store_life(conclusion, ops, None, ctx);
    }

    /// Makes a change of the card durable, then goes on.
    fn store_life(
        &mut self,
        conclusion: Conclusion,
        mut ops: Vec<Op>,
        fence: Option<i64>,
        ctx: &mut Context<Self>,
    ) {
        let at_ms = self.world.clock.wall_ms();
        ops.push(Op::SetCard {
            row: self.row,
            life: Box::new(self.life.clone()),
            fence,
            changes: audit(&conclusion.changes, "scheduler"),
            at_ms,
        });
        let write = self.world.store.submit(Write {
            guard: Guard::Card(self.row, self.fence),
            flush: None,
            ops,
        });
        ctx.spawn(
            write
                .into_actor(self)
                .map(move |written, act, ctx| match written {
                    Ok(()) => {
                        if let Some(fence) = fence {
                            act.fence = fence;
                        }
                        act.concluded(&conclusion, ctx);
                    }
                    Err(error) => act.reload(error.to_string(), ctx),
                }),
        );
    }

    /// A conclusion is durable: it is shown and followed.
    fn concluded(&mut self, conclusion: &Conclusion, ctx: &mut Context<Self>) {
        for change in &conclusion.changes {
            self.emit(
                "card_status",
                json!({"from": change.from.as_str(), "to": change.to.as_str(), "reason": change.reason, "by": "scheduler",
                       "wait_reason": self.life.wait_reason.map(|w| w.as_str())}),
            );
        }
        self.follow(conclusion.after, ctx);
    }

    fn follow(&mut self, after: After, ctx: &mut Context<Self>) {
        match after {
            After::Turn { wait, .. } => {
                if !wait.is_zero() {
                    self.emit(
                        "retry_triggered",
                        json!({"retry_count": self.life.retries, "max_retries": self.card.max_retries, "wait_ms": wait.as_millis()}),
                    );
                }
                self.proceed(wait, ctx);
            }
            After::Parked => self.held_down(ctx),
            After::Settled => self.settle(ctx),
        }
    }

    fn settle(&mut self, ctx: &mut Context<Self>) {
        if self.down {
            return;
        }
        fault::point_of("card_actor.settle", self.card.id.as_str());
        self.exit.ends(ExitStatus::Finished);
        self.run.do_send(CardSettled {
            place: self.place,
            life: self.life.clone(),
        });
        ctx.stop();
    }

    /// The run stops: what is durable stays, the rest is taken up by a resume.
    fn lay_down(&mut self, ctx: &mut Context<Self>) {
        self.held = None;
        if std::mem::replace(&mut self.down, true) {
            return;
        }
        // While the card is being read back, its last attempt may still be on its way out.
        let lease = self
            .child
            .take()
            .map(|live| live.lease)
            .or_else(|| self.world.leases.of_card(self.row));
        let world = Arc::clone(&self.world);
        let down = async move {
            if let Some(lease) = lease {
                put_down(&world, &lease).await;
            }
        };
        ctx.spawn(down.into_actor(self).map(|(), act, ctx| {
            act.exit.ends(ExitStatus::Killed);
            act.run.do_send(CardLaidDown { place: act.place });
            ctx.stop();
        }));
    }

    /// Reads the card back from the journal and goes on from there.
    fn reload(&mut self, why: String, ctx: &mut Context<Self>) {
        self.reloads += 1;
        tracing::warn!(card = %self.card.id, %why, times = self.reloads, "a card is read back from the journal");
        self.emit(
            "card_reloaded",
            json!({"reason": why, "times": self.reloads}),
        );
        self.run.do_send(CardReread);
        let lease = self.child.take().map(|live| live.lease);
        let world = Arc::clone(&self.world);
        let row = self.row;
        let (run_id, reason) = (self.plan.run_id.clone(), why.clone());
        let wait = Duration::from_millis(50 * u64::from(self.reloads));
        let read = async move {
            if let Some(lease) = lease {
                put_down(&world, &lease).await;
            }
            world.clock.sleep(wait).await;
            // Behind whatever the attempt had on its way to the journal.
            let barrier = card_event(&world, &run_id, row, "card_reloaded", &reason);
            world.store.submit(barrier).await?;
            world.store.load_card(row).await
        };
        ctx.spawn(read.into_actor(self).map(move |read, act, ctx| match read {
            Ok(Some((record, open))) => act.reloaded(record, open, why, ctx),
            Ok(None) => act.give_up("its row is gone from the journal", ctx),
            Err(error) if act.reloads > MOST_RELOADS * 3 => act.give_up(&error.to_string(), ctx),
            Err(error) => act.reload(error.to_string(), ctx),
        }));
    }

    fn reloaded(
        &mut self,
        record: CardRecord,
        mut open: Vec<OpenTurnRecord>,
        why: String,
        ctx: &mut Context<Self>,
    ) {
        self.life = record.life;
        self.fence = record.fence;
        self.comments = record
            .comments
            .into_iter()
            .map(|c| (c.author, c.content))
            .collect();
        self.open_turn = open.pop();
        if self.reloads > MOST_RELOADS && !self.life.status.is_settled() {
            let ops = self
                .open_turn
                .take()
                .map(|open| abandon(&open, self.world.clock.wall_ms()))
                .into_iter()
                .collect();
            let failure = Failure::new(
                FailureClass::Panic,
                format!(
                    "its work broke off {} times in a row: {why}; `orket resume {}` tries again",
                    self.reloads, self.plan.run_id
                ),
            );
            return self.block_with(failure, ops, ctx);
        }
        self.proceed(Duration::ZERO, ctx);
    }

    /// The journal cannot be reached any more: the run has to stop.
    fn give_up(&mut self, why: &str, ctx: &mut Context<Self>) {
        self.exit
            .ends(ExitStatus::Failed(format!("the journal failed: {why}")));
        ctx.stop();
    }
}

/// The budgets that a run's outcomes are judged by.
#[must_use]
pub const fn budgets(plan: &RunPlan) -> Budgets<'_> {
    Budgets {
        plan,
        guard_loop: &plan.policy.guard_loop,
        backoff: plan.retry,
        max_model_retries: plan.max_model_retries,
    }
}

fn purpose_of(open: &OpenTurnRecord) -> Option<Purpose> {
    open.steps.iter().find_map(|step| match step.as_ref() {
        Step::TurnStarted { purpose, .. } => Some(*purpose),
        _ => None,
    })
}

/// A note in the journal, and a mark behind all writes that were on their way before it.
pub(crate) fn card_event(
    world: &World,
    run_id: &RunId,
    card: CardRow,
    kind: &str,
    reason: &str,
) -> Write {
    Write {
        guard: Guard::None,
        flush: None,
        ops: vec![Op::CardEvent {
            run_id: run_id.clone(),
            card: Some(card),
            kind: kind.to_owned(),
            data: json!({"reason": reason}),
            at_ms: world.clock.wall_ms(),
        }],
    }
}

fn abandon(open: &OpenTurnRecord, at_ms: i64) -> Op {
    Op::CloseTurn {
        turn: open.row,
        status: "abandoned",
        code: None,
        prompt_tokens: 0,
        output_tokens: 0,
        at_ms,
    }
}

impl Actor for CardActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        fault::point_of("card_actor.started", self.card.id.as_str());
        let stopped = self.scope.cancel.clone();
        let wait = async move { stopped.cancelled().await };
        ctx.spawn(wait.into_actor(self).map(|(), act, ctx| act.lay_down(ctx)));
        let winding_down = self.scope.winding_down.clone();
        let wait = async move { winding_down.cancelled().await };
        ctx.spawn(wait.into_actor(self).map(|(), act, ctx| {
            // An attempt under way stops by itself at its next durable step.
            if act.child.is_none() {
                act.lay_down(ctx);
            }
        }));
        self.proceed(Duration::ZERO, ctx);
    }
}

impl Handler<TurnEnded> for CardActor {
    type Result = ();

    fn handle(&mut self, ended: TurnEnded, ctx: &mut Context<Self>) {
        if self
            .child
            .as_ref()
            .is_none_or(|live| live.turn_row != ended.turn_row)
        {
            return;
        }
        fault::point_of("card_actor.turn_ended", self.card.id.as_str());
        self.child = None;
        self.held = ended.permit;
        self.reloads = 0;
        self.life = ended.life;
        self.comments.extend(ended.comments);
        if !ended.created.is_empty() {
            self.run.do_send(CardsCreated(ended.created));
        }
        self.follow(ended.conclusion.after, ctx);
    }
}

impl Handler<AttemptStalled> for CardActor {
    type Result = ();

    fn handle(&mut self, stalled: AttemptStalled, ctx: &mut Context<Self>) {
        let Some(live) = self.child.take_if(|live| live.turn_row == stalled.turn_row) else {
            return;
        };
        let Some((life, conclusion)) = stalled.concluded else {
            return self.reload(stalled.failure.message, ctx);
        };
        self.fence = stalled.fence;
        self.life = life;
        if stalled.gone {
            return self.concluded(&conclusion, ctx);
        }
        let of = &live.lease.of;
        let failure = Failure::new(
            FailureClass::UnknownOutcome,
            format!(
                "{}; its work could not be seen to end, so nothing new was started",
                stalled.failure.message
            ),
        );
        let at_ms = self.world.clock.wall_ms();
        let steps = live.lease.steps();
        let opened = (!conclusion.gate).then(|| gate(of, &of.seat, Some(&failure), &steps, at_ms));
        let mut changes = conclusion.changes;
        self.life.block(
            WaitReason::Input,
            failure.code(),
            failure.message,
            &mut changes,
        );
        add_next_command(&mut self.life, &self.plan);
        let conclusion = Conclusion {
            changes,
            after: After::Settled,
            gate: true,
        };
        self.store_life(conclusion, opened.into_iter().collect(), None, ctx);
    }
}

impl Handler<ChildExit> for CardActor {
    type Result = ();

    fn handle(&mut self, exit: ChildExit, ctx: &mut Context<Self>) {
        let Child::Turn(turn_row) = exit.child else {
            return;
        };
        if self
            .child
            .as_ref()
            .is_none_or(|live| live.turn_row != turn_row)
        {
            return;
        }
        match exit.status {
            ExitStatus::Finished => {}
            ExitStatus::Killed => {
                if self.scope.is_winding_down() {
                    self.lay_down(ctx);
                }
                // Otherwise the watchdog ended it and says so itself.
            }
            ExitStatus::Failed(why) => self.reload(why, ctx),
            ExitStatus::Panicked => {
                self.reload("an actor panicked in the middle of a turn".to_owned(), ctx)
            }
        }
    }
}
