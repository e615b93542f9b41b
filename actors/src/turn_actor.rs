//! One attempt: feeds the turn machine and carries out what it decides.
//!
//! Every decision is committed before it is acted on. The last commit carries the steps, the card's
//! new life and what the ledger tools asked for, all or nothing.

mod guarding;
mod spending;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use orket_core::card_life::{After, CardLife, Change, Conclusion, PARKED};
use orket_core::failure::{Failure, FailureClass};
use orket_core::message::tokens;
use orket_core::model::ModelRequest;
use orket_core::plan::{CardPlan, RunPlan};
use orket_core::policy::{Amounts, ApprovalRequest};
use orket_core::stall::Phase;
use orket_core::status::{CardStatus, WaitReason};
use orket_core::tool::EffectClass;
use orket_core::turn::{
    Decision, FixtureFault, LedgerEffect, Next, Step, Turn, TurnOutcome, VerifyReport,
};
use serde_json::{Value, json};

use crate::ask::{Asked, ask};
use crate::card_actor::budgets;
use crate::ending::record;
use crate::event_bus::About;
use crate::exit::{Child, ChildExit, ExitGuard, ExitStatus};
use crate::fault;
use crate::gateway::{Observed, Permit};
use crate::lease::Lease;
use crate::port::store::{
    CardRow, FlushFolder, Guard, Op, Shortage, StatusChange, StepRow, StoreError, UNKNOWN_OUTCOME,
    Write,
};
use crate::port::tool::{ToolJob, ToolScope};
use crate::skill_actor::{SkillActor, SkillEnded, SkillJob};
use crate::world::{RunScope, World};

use self::spending::EXCEEDED;

/// A card that a turn created.
#[derive(Debug, Clone)]
pub struct Created {
    /// Its row.
    pub row: CardRow,
    /// Its place in the epic: after all others.
    pub position: u32,
    /// Its definition.
    pub plan: Arc<CardPlan>,
}

/// A turn is over and durable.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct TurnEnded {
    /// The attempt's row.
    pub turn_row: i64,
    /// The card's life now.
    pub life: CardLife,
    /// What follows.
    pub conclusion: Conclusion,
    /// Comments it made.
    pub comments: Vec<(String, String)>,
    /// Cards it created.
    pub created: Vec<Created>,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// Its permit: the card asks for what follows before it gives this back, so that a review
    /// stands in the queue when the place becomes free.
    pub permit: Option<Permit>,
}

/// What an attempt is started with.
pub struct TurnStart {
    /// What all share.
    pub world: Arc<World>,
    /// What the run's actors share.
    pub scope: Arc<RunScope>,
    /// The machine.
    pub turn: Turn,
    /// Its first decision.
    pub decision: Decision,
    /// Committed together with the first decision's steps: the claim.
    pub claim: Vec<Op>,
    /// What must hold for the claim.
    pub guard: Guard,
    /// Status changes of the claim, to be shown once it is durable.
    pub changes: Vec<Change>,
    /// The number of the first new step.
    pub first_seq: u32,
    /// The lease.
    pub lease: Arc<Lease>,
    /// The permit.
    pub permit: Option<Permit>,
    /// The endpoint that is asked.
    pub endpoint: String,
    /// Whether this takes up an attempt of a dead process.
    pub recovered: bool,
    /// Who is told the end.
    pub to: Recipient<TurnEnded>,
}

/// The actor.
pub struct TurnActor {
    exit: ExitGuard,
    start: TurnStart,
    seq: u32,
    began_ms: u64,
    /// A write is on its way. It is waited for even by a halt, so that nothing reaches the journal
    /// after the run was settled.
    committing: bool,
    finishing: bool,
    /// What the question under way set aside.
    reserved: Option<Amounts>,
    /// Why the last one could not be asked.
    shortage: Option<Box<Shortage>>,
    /// Since when it waits for others to give back what they have set aside, and when the turn began.
    standing_by: Option<(u64, u64)>,
    /// The last time it lacked something, nobody else was at work who could give it back.
    was_alone: bool,
    /// What the commit under way says of a question that cost more than what was set aside.
    exceeded: Option<Value>,
    _token: tokio_util::task::task_tracker::TaskTrackerToken,
}

