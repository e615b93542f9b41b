//! The durable-workflow figures of one run, out of the moments of its steps.
//!
//! A turn of a card is three commits: it is claimed and its question known; the reply and the first
//! intended call; the calls' outcomes and the end. Steps of one commit have one moment. From one commit
//! to the next the runtime waits for the disk, for its turn, and for the model or a tool. How long the
//! scripted model takes is known and taken off; how long a tool takes the journal does not say, so that
//! gaps with a tool in them are told apart.
//!
//! Moments are milliseconds. A single gap is therefore off by up to one; means over many gaps are not,
//! since what one rounds down the next rounds up.

use std::collections::HashMap;
use std::time::Duration;

use super::journal::{Run, StepRow, TurnRow};
use super::plan::{Card, Epic};
use crate::measurement::Measurement;

/// What was found of the runs, added up.
#[derive(Debug, Default)]
pub struct Found {
    /// From one commit to the next of the same turn, the model's time left out; none with a tool in it.
    pub step_to_step: Measurement,
    /// From the commit of an intended call to that of its outcome: the commit, the tool, the way.
    pub calls: Measurement,
    /// Whole turns.
    pub turns: Measurement,
    /// From a card's first turn to the end of its last.
    pub cards: Measurement,
    /// From the start of a run to its first step, in milliseconds, by run.
    pub first_step_ms: Vec<f64>,
    /// Durable steps.
    pub steps: u64,
    /// Milliseconds within turns that neither the model nor a tool took.
    pub overhead_ms: f64,
    /// Milliseconds between turns of a card: permits, waits before retries, scheduling.
    pub between_turns_ms: f64,
    /// From the question to the end of an attempt that was put down, in milliseconds.
    pub stalls_ms: Vec<f64>,
    /// How much a late card costs of an early one, by run.
    pub late_to_early: Vec<f64>,
}

impl Found {
    /// Takes a run in.
    pub fn take(&mut self, epic: &Epic, run: &Run, turns: &[TurnRow], steps: &[StepRow]) {
        let cards: HashMap<&str, &Card> = epic
            .cards
            .iter()
            .map(|card| (card.id.as_str(), card))
            .collect();
        let began = run.started_at;
        self.steps += steps.len() as u64;
        let first = steps.iter().map(|step| step.at).min();
        self.first_step_ms.extend(first.map(|at| gap(began, at)));
        let mut lives: HashMap<&str, Vec<&TurnRow>> = HashMap::new();
        for turn in turns {
            lives.entry(&turn.card_id).or_default().push(turn);
        }
        for life in lives.values() {
            self.take_card(life, began);
        }
        let by_number: HashMap<i64, &TurnRow> =
            turns.iter().map(|turn| (turn.number, turn)).collect();
        for pair in steps.windows(2) {
            if let [one, next] = pair
                && one.turn == next.turn
                && let Some(turn) = by_number.get(&one.turn)
            {
                self.take_gap(
                    turn,
                    cards.get(turn.card_id.as_str()).copied(),
                    one,
                    next,
                    began,
                );
            }
        }
        let ends = lives.values().filter_map(|life| life.last()?.ended_at);
        self.late_to_early.extend(late_to_early(ends.collect()));
    }

    fn take_card(&mut self, life: &[&TurnRow], began: i64) {
        for turn in life {
            if let Some(ended) = turn.ended_at {
                let took = duration(turn.started_at, ended);
                self.turns.record(duration(began, ended), took, Ok(()));
            }
        }
        for pair in life.windows(2) {
            if let [one, next] = pair
                && let Some(ended) = one.ended_at
            {
                self.between_turns_ms += gap(ended, next.started_at);
            }
        }
        if let (Some(first), Some(ended)) = (life.first(), life.last().and_then(|it| it.ended_at)) {
            let took = duration(first.started_at, ended);
            self.cards.record(duration(began, ended), took, Ok(()));
        }
    }

