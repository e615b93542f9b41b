//! Replay with proof: every decision of a recorded attempt is made again from what came in, and must
//! be the recorded one, byte for byte.
//!
//! What came in is what the runtime did not decide: the verifier's report, the model's replies, the
//! results of tools, a person's word, the watchdog's, and failures from outside. Everything else
//! (prompts, corrections, the calls and their keys, the results of ledger tools, the end) is derived.

use std::sync::Arc;

use serde_json::Value;

use super::machine::{Context, Decision, LedgerEffect, Next, Turn};
use super::{Step, TurnOutcome};
use crate::difference;
use crate::model::Usage;
use crate::plan::RunPlan;

/// One step as the journal holds it.
#[derive(Debug, Clone, Copy)]
pub struct RecordedStep<'a> {
    /// Its place in the attempt.
    pub seq: u32,
    /// What it says.
    pub step: &'a Step,
    /// Its JSON text, as stored.
    pub body: &'a str,
    /// The plan that it was made under, where another run of the build has taken the attempt up;
    /// `None` as long as it is that of the run that began it.
    pub plan: Option<&'a Arc<RunPlan>>,
}

/// What an attempt comes to, derived again.
#[derive(Debug, Clone, PartialEq)]
pub struct Derived {
    /// How many steps were compared.
    pub steps: usize,
    /// Tokens of all its replies.
    pub usage: Usage,
    /// What its ledger tools asked for; empty unless it ended well or is still open.
    pub ledger: Vec<LedgerEffect>,
}

/// Where the record is not what its inputs lead to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("step {seq} (`{kind}`): {what}")]
pub struct Divergence {
    /// The step's place.
    pub seq: u32,
    /// The step's kind.
    pub kind: String,
    /// What differs, in words; names the field where there is one.
    pub what: String,
}

/// Derives every step of an attempt again.
///
/// # Errors
///
/// The first [`Divergence`].
pub fn rederive(cx: Arc<Context>, recorded: &[RecordedStep<'_>]) -> Result<Derived, Divergence> {
    let mut rest = recorded
        .iter()
        // That an attempt was taken up is no decision of the machine.
        .filter(|it| !matches!(it.step, Step::Recovered { .. }))
        .peekable();
    let broken = |at: Option<&RecordedStep<'_>>, what: String| Divergence {
        seq: at.map_or(0, |it| it.seq),
        kind: at.map_or("nothing", |it| it.step.kind()).to_owned(),
        what,
    };
    let old_record = matches!(
        rest.peek().map(|it| it.step),
        Some(Step::TurnStarted { given: None, .. })
    );
    if old_record {
        return Err(broken(
            rest.peek().copied(),
            "an earlier version recorded it without what the turn was given, so its prompts cannot \
             be derived"
                .to_owned(),
        ));
    }
    let (mut turn, mut decision) =
        Turn::begin(cx).map_err(|failure| broken(None, failure.message))?;
    let mut compared = 0;
    loop {
        for derived in &decision.steps {
            let Some(found) = rest.next() else {
                return Err(broken(
                    recorded.last(),
                    format!("the record ends where `{}` was due", derived.kind()),
                ));
            };
            compare(derived, found)?;
            compared += 1;
        }
        let Some(input) = rest.peek().copied() else {
            return Ok(Derived {
                steps: compared,
                usage: turn.usage(),
                ledger: turn.ledger().to_vec(),
            });
        };
        if let Some(plan) = input.plan {
            turn.go_on_under(plan);
        }
        decision = next(&mut turn, &decision, input, &mut compared)?;
        if matches!(input.step, Step::Stalled { .. }) {
            rest.next();
        }
    }
}

/// What the machine makes of an input.
fn next(
    turn: &mut Turn,
    decision: &Decision,
    input: &RecordedStep<'_>,
    compared: &mut usize,
) -> Result<Decision, Divergence> {
    let unexpected = |what: String| Divergence {
        seq: input.seq,
        kind: input.step.kind().to_owned(),
        what,
    };
    if let Some(fed) = turn.fed(input.step, &decision.next) {
        return fed.map_err(|failure| unexpected(failure.message));
    }
    match (input.step, &decision.next) {
        // The watchdog's word; its own end of the attempt follows.
        (Step::Stalled { .. }, Next::Verify(_) | Next::Ask | Next::Call { .. } | Next::Park(_)) => {
            *compared += 1;
            Ok(Decision {
                steps: Vec::new(),
                flush: false,
                next: decision.next.clone(),
            })
        }
        // A failure from outside: of the model, a clock, a halt.
        (
            Step::TurnFinished {
                outcome: TurnOutcome::Failed { failure },
            },
            Next::Verify(_) | Next::Ask | Next::Call { .. } | Next::Park(_),
        ) => Ok(turn.failed(failure.clone())),
        (step, _) => Err(unexpected(format!(
            "`{}` does not follow from what came before",
            step.kind()
        ))),
    }
}

fn compare(derived: &Step, found: &RecordedStep<'_>) -> Result<(), Divergence> {
    let text = serde_json::to_string(derived).unwrap_or_default();
    if text == found.body {
        return Ok(());
    }
    let what = match (
        serde_json::from_str::<Value>(&text),
        serde_json::from_str::<Value>(found.body),
    ) {
        (Ok(ours), Ok(theirs)) => match difference::first(&theirs, &ours) {
            Some(it) => format!(
                "`{}` is recorded as {} and derived as {}",
                it.field,
                shown(it.left.as_ref()),
                shown(it.right.as_ref())
            ),
            None => "the same value is recorded in other bytes".to_owned(),
        },
        (_, Err(error)) => format!("the record is no JSON: {error}"),
        (Err(error), _) => format!("what is derived is no JSON: {error}"),
    };
    Err(Divergence {
        seq: found.seq,
        kind: found.step.kind().to_owned(),
        what,
    })
}

fn shown(value: Option<&Value>) -> String {
    let text = value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