impl TurnActor {
    /// An actor for one attempt.
    #[must_use]
    pub fn new(exit: ExitGuard, start: TurnStart) -> Self {
        let began_ms = start.world.clock.now_ms();
        let token = start.lease.tracker.token();
        Self {
            exit,
            seq: start.first_seq,
            start,
            began_ms,
            committing: false,
            finishing: false,
            reserved: None,
            shortage: None,
            standing_by: None,
            was_alone: false,
            exceeded: None,
            _token: token,
        }
    }

    fn emit(&self, event: &str, data: Value) {
        let of = &self.start.lease.of;
        self.start.world.events.emit(
            event,
            About {
                run: Some(of.plan.run_id.as_str()),
                card: Some(of.card_id.as_str()),
                workspace: Some(&of.plan.workspace),
                role: &of.role,
            },
            data,
        );
    }

    fn end(&mut self, status: ExitStatus, ctx: &mut Context<Self>) {
        self.exit.ends(status);
        ctx.stop();
    }

    /// Commits a decision, then acts on it.
    fn commit(&mut self, decision: Decision, ctx: &mut Context<Self>) {
        let world = Arc::clone(&self.start.world);
        let lease = Arc::clone(&self.start.lease);
        let at_ms = world.clock.wall_ms();
        let claiming = !self.start.claim.is_empty();
        let mut ops = std::mem::take(&mut self.start.claim);
        let steps: Vec<Arc<Step>> = decision.steps.into_iter().map(Arc::new).collect();
        let rows: Vec<StepRow> = steps
            .iter()
            .zip(self.seq..)
            .map(|(step, seq)| StepRow {
                seq,
                at_ms,
                step: Arc::clone(step),
            })
            .collect();
        self.seq = self
            .seq
            .saturating_add(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        ops.push(Op::Steps {
            turn: lease.of.turn_row,
            steps: rows,
        });
        let guard = if claiming {
            std::mem::replace(
                &mut self.start.guard,
                Guard::Turn(lease.of.turn_row, lease.of.fence),
            )
        } else {
            Guard::Turn(lease.of.turn_row, lease.of.fence)
        };
        self.settle(&steps, at_ms, &mut ops);
        let parking = matches!(decision.next, Next::Park(_));
        let ended = match &decision.next {
            Next::Finish(outcome) => Some(self.finish_ops(outcome, at_ms, &mut ops)),
            Next::Park(requests) => Some(self.park_ops(requests, at_ms, &mut ops)),
            Next::Verify(_) | Next::Ask | Next::Call { .. } => None,
        };
        self.finishing = ended.is_some();
        self.committing = true;
        let flush = decision
            .flush
            .then(|| FlushFolder(Arc::new(PathBuf::from(&lease.of.plan.workspace))));
        lease.enter(Phase::Queued);
        let point = if claiming {
            "turn.before_claim"
        } else if ended.is_some() {
            "turn.before_finish"
        } else {
            "turn.before_step"
        };
        fault::point_of(point, lease.of.card_id.as_str());
        let write = world.store.submit(Write { guard, flush, ops });
        let next = decision.next;
        ctx.spawn(write.into_actor(self).map(move |written, act, ctx| {
            act.committing = false;
            match written {
                Ok(()) => {
                    let point = if claiming {
                        "turn.after_claim"
                    } else if ended.is_some() {
                        "turn.after_finish"
                    } else {
                        "turn.after_step"
                    };
                    fault::point_of(point, act.start.lease.of.card_id.as_str());
                    act.start.lease.note_steps(steps);
                    if let Some(exceeded) = act.exceeded.take() {
                        act.emit(EXCEEDED, exceeded);
                    }
                    if claiming {
                        act.show_start();
                    }
                    match ended {
                        Some(ended) if parking => act.parked(ended, ctx),
                        Some(ended) => act.finished(ended, at_ms, ctx),
                        None => act.perform(next, ctx),
                    }
                }
                // The watchdog, who says so to the card himself.
                Err(StoreError::Fenced) if act.start.lease.has_ended() => {
                    act.end(ExitStatus::Killed, ctx)
                }
                Err(error) => act.end(ExitStatus::Failed(error.to_string()), ctx),
            }
        }));
    }

    fn show_start(&mut self) {
        let of = &self.start.lease.of;
        for change in std::mem::take(&mut self.start.changes) {
            self.emit("card_status", change_data(&change, "scheduler", None));
        }
        let cx = self.start.turn.context();
        let model = cx.plan.seat(&cx.seat).map(|seat| seat.model.to_string());
        let data = json!({
            "seat": cx.seat, "turn_index": of.turn, "attempt": of.attempt, "purpose": cx.purpose.as_str(),
            "prompt": cx.plan.seat(&cx.seat).map(|seat| &seat.prompt),
            "selected_model": model, "recovered": self.start.recovered,
            "session_id": of.plan.run_id.as_str(),
            "turn_trace_id": format!("{}:{}:{}:{}", of.plan.run_id, of.card_id, of.role, of.turn),
        });
        self.emit("turn_start", data);
    }

    /// The ops of the last commit, and what will be told afterwards.
    fn finish_ops(&mut self, outcome: &TurnOutcome, at_ms: i64, ops: &mut Vec<Op>) -> TurnEnded {
        let of = self.start.lease.of.clone();
        let cx = Arc::clone(self.start.turn.context());
        let usage = self.start.turn.usage();
        let mut life = of.life.clone();
        life.tokens = life.tokens.saturating_add(usage.total());
        life.note_written(self.start.turn.written());
        let budgets = budgets(&of.plan);
        let seed = format!(
            "{}:{}:{}:{}",
            of.plan.run_id, of.card_id, of.turn, of.attempt
        );
        let conclusion = life.conclude(&cx.card, cx.purpose, outcome, &budgets, &seed);
        if matches!(outcome, TurnOutcome::Failed { .. }) {
            add_next_command(&mut life, &of.plan);
        }
        let failure = match outcome {
            TurnOutcome::Succeeded { .. } => None,
            TurnOutcome::Failed { failure } => Some(failure.clone()),
        };
        ops.push(Op::CloseTurn {
            turn: of.turn_row,
            status: match &failure {
                None => "succeeded",
                Some(failure) if failure.class == FailureClass::Stalled => "stalled",
                Some(_) => "failed",
            },
            code: failure.as_ref().map(|failure| failure.code()),
            prompt_tokens: usage.prompt_tokens.unwrap_or(0),
            output_tokens: usage.output_tokens.unwrap_or(0),
            at_ms,
        });
        ops.push(Op::SetCard {
            row: of.card,
            life: Box::new(life.clone()),
            fence: None,
            changes: audit(&conclusion.changes, &of.role),
            at_ms,
        });
        if conclusion.gate {
            let opened = gate(
                &of,
                &cx.seat,
                failure.as_ref(),
                &self.start.lease.steps(),
                at_ms,
            );
            let opened = if life.is_guard_unclear() {
                guarding::about_the_guard(opened, &self.start.lease.steps())
            } else {
                self.about_the_budget(opened)
            };
            ops.push(opened);
        }
        let mut comments = Vec::new();
        let mut created = Vec::new();
        if failure.is_none() {
            for effect in self.start.turn.ledger() {
                match effect {
                    LedgerEffect::Comment { content, key } => {
                        ops.push(Op::Comment {
                            card: of.card,
                            author: of.role.clone(),
                            content: content.clone(),
                            key: key.clone(),
                            at_ms,
                        });
                        comments.push((of.role.clone(), content.clone()));
                    }
                    LedgerEffect::CreateCard { card } => {
                        let row = self.start.world.card_row();
                        created.push(Created {
                            row,
                            position: u32::try_from(row).unwrap_or(u32::MAX),
                            plan: Arc::new((**card).clone()),
                        });
                    }
                }
            }
        }
        if !created.is_empty() {
            ops.push(Op::InsertCards {
                run_id: of.plan.run_id.clone(),
                build_id: of.plan.build_id.clone(),
                cards: created
                    .iter()
                    .map(|card| {
                        (
                            card.row,
                            card.position,
                            Arc::clone(&card.plan),
                            CardLife::default(),
                        )
                    })
                    .collect(),
                at_ms,
            });
        }
        TurnEnded {
            turn_row: of.turn_row,
            life,
            conclusion,
            comments,
            created,
            failure,
            permit: None,
        }
    }

    /// The ops that lay the card down until a person has decided: a gate for each call, in the
    /// commit that journals the question.
    fn park_ops(
        &mut self,
        requests: &[ApprovalRequest],
        at_ms: i64,
        ops: &mut Vec<Op>,
    ) -> TurnEnded {
        let of = self.start.lease.of.clone();
        let cx = Arc::clone(self.start.turn.context());
        let expires_at_ms = cx
            .plan
            .policy
            .approvals
            .expire_ms
            .map(|wait| at_ms.saturating_add(i64::try_from(wait).unwrap_or(i64::MAX)));
        for request in requests {
            ops.push(Op::OpenGate {
                digest: Some(request.digest.clone()),
                expires_at_ms,
                request_type: "tool_approval".to_owned(),
                run_id: of.plan.run_id.clone(),
                card: of.card,
                card_id: of.card_id.clone(),
                seat: cx.seat.clone(),
                reason: request.reason.clone(),
                payload: json!({"tool": request.call.tool, "args": request.call.args, "turn": of.turn, "attempt": of.attempt}),
                at_ms,
            });
        }
        let mut life = of.life.clone();
        let mut changes = Vec::new();
        let tools: Vec<&str> = requests.iter().map(|it| it.call.tool.as_str()).collect();
        let note = format!(
            "waits for a person to approve {}; `orket gates list` shows it, `orket gates approve ID` lets it go on",
            tools.join(", ")
        );
        life.park(cx.purpose, PARKED, note, &mut changes);
        ops.push(Op::SetCard {
            row: of.card,
            life: Box::new(life.clone()),
            fence: None,
            changes: audit(&changes, "scheduler"),
            at_ms,
        });
        TurnEnded {
            turn_row: of.turn_row,
            life,
            conclusion: Conclusion {
                changes,
                after: After::Parked,
                gate: true,
            },
            comments: Vec::new(),
            created: Vec::new(),
            failure: None,
            permit: None,
        }
    }

    /// The question is durable: permit and lease are given back, the card is told.
    fn parked(&mut self, ended: TurnEnded, ctx: &mut Context<Self>) {
        self.start.world.leases.close(&self.start.lease);
        let of = &self.start.lease.of;
        for change in &ended.conclusion.changes {
            self.emit(
                "card_status",
                change_data(change, "scheduler", Some("review")),
            );
        }
        let steps = self.start.lease.steps();
        for request in orket_core::turn::waits_for(&steps).unwrap_or_default() {
            self.emit(
                "tool_approval_required",
                json!({"tool": request.call.tool, "digest": request.digest, "turn_index": of.turn,
                       "stage_gate_mode": "approval_required", "session_id": of.plan.run_id.as_str()}),
            );
        }
        self.start.permit = None;
        self.start.to.do_send(ended);
        self.end(ExitStatus::Finished, ctx);
    }

    fn perform(&mut self, next: Next, ctx: &mut Context<Self>) {
        if self.start.lease.cancel.is_cancelled()
            || (self.start.scope.is_winding_down() && !must_be_carried_out(&next))
        {
            // Everything so far is in the journal; a resume goes on from there.
            self.end(ExitStatus::Killed, ctx);
            return;
        }
        match next {
            Next::Ask => self.ask(ctx),
            Next::Call {
                index,
                call,
                spec,
                key,
            } => {
                self.emit("tool_call_start", json!({"tool": call.tool, "args": shown_args(&call.args), "turn_index": self.start.lease.of.turn}));
                let command = self.start.lease.of.plan.commands.get(&call.tool).cloned();
                let job = ToolJob {
                    scope: self.tool_scope(),
                    spec: *spec,
                    call,
                    command,
                    key,
                };
                self.start_skill(index, SkillJob::Call(Box::new(job)), ctx);
            }
            Next::Verify(job) => {
                let data = json!({
                    "commands": job.commands.len(), "files": job.syntax.as_ref().map_or(0, |it| it.own.len()),
                    "fixture": job.fixture.as_ref().map(|it| it.plan.path.as_str()),
                });
                self.emit("runtime_verifier_started", data);
                if let Some(fixture) = &job.fixture {
                    let data = json!({
                        "fixture_path": fixture.plan.path, "scenarios": fixture.plan.scenarios.len(),
                    });
                    self.emit("verification_started", data);
                }
                let job = SkillJob::Verify(self.tool_scope(), job);
                self.start_skill(0, job, ctx);
            }
            // Both are handled where their commit returns.
            Next::Finish(_) | Next::Park(_) => {}
        }
    }

    fn tool_scope(&self) -> ToolScope {
        let of = &self.start.lease.of;
        ToolScope {
            workspace: PathBuf::from(&of.plan.workspace),
            run_id: of.plan.run_id.to_string(),
            build_id: of.plan.build_id.to_string(),
            issue_id: of.card_id.to_string(),
            seat: self.start.turn.context().seat.clone(),
            fence: of.fence,
        }
    }

    fn start_skill(&mut self, index: u32, job: SkillJob, ctx: &mut Context<Self>) {
        self.start.lease.enter_watched(Phase::Tool);
        let guard = ExitGuard::new(Child::Skill(index), ctx.address().recipient());
        SkillActor::new(
            guard,
            Arc::clone(&self.start.world),
            Arc::clone(&self.start.lease),
            job,
            ctx.address().recipient(),
        )
        .start();
    }

    /// A prompt that is too long although all was cut that may be; said once in an attempt.
    fn tell_of_window(&self, request: &ModelRequest) {
        let window = self.start.lease.of.plan.policy.prompts.context_tokens;
        let texts = request.messages.iter().map(|it| tokens(&it.content));
        let size: usize = texts.sum();
        if request.origin.round == 0
            && window > 0
            && size > usize::try_from(window).unwrap_or(usize::MAX)
        {
            tracing::warn!(
                card = %request.origin.issue_id, size, window,
                "the prompt is longer than the context window; raise ORKET_CONTEXT_TOKENS, or num_ctx of the environment's params"
            );
        }
    }

    fn ask(&mut self, ctx: &mut Context<Self>) {
        let request = match self.start.turn.request() {
            Ok(request) => request,
            Err(failure) => return self.give_up(failure, ctx),
        };
        let provider = match self.start.world.models.provider(&request.model) {
            Ok(provider) => provider,
            Err(failure) => return self.give_up(failure, ctx),
        };
        if self.reserved.is_none() && self.start.lease.of.plan.policy.budget.is_limited() {
            return self.reserve(&request, ctx);
        }
        self.tell_of_window(&request);
        fault::point_of("turn.before_ask", self.start.lease.of.card_id.as_str());
        let asked = ask(
            Arc::clone(&self.start.world),
            provider,
            Arc::new(request),
            Arc::clone(&self.start.lease),
        );
        ctx.spawn(asked.into_actor(self).map(|asked, act, ctx| {
            fault::point_of("turn.after_reply", act.start.lease.of.card_id.as_str());
            match asked {
                Asked::Replied(reply) => {
                    act.observed(true, None);
                    match act.start.turn.replied(reply) {
                        Ok(decision) => act.commit(decision, ctx),
                        Err(failure) => act.give_up(failure, ctx),
                    }
                }
                Asked::Failed { mut failure, cut } => {
                    if cut && let Some(note) = act.start.turn.cut_note() {
                        failure.message = format!("{}; {note}", failure.message);
                    }
                    let answered = !matches!(
                        failure.class,
                        FailureClass::ModelConnect | FailureClass::ModelServer
                    );
                    let rest = failure.retry_after_ms.map(Duration::from_millis);
                    act.observed(answered, rest);
                    act.give_up(failure, ctx);
                }
                Asked::Cancelled => act.broken_off(ctx),
            }
        }));
    }

    fn observed(&self, answered: bool, rest: Option<Duration>) {
        if let Some(gateway) = self.start.world.gateway.get() {
            gateway.do_send(Observed {
                endpoint: self.start.endpoint.clone(),
                answered,
                rest,
            });
        }
    }

    fn give_up(&mut self, failure: Failure, ctx: &mut Context<Self>) {
        let decision = self.start.turn.failed(failure);
        self.commit(decision, ctx);
    }

    /// The end is durable: files for people, events, then the card.
    fn finished(&mut self, mut ended: TurnEnded, ended_ms: i64, ctx: &mut Context<Self>) {
        let world = Arc::clone(&self.start.world);
        let lease = Arc::clone(&self.start.lease);
        world.leases.close(&lease);
        self.show_end(&ended);
        let project = world
            .projector
            .project(record(&lease, lease.steps(), ended_ms));
        ctx.spawn(project.into_actor(self).map(move |(), act, ctx| {
            ended.permit = act.start.permit.take();
            act.start.to.do_send(ended);
            act.end(ExitStatus::Finished, ctx);
        }));
    }

    fn show_verified(&self, report: &VerifyReport) {
        if let Some(fixture) = &report.fixture {
            let outrage = [FixtureFault::Outside, FixtureFault::Changed];
            if fixture.code.is_some_and(|code| outrage.contains(&code)) {
                let path = &fixture.fixture_path;
                self.emit(
                    "verification_security_violation",
                    json!({"fixture_path": path}),
                );
            }
            let data = json!({
                "fixture_path": fixture.fixture_path, "total_scenarios": fixture.total_scenarios,
                "passed": fixture.passed, "failed": fixture.failed,
                "code": fixture.code.map(FixtureFault::code),
            });
            self.emit("verification_completed", data);
        }
        let data = json!({
            "ok": report.ok, "errors": report.errors.len(), "checked_files": report.checked_files.len(),
            "failure_breakdown": report.failure_breakdown(),
            "session_id": self.start.lease.of.plan.run_id.as_str(),
        });
        self.emit("runtime_verifier_completed", data);
    }

    fn show_end(&self, ended: &TurnEnded) {
        self.show_guard(ended);
        let of = &self.start.lease.of;
        let usage = self.start.turn.usage();
        let duration_ms = self
            .start
            .world
            .clock
            .now_ms()
            .saturating_sub(self.began_ms);
        for change in &ended.conclusion.changes {
            self.emit(
                "card_status",
                change_data(change, &of.role, ended.life.wait_reason.map(|w| w.as_str())),
            );
        }
        match &ended.failure {
            None => self.emit(
                "turn_complete",
                json!({
                    "turn_index": of.turn, "attempt": of.attempt, "duration_ms": duration_ms,
                    "session_id": of.plan.run_id.as_str(),
                    "tokens": {"prompt_tokens": usage.prompt_tokens, "output_tokens": usage.output_tokens, "total_tokens": usage.total()},
                }),
            ),
            Some(failure) => {
                let retry_in_ms = match ended.conclusion.after {
                    After::Turn { wait, .. } => Some(wait.as_millis()),
                    After::Parked | After::Settled => None,
                };
                self.emit(
                    "turn_failed",
                    json!({
                        "turn_index": of.turn, "attempt": of.attempt, "duration_ms": duration_ms,
                        "session_id": of.plan.run_id.as_str(),
                        "type": failure.class.as_str(), "code": failure.code(), "error": failure.message,
                        "retry_in_ms": retry_in_ms,
                    }),
                );
            }
        }
    }
}

impl Actor for TurnActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        fault::point_of("turn_actor.started", self.start.lease.of.card_id.as_str());
        let placeholder = Decision {
            steps: Vec::new(),
            flush: false,
            next: Next::Ask,
        };
        let decision = std::mem::replace(&mut self.start.decision, placeholder);
        // The watchdog and a halt end the attempt by this token, whatever it is doing.
        let cancelled = self.start.lease.cancel.clone();
        let wait = async move { cancelled.cancelled().await };
        ctx.spawn(wait.into_actor(self).map(|(), act, ctx| {
            // A tool is seen to its end first; a commit under way is let through.
            if act.start.lease.phase() != Phase::Tool && !act.committing && !act.finishing {
                act.broken_off(ctx);
            }
        }));
        self.commit(decision, ctx);
    }
}

