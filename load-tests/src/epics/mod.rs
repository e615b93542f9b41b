//! Real epics on the scripted model, through the real binary.
//!
//! What each card meets (delays, faults, silences) is drawn from the seed before anything runs; so is how
//! it must end. One card that ends otherwise fails the scenario.
//!
//! # Layout
//!
//! - [`options`]: what may be asked for.
//! - [`draw`], [`latency`], [`shape`], [`fault`]: what is drawn, and from what.
//! - [`plan`]: all of it for each card, with the end that follows.
//! - `assets`: the plan as files of a project.
//! - `owner`, `drive`: the process, and the runs in it; the kill in the middle.
//! - `journal`: what happened, read from the journal.
//! - `expectation`, `figures`, `tell`: what is made of it.

mod assets;
pub mod draw;
mod drive;
mod expectation;
pub mod fault;
mod figures;
mod journal;
pub mod latency;
pub mod options;
mod owner;
pub mod plan;
pub mod shape;
mod tell;

use std::time::{Duration, Instant};

pub use options::Options;

use crate::context::Context;
use crate::error::LoadError;
use crate::outcome::Outcome;
use crate::sampler::Track;
use journal::Journal;
use options::Settled;
use owner::Owner;

/// How long a server may take to stop in good order.
const STOPPING: Duration = Duration::from_secs(30);
/// The waits before retries: what is measured is not how long they are.
const RETRY_MS: (u32, u32) = (20, 200);

/// Runs the epics and says what was found.
///
/// # Errors
///
/// When what is asked for cannot be meant, the binary does not serve, or its journal cannot be read.
pub fn run(context: &Context, options: &Options) -> Result<Outcome, LoadError> {
    let settled = options.settle(context.seed)?;
    let epics = plan::plan(&settled.wish);
    let clock_ms = options.clock_ms(&settled.wish, plan::longest_delay_ms(&epics))?;
    let binary = context.binary()?;
    let folder = context.new_folder()?;
    assets::write(folder.path(), &epics, settled.wish.latency)
        .map_err(LoadError::file(folder.path(), "written"))?;
    let mut outcome = Outcome::new("epics");
    tell::config(&mut outcome, &settled, clock_ms);
    let mut owner = Owner::start(&binary, folder.path(), variables(&settled, clock_ms))?;
    let mut journal = Journal::open(&owner.databases())?;
    let deadline = Instant::now() + Duration::from_secs_f64(options.seconds);
    let process_start_ms = match settled.kill_at {
        Some(_) => owner.process_start_ms()?,
        None => 0.0,
    };
    drive::warm_up(&owner, &mut journal, deadline)?;
    owner.look();
    let driven = drive::drive(
        context,
        &settled,
        &epics,
        (&mut owner, &mut journal),
        deadline,
    )?;
    owner.look();
    context.tell("reading the journal");
    tell::runs(
        &mut outcome,
        (&settled, clock_ms),
        &epics,
        &driven,
        &mut journal,
    )?;
    tell::killed(
        &mut outcome,
        &settled,
        &driven,
        process_start_ms,
        &mut journal,
    )?;
    if options.verify {
        tell::records(&mut outcome, &owner, &driven.runs)?;
    }
    let (went, tracks) = owner.stop(STOPPING);
    outcome.check(
        "stopped_in_good_order",
        went,
        format!("within {STOPPING:?}"),
    );
    resources(&mut outcome, tracks);
    Ok(outcome)
}

fn variables(settled: &Settled, clock_ms: u64) -> Vec<(String, String)> {
    let clock = (clock_ms as f64 / 1_000.0).to_string();
    let (base, most) = RETRY_MS;
    [
        ("ORKET_MAX_CONCURRENT_TURNS", settled.turns.to_string()),
        ("ORKET_ARTIFACTS", settled.artifacts.as_str().to_owned()),
        ("ORKET_RETRY_BASE_MS", base.to_string()),
        ("ORKET_RETRY_MAX_MS", most.to_string()),
        ("ORKET_MAX_RETRIES", fault::RETRIES.to_string()),
        ("ORKET_CLOCK_FIRST_TOKEN_SEC", clock.clone()),
        ("ORKET_CLOCK_IDLE_SEC", clock),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

fn resources(outcome: &mut Outcome, tracks: Vec<Track>) {
    let most = |of: fn(&crate::sampler::Sample) -> f64| {
        tracks
            .iter()
            .filter_map(|track| track.most(of))
            .reduce(f64::max)
    };
    let rss = most(|sample| sample.used.rss_kib as f64 / 1_024.0);
    let wal = most(|sample| sample.wal_bytes as f64 / (1_024.0 * 1_024.0));
    let cpu: f64 = tracks.iter().filter_map(Track::cpu_seconds).sum();
    outcome.cost("rss_max_mib", rss, "MiB");
    outcome.cost("wal_max_mib", wal, "MiB");
    outcome.cost("server_cpu_seconds", cpu, "s");
    outcome.tracks = tracks;
}
