//! A recorded attempt followed from question to question: what was asked in each round, what was
//! answered, and the machine as it stood between the two.

use std::sync::Arc;

use super::machine::{Context, Judged, LedgerEffect, Turn, strange};
use super::{Step, TurnOutcome};
use crate::failure::Failure;
use crate::model::{ModelName, ModelOptions, ModelRequest, Reply};

/// One question of an attempt.
#[derive(Debug, Clone)]
pub struct Round {
    /// Its number, from 0.
    pub number: u32,
    /// Who was asked.
    pub model: ModelName,
    /// What came back; `None` when the attempt ended before.
    pub reply: Option<Reply>,
    options: ModelOptions,
    turn: Turn,
}

impl Round {
    /// The messages as they are recorded, for another model. Options of one provider mean nothing to
    /// another, so that only temperature and seed go to it.
    ///
    /// # Errors
    ///
    /// When the plan has no seat of that name.
    pub fn request_to(&self, model: ModelName) -> Result<ModelRequest, Failure> {
        let mut options = self.options.clone();
        if model.provider != self.model.provider {
            options.params.clear();
        }
        let request = self.turn.request_to(model)?;
        Ok(ModelRequest { options, ..request })
    }

    /// How a reply to this question is taken; nothing of it is carried out.
    ///
    /// # Errors
    ///
    /// When the plan has no seat of that name.
    pub fn judge(&self, reply: &Reply) -> Result<Judged, Failure> {
        self.turn.judge(reply)
    }

    /// The reason codes of the clauses that a reply is checked by.
    #[must_use]
    pub fn clauses(&self) -> Vec<&'static str> {
        let cx = self.turn.context();
        cx.plan.seat(&cx.seat).map_or_else(Vec::new, |seat| {
            cx.contract().clauses(seat, &cx.missing_reads)
        })
    }
}

/// An attempt that was followed to its last recorded step.
#[derive(Debug, Clone, Default)]
pub struct Followed {
    /// Its questions, in order.
    pub rounds: Vec<Round>,
    /// What its ledger tools asked for.
    pub ledger: Vec<LedgerEffect>,
    /// How it ended; `None` while it is open, and where nobody said so.
    pub outcome: Option<TurnOutcome>,
}

/// Follows the steps of an attempt. What is recorded stands where it may differ from what would be
/// derived now.
///
/// # Errors
///
/// When the steps do not follow from one another.
pub fn follow(cx: Arc<Context>, recorded: &[Arc<Step>]) -> Result<Followed, Failure> {
    let mut rest = recorded
        .iter()
        .map(AsRef::as_ref)
        .filter(|step| !matches!(step, Step::Recovered { .. }))
        .peekable();
    let mut followed = Followed::default();
    let (mut turn, mut decision) = Turn::begin(cx)?;
    loop {
        let mut asked = None;
        for derived in &decision.steps {
            let Some(step) = rest.next().filter(|step| step.kind() == derived.kind()) else {
                return Err(strange(&format!("`{}` was due", derived.kind())));
            };
            turn.adopt(derived, step);
            match step {
                Step::ModelRequested {
                    round,
                    model,
                    options,
                    ..
                } => asked = Some((*round, model.clone(), options.clone())),
                Step::TurnFinished { outcome } => followed.outcome = Some(outcome.clone()),
                _ => {}
            }
        }
        let input = rest.peek().copied();
        if let Some((number, model, options)) = asked {
            let reply = match input {
                Some(Step::ModelReplied { reply, .. }) => Some(reply.clone()),
                _ => None,
            };
            followed.rounds.push(Round {
                number,
                model,
                reply,
                options,
                turn: turn.clone(),
            });
        }
        decision = match input {
            None => break,
            // Ended from outside: how, the last step says.
            Some(Step::Stalled { .. } | Step::TurnFinished { .. }) => {
                if let Some(Step::TurnFinished { outcome }) = rest.last() {
                    followed.outcome = Some(outcome.clone());
                }
                break;
            }
            Some(step) => match turn.fed(step, &decision.next) {
                Some(fed) => fed?,
                None => return Err(strange(&format!("unexpected `{}`", step.kind()))),
            },
        };
    }
    followed.ledger = turn.ledger().to_vec();
    Ok(followed)
}