impl Handler<SkillEnded> for TurnActor {
    type Result = ();

    fn handle(&mut self, ended: SkillEnded, ctx: &mut Context<Self>) {
        if self.start.lease.cancel.is_cancelled() {
            // What a cut-off tool answered is no outcome; the journal shows the intent alone.
            self.end(ExitStatus::Killed, ctx);
            return;
        }
        let decided = match ended {
            SkillEnded::Call(result) => {
                let tool = self.start.turn.calling().map(str::to_owned);
                self.emit(
                    "tool_call_result",
                    json!({"tool": tool, "ok": result.ok, "error": result.error, "turn_index": self.start.lease.of.turn}),
                );
                self.start.turn.called(result)
            }
            SkillEnded::Verified(report) => {
                self.show_verified(&report);
                self.start.turn.verified(*report)
            }
        };
        match decided {
            Ok(decision) => self.commit(decision, ctx),
            Err(failure) => self.give_up(failure, ctx),
        }
    }
}

impl Handler<ChildExit> for TurnActor {
    type Result = ();

    fn handle(&mut self, exit: ChildExit, ctx: &mut Context<Self>) {
        match exit.status {
            ExitStatus::Finished | ExitStatus::Killed => {}
            ExitStatus::Panicked | ExitStatus::Failed(_) => {
                let failure = orket_core::turn::cut_off_effect(&self.start.lease.steps())
                    .map_or_else(
                        || Failure::new(FailureClass::Panic, "the actor that ran a tool panicked"),
                        |tool| orket_core::turn::unknown_outcome(&tool),
                    );
                self.give_up(failure, ctx);
            }
        }
    }
}

