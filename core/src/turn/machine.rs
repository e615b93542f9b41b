//! The turn machine: given what came back, what is durable next and what happens then.
//!
//! Every answer of the machine is one [`Decision`]: steps that are committed in one transaction,
//! and the one thing to do after that commit. Because the steps of a decision are committed whole,
//! the steps found after a crash are always a whole number of decisions, and feeding them to
//! [`Turn::recover`] leads to the very decision that the dead process was carrying out.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Given, Purpose, Step, TurnOutcome, VerifyReport, Violation};
use crate::canonical;
use crate::contract::{Answer, Contract, Objection, ReplyScope, bars_looking};
use crate::failure::{Failure, FailureClass, SkillFault};
use crate::gate::{self, GateScope};
use crate::ids::CardId;
use crate::memory::recall::Remembered;
use crate::message::{self, Brief, Spoken};
use crate::model::{Message, ModelName, ModelOptions, ModelRequest, Origin, Reply, Speaker, Usage};
use crate::plan::{CardPlan, RunPlan, SeatPlan};
use crate::policy::ApprovalRequest;
use crate::skill;
use crate::stall::Phase;
use crate::status::{CardStatus, WaitReason};
use crate::tool::{EffectClass, ToolCall, ToolHome, ToolResult, ToolSpec};
use crate::tool_call;
use crate::tool_catalogue::OBSERVATIONAL;
use crate::verify::VerifyJob;

/// How often the same call may bring the same result before the turn counts as stuck.
const MOST_REPEATS: u32 = 3;
/// How many cards one turn may create.
pub const MOST_CREATED_IN_A_TURN: u32 = 20;

/// Everything a turn needs to know; fixed while it lasts.
#[derive(Debug, Clone)]
pub struct Context {
    /// The run.
    pub plan: Arc<RunPlan>,
    /// The card.
    pub card: Arc<CardPlan>,
    /// The key of the seat that acts.
    pub seat: String,
    /// Work or review.
    pub purpose: Purpose,
    /// The card's turn, from 1.
    pub turn: u32,
    /// The try, from 1.
    pub attempt: u32,
    /// The card's status as the turn begins.
    pub status: CardStatus,
    /// Files of the read-path contract that do not exist.
    pub missing_reads: Vec<String>,
    /// Author and text, oldest first.
    pub comments: Vec<(String, String)>,
    /// Why the last answer was not accepted.
    pub refusal: Option<String>,
    /// What was said before, oldest first.
    pub history: Vec<Spoken>,
    /// How many older ones there were, of which nothing is shown.
    pub unshown: u32,
    /// The cards this one depends on.
    pub dependencies: Vec<(CardId, CardStatus)>,
    /// How many cards the turn may create; `None` for as many as it likes.
    pub room: Option<u32>,
    /// Before a review: the files that the card's turns wrote and that may hold code.
    pub written: Vec<String>,
    /// What was looked up in the project's memory.
    pub remembered: Option<Remembered>,
}

impl Context {
    /// The contract of this turn.
    #[must_use]
    pub fn contract(&self) -> &Contract {
        match self.purpose {
            Purpose::Work => &self.card.contract,
            Purpose::Review => &self.card.review_contract,
        }
    }

    /// The context of a recorded attempt, from its first step; `None` when that is another step.
    /// What the record of an earlier version lacks is empty.
    #[must_use]
    pub fn recorded(plan: Arc<RunPlan>, card: Arc<CardPlan>, started: &Step) -> Option<Self> {
        let Step::TurnStarted {
            seat,
            purpose,
            turn,
            attempt,
            status,
            missing_reads,
            given,
            ..
        } = started
        else {
            return None;
        };
        let given = given.as_deref().cloned().unwrap_or_default();
        Some(Self {
            plan,
            card,
            seat: seat.clone(),
            purpose: *purpose,
            turn: *turn,
            attempt: *attempt,
            status: *status,
            missing_reads: missing_reads.clone(),
            comments: given.comments,
            refusal: given.refusal,
            history: given.history,
            unshown: given.unshown,
            dependencies: given.dependencies,
            room: given.room,
            written: given.written,
            remembered: given.remembered,
        })
    }

    /// What is not in the plan.
    fn given(&self) -> Given {
        Given {
            comments: self.comments.clone(),
            refusal: self.refusal.clone(),
            history: self.history.clone(),
            unshown: self.unshown,
            dependencies: self.dependencies.clone(),
            room: self.room,
            written: self.written.clone(),
            remembered: self.remembered.clone(),
        }
    }

    /// What the verifier has to look at before this turn's model is asked.
    fn verify_job(&self) -> Option<VerifyJob> {
        match self.purpose {
            Purpose::Work => None,
            Purpose::Review => VerifyJob::of(&self.plan, &self.card, &self.written),
        }
    }

    /// Whether something that the card depends on is still open.
    fn waits_for_others(&self) -> bool {
        self.dependencies
            .iter()
            .any(|(_, status)| !status.satisfies_dependency())
    }

