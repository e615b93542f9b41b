//! The steps of one attempt, gathered for showing.

use std::borrow::Borrow;

use crate::failure::{Failure, FailureClass};
use crate::model::{Message, ModelName, ModelOptions, Reply, Usage};
use crate::stall::Phase;
use crate::status::{CardStatus, words};
use crate::tool::{ToolCall, ToolResult};
use crate::turn::{Purpose, Step, TurnOutcome, VerifyReport, Violation};

words! {
    /// How an attempt ended.
    Ending, "ending" {
        /// Everything it asked for was done.
        Succeeded = "succeeded",
        /// It did not work.
        Failed = "failed",
        /// A clock ran out.
        Stalled = "stalled",
        /// It was given up: halted, taken away, or never finished.
        Abandoned = "abandoned",
    }
}

/// How an attempt with these steps ended. A stall stays a stall whatever class its failure got: a
/// cut-off effect makes it an unknown outcome.
pub fn ending<S: Borrow<Step>>(steps: &[S]) -> Ending {
    let mut ending = Ending::Abandoned;
    for step in steps {
        match step.borrow() {
            Step::TurnFinished { outcome } => match outcome {
                TurnOutcome::Succeeded { .. } => ending = Ending::Succeeded,
                TurnOutcome::Failed { failure } => {
                    if ending != Ending::Stalled {
                        ending = of_class(failure.class);
                    }
                }
            },
            Step::Stalled { .. } => ending = Ending::Stalled,
            Step::TurnStarted { .. }
            | Step::Recovered { .. }
            | Step::Verified { .. }
            | Step::ModelRequested { .. }
            | Step::ModelReplied { .. }
            | Step::Reprompted { .. }
            | Step::ApprovalRequested { .. }
            | Step::ApprovalDecided { .. }
            | Step::CallIntended { .. }
            | Step::CallFinished { .. } => {}
        }
    }
    ending
}

const fn of_class(class: FailureClass) -> Ending {
    match class {
        FailureClass::Stalled => Ending::Stalled,
        FailureClass::Halted | FailureClass::Fenced => Ending::Abandoned,
        FailureClass::ModelConnect
        | FailureClass::ModelServer
        | FailureClass::ModelRateLimited
        | FailureClass::ModelRefused
        | FailureClass::ModelBroken
        | FailureClass::Contract
        | FailureClass::Gate
        | FailureClass::Tool
        | FailureClass::Verification
        | FailureClass::Approval
        | FailureClass::Budget
        | FailureClass::UnknownOutcome
        | FailureClass::Panic
        | FailureClass::CrashLoop
        | FailureClass::Storage => Ending::Failed,
    }
}

/// One question and its answer.
pub(super) struct Round<'a> {
    pub round: u32,
    pub model: &'a ModelName,
    pub options: &'a ModelOptions,
    /// What this round added to the prompt.
    pub messages: &'a [Message],
    pub reply: Option<&'a Reply>,
    pub violations: &'a [Violation],
}

/// The watchdog's step.
pub(super) struct Stall<'a> {
    pub phase: Phase,
    pub silent_ms: u64,
    pub chunks: u64,
    pub bytes: u64,
    pub partial: &'a str,
}