fn shown_args(args: &serde_json::Map<String, Value>) -> Value {
    // Contents of files are in the journal; the log shows what is done, not all of it.
    Value::Object(
        args.iter()
            .map(|(name, value)| match value {
                Value::String(text) if text.len() > 200 => {
                    let start: String = text.chars().take(120).collect();
                    (
                        name.clone(),
                        Value::String(format!("{start}… ({} bytes)", text.len())),
                    )
                }
                other => (name.clone(), other.clone()),
            })
            .collect(),
    )
}

fn change_data(change: &Change, role: &str, wait_reason: Option<&str>) -> Value {
    json!({
        "from": change.from.as_str(), "to": change.to.as_str(), "reason": change.reason,
        "by": if change.by_scheduler { "scheduler" } else { role },
        "wait_reason": wait_reason,
    })
}

/// Changes as the audit wants them.
#[must_use]
pub fn audit(changes: &[Change], role: &str) -> Vec<StatusChange> {
    changes
        .iter()
        .map(|change| StatusChange {
            from: change.from,
            to: change.to,
            reason: change.reason.to_owned(),
            by: if change.by_scheduler {
                "scheduler".to_owned()
            } else {
                role.to_owned()
            },
        })
        .collect()
}

/// An intent to do what must not be done twice, left without its outcome, would have to be asked
/// about: in a shutdown with time left it is carried out.
fn must_be_carried_out(next: &Next) -> bool {
    matches!(next, Next::Call { spec, .. } if spec.effect == EffectClass::AtMostOnce)
}

