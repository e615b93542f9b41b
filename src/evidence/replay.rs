//! Every decision of recorded attempts, made again.

use std::collections::HashMap;
use std::sync::Arc;

use orket_actors::port::store::StoreError;
use orket_core::plan::{CardPlan, RunPlan};
use orket_core::turn::{Context, RecordedStep, Step, rederive};

use super::Problem;
use crate::storage::Reader;
use crate::storage::reader::{StoredStep, TurnSummary};

/// Which attempts of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Only those at this card.
    pub issue: Option<String>,
    /// Only those at this turn of it.
    pub turn: Option<u32>,
    /// Only this try.
    pub attempt: Option<u32>,
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
    let Some(plan) = reader.plan(run_id)? else {
        return Ok(Replayed::default());
    };
    let mut replayed = Replayed::default();
    let mut cards: HashMap<i64, Arc<CardPlan>> = HashMap::new();
    for turn in reader.turns(run_id, wanted.issue.as_deref())? {
        let is_wanted = wanted.turn.is_none_or(|it| it == turn.turn)
            && wanted.attempt.is_none_or(|it| it == turn.attempt);
        if !is_wanted {
            continue;
        }
        replayed.attempts += 1;
        let card = match cards.get(&turn.card) {
            Some(card) => Arc::clone(card),
            None => {
                let Some((record, _)) = reader.load_card(turn.card)? else {
                    continue;
                };
                cards.insert(turn.card, Arc::clone(&record.plan));
                record.plan
            }
        };
        match one(reader, &plan, card, &turn)? {
            Ok(steps) => {
                replayed.equal += 1;
                replayed.steps += steps;
            }
            Err(problem) => replayed.problems.push(problem),
        }
    }
    Ok(replayed)
}

fn one(
    reader: &Reader,
    plan: &Arc<RunPlan>,
    card: Arc<CardPlan>,
    turn: &TurnSummary,
) -> Result<Result<usize, Problem>, StoreError> {
    let problem = |step: Option<u32>, what: Option<String>, message: String| Problem {
        kind: "decision",
        issue_id: turn.card_id.clone(),
        turn: Some(turn.turn),
        attempt: Some(turn.attempt),
        step,
        what,
        message,
    };
    let stored: Vec<StoredStep> = reader.stored_steps(turn.row)?;
    let mut steps: Vec<Step> = Vec::with_capacity(stored.len());
    for step in &stored {
        match serde_json::from_str(&step.body) {
            Ok(read) => steps.push(read),
            Err(error) => {
                let message = format!("the step cannot be read: {error}");
                return Ok(Err(problem(
                    Some(step.seq),
                    Some(step.kind.clone()),
                    message,
                )));
            }
        }
    }
    let recorded: Vec<RecordedStep<'_>> = stored
        .iter()
        .zip(&steps)
        .map(|(stored, step)| RecordedStep {
            seq: stored.seq,
            step,
            body: &stored.body,
        })
        .collect();
    let context = steps
        .first()
        .and_then(|first| Context::recorded(Arc::clone(plan), card, first));
    let Some(context) = context else {
        let message = "the attempt does not begin with `turn_started`".to_owned();
        return Ok(Err(problem(None, None, message)));
    };
    Ok(rederive(Arc::new(context), &recorded)
        .map_err(|it| problem(Some(it.seq), Some(it.kind), it.what)))
}