/// The whole attempt. A step that was journaled again after a crash replaces its first version.
#[derive(Default)]
pub(super) struct Story<'a> {
    pub status: Option<CardStatus>,
    /// The seat that acts, and why.
    pub began: Option<(&'a str, Purpose)>,
    pub recoveries: u32,
    pub verified: Option<&'a VerifyReport>,
    /// In the order of their numbers.
    pub rounds: Vec<Round<'a>>,
    /// By place in the turn, in order.
    pub intended: Vec<(u32, &'a ToolCall)>,
    /// Likewise.
    pub results: Vec<(u32, &'a ToolResult)>,
    pub stall: Option<Stall<'a>>,
    pub settled: Option<CardStatus>,
    pub failure: Option<&'a Failure>,
}

impl<'a> Story<'a> {
    /// Gathers the steps.
    pub fn of<S: Borrow<Step>>(steps: &'a [S]) -> Self {
        let mut story = Self::default();
        for step in steps {
            story.take(step.borrow());
        }
        story
    }

    fn take(&mut self, step: &'a Step) {
        match step {
            Step::TurnStarted {
                status,
                seat,
                purpose,
                ..
            } => {
                self.status = Some(*status);
                self.began = Some((seat, *purpose));
            }
            Step::Recovered { recoveries } => self.recoveries = *recoveries,
            Step::Verified { report } => self.verified = Some(report),
            Step::ModelRequested {
                round,
                model,
                options,
                messages,
            } => {
                self.rounds.retain(|known| known.round != *round);
                self.rounds.push(Round {
                    round: *round,
                    model,
                    options,
                    messages,
                    reply: None,
                    violations: &[],
                });
            }
            Step::ModelReplied { round, reply } => {
                if let Some(known) = self.round(*round) {
                    known.reply = Some(reply);
                }
            }
            Step::Reprompted { round, violations } => {
                if let Some(known) = self.round(*round) {
                    known.violations = violations;
                }
            }
            Step::ApprovalRequested { .. } | Step::ApprovalDecided { .. } => {}
            Step::CallIntended { index, call, .. } => put(&mut self.intended, *index, call),
            Step::CallFinished { index, result } => put(&mut self.results, *index, result),
            Step::Stalled {
                phase,
                silent_ms,
                chunks,
                bytes,
                partial,
            } => {
                self.stall = Some(Stall {
                    phase: *phase,
                    silent_ms: *silent_ms,
                    chunks: *chunks,
                    bytes: *bytes,
                    partial,
                });
            }
            Step::TurnFinished { outcome } => match outcome {
                TurnOutcome::Succeeded { status, .. } => self.settled = Some(*status),
                TurnOutcome::Failed { failure } => self.failure = Some(failure),
            },
        }
    }

    fn round(&mut self, number: u32) -> Option<&mut Round<'a>> {
        self.rounds.iter_mut().find(|known| known.round == number)
    }

    /// What was sent with the last question: all rounds' messages, in order.
    pub fn messages(&self) -> impl Iterator<Item = &'a Message> {
        self.rounds.iter().flat_map(|round| round.messages)
    }

    /// The calls in order.
    pub fn calls(&self) -> impl Iterator<Item = &'a ToolCall> {
        self.intended.iter().map(|(_, call)| *call)
    }

    /// The tool of the call at this place.
    pub fn tool_of(&self, index: u32) -> Option<&'a str> {
        self.intended
            .iter()
            .find(|(known, _)| *known == index)
            .map(|(_, call)| call.tool.as_str())
    }

    /// Tokens of all rounds; unknown only when no round knows.
    pub fn usage(&self) -> Usage {
        let mut sum = Usage::default();
        for usage in self
            .rounds
            .iter()
            .filter_map(|round| round.reply)
            .map(|reply| &reply.usage)
        {
            sum.prompt_tokens = plus(sum.prompt_tokens, usage.prompt_tokens);
            sum.output_tokens = plus(sum.output_tokens, usage.output_tokens);
        }
        sum
    }

    /// Time spent waiting for replies.
    pub fn latency_ms(&self) -> u64 {
        self.rounds
            .iter()
            .filter_map(|round| round.reply)
            .fold(0, |sum, reply| sum.saturating_add(reply.latency_ms))
    }
}

fn plus(sum: Option<u64>, more: Option<u64>) -> Option<u64> {
    match (sum, more) {
        (Some(sum), Some(more)) => Some(sum.saturating_add(more)),
        (sum, more) => sum.or(more),
    }
}

fn put<T>(list: &mut Vec<(u32, T)>, index: u32, value: T) {
    match list.binary_search_by_key(&index, |(known, _)| *known) {
        Ok(place) => {
            if let Some(slot) = list.get_mut(place) {
                slot.1 = value;
            }
        }
        Err(place) => list.insert(place, (index, value)),
    }
}