    fn model(&self, seat: &SeatPlan) -> ModelName {
        self.card
            .model_override(&seat.role)
            .unwrap_or_else(|| seat.model.clone())
    }

    /// The options that a model is asked with.
    fn options(&self, model: &ModelName, seat: &SeatPlan) -> ModelOptions {
        self.plan.policy.budget.options(model, &seat.options)
    }
}

/// What a model said, its native calls written out as a model writes them in text.
fn whole_text(reply: Reply) -> String {
    if reply.calls.is_empty() {
        return reply.text;
    }
    let calls = tool_call::render(&reply.calls);
    let said = reply.text.trim_end();
    if said.is_empty() {
        calls
    } else {
        format!("{said}\n{calls}")
    }
}

/// A change that a ledger tool asks for. All of them become real in the transaction that finishes
/// the turn well, and none of them otherwise: turns are atomic.
#[derive(Debug, Clone, PartialEq)]
pub enum LedgerEffect {
    /// `add_issue_comment`.
    Comment {
        /// The text.
        content: String,
        /// The idempotency key.
        key: String,
    },
    /// `create_issue`.
    CreateCard {
        /// The new card.
        card: Box<CardPlan>,
    },
}

/// What to do once the steps are durable.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Have the verifier look at the card's work.
    Verify(Box<VerifyJob>),
    /// Ask the model; see [`Turn::request`].
    Ask,
    /// Carry out one call.
    Call {
        /// Its place in the turn.
        index: u32,
        /// The call.
        call: ToolCall,
        /// The tool.
        spec: Box<ToolSpec>,
        /// The idempotency key.
        key: String,
    },
    /// Wait for a person; whatever the turn holds is given back meanwhile.
    Park(Vec<ApprovalRequest>),
    /// The turn is over.
    Finish(TurnOutcome),
}

/// What a person decided about the calls of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The gates, by number.
    pub gates: Vec<i64>,
    /// Whether all of them were approved.
    pub approved: bool,
    /// Who decided.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What a reply amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyVerdict {
    /// Everything that is demanded is there, and nothing is refused.
    Meets,
    /// It only looks at something, which is answered; what is demanded is still to come.
    LooksUp,
    /// Something is refused or missing.
    Breaks,
}

/// How a reply is taken, before anything of it is carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The calls found in it.
    pub calls: Vec<ToolCall>,
    /// What the gate refuses.
    pub refused: Vec<Violation>,
    /// What the contract misses.
    pub unmet: Vec<Violation>,
    /// What it amounts to.
    pub verdict: ReplyVerdict,
}

/// One answer of the machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// To be committed whole, first.
    pub steps: Vec<Step>,
    /// Files written by tools must be on disk before that commit.
    pub flush: bool,
    /// Then.
    pub next: Next,
}

/// One attempt.
#[derive(Debug, Clone)]
pub struct Turn {
    cx: Arc<Context>,
    status: CardStatus,
    wait_reason: Option<WaitReason>,
    messages: Vec<Message>,
    round: u32,
    reprompted: bool,
    /// The calls of this round that are still to be made, last first.
    planned: Vec<ToolCall>,
    /// Whether this round only looks things up.
    looking_up: bool,
    pending: Option<ToolCall>,
    next_index: u32,
    round_results: Vec<(ToolCall, ToolResult)>,
    carried_out: Vec<ToolCall>,
    last_call: Option<(String, ToolResult)>,
    repeats: u32,
    ledger: Vec<LedgerEffect>,
    usage: Usage,
    reply_text: String,
}

impl Turn {
    /// Begins an attempt.
    ///
    /// # Errors
    ///
    /// When the plan has no seat of that name.
    pub fn begin(cx: Arc<Context>) -> Result<(Self, Decision), Failure> {
        let seat = seat_of(&cx)?;
        let started = Step::TurnStarted {
            seat: cx.seat.clone(),
            role: seat.role.clone(),
            purpose: cx.purpose,
            turn: cx.turn,
            attempt: cx.attempt,
            status: cx.status,
            missing_reads: cx.missing_reads.clone(),
            given: Some(Box::new(cx.given())),
        };
        let mut turn = Self {
            status: cx.status,
            wait_reason: None,
            messages: Vec::new(),
            round: 0,
            reprompted: false,
            planned: Vec::new(),
            looking_up: false,
            pending: None,
            next_index: 0,
            round_results: Vec::new(),
            carried_out: Vec::new(),
            last_call: None,
            repeats: 0,
            ledger: Vec::new(),
            usage: Usage::default(),
            reply_text: String::new(),
            cx,
        };
        let mut steps = vec![started];
        if let Some(job) = turn.cx.verify_job() {
            return Ok((
                turn,
                Decision {
                    steps,
                    flush: false,
                    next: Next::Verify(Box::new(job)),
                },
            ));
        }
        turn.ask_first(None, &mut steps)?;
        Ok((
            turn,
            Decision {
                steps,
                flush: false,
                next: Next::Ask,
            },
        ))
    }

