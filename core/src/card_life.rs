//! The life of one card: which turn is next, what an outcome means for it, when it is settled.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::backoff::Backoff;
use crate::failure::{Failure, FailureClass};
use crate::plan::{CardPlan, RunPlan};
use crate::policy::{BEGIN_ANEW, GuardLoopPolicy, NON_COMPLIANT, OnExceed, Ruling, fingerprint};
use crate::status::{CardStatus, WaitReason};
use crate::turn::{Purpose, TurnOutcome};
use crate::verify::VerifyJob;

/// The code of a card that waits for a person's approval in the middle of a turn.
pub const PARKED: &str = "E_APPROVAL_REQUIRED";
/// The code of a card that waits for a larger budget.
pub const OVER_BUDGET: &str = "E_BUDGET";
/// The code of a card whose guard gave no answer that can be used.
pub const GUARD_UNCLEAR: &str = "E_GUARD_PAYLOAD";
/// Why a card is blocked, in its audit: it was sent back too often, or twice for the same reason.
pub const GUARD_TERMINAL: &str = "guard_terminal_failure";

/// How long a card bears with a server that asks it to wait, in all, before its refusals count.
const MOST_REST_MS: u64 = 2 * 60 * 60 * 1_000;
/// A wait that was asked for counts at least so much.
const LEAST_REST_MS: u64 = 1_000;
/// How many of the files that a card wrote are remembered; the verifier sees the others as files of
/// the folder they lie in.
const MOST_WRITTEN: usize = 512;

/// Where a card stands, as stored with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CardLife {
    /// Its status.
    pub status: CardStatus,
    /// Why it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_reason: Option<WaitReason>,
    /// In words: why it is blocked, what is unknown, which command goes on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The code of what blocked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The turn it is at, from 1; 0 before the first.
    pub turn: u32,
    /// The tries at this turn so far.
    pub attempt: u32,
    /// Failed attempts forgiven so far.
    pub retries: u32,
    /// Failed attempts at its review forgiven so far.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub review_failures: u32,
    /// Failures of the model's server in a row; they have a budget of their own, since no answer
    /// was judged.
    #[serde(default)]
    pub model_failures: u32,
    /// How long the model's server has asked it to wait since its last answer, in milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rested_ms: u64,
    /// Takings-up of the current turn after a crash.
    #[serde(default)]
    pub recoveries: u32,
    /// All attempts so far.
    #[serde(default)]
    pub attempts: u32,
    /// Why the last answer was not good enough; shown to the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// What it was sent back for so far, as fingerprints.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<String>,
    /// The last try that follows too many refusals is under way, or was had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<OnExceed>,
    /// What its seat said last, cut; shown to the guard and to dependants.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last_reply: String,
    /// It waits for a person in the middle of its review, and goes back there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_review: bool,
    /// Tokens spent on it.
    #[serde(default)]
    pub tokens: u64,
    /// The files that its turns wrote and that may hold code, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_none_yet(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Default for CardLife {
    fn default() -> Self {
        Self {
            status: CardStatus::Ready,
            wait_reason: None,
            note: String::new(),
            code: None,
            turn: 0,
            attempt: 0,
            retries: 0,
            review_failures: 0,
            model_failures: 0,
            rested_ms: 0,
            recoveries: 0,
            attempts: 0,
            refusal: None,
            refusals: Vec::new(),
            escalation: None,
            last_reply: String::new(),
            in_review: false,
            tokens: 0,
            written: Vec::new(),
        }
    }
}

/// A change of status with its reason, for the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// From.
    pub from: CardStatus,
    /// To.
    pub to: CardStatus,
    /// Why, as a word.
    pub reason: &'static str,
    /// Whether the runtime decided it; otherwise the seat's tool call did.
    pub by_scheduler: bool,
}

/// What happens with a card after a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Another turn, after this wait.
    Turn {
        /// Work or review.
        purpose: Purpose,
        /// How long to wait first.
        wait: Duration,
    },
    /// It waits for a person in the middle of its turn.
    Parked,
    /// Nothing more in this run.
    Settled,
}

/// What an outcome meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// What changed.
    pub changes: Vec<Change>,
    /// What follows.
    pub after: After,
    /// A person must decide before it can go on.
    pub gate: bool,
}

