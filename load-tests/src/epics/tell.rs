//! What was found, as figures and checks.

use super::drive::{Driven, Ran};
use super::figures::Found;
use super::journal::Journal;
use super::options::Settled;
use super::plan::{Epic, critical_path_ms};
use super::{expectation, owner::Owner};
use crate::error::LoadError;
use crate::outcome::Outcome;

/// Says what was asked for.
pub fn config(outcome: &mut Outcome, settled: &Settled, clock_ms: u64) {
    let wish = &settled.wish;
    let faults: Vec<&str> = wish.faults.iter().map(|fault| fault.as_str()).collect();
    outcome.configured("epics", wish.epics);
    outcome.configured("cards", wish.cards);
    outcome.configured("concurrent_epics", settled.concurrent);
    outcome.configured("shape", wish.shape.as_str());
    outcome.configured("turns", settled.turns);
    outcome.configured("artifacts", settled.artifacts.as_str());
    outcome.configured("latency", wish.latency.to_string());
    outcome.configured("fault_rate", wish.fault_rate);
    outcome.configured("hopeless_rate", wish.hopeless_rate);
    outcome.configured("faults", faults);
    outcome.configured("stalls", wish.stalls);
    outcome.configured("clock_ms", clock_ms);
    outcome.configured("kill_at", settled.kill_at);
    outcome.configured("seed", wish.seed);
}

/// Checks each run and takes its figures in.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn runs(
    outcome: &mut Outcome,
    (settled, clock_ms): (&Settled, u64),
    epics: &[Epic],
    driven: &Driven,
    journal: &mut Journal,
) -> Result<(), LoadError> {
    let mut found = Found::default();
    let mut asked_to_first = Vec::new();
    let mut settled_cards = 0_u64;
    let mut critical_ms = 0_u64;
    for ran in &driven.runs {
        let Some(epic) = epics.get(ran.epic) else {
            continue;
        };
        let (Some(run), true) = (&ran.stands, ran.is_over()) else {
            outcome.check(
                check_name("over", epics, epic),
                false,
                format!("run {} was not over in time", ran.run),
            );
            continue;
        };
        let turns = journal.turns(&ran.run)?;
        let steps = journal.steps(&ran.run)?;
        said(outcome, check_name("cards_end_as_planned", epics, epic), {
            expectation::ends(&epic.cards, &journal.cards(&ran.run)?)
        });
        said(
            outcome,
            check_name("turns_succeed_once", epics, epic),
            expectation::once(&turns),
        );
        let first = steps.iter().map(|step| step.at).min();
        asked_to_first.extend(first.map(|at| at.saturating_sub(ran.asked_at) as f64));
        found.take(epic, run, &turns, &steps);
        settled_cards += epic.cards.len() as u64;
        critical_ms = critical_ms.max(critical_path_ms(epic, settled.turns, clock_ms));
    }
    let seconds = wall_ms(&driven.runs) / 1_000.0;
    let cards = settled_cards as f64;
    outcome.cost("seconds", seconds, "s");
    outcome.yield_of("cards_per_second", cards / seconds, "/s");
    outcome.yield_of(
        "durable_steps_per_second",
        found.steps as f64 / seconds,
        "/s",
    );
    outcome.figure("steps_per_card", found.steps as f64 / cards, "count");
    outcome.cost("ttfs_ms", mean(&found.first_step_ms), "ms");
    outcome.cost("asked_to_first_step_ms", mean(&asked_to_first), "ms");
    outcome.cost("stso_mean_ms", found.step_to_step.successes.mean_ms(), "ms");
    outcome.cost(
        "overhead_in_turns_ms_per_card",
        found.overhead_ms / cards,
        "ms",
    );
    outcome.cost(
        "outside_turns_ms_per_card",
        found.between_turns_ms / cards,
        "ms",
    );
    outcome.cost("call_mean_ms", found.calls.successes.mean_ms(), "ms");
    outcome.cost(
        "late_to_early_card_cost",
        mean(&found.late_to_early),
        "ratio",
    );
    // Runs that go one after another have a critical path each.
    if settled.wish.epics == 1 && critical_ms > 0 {
        outcome.figure("critical_path_s", critical_ms as f64 / 1_000.0, "s");
        outcome.cost(
            "run_to_critical_path",
            seconds * 1_000.0 / critical_ms as f64,
            "ratio",
        );
    }
    if !found.stalls_ms.is_empty() {
        let beyond: Vec<f64> = found
            .stalls_ms
            .iter()
            .map(|ms| ms - clock_ms as f64)
            .collect();
        let worst = beyond.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let first = beyond.iter().copied().fold(f64::INFINITY, f64::min);
        outcome.figure("stalls_seen", beyond.len() as f64, "count");
        outcome.cost("ttd_beyond_clock_mean_ms", mean(&beyond), "ms");
        outcome.cost("ttd_beyond_clock_max_ms", worst, "ms");
        // A millisecond is what the journal's clock may round away.
        outcome.check(
            "no_stall_before_its_clock",
            first >= -1.0,
            format!("the first was called a stall {first} ms after its clock of {clock_ms} ms"),
        );
    }
    outcome
        .measurements
        .insert("step_to_step".to_owned(), found.step_to_step);
    outcome.measurements.insert("call".to_owned(), found.calls);
    outcome.measurements.insert("turn".to_owned(), found.turns);
    outcome.measurements.insert("card".to_owned(), found.cards);
    Ok(())
}

