//! One attempt of one seat at one card: its steps as they are journaled, and the machine that
//! decides them.

mod machine;
mod rederive;
mod report;
mod rounds;

pub use machine::{
    Context, Decided, Decision, Judged, LedgerEffect, MOST_CREATED_IN_A_TURN, Next, ReplyVerdict,
    Turn, cut_off_effect, unknown_outcome,
};

#[cfg(test)]
pub(crate) fn some_context() -> std::sync::Arc<Context> {
    machine::tests::context(None)
}

pub use rederive::{Derived, Divergence, RecordedStep, rederive};
pub use report::{
    CommandReport, FixtureFault, FixtureReport, ScenarioReport, SyntaxFinding, UncheckedFile,
    VerifyReport,
};
pub use rounds::{Followed, Round, follow};

use serde::{Deserialize, Serialize};

use crate::contract::Objection;
use crate::failure::Failure;
use crate::gate::normal_path;
use crate::ids::CardId;
use crate::memory::recall::Remembered;
use crate::message::Spoken;
use crate::model::{Message, ModelName, ModelOptions, Reply};
use crate::policy::ApprovalRequest;
use crate::stall::Phase;
use crate::status::{CardStatus, WaitReason, words};
use crate::tool::{EffectClass, ToolCall, ToolResult};
use crate::verify::may_hold_code;

words! {
    /// Why a turn is taken.
    Purpose, "purpose" {
        /// The card's seat works on it.
        Work = "work",
        /// The guard reviews it.
        Review = "review",
    }
}

/// What a turn was given besides the plan, as it stood when the turn began. It is part of the record
/// because it changes: without it no prompt could be derived again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Given {
    /// Comments on the card, oldest first: author and text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<(String, String)>,
    /// Why the last answer was not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// What was said before, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Spoken>,
    /// How many older ones there were, of which nothing is shown.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unshown: u32,
    /// The cards this one depends on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<(CardId, CardStatus)>,
    /// How many cards it may create; `None` in the record of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<u32>,
    /// Before a review: the files that the card's turns wrote and that may hold code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<String>,
    /// What was looked up in the project's memory; `None` where runs do not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remembered: Option<Remembered>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// One broken clause of a contract, or one refused call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Which clause: a reason code such as `write_path_contract_not_met`.
    pub reason: String,
    /// The rule, where the clause has several, such as `SECURITY.PATH_TRAVERSAL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_id: Option<String>,
    /// What is wrong and what would be right.
    pub message: String,
    /// What was found.
    #[serde(default)]
    pub evidence: String,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum TurnOutcome {
    /// Everything it asked for was done.
    Succeeded {
        /// The card's status now.
        status: CardStatus,
        /// With `blocked` and `waiting_for_developer`: why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wait_reason: Option<WaitReason>,
        /// The reply, cut for the history of later prompts.
        summary: String,
        /// Every status that it set, where there are several; the last one is `status`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        through: Vec<CardStatus>,
        /// Where it refuses: its reasons.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        objection: Option<Objection>,
    },
    /// It did not work.
    Failed {
        /// Why.
        failure: Failure,
    },
}