    /// Brings a machine to where a dead process was: `recorded` are the steps found in the journal,
    /// `recoveries` says how often this attempt was taken up already, this time included.
    ///
    /// # Errors
    ///
    /// When the steps are not those of this machine; the attempt must then be given up.
    pub fn recover(
        cx: Arc<Context>,
        recorded: &[Arc<Step>],
        recoveries: u32,
    ) -> Result<(Self, Decision), Failure> {
        let mut rest = recorded
            .iter()
            .map(AsRef::as_ref)
            .filter(|step| !matches!(step, Step::Recovered { .. }))
            .peekable();
        let (mut turn, mut decision) = Self::begin(cx)?;
        loop {
            for derived in &decision.steps {
                let Some(step) = rest.next() else {
                    return Err(strange("it breaks off inside a decision"));
                };
                if derived.kind() != step.kind() {
                    return Err(strange(&format!(
                        "`{}` where `{}` was due",
                        step.kind(),
                        derived.kind()
                    )));
                }
                turn.adopt(derived, step);
            }
            let Some(input) = rest.peek() else { break };
            decision = match turn.fed(input, &decision.next) {
                Some(fed) => fed?,
                None => return Err(strange(&format!("unexpected `{}`", input.kind()))),
            };
        }
        decision.steps = vec![Step::Recovered { recoveries }];
        decision.flush = false;
        if let Next::Call { index, key, .. } = &mut decision.next {
            // The effect goes by the key it was intended with: a build continued by another run
            // would derive another.
            let intended = recorded.iter().find_map(|step| match step.as_ref() {
                Step::CallIntended { index: at, key, .. } if at == index => Some(key),
                _ => None,
            });
            if let Some(intended) = intended {
                key.clone_from(intended);
            }
        }
        if let Next::Call { spec, call, .. } = &decision.next {
            match spec.effect {
                EffectClass::Pure | EffectClass::Idempotent | EffectClass::Keyed => {}
                EffectClass::AtMostOnce => {
                    let failure = unknown_outcome(&call.tool);
                    let finish = turn.failed(failure);
                    decision.steps.extend(finish.steps);
                    decision.next = finish.next;
                }
            }
        }
        Ok((turn, decision))
    }

    /// Takes what was really journaled where it may differ from what would be derived now: prompts
    /// hold comments and history that may have changed since, and keys hold the run, which may be an
    /// earlier one of the build.
    pub(super) fn adopt(&mut self, derived: &Step, recorded: &Step) {
        match (derived, recorded) {
            (
                Step::ModelRequested { messages: ours, .. },
                Step::ModelRequested {
                    messages: theirs, ..
                },
            ) => {
                self.messages
                    .truncate(self.messages.len().saturating_sub(ours.len()));
                self.messages.extend(theirs.iter().cloned());
            }
            (Step::CallIntended { key: ours, .. }, Step::CallIntended { key: theirs, .. }) => {
                for effect in &mut self.ledger {
                    if let LedgerEffect::Comment { key, .. } = effect
                        && key == ours
                    {
                        key.clone_from(theirs);
                    }
                }
            }
            (
                Step::CallFinished { result: ours, .. },
                Step::CallFinished { result: theirs, .. },
            ) if ours != theirs => self.adopt_card(ours, theirs),
            _ => {}
        }
    }

    /// A card that was to be created has the id that the model was told.
    fn adopt_card(&mut self, ours: &ToolResult, theirs: &ToolResult) {
        let id = |result: &ToolResult| {
            let text = result.fields.get("issue_id").and_then(Value::as_str);
            text.and_then(|id| CardId::new(id).ok())
        };
        let (Some(ours), Some(theirs)) = (id(ours), id(theirs)) else {
            return;
        };
        for effect in &mut self.ledger {
            if let LedgerEffect::CreateCard { card } = effect
                && card.id == ours
            {
                card.id = theirs.clone();
            }
        }
    }

    /// The rest of the attempt is made under another plan: a later run of the build took it up.
    pub(super) fn go_on_under(&mut self, plan: &Arc<RunPlan>) {
        if self.cx.plan.run_id != plan.run_id {
            self.cx = Arc::new(Context {
                plan: Arc::clone(plan),
                ..(*self.cx).clone()
            });
        }
    }

    /// The question of the current round.
    ///
    /// # Errors
    ///
    /// When the plan has no seat of that name.
    pub fn request(&self) -> Result<ModelRequest, Failure> {
        self.request_to(self.model()?)
    }

    /// Who is asked.
    ///
    /// # Errors
    ///
    /// When the plan has no seat of that name.
    pub fn model(&self) -> Result<ModelName, Failure> {
        Ok(self.cx.model(seat_of(&self.cx)?))
    }

    /// The same question, put to another model.
    ///
    /// # Errors
    ///
    /// When the plan has no seat of that name.
    pub fn request_to(&self, model: ModelName) -> Result<ModelRequest, Failure> {
        let seat = seat_of(&self.cx)?;
        Ok(ModelRequest {
            schema: self.schema(&model, seat),
            options: self.cx.options(&model, seat),
            model,
            messages: self.messages.clone(),
            tools: Arc::clone(&seat.tools),
            origin: Origin {
                run_id: self.cx.plan.run_id.to_string(),
                issue_id: self.cx.card.id.to_string(),
                seat: seat.seat.clone(),
                role: seat.role.clone(),
                turn: self.cx.turn,
                attempt: self.cx.attempt,
                round: self.round,
            },
        })
    }

