//! `orket-load mixed`: everything together at settable rates. `orket-load soak`: the same over a long time,
//! with an eye on what must not grow.
//!
//! All loads are open loops: what the server does to one of them is in its times, not in its rate.

mod growth;
mod parts;
mod soak;

pub use growth::{Allowance, Growth};
pub use soak::Soak;

use std::time::Duration;

use clap::Args;

use crate::context::Context;
use crate::error::LoadError;
use crate::outcome::Outcome;
use crate::scenarios::triggers::PATIENCE;
use crate::site::{Need, Place, Site, seconds, watched};
use crate::sockets;

/// What `orket-load mixed` is asked to do, but for how long.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How much")]
pub struct Rates {
    /// Heartbeats a second, and half as many pages of cards
    #[arg(long, default_value_t = 100.0, value_name = "N")]
    pub api_rate: f64,
    /// Deliveries a second
    #[arg(long, default_value_t = 25.0, value_name = "N")]
    pub webhook_rate: f64,
    /// Runs a second
    #[arg(long, default_value_t = 2.0, value_name = "N")]
    pub epic_rate: f64,
    /// How many listen to all events
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub ws_clients: u32,
    /// The most connections of each load
    #[arg(long, default_value_t = 256, value_name = "N")]
    pub connections: u32,
    /// How long a request may take, in seconds
    #[arg(long, default_value_t = 10.0, value_name = "S")]
    pub timeout: f64,
    /// How long to go on before anything counts, in seconds
    #[arg(long, default_value_t = 2.0, value_name = "S")]
    pub warm_up: f64,
}

/// What `orket-load mixed` is asked to do.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How long, in seconds
    #[arg(long, default_value_t = 30.0, value_name = "S")]
    pub seconds: f64,
    /// How much.
    #[command(flatten)]
    pub rates: Rates,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// What `orket-load soak` is asked to do.
#[derive(Debug, Clone, Args)]
pub struct SoakOptions {
    /// How long, in minutes
    #[arg(
        long,
        default_value_t = 20.0,
        value_name = "M",
        conflicts_with = "seconds"
    )]
    pub minutes: f64,
    /// How long, in seconds; minute 3 of 20 is then at 15 % of it
    #[arg(long, value_name = "S")]
    pub seconds: Option<f64>,
    /// How many times the 99th percentile of minute 3 that of the end may be
    #[arg(long, default_value_t = 1.2, value_name = "RATIO")]
    pub p99_ratio: f64,
    /// How much more than that ratio it may be in any case, in milliseconds: what the clock and the scheduler
    /// of an idle machine add
    #[arg(long, default_value_t = 1.0, value_name = "MS")]
    pub p99_allowance_ms: f64,
    /// How much a write-ahead log may hold without growing, in MiB; the limit that a server sets for its
    /// own
    #[arg(long, default_value_t = 64.0, value_name = "MIB")]
    pub wal_mib: f64,
    /// How much.
    #[command(flatten)]
    pub rates: Rates,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// Carries `mixed`.
///
/// # Errors
///
/// When it cannot be meant, there is no server, or it does not say what became of what it accepted.
pub fn run(context: &Context, options: &Options) -> Result<Outcome, LoadError> {
    let time = seconds("--seconds", options.seconds)?;
    let mut outcome = Outcome::new("mixed");
    outcome.configured("seconds", options.seconds);
    context.block_on(async {
        carry(
            context,
            &options.place,
            &options.rates,
            time,
            None,
            &mut outcome,
        )
        .await?;
        Ok(outcome)
    })
}

/// Carries `soak`.
///
/// # Errors
///
/// As `mixed`.
pub fn run_soak(context: &Context, options: &SoakOptions) -> Result<Outcome, LoadError> {
    let time = match options.seconds {
        Some(given) => seconds("--seconds", given)?,
        None => seconds("--minutes", options.minutes * 60.0)?,
    };
    let (ratio, allowance) = (options.p99_ratio, options.p99_allowance_ms);
    let soak = Soak::over(time, ratio, allowance, options.wal_mib);
    let mut outcome = Outcome::new("soak");
    outcome.configured("seconds", time.as_secs_f64());
    outcome.configured("p99_ratio", options.p99_ratio);
    outcome.configured("p99_allowance_ms", options.p99_allowance_ms);
    context.block_on(async {
        let (place, rates) = (&options.place, &options.rates);
        carry(context, place, rates, time, Some(&soak), &mut outcome).await?;
        Ok(outcome)
    })
}

async fn carry(
    context: &Context,
    place: &Place,
    rates: &Rates,
    time: Duration,
    soak: Option<&Soak>,
    outcome: &mut Outcome,
) -> Result<(), LoadError> {
    rates.describe(outcome);
    let site = Site::open(context, place, Need::Both).await?;
    site.describe(outcome);
    let parts = parts::Parts::new(context, &site, rates, time, soak)?;
    let mut connected = crate::measurement::Measurement::default();
    let door = site.door(seconds("--timeout", rates.timeout)?)?;
    let audience = sockets::Audience::invite(&door, rates.ws_clients, &mut connected).await;
    let every = soak.map_or(Duration::from_secs(1), |soak| soak.every);
    let measured = watched(&site, every, outcome, parts.carry(context, time)).await?;
    let (starts, deliveries) = (parts.starts.clone(), parts.deliveries.clone());
    outcome.measurements.extend(measured);
    if rates.ws_clients > 0 {
        let all = &mut outcome.measurements;
        all.insert("websocket_connect".to_owned(), connected);
    }
    context.tell("looking whether everything that was accepted was done, once");
    if let Some(starts) = &starts {
        starts.check(PATIENCE, outcome).await?;
    }
    deliveries.check(&site, outcome).await?;
    if rates.ws_clients > 0 {
        let runs = starts.map(|starts| starts.ids()).unwrap_or_default();
        let (heard, delays) = audience.leave(runs.len(), Duration::from_secs(10)).await;
        sockets::check(&heard, &runs, outcome);
        outcome
            .measurements
            .insert("websocket_event".to_owned(), delays);
    }
    if let Some(soak) = soak {
        soak.check(outcome);
    }
    Ok(())
}

impl Rates {
    fn describe(&self, outcome: &mut Outcome) {
        outcome.configured("api_rate", self.api_rate);
        outcome.configured("webhook_rate", self.webhook_rate);
        outcome.configured("epic_rate", self.epic_rate);
        outcome.configured("ws_clients", self.ws_clients);
    }
}