    fn take_gap(
        &mut self,
        turn: &TurnRow,
        card: Option<&Card>,
        one: &StepRow,
        next: &StepRow,
        began: i64,
    ) {
        let took = duration(one.at, next.at);
        let at = duration(began, next.at);
        match (one.kind.as_str(), next.kind.as_str()) {
            ("model_requested", "stalled") => self.stalls_ms.push(gap(one.at, next.at)),
            // Garbage is a reply, too, but has no delay of its own.
            ("model_requested", "model_replied") if turn.status == "succeeded" => {
                let side = card.map(|card| match turn.role.as_str() {
                    "coder" => &card.work,
                    _ => &card.review,
                });
                let scripted = Duration::from_millis(side.map_or(0, |side| side.delay_ms));
                let overhead = took.saturating_sub(scripted);
                self.overhead_ms += overhead.as_secs_f64() * 1_000.0;
                self.step_to_step.record(at, overhead, Ok(()));
            }
            ("model_requested", _) => {}
            ("call_intended", _) if one.at < next.at => self.calls.record(at, took, Ok(())),
            // The same commit.
            _ if one.at == next.at => {}
            _ => {
                self.overhead_ms += gap(one.at, next.at);
                self.step_to_step.record(at, took, Ok(()));
            }
        }
    }
}

/// How many cards a run needs for its tenths to be compared.
const LONG_RUN: usize = 2_000;

/// How long the last tenth of a run's cards took beside the second one; none of a run too short for that
/// to mean anything. The first tenth fills the permits, and what drains them at the end is left out.
fn late_to_early(mut ends: Vec<i64>) -> Option<f64> {
    if ends.len() < LONG_RUN {
        return None;
    }
    ends.sort_unstable();
    let tenth = ends.len() / 10;
    let last = ends.len() - 1 - tenth / 4;
    let span = |from: usize, to: usize| Some(gap(*ends.get(from)?, *ends.get(to)?));
    let (early, late) = (span(tenth, 2 * tenth)?, span(last - tenth, last)?);
    (early > 0.0).then(|| late / early)
}

fn gap(from: i64, to: i64) -> f64 {
    to.saturating_sub(from) as f64
}

fn duration(from: i64, to: i64) -> Duration {
    Duration::from_millis(u64::try_from(to.saturating_sub(from)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::super::plan::{End, TurnPlan};
    use super::*;

    #[test]
    fn a_run_that_slows_down_shows_it() {
        let even: Vec<i64> = (0..4_000).map(|at| at * 2).collect();
        assert_eq!(late_to_early(even.clone()), Some(1.0));
        let slower = even.iter().map(|at| at + (at - 4_000).max(0)).collect();
        assert_eq!(late_to_early(slower), Some(2.0));
        assert_eq!(late_to_early(even[..1_000].to_vec()), None);
    }

    #[test]
    fn the_models_time_and_the_tools_are_no_overhead() {
        let epic = Epic {
            name: "load-1".to_owned(),
            cards: vec![Card {
                id: "A".to_owned(),
                before: Vec::new(),
                work: TurnPlan {
                    delay_ms: 50,
                    ..TurnPlan::default()
                },
                review: TurnPlan::default(),
                end: End::Done,
            }],
        };
        let run = Run {
            status: "done".to_owned(),
            started_at: 1_000,
            ended_at: Some(1_200),
        };
        let turn = |number, turn, status: &str, from, to| TurnRow {
            number,
            card_id: "A".to_owned(),
            turn,
            status: status.to_owned(),
            role: "coder".to_owned(),
            started_at: from,
            ended_at: Some(to),
        };
        let turns = [
            turn(7, 1, "stalled", 1_003, 1_030),
            turn(9, 1, "succeeded", 1_040, 1_110),
        ];
        let step = |turn, at, kind: &str| StepRow {
            turn,
            at,
            kind: kind.to_owned(),
        };
        let steps = [
            step(7, 1_003, "turn_started"),
            step(7, 1_005, "model_requested"),
            step(7, 1_030, "stalled"),
            step(9, 1_040, "turn_started"),
            step(9, 1_041, "model_requested"),
            step(9, 1_094, "model_replied"),
            step(9, 1_096, "call_intended"),
            step(9, 1_105, "call_finished"),
            step(9, 1_110, "turn_finished"),
        ];
        let mut found = Found::default();
        found.take(&epic, &run, &turns, &steps);
        assert_eq!(found.first_step_ms, [3.0]);
        assert_eq!(found.stalls_ms, [25.0]);
        assert_eq!(found.calls.successes.max_ms().map(f64::round), Some(9.0));
        // Claiming twice, the reply's 3 ms beyond its 50, two more commits.
        assert_eq!(found.overhead_ms, f64::from(2 + 1 + 3 + 2 + 5));
        assert_eq!(found.between_turns_ms, 10.0);
        assert_eq!(found.step_to_step.samples(), 5);
        assert_eq!((found.turns.samples(), found.cards.samples()), (2, 1));
        assert_eq!(found.steps, 9);
    }
}
