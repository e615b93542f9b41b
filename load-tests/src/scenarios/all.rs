//! What a call without a subcommand does: the four scenarios that operators know, one after another, with the
//! flags that they know.

use std::rc::Rc;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{api, beside::beside, triggers, websocket};
use crate::bare::{Bare, Kind};
use crate::context::{Context, Limits};
use crate::deliveries::{Deliveries, Demand};
use crate::drive::{Get, Load, Pace};
use crate::error::LoadError;
use crate::http::{Target, get};
use crate::outcome::Outcome;
use crate::site::{Need, Place, Site, watched};

/// Which counts, where none are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// A few seconds in all.
    Smoke,
    /// 300 deliveries, 600 heartbeats, 40 runs, 100 WebSockets.
    Baseline,
    /// 1,500 deliveries, 3,000 heartbeats, 200 runs, 300 WebSockets.
    Heavy,
}

/// What `orket-load all` is asked to do.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Which counts, where none are given; 100, 200, 10 and 50 without it
    #[arg(long, value_enum)]
    pub profile: Option<Profile>,
    /// Deliveries
    #[arg(long, value_name = "N")]
    pub webhook_total: Option<u64>,
    /// Deliveries out at once
    #[arg(long, default_value_t = 25, value_name = "N")]
    pub webhook_concurrency: u32,
    /// Heartbeats
    #[arg(long, value_name = "N")]
    pub api_total: Option<u64>,
    /// Heartbeats out at once
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub api_concurrency: u32,
    /// Runs
    #[arg(long, value_name = "N")]
    pub epic_total: Option<u64>,
    /// Run starts out at once
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub epic_concurrency: u32,
    /// WebSockets
    #[arg(long, value_name = "N")]
    pub ws_clients: Option<u32>,
    /// How long a request may take, in seconds
    #[arg(long, default_value_t = 10.0, value_name = "S")]
    pub timeout: f64,
    /// Find `ratios.heartbeat_to_bare` and `ratios.webhook_to_bare` too, in rounds of these seconds in all
    #[arg(long, value_name = "S", num_args = 0..=1, default_missing_value = "5")]
    pub beside_bare: Option<f64>,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// How many of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Totals {
    webhook: u64,
    api: u64,
    epic: u64,
    ws: u32,
}

impl Options {
    fn totals(&self) -> Totals {
        let (webhook, api, epic, ws) = match self.profile {
            None => (100, 200, 10, 50),
            Some(Profile::Smoke) => (200, 400, 10, 20),
            Some(Profile::Baseline) => (300, 600, 40, 100),
            Some(Profile::Heavy) => (1_500, 3_000, 200, 300),
        };
        Totals {
            webhook: self.webhook_total.unwrap_or(webhook),
            api: self.api_total.unwrap_or(api),
            epic: self.epic_total.unwrap_or(epic),
            ws: self.ws_clients.unwrap_or(ws),
        }
    }

    fn load(&self, target: &Target, total: u64, concurrency: u32) -> Result<Load, LoadError> {
        let load = Load {
            target: target.clone(),
            pace: Pace::Closed { concurrency },
            limits: Limits {
                // A count ends it; this does if the server does not answer.
                time: Duration::from_secs(600),
                requests: total,
            },
            warm_up: Duration::ZERO,
            timeout: crate::site::seconds("--timeout", self.timeout)?,
            windows: Vec::new(),
            seed: 0,
        };
        load.check()?;
        Ok(load)
    }
}

/// See the file's head.
///
/// # Errors
///
/// When it cannot be meant or there is no server.
pub fn run(context: &Context, options: &Options) -> Result<Outcome, LoadError> {
    context.block_on(async {
        let mut outcome = Outcome::new("all");
        describe(options, &mut outcome);
        let need = match (options.place.is_named(), &options.place.webhook_url) {
            (true, None) => Need::Api,
            _ => Need::Both,
        };
        let site = Site::open(context, &options.place, need).await?;
        site.describe(&mut outcome);
        webhook(context, options, &site, &mut outcome).await?;
        heartbeat(context, options, &site, &mut outcome).await?;
        let totals = options.totals();
        let load = options.load(site.api()?, totals.epic, options.epic_concurrency)?;
        context.tell(&format!("{}: {}", triggers::NAME, totals.epic));
        triggers::carry(context, &site, &load, &mut outcome).await?;
        let listening = websocket::Options {
            clients: totals.ws,
            concurrency: totals.ws,
            seconds: 1.0,
            pings: 2.0,
            timeout: options.timeout,
            place: options.place.clone(),
        };
        websocket::carry(context, &site, &listening, &mut outcome).await?;
        Ok(outcome)
    })
}

