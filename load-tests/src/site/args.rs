//! How a server and a pace are named on the command line.

use std::time::Duration;

use clap::Args;

use super::{Need, Site};
use crate::context::Limits;
use crate::drive::{Arrivals, Load, Pace};
use crate::error::LoadError;
use crate::http::Target;
use crate::outcome::Outcome;

/// Where to measure.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Where")]
pub struct Place {
    /// The API to measure; one is started when no URL is given
    #[arg(long, visible_alias = "api-base-url", value_name = "URL")]
    pub api_url: Option<String>,
    /// The webhook receiver to measure
    #[arg(long, visible_alias = "webhook-base-url", value_name = "URL")]
    pub webhook_url: Option<String>,
    /// Where a named API tells events [default: /ws/events of the API]
    #[arg(long, value_name = "URL")]
    pub ws_url: Option<String>,
    /// The key of a named API
    #[arg(
        long,
        env = "ORKET_API_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    pub api_key: Option<String>,
    /// What deliveries to a named receiver are signed with
    #[arg(
        long,
        env = "GITEA_WEBHOOK_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub webhook_secret: Option<String>,
    /// The epic of a named server whose runs are started; it must be one that costs nothing
    #[arg(long, value_name = "NAME")]
    pub epic: Option<String>,
    /// The process of a named server on this machine, to see what it uses
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,
    /// Let traffic go to other machines than this one
    #[arg(long)]
    pub allow_remote: bool,
    /// Cards of the epic of a server that is started
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub cards: u32,
    /// How long its scripted model takes for each reply, in milliseconds
    #[arg(long, default_value_t = 20, value_name = "MS")]
    pub latency_ms: u64,
    /// Threads that serve HTTP in a server that is started; 0 for one each processor
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub workers: u32,
    /// Set a variable of a server that is started, e.g. ORKET_JOURNAL_SYNC=normal; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub set: Vec<(String, String)>,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err(format!("`{text}` is no NAME=VALUE")),
    }
}

impl Place {
    /// Whether a server was named.
    #[must_use]
    pub const fn is_named(&self) -> bool {
        self.api_url.is_some() || self.webhook_url.is_some()
    }

    fn events(&self) -> Result<Option<(Target, String)>, LoadError> {
        let Some(url) = &self.ws_url else {
            return Ok(None);
        };
        let target = Target::parse(url, self.allow_remote)?;
        let behind = url
            .split_once("://")
            .map_or(url.as_str(), |(_, behind)| behind);
        let path = match behind.find('/') {
            Some(at) => behind.split_at(at).1.to_owned(),
            None => "/ws/events".to_owned(),
        };
        Ok(Some((target, path)))
    }

    pub(super) fn site(&self, need: Need) -> Result<Site, LoadError> {
        let parse = |url: &Option<String>| -> Result<Option<Target>, LoadError> {
            let parsed = url
                .as_deref()
                .map(|it| Target::parse(it, self.allow_remote));
            parsed.transpose()
        };
        let site = Site {
            api: parse(&self.api_url)?,
            webhook: parse(&self.webhook_url)?,
            key: self.api_key.clone(),
            secret: self.webhook_secret.clone(),
            server: None,
            epic: self.epic.clone(),
            events: self.events()?,
            began: std::time::Instant::now(),
            binary: None,
            pid: self.pid,
            _folder: None,
        };
        if matches!(need, Need::Api | Need::Both) {
            site.api()?;
        }
        if matches!(need, Need::Webhook | Need::Both) {
            site.webhook()?;
        }
        Ok(site)
    }
}

/// How requests follow each other, and when they end.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How much")]
pub struct PaceArgs {
    /// How long to measure, in seconds
    #[arg(long, default_value_t = 10.0, value_name = "S")]
    pub seconds: f64,
    /// At most so many requests
    #[arg(long, default_value_t = 10_000_000, value_name = "N")]
    pub requests: u64,
    /// How long to go on before anything counts, in seconds
    #[arg(long, default_value_t = 1.0, value_name = "S")]
    pub warm_up: f64,
    /// Open loop: so many requests a second are due, whatever became of those before
    #[arg(long, value_name = "N")]
    pub rate: Option<f64>,
    /// When requests of an open loop are due
    #[arg(long, value_enum, default_value_t = Arrivals::Poisson)]
    pub arrivals: Arrivals,
    /// Closed loop: so many requests are out at once; in an open loop the most that may be
    #[arg(long, value_name = "N")]
    pub concurrency: Option<u32>,
    /// How long a request may take, in seconds
    #[arg(long, default_value_t = 10.0, value_name = "S")]
    pub timeout: f64,
}

impl PaceArgs {
    /// Says in an outcome what was asked for.
    pub fn describe(&self, outcome: &mut Outcome) {
        outcome.configured("seconds", self.seconds);
        outcome.configured("requests", self.requests);
        outcome.configured("warm_up", self.warm_up);
        outcome.configured("rate", self.rate);
        outcome.configured("concurrency", self.concurrency);
        outcome.configured(
            "loop",
            if self.rate.is_some() {
                "open"
            } else {
                "closed"
            },
        );
    }

    /// The load that this means.
    ///
    /// # Errors
    ///
    /// When it cannot be meant.
    pub fn load(&self, target: &Target, seed: u64) -> Result<Load, LoadError> {
        let pace = match self.rate {
            Some(per_second) => Pace::Open {
                per_second,
                arrivals: self.arrivals,
                connections: self.concurrency.unwrap_or(512),
            },
            None => Pace::Closed {
                concurrency: self.concurrency.unwrap_or(32),
            },
        };
        let load = Load {
            target: target.clone(),
            pace,
            limits: Limits {
                time: seconds("--seconds", self.seconds)?,
                requests: self.requests,
            },
            warm_up: seconds("--warm-up", self.warm_up)?,
            timeout: seconds("--timeout", self.timeout)?,
            windows: Vec::new(),
            seed,
        };
        load.check()?;
        Ok(load)
    }
}

/// A number of seconds as a duration.
pub fn seconds(flag: &str, value: f64) -> Result<Duration, LoadError> {
    Duration::try_from_secs_f64(value)
        .ok()
        .filter(|it| it.as_secs_f64() <= crate::context::MOST_SECONDS)
        .ok_or_else(|| LoadError::usage(format!("{flag} {value} is no time that can be measured")))
}
