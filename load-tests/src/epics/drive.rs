//! Starts the runs, so many at once, until all are over; kills their process in the middle when that is
//! asked for.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::assets::WARM_UP;
use super::journal::{Journal, Run};
use super::options::Settled;
use super::owner::{Killed, Owner, now_ms};
use super::plan::Epic;
use crate::context::Context;
use crate::error::LoadError;

/// How often the journal is asked whether a run is over. Nothing tells us of another process's commits;
/// the ends of runs are read from the journal and do not depend on it.
const LOOK: Duration = Duration::from_millis(5);
/// How often memory and processor time are looked at.
const SAMPLE: Duration = Duration::from_millis(100);
/// How often to say how far it is.
const TELL: Duration = Duration::from_secs(5);

/// A run that was started.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Its place among the epics.
    pub epic: usize,
    /// Its id.
    pub run: String,
    /// When it was asked for, milliseconds since 1970-01-01 UTC.
    pub asked_at: i64,
    /// How it stood when the scenario stopped looking.
    pub stands: Option<Run>,
}

impl Ran {
    /// Whether it ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.stands
            .as_ref()
            .is_some_and(|run| run.ended_at.is_some())
    }
}

/// All that was driven.
#[derive(Debug)]
pub struct Driven {
    /// The runs, in the order in which they were started.
    pub runs: Vec<Ran>,
    /// What the kill came to.
    pub killed: Option<Killed>,
}

/// Runs the epic of one card and waits for its end.
///
/// # Errors
///
/// When it cannot be run, or is not over in time.
pub fn warm_up(owner: &Owner, journal: &mut Journal, deadline: Instant) -> Result<(), LoadError> {
    let run = owner.run(WARM_UP)?;
    while Instant::now() < deadline {
        if journal.run(&run)?.is_some_and(|run| run.ended_at.is_some()) {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
    Err(LoadError::scenario(
        "an epic of one card was not over in time",
    ))
}

/// See the file's head.
///
/// # Errors
///
/// When a run cannot be started or the journal cannot be read. A run that is not over in time is no
/// error: the checks say so.
pub fn drive(
    context: &Context,
    settled: &Settled,
    epics: &[Epic],
    (owner, journal): (&mut Owner, &mut Journal),
    deadline: Instant,
) -> Result<Driven, LoadError> {
    let mut waiting: VecDeque<usize> = (0..epics.len()).collect();
    let mut active: Vec<Ran> = Vec::new();
    let mut over: Vec<Ran> = Vec::new();
    let mut killed = None;
    // Two turns a card; those of a warm-up came before.
    let turns = 2.0 * f64::from(settled.wish.cards) * f64::from(settled.wish.epics);
    let before = journal.newest_turn()?;
    let kill_behind = settled.kill_at.map(|part| before + (turns * part) as i64);
    let (mut sampled, mut told) = (Instant::now(), Instant::now());
    loop {
        while active.len() < settled.concurrent as usize
            && let Some(epic) = waiting.pop_front()
            && let Some(it) = epics.get(epic)
        {
            let asked_at = now_ms();
            let run = owner.run(&it.name)?;
            active.push(Ran {
                epic,
                run,
                asked_at,
                stands: None,
            });
        }
        if active.is_empty() {
            break;
        }
        if let (None, Some(behind)) = (&killed, kill_behind)
            && journal.newest_turn()? >= behind
        {
            context.tell("killing the server");
            killed = Some(owner.kill(journal)?);
        }
        for ran in &mut active {
            ran.stands = journal.run(&ran.run)?;
        }
        over.extend(active.extract_if(.., |ran| ran.is_over()));
        if Instant::now() >= deadline {
            over.append(&mut active);
            break;
        }
        if sampled.elapsed() >= SAMPLE {
            owner.look();
            sampled = Instant::now();
        }
        if told.elapsed() >= TELL {
            let begun = journal.newest_turn()? - before;
            context.tell(&format!("{begun} of about {turns} turns have begun"));
            told = Instant::now();
        }
        std::thread::sleep(LOOK);
    }
    over.sort_by_key(|ran| ran.epic);
    Ok(Driven { runs: over, killed })
}
