//! Every decision of recorded attempts, made again.

use std::sync::Arc;

use orket_actors::port::store::StoreError;
use orket_core::plan::CardPlan;
use orket_core::turn::{Context, Derived, RecordedStep, Step, rederive};

use super::Problem;
use super::plans::Plans;
use crate::storage::Reader;
use crate::storage::reader::{StoredAttempt, StoredCard, StoredStep};

/// Which attempts of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Only those at this card.
    pub issue: Option<String>,
    /// Only those at this turn of it.
    pub turn: Option<u32>,
    /// Only those by this role.
    pub role: Option<String>,
    /// Only this try.
    pub attempt: Option<u32>,
}

impl Wanted {
    fn is(&self, attempt: &StoredAttempt) -> bool {
        self.turn.is_none_or(|it| i64::from(it) == attempt.turn)
            && self.role.as_ref().is_none_or(|it| *it == attempt.role)
            && self
                .attempt
                .is_none_or(|it| i64::from(it) == attempt.attempt)
    }
}

/// What became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Replayed {
    /// Attempts looked at.
    pub attempts: usize,
    /// Those of which every derived step is the recorded one, byte for byte.
    pub equal: usize,
    /// Steps compared.
    pub steps: usize,
    /// Where they are not.
    pub problems: Vec<Problem>,
}

/// Derives the attempts of a run again. Asks no model, runs no tool, looks at no file.
///
/// # Errors
///
/// When the journal cannot be read at all.
pub fn replay_run(reader: &Reader, run_id: &str, wanted: &Wanted) -> Result<Replayed, StoreError> {
    reader.at_one_moment(|reader| {
        let mut replayed = Replayed::default();
        let mut plans = Plans::of(reader);
        let mut lost = reader.lost_cards(run_id)?;
        lost.retain(|card_id| wanted.issue.as_ref().is_none_or(|it| it == card_id));
        for card_id in lost {
            replayed.attempts += 1;
            let message = "attempts are recorded, and the card is not in the journal";
            let problem = Problem::of_card("card", &card_id, message);
            replayed.problems.push(problem);
        }
        for card in reader.stored_cards(run_id)? {
            if wanted.issue.as_ref().is_some_and(|it| *it != card.card_id) {
                continue;
            }
            let definition = definition(&card);
            for attempt in reader.stored_attempts(card.row)? {
                if attempt.run_id != run_id || !wanted.is(&attempt) {
                    continue;
                }
                replayed.attempts += 1;
                let steps = reader.stored_steps(attempt.row)?;
                let read = Read::of(&attempt, &steps);
                match read.and_then(|it| it.derive(&mut plans, &definition)) {
                    Ok(derived) => {
                        replayed.equal += 1;
                        replayed.steps += derived.steps;
                    }
                    Err(problem) => replayed.problems.push(problem),
                }
            }
        }
        Ok(replayed)
    })
}

/// What a card is.
///
/// # Errors
///
/// In words: it is not there, or cannot be understood.
pub(super) fn definition(card: &StoredCard) -> Result<Arc<CardPlan>, String> {
    let Some((_, _, _, text)) = &card.definition else {
        return Err("the card's definition is not in the journal".to_owned());
    };
    match serde_json::from_str(text) {
        Ok(plan) => Ok(Arc::new(plan)),
        Err(error) => Err(format!("the card's definition cannot be read: {error}")),
    }
}

/// An attempt whose steps could be read.
pub(super) struct Read<'a> {
    attempt: &'a StoredAttempt,
    stored: &'a [StoredStep],
    bodies: Vec<&'a str>,
    pub(super) steps: Vec<Arc<Step>>,
}

impl<'a> Read<'a> {
    /// Reads the steps of an attempt.
    ///
    /// # Errors
    ///
    /// The first that cannot be read.
    pub(super) fn of(
        attempt: &'a StoredAttempt,
        stored: &'a [StoredStep],
    ) -> Result<Self, Problem> {
        let mut bodies = Vec::with_capacity(stored.len());
        let mut steps = Vec::with_capacity(stored.len());
        for step in stored {
            let unreadable = |error: String| {
                let message = format!("the step cannot be read: {error}");
                Problem::of_attempt("decision", attempt, message).at(Some(step))
            };
            let body = step.text().map_err(unreadable)?;
            let read: Step =
                serde_json::from_str(body).map_err(|error| unreadable(error.to_string()))?;
            bodies.push(body);
            steps.push(Arc::new(read));
        }
        Ok(Self {
            attempt,
            stored,
            bodies,
            steps,
        })
    }

    /// Derives the attempt again: under the plan of the run that began it, and where that does not
    /// lead to what is recorded, with its later steps under the plans of the runs that had the card by
    /// then.
    ///
    /// # Errors
    ///
    /// Where it differs from the record, or what is missing for it.
    pub(super) fn derive(
        &self,
        plans: &mut Plans<'_>,
        card: &Result<Arc<CardPlan>, String>,
    ) -> Result<Derived, Problem> {
        let problem = |message: String| Problem::of_attempt("decision", self.attempt, message);
        let plan = plans.get(&self.attempt.run_id).map_err(problem)?;
        let card = card.clone().map_err(problem)?;
        let context = self
            .steps
            .first()
            .and_then(|first| Context::recorded(Arc::clone(&plan), card, first));
        let Some(context) = context.map(Arc::new) else {
            let message = "the attempt does not begin with `turn_started`";
            return Err(problem(message.to_owned()));
        };
        let own = vec![None; self.steps.len()];
        let diverged = match rederive(Arc::clone(&context), &self.recorded(&own)) {
            Ok(derived) => return Ok(derived),
            Err(diverged) => diverged,
        };
        let taken_up = plans.taken_up(&plan, self.stored.iter().map(|it| it.at_ms));
        if taken_up.iter().any(Option::is_some)
            && let Ok(derived) = rederive(context, &self.recorded(&taken_up))
        {
            return Ok(derived);
        }
        Err(Problem {
            step: Some(diverged.seq),
            what: Some(diverged.kind),
            ..problem(diverged.what)
        })
    }

    fn recorded<'b>(
        &'b self,
        plans: &'b [Option<Arc<orket_core::plan::RunPlan>>],
    ) -> Vec<RecordedStep<'b>> {
        let steps = self.stored.iter().zip(&self.steps).zip(&self.bodies);
        steps
            .zip(plans)
            .map(|(((stored, step), body), plan)| RecordedStep {
                seq: u32::try_from(stored.seq).unwrap_or(u32::MAX),
                step,
                body,
                plan: plan.as_ref(),
            })
            .collect()
    }
}