    /// The schema of the next reply, for those providers that can decode under one.
    fn schema(&self, model: &ModelName, seat: &SeatPlan) -> Option<Arc<Value>> {
        if !["ollama", "openai"].contains(&model.provider.as_str()) {
            return None;
        }
        let seats: Vec<&str> = self.cx.plan.seats.keys().map(String::as_str).collect();
        let scope = ReplyScope {
            gate: GateScope {
                seat,
                card: &self.cx.card,
                status: self.status,
                policy: &self.cx.plan.policy.gate,
            },
            missing_reads: &self.cx.missing_reads,
            earlier: &self.carried_out,
            may_look: self.round == 0 && self.cx.plan.max_rounds > 1,
            waits_for_others: self.cx.waits_for_others(),
            seats: &seats,
        };
        self.cx.contract().reply_schema(&scope).map(Arc::new)
    }

    /// What to say of a reply that was cut off at the longest one that the budget lets be asked for.
    #[must_use]
    pub fn cut_note(&self) -> Option<String> {
        let seat = seat_of(&self.cx).ok()?;
        let budget = &self.cx.plan.policy.budget;
        budget.cut_note(&self.cx.model(seat), &seat.options)
    }

    /// What the turn is about.
    #[must_use]
    pub fn context(&self) -> &Arc<Context> {
        &self.cx
    }

    /// Tokens spent so far.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// The tool of the call under way.
    #[must_use]
    pub fn calling(&self) -> Option<&str> {
        self.pending.as_ref().map(|call| call.tool.as_str())
    }

    /// The files that its calls wrote, or were about to, and that may hold code.
    #[must_use]
    pub fn written(&self) -> Vec<String> {
        super::written_by(self.carried_out.iter().chain(&self.pending))
    }

    /// What the ledger tools asked for, to be applied when the turn finishes well.
    #[must_use]
    pub fn ledger(&self) -> &[LedgerEffect] {
        &self.ledger
    }

    /// The last reply, cut for the history of later prompts.
    #[must_use]
    pub fn summary(&self) -> String {
        message::summary(&self.reply_text)
    }

    /// The verifier is through.
    ///
    /// # Errors
    ///
    /// When the plan has no seat of that name.
    pub fn verified(&mut self, report: VerifyReport) -> Result<Decision, Failure> {
        let mut steps = vec![Step::Verified {
            report: report.clone(),
        }];
        if !report.ok {
            let mut failure = Failure::new(FailureClass::Verification, report.evidence());
            failure.for_good = report.is_beyond_the_seat();
            return Ok(self.finish_failed(failure, steps, false));
        }
        self.ask_first(Some(&report), &mut steps)?;
        Ok(Decision {
            steps,
            flush: false,
            next: Next::Ask,
        })
    }

    /// The model answered.
    ///
    /// # Errors
    ///
    /// When the plan has no seat of that name.
    pub fn replied(&mut self, reply: Reply) -> Result<Decision, Failure> {
        let mut steps = vec![Step::ModelReplied {
            round: self.round,
            reply: reply.clone(),
        }];
        add_usage(&mut self.usage, reply.usage);
        let Judged {
            calls,
            mut refused,
            unmet,
            verdict,
        } = self.judge(&reply)?;
        let cut = reply.cut;
        self.reply_text = whole_text(reply);

        let cx = Arc::clone(&self.cx);
        let seat = seat_of(&cx)?;
        self.looking_up = verdict == ReplyVerdict::LooksUp;
        if verdict == ReplyVerdict::Breaks {
            let class = if refused.is_empty() {
                FailureClass::Contract
            } else {
                FailureClass::Gate
            };
            // What gate and contract both say is said once, with the contract's code.
            refused.retain(|found| {
                let same =
                    |it: &Violation| it.rule_id == found.rule_id && it.message == found.message;
                !unmet.iter().any(same)
            });
            let violations: Vec<Violation> = refused.into_iter().chain(unmet).collect();
            if self.reprompted || !self.may_go_on() {
                let mut failure = Failure::new(class, describe(&violations));
                if cut && let Some(note) = self.cut_note() {
                    failure.message = format!("{}; {note}", failure.message);
                }
                let mut rules = violations.iter().filter_map(|it| it.rule_id.as_deref());
                failure.breach = rules.find_map(SkillFault::of);
                return Ok(self.finish_failed(failure, steps, false));
            }
            self.reprompted = true;
            steps.push(Step::Reprompted {
                round: self.round,
                violations: violations.clone(),
            });
            let correction = message::reprompt(&violations, cx.contract(), &cx.missing_reads);
            self.ask_again(correction, seat, &mut steps);
            return Ok(Decision {
                steps,
                flush: false,
                next: Next::Ask,
            });
        }
        let requests = self.approvals(&calls);
        self.planned = calls;
        self.planned.reverse();
        self.round_results.clear();
        if requests.is_empty() {
            return self.advance(steps, false);
        }
        steps.push(Step::ApprovalRequested {
            requests: requests.clone(),
        });
        Ok(Decision {
            steps,
            flush: false,
            next: Next::Park(requests),
        })
    }