/// One durable step of a turn, in the journal's words. The machine is a fold over these: feeding
/// it the steps of a dead process brings it to where that process was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Step {
    /// The attempt was claimed.
    TurnStarted {
        /// Seat that acts.
        seat: String,
        /// Role that speaks.
        role: String,
        /// Work or review.
        purpose: Purpose,
        /// The card's turn, from 1.
        turn: u32,
        /// The try, from 1.
        attempt: u32,
        /// The card's status when the turn began.
        status: CardStatus,
        /// Files of the read-path contract that do not exist; they are not demanded.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        missing_reads: Vec<String>,
        /// What it was given besides the plan; `None` in the record of earlier versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        given: Option<Box<Given>>,
    },
    /// A process died and another took the turn up here.
    Recovered {
        /// How many times this has happened to this attempt.
        recoveries: u32,
    },
    /// The verifier ran before the guard was asked.
    Verified {
        /// What it found.
        report: VerifyReport,
    },
    /// The model is about to be asked.
    ModelRequested {
        /// The round, from 0.
        round: u32,
        /// Who is asked.
        model: ModelName,
        /// With which options.
        options: ModelOptions,
        /// The messages that this round adds to those of the rounds before.
        messages: Vec<Message>,
    },
    /// The model answered. Durable before anything acts on it.
    ModelReplied {
        /// The round, from 0.
        round: u32,
        /// The whole answer.
        reply: Reply,
    },
    /// The answer broke the contract or the gate refused it; the model is told and asked again.
    Reprompted {
        /// The round whose answer it was.
        round: u32,
        /// What was wrong.
        violations: Vec<Violation>,
    },
    /// Calls of the answer wait for a person. Nothing of the answer has been carried out.
    ApprovalRequested {
        /// What is asked, a gate each.
        requests: Vec<ApprovalRequest>,
    },
    /// A person decided, or nobody did in time.
    ApprovalDecided {
        /// The gates, by number.
        gates: Vec<i64>,
        /// Whether all of them were approved; each is spent with this step.
        approved: bool,
        /// Who decided.
        by: String,
        /// Why, in words.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// A call is about to be made. Durable before its effect.
    CallIntended {
        /// The call's place in the turn, from 0.
        index: u32,
        /// The call.
        call: ToolCall,
        /// What a crash allows.
        effect: EffectClass,
        /// Derived from run, card, turn, attempt, index, tool and canonical arguments.
        key: String,
    },
    /// The call came back.
    CallFinished {
        /// The call's place in the turn, from 0.
        index: u32,
        /// What it answered.
        result: ToolResult,
    },
    /// The watchdog ended the attempt.
    Stalled {
        /// Whose clock ran out.
        phase: Phase,
        /// How long nothing was heard, in milliseconds.
        silent_ms: u64,
        /// Chunks received before.
        chunks: u64,
        /// Bytes received before.
        bytes: u64,
        /// What had been received of the reply.
        partial: String,
    },
    /// The end.
    TurnFinished {
        /// How it ended.
        #[serde(flatten)]
        outcome: TurnOutcome,
    },
}

impl Step {
    /// The step's name in the journal.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::TurnStarted { .. } => "turn_started",
            Self::Recovered { .. } => "recovered",
            Self::Verified { .. } => "verified",
            Self::ModelRequested { .. } => "model_requested",
            Self::ModelReplied { .. } => "model_replied",
            Self::Reprompted { .. } => "reprompted",
            Self::ApprovalRequested { .. } => "approval_requested",
            Self::ApprovalDecided { .. } => "approval_decided",
            Self::CallIntended { .. } => "call_intended",
            Self::CallFinished { .. } => "call_finished",
            Self::Stalled { .. } => "stalled",
            Self::TurnFinished { .. } => "turn_finished",
        }
    }
}

/// The files that calls of these steps were to write, relative to the workspace and in order: those
/// that may hold code. Whether each was written does not matter here; one that was not is not there.
#[must_use]
pub fn written_files(steps: &[std::sync::Arc<Step>]) -> Vec<String> {
    let calls = steps.iter().filter_map(|step| match step.as_ref() {
        Step::CallIntended { call, .. } => Some(call),
        _ => None,
    });
    written_by(calls)
}

fn written_by<'a>(calls: impl Iterator<Item = &'a ToolCall>) -> Vec<String> {
    let paths = calls
        .filter(|call| call.tool == "write_file")
        .filter_map(|call| normal_path(call.text("path")?))
        .filter(|path| may_hold_code(path));
    let mut paths: Vec<String> = paths.collect();
    paths.sort();
    paths.dedup();
    paths
}

/// What an open attempt waits for a person to decide: its last step asks, and nothing answers.
#[must_use]
pub fn waits_for(steps: &[std::sync::Arc<Step>]) -> Option<&[ApprovalRequest]> {
    let last = steps
        .iter()
        .rev()
        .find(|step| !matches!(step.as_ref(), Step::Recovered { .. }))?;
    match last.as_ref() {
        Step::ApprovalRequested { requests } => Some(requests),
        _ => None,
    }
}