/// What the kill came to.
///
/// # Errors
///
/// When the journal cannot be read.
pub fn killed(
    outcome: &mut Outcome,
    settled: &Settled,
    driven: &Driven,
    process_start_ms: f64,
    journal: &mut Journal,
) -> Result<(), LoadError> {
    let Some(killed) = &driven.killed else {
        if settled.kill_at.is_some() {
            outcome.bar("killed", false, "the runs were over before the kill");
        }
        return Ok(());
    };
    let firsts = journal.first_steps_behind(killed.newest_step)?;
    let first = firsts.iter().map(|(_, at)| *at).min();
    let open: std::collections::HashSet<&str> = killed.open.iter().map(String::as_str).collect();
    let resumed: Vec<i64> = (firsts.iter())
        .filter(|(card, _)| open.contains(card.as_str()))
        .map(|(_, at)| *at)
        .collect();
    let since = |at: i64| at.saturating_sub(killed.at) as f64;
    outcome.figure("killed_open_cards", killed.open.len() as f64, "count");
    outcome.cost("ttr_ms", first.map(since), "ms");
    outcome.cost(
        "ttr_all_open_cards_ms",
        resumed.iter().copied().max().map(since),
        "ms",
    );
    outcome.cost("ttr_dying_ms", killed.dying_ms, "ms");
    outcome.cost("ttr_process_start_ms", process_start_ms, "ms");
    let open_ms = (killed.listening_ms - process_start_ms).max(0.0);
    outcome.cost("ttr_open_ms", open_ms, "ms");
    let recovery = first.map(|at| (since(at) - killed.dying_ms - killed.listening_ms).max(0.0));
    outcome.cost("ttr_recovery_ms", recovery, "ms");
    outcome.check(
        "open_cards_resumed",
        resumed.len() == open.len(),
        format!(
            "{} of {} cards that were open at the kill went on",
            resumed.len(),
            open.len()
        ),
    );
    Ok(())
}

/// Whether the records of the runs hold.
///
/// # Errors
///
/// When they cannot be looked at.
pub fn records(outcome: &mut Outcome, owner: &Owner, runs: &[Ran]) -> Result<(), LoadError> {
    let mut wrong = Vec::new();
    for ran in runs {
        wrong.extend(owner.verify(&ran.run)?.err());
    }
    let words = match wrong.first() {
        None => format!("those of {} runs hold", runs.len()),
        Some(first) => first.clone(),
    };
    outcome.check("records_hold", wrong.is_empty(), words);
    Ok(())
}

fn said(outcome: &mut Outcome, name: String, found: Result<String, String>) {
    let passed = found.is_ok();
    outcome.check(name, passed, found.unwrap_or_else(|words| words));
}

/// With one epic the bare name: assertions need not know how epics are called.
fn check_name(what: &str, epics: &[Epic], epic: &Epic) -> String {
    match epics {
        [_] => what.to_owned(),
        _ => format!("{what}_{}", epic.name.replace('-', "_")),
    }
}

/// From the start of the first run to the end of the last.
fn wall_ms(runs: &[Ran]) -> f64 {
    let over = || runs.iter().filter_map(|ran| ran.stands.as_ref());
    let first = over().map(|run| run.started_at).min();
    let last = over().filter_map(|run| run.ended_at).max();
    match (first, last) {
        (Some(first), Some(last)) => last.saturating_sub(first).max(1) as f64,
        _ => f64::NAN,
    }
}

fn mean(of: &[f64]) -> Option<f64> {
    (!of.is_empty()).then(|| of.iter().sum::<f64>() / of.len() as f64)
}