    /// How the reply to the current round would be taken. Changes nothing.
    ///
    /// # Errors
    ///
    /// When the plan has no seat of that name.
    pub fn judge(&self, reply: &Reply) -> Result<Judged, Failure> {
        let parsed = tool_call::parse(&reply.text);
        let calls = if reply.calls.is_empty() {
            parsed.calls
        } else {
            reply.calls.clone()
        };
        let seat = seat_of(&self.cx)?;
        let refused = self.gate(&calls, seat);
        let unmet = self.cx.contract().check(&Answer {
            calls: &calls,
            prose: &parsed.prose,
            truncated: parsed.truncated.as_deref(),
            seat,
            missing_reads: &self.cx.missing_reads,
            earlier_calls: &self.carried_out,
            text: &reply.text,
            waits_for_others: self.cx.waits_for_others(),
        });
        let only_looks = !calls.is_empty()
            && calls
                .iter()
                .all(|call| OBSERVATIONAL.contains(&call.tool.as_str()))
            && !unmet.iter().any(bars_looking);
        let verdict = if !refused.is_empty() {
            ReplyVerdict::Breaks
        } else if unmet.is_empty() {
            ReplyVerdict::Meets
        } else if only_looks && self.may_go_on() {
            ReplyVerdict::LooksUp
        } else {
            ReplyVerdict::Breaks
        };
        Ok(Judged {
            calls,
            refused,
            unmet,
            verdict,
        })
    }

    /// Whether the turn may take another round.
    fn may_go_on(&self) -> bool {
        self.round.saturating_add(1) < self.cx.plan.max_rounds
    }

    /// A person decided about the calls that wait.
    ///
    /// # Errors
    ///
    /// When a planned call is no longer offered.
    pub fn decided(&mut self, decided: Decided) -> Result<Decision, Failure> {
        let Decided {
            gates,
            approved,
            by,
            reason,
        } = decided;
        let refusal = format!("the call was not approved by {by}: {reason}");
        let steps = vec![Step::ApprovalDecided {
            gates,
            approved,
            by,
            reason,
        }];
        if approved {
            return self.advance(steps, false);
        }
        let failure = Failure::new(FailureClass::Approval, refusal);
        Ok(self.finish_failed(failure, steps, false))
    }

    /// The calls among these that wait for a person.
    fn approvals(&self, calls: &[ToolCall]) -> Vec<ApprovalRequest> {
        let policy = &self.cx.plan.policy.approvals;
        let build = self.cx.plan.build_id.as_str();
        let card = self.cx.card.id.as_str();
        calls
            .iter()
            .filter(|call| {
                self.spec(&call.tool)
                    .is_some_and(|spec| policy.asks(&self.cx.seat, spec))
            })
            .map(|call| ApprovalRequest {
                digest: policy.digest(build, card, call),
                reason: format!(
                    "`{}` by the seat `{}` needs a person's approval",
                    call.tool, self.cx.seat
                ),
                call: call.clone(),
            })
            .collect()
    }

    /// The call came back.
    ///
    /// # Errors
    ///
    /// When no call was under way.
    pub fn called(&mut self, result: ToolResult) -> Result<Decision, Failure> {
        let Some(call) = self.pending.take() else {
            return Err(Failure::new(
                FailureClass::Storage,
                "a result came for a call that was not made",
            ));
        };
        let index = self.next_index.saturating_sub(1);
        let pure = self
            .spec(&call.tool)
            .is_some_and(|spec| spec.effect == EffectClass::Pure);
        let steps = vec![Step::CallFinished {
            index,
            result: result.clone(),
        }];
        self.take_result(call, result, steps, !pure)
    }

    /// Ends the turn badly: the model failed, a clock ran out, the run was halted.
    pub fn failed(&mut self, failure: Failure) -> Decision {
        self.finish_failed(failure, Vec::new(), false)
    }

    fn take_result(
        &mut self,
        call: ToolCall,
        result: ToolResult,
        mut steps: Vec<Step>,
        flush: bool,
    ) -> Result<Decision, Failure> {
        if self.is_stuck(&call, &result) {
            let message = format!(
                "`{}` was called {MOST_REPEATS} times with the same arguments and the same result",
                call.tool
            );
            steps.push(Step::Stalled {
                phase: Phase::Repeat,
                silent_ms: 0,
                chunks: 0,
                bytes: 0,
                partial: String::new(),
            });
            return Ok(self.finish_failed(
                Failure::new(FailureClass::Stalled, message),
                steps,
                flush,
            ));
        }
        // A skill that may not be called fails the same way again: the model cannot mend it.
        let breach = skill::breach_of(&result);
        let is_final = breach.as_ref().is_some_and(skill::Breach::is_final);
        if !result.ok && (!self.looking_up || is_final) {
            let error = result
                .error
                .clone()
                .unwrap_or_else(|| "no reason given".to_owned());
            let class = if is_final {
                FailureClass::Gate
            } else {
                FailureClass::Tool
            };
            let mut failure = Failure::new(class, format!("`{}` failed: {error}", call.tool));
            failure.breach = breach.and_then(|it| it.fault());
            return Ok(self.finish_failed(failure, steps, flush));
        }
        self.carried_out.push(call.clone());
        if self.looking_up {
            self.round_results.push((call, result));
        }
        self.advance(steps, flush)
    }

