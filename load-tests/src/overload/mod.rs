//! More than the server takes: what it refuses, what becomes of what it accepted, and how soon it is back.
//!
//! The rates that it takes are measured first, by closed loops at all three doors at once: runs, commands,
//! deliveries. Then each door is asked for many times that, by open loops that do not wait for it, while a
//! light load goes on before, meanwhile and afterwards.
//!
//! # Layout
//!
//! - [`jobs`]: what is asked for.
//! - `phases`: the loads, one phase after another.
//! - [`recovery`]: when it answers again as before.
//! - `judge`: what must hold.

pub mod jobs;
mod judge;
mod phases;
pub mod recovery;

use std::time::Duration;

use clap::Args;

use crate::context::Context;
use crate::error::LoadError;
use crate::outcome::Outcome;
use crate::scenarios::triggers::PATIENCE;
use crate::site::{Need, Place, Site, seconds};
use phases::Phases;

/// How long runs may go on after a phase.
const SETTLING: Duration = PATIENCE;

/// What `orket-load overload` is asked to do.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How much")]
pub struct Options {
    /// How long to ask for too much, in seconds
    #[arg(long, default_value_t = 60.0, value_name = "S")]
    pub seconds: f64,
    /// How many times what the server takes
    #[arg(long, default_value_t = 10.0, value_name = "N")]
    pub factor: f64,
    /// How long to measure what it takes, in seconds
    #[arg(long, default_value_t = 5.0, value_name = "S")]
    pub capacity_seconds: f64,
    /// Requests that are out at once at each door while that is measured
    #[arg(long, default_value_t = 16, value_name = "N")]
    pub concurrency: u32,
    /// The most connections of each door while it is asked for too much
    #[arg(long, default_value_t = 512, value_name = "N")]
    pub connections: u32,
    /// Requests a second of the light load
    #[arg(long, default_value_t = 100.0, value_name = "N")]
    pub light_rate: f64,
    /// Within how many seconds the light load must be as fast as before
    #[arg(long, default_value_t = 5.0, value_name = "S")]
    pub recover_seconds: f64,
    /// How many times the 99th percentile of before still counts as before
    #[arg(long, default_value_t = 1.2, value_name = "RATIO")]
    pub p99_ratio: f64,
    /// How much more than that ratio it may be in any case, in milliseconds: what the clock and the scheduler
    /// of an idle machine add
    #[arg(long, default_value_t = 1.0, value_name = "MS")]
    pub p99_allowance_ms: f64,
    /// Runs under way at once that a server that is started allows
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    pub max_runs: u32,
    /// Deliveries a minute that a server that is started takes
    #[arg(long, default_value_t = 30_000, value_name = "N")]
    pub deliveries_per_minute: u32,
    /// How long a request may take, in seconds
    #[arg(long, default_value_t = 30.0, value_name = "S")]
    pub timeout: f64,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// Carries it.
///
/// # Errors
///
/// When it cannot be meant, there is no server, or it does not say what became of what it accepted.
pub fn run(context: &Context, options: &Options) -> Result<Outcome, LoadError> {
    options.check()?;
    let mut outcome = Outcome::new("overload");
    options.describe(&mut outcome);
    context.block_on(async {
        let site = Site::open(context, &options.started(), Need::Both).await?;
        site.describe(&mut outcome);
        let phases = Phases::new(context, &site, options).await?;
        context.tell("a light load alone");
        let before = phases.light_alone().await?;
        context.tell("what the server takes");
        let taken = phases.capacity(&mut outcome).await?;
        context.tell("more than that");
        let over = phases.overload(&taken, &mut outcome).await?;
        judge::said(&mut outcome, options, &before, &taken, &over);
        context.tell("looking whether everything that was accepted was done, once");
        over.starts.check(SETTLING, &mut outcome).await?;
        over.deliveries.check(&site, &mut outcome).await?;
        Ok(outcome)
    })
}

impl Options {
    fn check(&self) -> Result<(), LoadError> {
        for (flag, value) in [
            ("--seconds", self.seconds),
            ("--capacity-seconds", self.capacity_seconds),
            ("--recover-seconds", self.recover_seconds),
            ("--timeout", self.timeout),
        ] {
            seconds(flag, value)?;
        }
        if !(1.0..=1_000.0).contains(&self.factor) {
            return Err(LoadError::usage("--factor is from 1 to 1000"));
        }
        // A window needs enough samples for its 99th percentile.
        let least = 100.0 / recovery::WINDOW.as_secs_f64();
        if self.light_rate < 2.0 * least {
            return Err(LoadError::usage(format!(
                "--light-rate {} gives windows of {:?} too few samples for a 99th percentile; at least {}",
                self.light_rate,
                recovery::WINDOW,
                2.0 * least
            )));
        }
        Ok(())
    }

    /// Where, with the bounds that are to be met.
    fn started(&self) -> Place {
        let mut place = self.place.clone();
        let quota = self.deliveries_per_minute;
        let bounds = [
            ("ORKET_MAX_RUNS", self.max_runs),
            ("ORKET_RATE_LIMIT", quota),
            ("ORKET_RATE_LIMIT_ALL", quota),
            // A second's worth: what a minute brings at once would be no bound for a minute.
            ("ORKET_RATE_LIMIT_BURST", (quota / 60).max(1)),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_string()));
        // What an operator sets comes behind, and so goes before these.
        place.set.splice(0..0, bounds);
        place
    }

    fn describe(&self, outcome: &mut Outcome) {
        outcome.configured("seconds", self.seconds);
        outcome.configured("factor", self.factor);
        outcome.configured("concurrency", self.concurrency);
        outcome.configured("connections", self.connections);
        outcome.configured("light_rate", self.light_rate);
        outcome.configured("max_runs", self.max_runs);
        outcome.configured("deliveries_per_minute", self.deliveries_per_minute);
    }
}