const EVERY: Duration = Duration::from_millis(250);

async fn webhook(
    context: &Context,
    options: &Options,
    site: &Site,
    outcome: &mut Outcome,
) -> Result<(), LoadError> {
    if site.webhook.is_none() {
        context.tell("no deliveries are sent: name the receiver with --webhook-url");
        outcome
            .measurements
            .entry("webhook".to_owned())
            .or_default();
        return Ok(());
    }
    let (target, secret) = site.webhook()?;
    let load = options.load(
        target,
        options.totals().webhook,
        options.webhook_concurrency,
    )?;
    context.tell(&format!("webhook: {}", load.limits.requests));
    let job = Rc::new(Deliveries::new(target, secret, Demand::Numbered));
    let found = watched(site, EVERY, outcome, load.carry(job.clone())).await?;
    outcome.measurements.insert("webhook".to_owned(), found);
    job.check(site, outcome).await?;
    if let Some(seconds) = options.beside_bare {
        let bare = Bare::start(context, Kind::Receiver, options.place.workers, secret)?;
        let there = bare.server.webhook.map(Target::at);
        let there = there.ok_or_else(|| LoadError::scenario("no bare server"))?;
        let [ours, theirs] = [target, &there].map(|target| rounds(&load, target, seconds));
        let job = Rc::new(Deliveries::new(target, secret, Demand::Numbered));
        let bare_job = Rc::new(Deliveries::new(&there, secret, Demand::AnySuccess));
        let found = beside(context, (&ours?, job), (&theirs?, bare_job)).await?;
        outcome.ratio("webhook_to_bare", found.ratio);
    }
    Ok(())
}

async fn heartbeat(
    context: &Context,
    options: &Options,
    site: &Site,
    outcome: &mut Outcome,
) -> Result<(), LoadError> {
    let target = site.api()?;
    let load = options.load(target, options.totals().api, options.api_concurrency)?;
    context.tell(&format!("api_heartbeat: {}", load.limits.requests));
    let job = Rc::new(Get::new(get(target, api::HEARTBEAT, &site.headers())));
    let found = watched(site, EVERY, outcome, load.carry(job.clone())).await?;
    outcome
        .measurements
        .insert("api_heartbeat".to_owned(), found);
    if let Some(seconds) = options.beside_bare {
        let bare = Bare::start(context, Kind::Api, options.place.workers, "")?;
        let there = bare.server.api.map(Target::at);
        let there = there.ok_or_else(|| LoadError::scenario("no bare server"))?;
        let [ours, theirs] = [target, &there].map(|target| rounds(&load, target, seconds));
        let bare_job = Rc::new(Get::new(get(&there, api::HEARTBEAT, &[])));
        let found = beside(context, (&ours?, job), (&theirs?, bare_job)).await?;
        outcome.ratio("heartbeat_to_bare", found.ratio);
    }
    Ok(())
}

/// The same load, by time instead of by count: a ratio of a few hundred requests says nothing.
fn rounds(load: &Load, target: &Target, seconds: f64) -> Result<Load, LoadError> {
    let mut load = load.clone();
    load.target = target.clone();
    load.limits = Limits {
        time: crate::site::seconds("--beside-bare", seconds)?,
        requests: crate::context::MOST_REQUESTS,
    };
    load.warm_up = Duration::from_millis(200);
    load.check()?;
    Ok(load)
}

fn describe(options: &Options, outcome: &mut Outcome) {
    let totals = options.totals();
    outcome.configured(
        "profile",
        options.profile.map(|it| format!("{it:?}").to_lowercase()),
    );
    outcome.configured("webhook_total", totals.webhook);
    outcome.configured("webhook_concurrency", options.webhook_concurrency);
    outcome.configured("api_total", totals.api);
    outcome.configured("api_concurrency", options.api_concurrency);
    outcome.configured("epic_total", totals.epic);
    outcome.configured("epic_concurrency", options.epic_concurrency);
}