    fn is_stuck(&mut self, call: &ToolCall, result: &ToolResult) -> bool {
        let text = call.canonical();
        match &self.last_call {
            Some((last, answer)) if *last == text && answer == result => self.repeats += 1,
            _ => {
                self.repeats = 1;
                self.last_call = Some((text, result.clone()));
            }
        }
        self.repeats >= MOST_REPEATS
    }

    /// Makes the next planned calls: those of the ledger at once, then one of the host's.
    fn advance(&mut self, mut steps: Vec<Step>, flush: bool) -> Result<Decision, Failure> {
        let Some(call) = self.planned.pop() else {
            return self.round_over(steps, flush);
        };
        let Some(spec) = self.spec(&call.tool) else {
            // The gate let only offered tools through.
            return Err(Failure::new(
                FailureClass::Gate,
                format!("`{}` is not offered", call.tool),
            ));
        };
        let index = self.next_index;
        let key = self.key(index, &call);
        steps.push(Step::CallIntended {
            index,
            call: call.clone(),
            effect: spec.effect,
            key: key.clone(),
        });
        // Only a call that leaves the machine needs the tool's description to go with it.
        let host = match spec.home {
            ToolHome::Host => Some(Box::new(spec.clone())),
            ToolHome::Ledger => None,
        };
        self.next_index = self.next_index.saturating_add(1);
        match host {
            Some(spec) => {
                self.pending = Some(call.clone());
                Ok(Decision {
                    steps,
                    flush,
                    next: Next::Call {
                        index,
                        call,
                        spec,
                        key,
                    },
                })
            }
            None => {
                let result = self.settle_in_ledger(&call, &key);
                steps.push(Step::CallFinished {
                    index,
                    result: result.clone(),
                });
                self.take_result(call, result, steps, flush)
            }
        }
    }

    fn round_over(&mut self, mut steps: Vec<Step>, flush: bool) -> Result<Decision, Failure> {
        if self.looking_up {
            let cx = Arc::clone(&self.cx);
            let seat = seat_of(&cx)?;
            let window = cx.plan.policy.prompts.context_tokens;
            let answers = message::results(&self.round_results, self.room_for_answers(window));
            self.ask_again(answers, seat, &mut steps);
            return Ok(Decision {
                steps,
                flush,
                next: Next::Ask,
            });
        }
        let statuses: Vec<CardStatus> = self.carried_out.iter().filter_map(status_of).collect();
        let outcome = TurnOutcome::Succeeded {
            status: self.status,
            wait_reason: self.wait_reason,
            summary: self.summary(),
            through: if statuses.len() > 1 {
                statuses
            } else {
                Vec::new()
            },
            objection: Objection::of(&self.reply_text, &self.carried_out),
        };
        steps.push(Step::TurnFinished {
            outcome: outcome.clone(),
        });
        Ok(Decision {
            steps,
            flush,
            next: Next::Finish(outcome),
        })
    }

    fn finish_failed(&mut self, failure: Failure, mut steps: Vec<Step>, flush: bool) -> Decision {
        self.ledger.clear();
        let outcome = TurnOutcome::Failed { failure };
        steps.push(Step::TurnFinished {
            outcome: outcome.clone(),
        });
        Decision {
            steps,
            flush,
            next: Next::Finish(outcome),
        }
    }

    fn ask_first(
        &mut self,
        verify: Option<&VerifyReport>,
        steps: &mut Vec<Step>,
    ) -> Result<(), Failure> {
        let cx = Arc::clone(&self.cx);
        let seat = seat_of(&cx)?;
        self.messages = message::first(&Brief {
            seat,
            card: &cx.card,
            contract: cx.contract(),
            purpose: cx.purpose,
            status: cx.status,
            turn: cx.turn,
            attempt: cx.attempt,
            epic_title: &cx.plan.title,
            comments: &cx.comments,
            refusal: cx.refusal.as_deref(),
            verify,
            history: &cx.history,
            unshown: cx.unshown,
            dependencies: &cx.dependencies,
            remembered: cx.remembered.as_ref(),
            context_tokens: cx.plan.policy.prompts.context_tokens,
            missing_reads: &cx.missing_reads,
        });
        let model = cx.model(seat);
        steps.push(Step::ModelRequested {
            round: 0,
            options: cx.options(&model, seat),
            model,
            messages: self.messages.clone(),
        });
        Ok(())
    }

    /// The bytes that the answers of this round may have; what was quoted makes way first.
    fn room_for_answers(&self, window: u32) -> Option<usize> {
        message::room(&self.messages, &self.reply_text, window)
    }