/// Says in the note of a card that the runtime blocked which command goes on.
pub fn add_next_command(life: &mut CardLife, plan: &RunPlan) {
    let run = &plan.run_id;
    if life.is_guard_unclear() {
        life.note = format!(
            "the guard's answers cannot be used: {}; `orket gates list` shows what it said: `orket gates approve ID --reason WHY` sends the card back to its seat, `orket gates reject ID` has the guard asked again",
            life.note
        );
        return;
    }
    if life.is_over_budget() {
        life.note = format!(
            "{}; `orket budget {run}` shows it, `orket budget {run} --add UNIT=AMOUNT` or `orket gates approve` lets it go on",
            life.note
        );
        return;
    }
    if life.status != CardStatus::Blocked || life.note.contains("`orket ") {
        return;
    }
    let next = if life.wait_reason == Some(WaitReason::Input) {
        format!(
            "look whether it happened (`orket show {run}`); `orket gates list` has the question, and only `orket gates approve` lets the card run again"
        )
    } else {
        format!(
            "attempts made: {}; `orket resume {run}` tries again",
            life.attempts
        )
    };
    life.note = format!("{}; {next}", life.note);
}

/// The gate of an unknown outcome.
#[must_use]
pub fn gate(
    of: &crate::lease::LeaseOf,
    seat: &str,
    failure: Option<&Failure>,
    steps: &[Arc<Step>],
    at_ms: i64,
) -> Op {
    let call = steps.iter().rev().find_map(|step| match step.as_ref() {
        Step::CallIntended { call, key, .. } => {
            Some(json!({"tool": call.tool, "args": call.args, "key": key}))
        }
        _ => None,
    });
    Op::OpenGate {
        digest: None,
        expires_at_ms: None,
        request_type: UNKNOWN_OUTCOME.to_owned(),
        run_id: of.plan.run_id.clone(),
        card: of.card,
        card_id: of.card_id.clone(),
        seat: seat.to_owned(),
        reason: failure
            .map(|failure| failure.message.clone())
            .unwrap_or_default(),
        payload: call.unwrap_or(Value::Null),
        at_ms,
    }
}