/// The budgets that an outcome is judged by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budgets<'a> {
    /// The run, which says what is verified.
    pub plan: &'a RunPlan,
    /// The rules of the loop between seat and guard.
    pub guard_loop: &'a GuardLoopPolicy,
    /// The wait between attempts.
    pub backoff: Backoff,
    /// Failures of the model's server in a row that are forgiven.
    pub max_model_retries: u32,
}

impl CardLife {
    /// Which turn is next; `None` when the card is settled.
    #[must_use]
    pub const fn next_purpose(&self) -> Option<Purpose> {
        match self.status {
            CardStatus::Ready | CardStatus::InProgress | CardStatus::GuardRequestedChanges => {
                Some(Purpose::Work)
            }
            CardStatus::ReadyForTesting
            | CardStatus::CodeReview
            | CardStatus::AwaitingGuardReview
            | CardStatus::GuardApproved => Some(Purpose::Review),
            CardStatus::Blocked
            | CardStatus::WaitingForDeveloper
            | CardStatus::GuardRejected
            | CardStatus::Done
            | CardStatus::Canceled
            | CardStatus::Archived => None,
        }
    }

    /// Counts a new attempt and sets the status it is dispatched with.
    pub fn claim(&mut self, purpose: Purpose) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.attempt == 0 {
            self.turn = self.turn.saturating_add(1);
            self.recoveries = 0;
        }
        self.attempt = self.attempt.saturating_add(1);
        self.attempts = self.attempts.saturating_add(1);
        self.dispatch(purpose, &mut changes);
        changes
    }

    /// Sets the status that a turn of this purpose runs under.
    pub fn dispatch(&mut self, purpose: Purpose, changes: &mut Vec<Change>) {
        match purpose {
            Purpose::Work => self.go(CardStatus::InProgress, "turn_dispatch", true, changes),
            Purpose::Review => {
                if self.status == CardStatus::ReadyForTesting {
                    self.go(CardStatus::CodeReview, "turn_dispatch", true, changes);
                }
                self.go(
                    CardStatus::AwaitingGuardReview,
                    "turn_dispatch",
                    true,
                    changes,
                );
            }
        }
    }

    /// Remembers files that its turns wrote; past [`MOST_WRITTEN`] no more are.
    pub fn note_written(&mut self, paths: Vec<String>) {
        self.written.extend(paths);
        self.written.sort();
        self.written.dedup();
        self.written.truncate(MOST_WRITTEN);
    }

    /// Counts the taking-up of an attempt after a crash.
    ///
    /// # Errors
    ///
    /// A crash-loop failure once there were more than `most` in a row at this turn.
    pub fn take_up(&mut self, most: u32) -> Result<u32, Failure> {
        self.recoveries = self.recoveries.saturating_add(1);
        if self.recoveries > most {
            return Err(Failure::new(
                FailureClass::CrashLoop,
                format!(
                    "the process died {most} times in the middle of this turn; it is not tried again unasked"
                ),
            ));
        }
        Ok(self.recoveries)
    }

    /// Judges the outcome of a turn.
    pub fn conclude(
        &mut self,
        card: &CardPlan,
        purpose: Purpose,
        outcome: &TurnOutcome,
        budgets: &Budgets<'_>,
        seed: &str,
    ) -> Conclusion {
        match outcome {
            TurnOutcome::Succeeded {
                status,
                wait_reason,
                summary,
                through,
                objection,
            } => {
                let said = match objection {
                    Some(objection) => objection.to_string(),
                    None => summary.clone(),
                };
                let mut changes = Vec::new();
                for status in self.way(purpose, through, *status, card, budgets) {
                    self.go(status, "tool_call", false, &mut changes);
                }
                self.wait_reason = *wait_reason;
                self.succeeded(card, purpose, (summary, said), changes, budgets, seed)
            }
            TurnOutcome::Failed { failure } => self.failed(card, purpose, failure, budgets, seed),
        }
    }

    /// The statuses that a turn's calls take the card through. Work that is to be verified does not get
    /// past its review, not even when its seat may speak for the guard.
    fn way(
        &self,
        purpose: Purpose,
        through: &[CardStatus],
        last: CardStatus,
        card: &CardPlan,
        budgets: &Budgets<'_>,
    ) -> Vec<CardStatus> {
        let mut way = if through.is_empty() {
            vec![last]
        } else {
            through.to_vec()
        };
        let is_verified = || VerifyJob::is_due(budgets.plan, card, &self.written);
        let finishes =
            |status: &CardStatus| matches!(status, CardStatus::Done | CardStatus::GuardApproved);
        if purpose == Purpose::Work
            && let Some(first) = way.iter().position(finishes)
            && is_verified()
        {
            way.truncate(first);
            if way.last() != Some(&CardStatus::CodeReview) {
                way.push(CardStatus::CodeReview);
            }
        }
        way
    }

    fn succeeded(
        &mut self,
        card: &CardPlan,
        purpose: Purpose,
        (summary, said): (&str, String),
        mut changes: Vec<Change>,
        budgets: &Budgets<'_>,
        seed: &str,
    ) -> Conclusion {
        self.attempt = 0;
        self.recoveries = 0;
        self.model_failures = 0;
        self.rested_ms = 0;
        self.review_failures = 0;
        match purpose {
            Purpose::Work => {
                self.refusal = None;
                summary.clone_into(&mut self.last_reply);
                if self.status == CardStatus::InProgress {
                    self.go(
                        CardStatus::CodeReview,
                        "post_success_evaluator",
                        true,
                        &mut changes,
                    );
                }
                // A guard's seat may have spoken for the guard in its own work.
                if self.status == CardStatus::GuardApproved {
                    self.go(CardStatus::Done, "guard_approved", true, &mut changes);
                }
                if self.status == CardStatus::GuardRequestedChanges {
                    return self.sent_back(card, said, None, changes, budgets, seed);
                }
                if self.status.is_settled() && self.status != CardStatus::Done {
                    self.note = format!("its seat set it to {}: {said}", self.status);
                }
            }
            Purpose::Review => {
                match self.status {
                    CardStatus::GuardApproved => {
                        self.go(CardStatus::Done, "guard_approved", true, &mut changes)
                    }
                    CardStatus::GuardRequestedChanges => {
                        return self.sent_back(card, said, None, changes, budgets, seed);
                    }
                    CardStatus::Blocked | CardStatus::GuardRejected => {
                        self.code = Some("E_GUARD_REJECTED".to_owned());
                        self.note = format!("the guard refused it: {said}");
                    }
                    CardStatus::Ready
                    | CardStatus::InProgress
                    | CardStatus::ReadyForTesting
                    | CardStatus::CodeReview
                    | CardStatus::AwaitingGuardReview => {
                        // A guard that settles nothing has not agreed. It counts like any other
                        // sending back, or the two could go on for ever.
                        let why = format!("the guard's turn settled nothing: {said}");
                        return self.sent_back(card, why, None, changes, budgets, seed);
                    }
                    CardStatus::WaitingForDeveloper
                    | CardStatus::Done
                    | CardStatus::Canceled
                    | CardStatus::Archived => {}
                }
            }
        }
        let after = match self.next_purpose() {
            Some(purpose) => After::Turn {
                purpose,
                wait: Duration::ZERO,
            },
            None => After::Settled,
        };
        Conclusion {
            changes,
            after,
            gate: false,
        }
    }

    fn failed(
        &mut self,
        card: &CardPlan,
        purpose: Purpose,
        failure: &Failure,
        budgets: &Budgets<'_>,
        seed: &str,
    ) -> Conclusion {
        let mut changes = Vec::new();
        match failure.class {
            FailureClass::Verification if !failure.for_good => {
                self.attempt = 0;
                return self.sent_back(
                    card,
                    failure.message.clone(),
                    Some(failure.class),
                    changes,
                    budgets,
                    seed,
                );
            }
            FailureClass::ModelConnect
            | FailureClass::ModelServer
            | FailureClass::ModelRateLimited => {
                // A server that says when it may be asked again works: that is not held against the
                // card while it stays within reason.
                let asked = Duration::from_millis(failure.retry_after_ms.unwrap_or(0));
                let patient = failure.class == FailureClass::ModelRateLimited
                    && !asked.is_zero()
                    && self.rested_ms < MOST_REST_MS;
                if patient {
                    let asked_ms = failure.retry_after_ms.unwrap_or(0).max(LEAST_REST_MS);
                    self.rested_ms = self.rested_ms.saturating_add(asked_ms);
                } else {
                    self.model_failures = self.model_failures.saturating_add(1);
                }
                if self.model_failures <= budgets.max_model_retries {
                    let own = budgets.backoff.delay(self.model_failures.max(1), seed);
                    return Conclusion {
                        changes,
                        after: After::Turn {
                            purpose,
                            wait: own.max(asked),
                        },
                        gate: false,
                    };
                }
            }
            FailureClass::ModelBroken
            | FailureClass::Stalled
            | FailureClass::Contract
            | FailureClass::Gate
            | FailureClass::Tool
            | FailureClass::Approval
            | FailureClass::Panic
            | FailureClass::Storage => {
                self.model_failures = 0;
                self.rested_ms = 0;
                // What the guard does wrong is not held against the card's seat.
                let tries = match purpose {
                    Purpose::Work => &mut self.retries,
                    Purpose::Review => &mut self.review_failures,
                };
                if *tries < card.max_retries {
                    *tries = tries.saturating_add(1);
                    let wait = budgets.backoff.delay(*tries, seed);
                    if matches!(
                        failure.class,
                        FailureClass::Contract
                            | FailureClass::Gate
                            | FailureClass::Tool
                            | FailureClass::Approval
                    ) {
                        self.refusal = Some(failure.message.clone());
                    }
                    return Conclusion {
                        changes,
                        after: After::Turn { purpose, wait },
                        gate: false,
                    };
                }
                // A guard whose answers cannot be used has not agreed; a person says what it meant.
                if purpose == Purpose::Review && failure.class == FailureClass::Contract {
                    let note = failure.message.clone();
                    self.park(purpose, GUARD_UNCLEAR, note, &mut changes);
                    return Conclusion {
                        changes,
                        after: After::Parked,
                        gate: true,
                    };
                }
            }
            FailureClass::Budget => {
                self.park(purpose, OVER_BUDGET, failure.message.clone(), &mut changes);
                return Conclusion {
                    changes,
                    after: After::Parked,
                    gate: true,
                };
            }
            FailureClass::Verification
            | FailureClass::ModelRefused
            | FailureClass::UnknownOutcome
            | FailureClass::CrashLoop
            | FailureClass::Fenced
            | FailureClass::Halted => {}
        }
        let gate = failure.class == FailureClass::UnknownOutcome;
        let reason = if gate {
            WaitReason::Input
        } else {
            WaitReason::System
        };
        self.block(
            reason,
            failure.code(),
            failure.message.clone(),
            &mut changes,
        );
        Conclusion {
            changes,
            after: After::Settled,
            gate,
        }
    }

    /// Back to the card's seat with the reason, as the rules of the loop allow.
    fn sent_back(
        &mut self,
        card: &CardPlan,
        why: String,
        class: Option<FailureClass>,
        mut changes: Vec<Change>,
        budgets: &Budgets<'_>,
        seed: &str,
    ) -> Conclusion {
        self.attempt = 0;
        let rules = budgets.guard_loop;
        let ruling = rules.rule(
            &why,
            &self.refusals,
            (self.retries, card.max_retries),
            self.escalation.is_some(),
            budgets.backoff,
            seed,
        );
        self.refusals.push(fingerprint(&why));
        let wait = match ruling {
            Ruling::Terminal(code) => {
                let own = rules
                    .terminal_message
                    .as_deref()
                    .filter(|_| rules.terminal_code.as_deref() == Some(&code));
                let words = match own {
                    Some(message) => format!("{message} (sent back {} times): {why}", self.retries),
                    None if code == NON_COMPLIANT => {
                        format!("refused again for the same reason: {why}")
                    }
                    None if self.retries == 0 => {
                        format!("not accepted, and it may not be sent back: {why}")
                    }
                    None => format!(
                        "sent back {} times, still not accepted: {why}",
                        self.retries
                    ),
                };
                self.go(CardStatus::Blocked, GUARD_TERMINAL, true, &mut changes);
                self.block(WaitReason::Review, &code, words, &mut changes);
                return Conclusion {
                    changes,
                    after: After::Settled,
                    gate: false,
                };
            }
            Ruling::Retry { wait } => {
                self.refusal = Some(why);
                wait
            }
            Ruling::Escalate(to) => {
                self.escalation = Some(to);
                self.refusal = Some(match to {
                    OnExceed::FallbackPrompt => format!("{BEGIN_ANEW}\n\n{why}"),
                    OnExceed::Halt | OnExceed::FallbackRole => why,
                });
                Duration::ZERO
            }
        };
        self.retries = self.retries.saturating_add(1);
        let reason = if class.is_some() {
            "verification_failed"
        } else {
            "guard_requested_changes"
        };
        self.go(CardStatus::InProgress, reason, true, &mut changes);
        Conclusion {
            changes,
            after: After::Turn {
                purpose: Purpose::Work,
                wait,
            },
            gate: false,
        }
    }

    /// Blocks the card.
    pub fn block(
        &mut self,
        reason: WaitReason,
        code: &str,
        note: String,
        changes: &mut Vec<Change>,
    ) {
        self.go(CardStatus::Blocked, "blocked", true, changes);
        self.wait_reason = Some(reason);
        self.code = Some(code.to_owned());
        self.note = note;
    }

    /// A person puts the card away. What stopped it stays readable; what it asked is asked no more.
    pub fn archive(&mut self, changes: &mut Vec<Change>) {
        if self.is_parked() {
            self.code = None;
        }
        self.in_review = false;
        self.go(CardStatus::Archived, "archived", true, changes);
    }

    /// A person takes the card out again: it stands where it stood. What it waited for then is given,
    /// since it was forgotten when it was put away.
    pub fn unarchive(
        &mut self,
        to: CardStatus,
        wait_reason: Option<WaitReason>,
        changes: &mut Vec<Change>,
    ) {
        if self.status != CardStatus::Archived {
            return;
        }
        self.go(to, "unarchived", true, changes);
        self.wait_reason = match to {
            CardStatus::Blocked | CardStatus::WaitingForDeveloper => {
                Some(wait_reason.unwrap_or(WaitReason::System))
            }
            CardStatus::Ready
            | CardStatus::InProgress
            | CardStatus::ReadyForTesting
            | CardStatus::CodeReview
            | CardStatus::AwaitingGuardReview
            | CardStatus::GuardApproved
            | CardStatus::GuardRejected
            | CardStatus::GuardRequestedChanges
            | CardStatus::Done
            | CardStatus::Canceled
            | CardStatus::Archived => None,
        };
    }

    /// Waits for a person's word in the middle of a turn. That a review waits is the runtime's own step;
    /// agents cannot take it.
    pub fn park(&mut self, purpose: Purpose, code: &str, note: String, changes: &mut Vec<Change>) {
        self.dispatch(purpose, changes);
        self.in_review = purpose == Purpose::Review;
        let reason = match code {
            OVER_BUDGET => "budget_exhausted",
            GUARD_UNCLEAR => "guard_unclear",
            _ => "approval_required",
        };
        self.go(CardStatus::WaitingForDeveloper, reason, true, changes);
        self.wait_reason = Some(WaitReason::Review);
        self.code = Some(code.to_owned());
        self.note = note;
    }

    /// Whether it waits for a person in the middle of a turn.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        let waits = [PARKED, OVER_BUDGET, GUARD_UNCLEAR];
        self.code
            .as_deref()
            .is_some_and(|code| waits.contains(&code))
    }

    /// Whether it waits for a person between two turns: no attempt is open.
    #[must_use]
    pub fn waits_between_turns(&self) -> bool {
        self.is_parked() && self.code.as_deref() != Some(PARKED)
    }

    /// Whether it waits for a person to say what its guard meant.
    #[must_use]
    pub fn is_guard_unclear(&self) -> bool {
        self.code.as_deref() == Some(GUARD_UNCLEAR)
    }

    /// A person lets the guard's refusal stand: back to the card's seat with these words. It counts
    /// as a sending back; that a person decided it needs no further budget.
    pub fn let_refusal_stand(&mut self, why: String, changes: &mut Vec<Change>) {
        self.unpark(changes);
        self.attempt = 0;
        self.review_failures = 0;
        self.refusals.push(fingerprint(&why));
        self.refusal = Some(why);
        self.retries = self.retries.saturating_add(1);
        let reason = "guard_requested_changes";
        self.go(CardStatus::InProgress, reason, true, changes);
    }

    /// A person has the guard asked again.
    pub fn ask_guard_again(&mut self, changes: &mut Vec<Change>) {
        self.unpark(changes);
        self.review_failures = 0;
    }

    /// Whether it waits for more to spend.
    #[must_use]
    pub fn is_over_budget(&self) -> bool {
        self.code.as_deref() == Some(OVER_BUDGET)
    }

    /// Goes on after a person's word.
    pub fn unpark(&mut self, changes: &mut Vec<Change>) {
        let reason = if self.is_over_budget() {
            "budget_granted"
        } else {
            "approval_decided"
        };
        self.code = None;
        self.note = String::new();
        if self.status == CardStatus::WaitingForDeveloper {
            let to = if self.in_review {
                CardStatus::AwaitingGuardReview
            } else {
                CardStatus::InProgress
            };
            self.go(to, reason, true, changes);
        }
        self.in_review = false;
        self.wait_reason = None;
    }

    /// Lays down work that was cut off by a halt: back to where the turn can be taken again.
    pub fn release(&mut self, changes: &mut Vec<Change>) {
        match self.status {
            CardStatus::InProgress => self.go(CardStatus::Ready, "halted", true, changes),
            CardStatus::AwaitingGuardReview => {
                self.go(CardStatus::CodeReview, "halted", true, changes)
            }
            CardStatus::Ready
            | CardStatus::Blocked
            | CardStatus::WaitingForDeveloper
            | CardStatus::ReadyForTesting
            | CardStatus::CodeReview
            | CardStatus::GuardApproved
            | CardStatus::GuardRejected
            | CardStatus::GuardRequestedChanges
            | CardStatus::Done
            | CardStatus::Canceled
            | CardStatus::Archived => {}
        }
    }

    /// Makes an unfinished card runnable again with fresh budgets, as a resume or a continued build
    /// does. A finished card is left alone. Returns whether anything changed.
    pub fn reopen(&mut self, changes: &mut Vec<Change>) -> bool {
        if self.status.is_finished() {
            return false;
        }
        let before = self.clone();
        self.retries = 0;
        self.review_failures = 0;
        self.model_failures = 0;
        self.rested_ms = 0;
        self.recoveries = 0;
        self.refusals.clear();
        self.escalation = None;
        self.wait_reason = None;
        self.code = None;
        self.note = String::new();
        if std::mem::take(&mut self.in_review) && self.status == CardStatus::WaitingForDeveloper {
            // Its work is done; only its review is had again.
            self.go(
                CardStatus::AwaitingGuardReview,
                "resume_requeue",
                true,
                changes,
            );
        }
        match self.status {
            CardStatus::Blocked
            | CardStatus::WaitingForDeveloper
            | CardStatus::GuardRejected
            | CardStatus::InProgress
            | CardStatus::GuardRequestedChanges => {
                self.go(CardStatus::Ready, "resume_requeue", true, changes)
            }
            CardStatus::AwaitingGuardReview
            | CardStatus::ReadyForTesting
            | CardStatus::GuardApproved => {
                if self.status != CardStatus::GuardApproved {
                    self.go(CardStatus::CodeReview, "resume_requeue", true, changes);
                }
            }
            CardStatus::Ready
            | CardStatus::CodeReview
            | CardStatus::Done
            | CardStatus::Canceled
            | CardStatus::Archived => {}
        }
        *self != before
    }

    fn go(
        &mut self,
        to: CardStatus,
        reason: &'static str,
        by_scheduler: bool,
        changes: &mut Vec<Change>,
    ) {
        if self.status != to {
            changes.push(Change {
                from: self.status,
                to,
                reason,
                by_scheduler,
            });
            self.status = to;
            self.wait_reason = None;
        }
    }
}

#[cfg(test)]
mod tests;