    fn ask_again(&mut self, mut message: Message, seat: &SeatPlan, steps: &mut Vec<Step>) {
        self.round = self.round.saturating_add(1);
        let window = self.cx.plan.policy.prompts.context_tokens;
        message::make_room(&mut self.messages, &self.reply_text, &mut message, window);
        let added = vec![
            Message::new(Speaker::Assistant, self.reply_text.clone()),
            message,
        ];
        self.messages.extend(added.iter().cloned());
        let model = self.cx.model(seat);
        steps.push(Step::ModelRequested {
            round: self.round,
            options: self.cx.options(&model, seat),
            model,
            messages: added,
        });
    }

    /// All calls of a reply are planned before any is made: one refusal stops them all.
    fn gate(&self, calls: &[ToolCall], seat: &SeatPlan) -> Vec<Violation> {
        let plan = &self.cx.plan;
        let mut status = self.status;
        let mut refused = Vec::new();
        for call in calls {
            let scope = GateScope {
                seat,
                card: &self.cx.card,
                status,
                policy: &plan.policy.gate,
            };
            let command = plan.commands.get(&call.tool);
            let checked = gate::check(call, &scope)
                .and_then(|()| gate::skill(call, command, &plan.policy.skills));
            match checked {
                Ok(()) => {
                    if let Some(to) = status_of(call) {
                        status = to;
                    }
                }
                Err(violation) => refused.push(violation),
            }
        }
        refused
    }

    fn settle_in_ledger(&mut self, call: &ToolCall, key: &str) -> ToolResult {
        match call.tool.as_str() {
            "update_issue_status" => {
                let Some(to) = status_of(call) else {
                    return ToolResult::failed("status is missing");
                };
                self.status = to;
                self.wait_reason = call.text("wait_reason").and_then(|word| word.parse().ok());
                ToolResult::ok(json!({"issue_id": self.cx.card.id.as_str(), "status": to.as_str()}))
            }
            "add_issue_comment" => {
                let Some(content) = call.text("comment") else {
                    return ToolResult::failed("comment is missing");
                };
                self.ledger.push(LedgerEffect::Comment {
                    content: content.to_owned(),
                    key: key.to_owned(),
                });
                ToolResult::ok(json!({"message": "comment added"}))
            }
            "create_issue" => match self.new_card(call, key) {
                Ok(card) => {
                    let id = card.id.to_string();
                    self.ledger.push(LedgerEffect::CreateCard {
                        card: Box::new(card),
                    });
                    ToolResult::ok(json!({"issue_id": id}))
                }
                Err(error) => ToolResult::failed(error),
            },
            "get_issue_context" => self.issue_context(call),
            other => ToolResult::failed(format!("`{other}` is no ledger tool")),
        }
    }

    fn issue_context(&self, call: &ToolCall) -> ToolResult {
        let wanted = call.text("issue_id").unwrap_or(self.cx.card.id.as_str());
        if wanted == self.cx.card.id.as_str() {
            let comments: Vec<Value> = self
                .cx
                .comments
                .iter()
                .map(|(author, content)| json!({"author": author, "content": content}))
                .collect();
            return ToolResult::ok(json!({
                "status": self.status.as_str(),
                "summary": self.cx.card.summary,
                "comments": comments,
            }));
        }
        match self
            .cx
            .dependencies
            .iter()
            .find(|(id, _)| id.as_str() == wanted)
        {
            Some((id, status)) => {
                ToolResult::ok(json!({"issue_id": id.as_str(), "status": status.as_str()}))
            }
            None => ToolResult::failed(format!(
                "`{wanted}` is neither this card nor one it depends on; leave issue_id out for this card"
            )),
        }
    }

    fn new_card(&self, call: &ToolCall, key: &str) -> Result<CardPlan, String> {
        let seat = call.text("seat").ok_or("seat is missing")?;
        if self.cx.plan.seat(seat).is_none() {
            let known: Vec<&str> = self.cx.plan.seats.keys().map(String::as_str).collect();
            return Err(format!(
                "the team has no seat `{seat}`; it has: {}",
                known.join(", ")
            ));
        }
        let created = self
            .ledger
            .iter()
            .filter(|effect| matches!(effect, LedgerEffect::CreateCard { .. }))
            .count();
        if let Some(room) = self.cx.room
            && created >= usize::try_from(room).unwrap_or(usize::MAX)
        {
            return Err(format!(
                "a run may create {} cards, {MOST_CREATED_IN_A_TURN} of them in one turn; do the rest in this card",
                self.cx.plan.max_created_cards
            ));
        }
        let short: String = key.chars().take(8).collect();
        let id = CardId::new(format!("ISSUE-{}", short.to_uppercase()))
            .map_err(|error| error.to_string())?;
        let like = self
            .cx
            .plan
            .seat(seat)
            .map(|seat| seat.contract.clone())
            .unwrap_or_default();
        Ok(CardPlan {
            id,
            kind: self.cx.card.kind,
            summary: call.text("summary").unwrap_or_default().to_owned(),
            seat: seat.to_owned(),
            description: call.text("description").unwrap_or_default().to_owned(),
            note: String::new(),
            requirements: call.text("requirements").unwrap_or_default().to_owned(),
            priority: call.args.get("priority").and_then(priority).unwrap_or(2.0),
            depends_on: Vec::new(),
            max_retries: self.cx.card.max_retries,
            contract: like,
            review_contract: self.cx.card.review_contract.clone(),
            verify: Vec::new(),
            fixture: None,
            params: Map::new(),
            labels: Vec::new(),
            references: vec![self.cx.card.id.to_string()],
            created_by: Some(self.cx.card.id.clone()),
        })
    }

    /// Feeds what was recorded of the world's answer; `None` when `step` is none that `next` waits for.
    pub(super) fn fed(&mut self, step: &Step, next: &Next) -> Option<Result<Decision, Failure>> {
        Some(match (step, next) {
            (Step::Verified { report }, Next::Verify(_)) => self.verified(report.clone()),
            (Step::ModelReplied { reply, .. }, Next::Ask) => self.replied(reply.clone()),
            (Step::CallFinished { result, .. }, Next::Call { .. }) => self.called(result.clone()),
            (
                Step::ApprovalDecided {
                    gates,
                    approved,
                    by,
                    reason,
                },
                Next::Park(_),
            ) => self.decided(Decided {
                gates: gates.clone(),
                approved: *approved,
                by: by.clone(),
                reason: reason.clone(),
            }),
            _ => return None,
        })
    }

    fn spec(&self, tool: &str) -> Option<&ToolSpec> {
        let seat = self.cx.plan.seat(&self.cx.seat)?;
        seat.tools.iter().find(|spec| spec.name == tool)
    }

    /// The idempotency key: SHA-256 over run, card, turn, call index, tool and canonical arguments,
    /// cut to 32 hex digits. The attempt is left out, so that a retry that asks for the same effect
    /// asks with the same key.
    fn key(&self, index: u32, call: &ToolCall) -> String {
        let text = format!(
            "{}\u{1f}{}\u{1f}{}\u{1f}{}\u{1f}{}",
            self.cx.plan.run_id,
            self.cx.card.id,
            self.cx.turn,
            index,
            call.canonical()
        );
        let mut key = canonical::sha256_hex(text.as_bytes());
        key.truncate(32);
        key
    }
}

/// The failure of an effect that may or may not have happened.
#[must_use]
pub fn unknown_outcome(tool: &str) -> Failure {
    Failure::new(
        FailureClass::UnknownOutcome,
        format!(
            "`{tool}` may or may not have taken effect: its work was cut off between intent and outcome, \
             and it must not be repeated unasked"
        ),
    )
}

/// The tool of an `at_most_once` call that was intended and has no outcome, if there is one.
#[must_use]
pub fn cut_off_effect(steps: &[Arc<Step>]) -> Option<String> {
    let mut open: Option<(u32, String)> = None;
    for step in steps {
        match step.as_ref() {
            Step::CallIntended {
                index,
                call,
                effect: EffectClass::AtMostOnce,
                ..
            } => {
                open = Some((*index, call.tool.clone()));
            }
            Step::CallFinished { index, .. }
                if open.as_ref().is_some_and(|(at, _)| at == index) =>
            {
                open = None
            }
            _ => {}
        }
    }
    open.map(|(_, tool)| tool)
}

fn seat_of(cx: &Context) -> Result<&SeatPlan, Failure> {
    cx.plan.seat(&cx.seat).ok_or_else(|| {
        Failure::new(
            FailureClass::ModelRefused,
            format!("the plan has no seat `{}`", cx.seat),
        )
    })
}

fn status_of(call: &ToolCall) -> Option<CardStatus> {
    (call.tool == "update_issue_status")
        .then(|| call.text("status"))
        .flatten()
        .and_then(|word| word.parse().ok())
}

fn priority(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(word) => match word.trim().to_ascii_lowercase().as_str() {
            "high" => Some(3.0),
            "medium" => Some(2.0),
            "low" => Some(1.0),
            other => other.parse().ok(),
        },
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn add_usage(sum: &mut Usage, usage: Usage) {
    let add = |a: Option<u64>, b: Option<u64>| match (a, b) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
    };
    sum.prompt_tokens = add(sum.prompt_tokens, usage.prompt_tokens);
    sum.output_tokens = add(sum.output_tokens, usage.output_tokens);
}

/// The steps are not those of this machine.
pub(super) fn strange(what: &str) -> Failure {
    Failure::new(
        FailureClass::Storage,
        format!("the journal of this attempt does not follow from its start: {what}"),
    )
}

fn describe(violations: &[Violation]) -> String {
    let parts: Vec<String> = violations
        .iter()
        .map(|violation| {
            let code = violation.rule_id.as_deref().unwrap_or(&violation.reason);
            format!("{code}: {}", violation.message)
        })
        .collect();
    parts.join("; ")
}

#[cfg(test)]
#[path = "tests.rs"]
pub(crate) mod tests;
