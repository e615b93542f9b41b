//! The loads, one phase after another.

use std::rc::Rc;
use std::time::Duration;

use serde::Deserialize;

use super::jobs::{Commands, Watched};
use super::recovery::{WINDOW, windows};
use super::{Options, SETTLING};
use crate::context::{Context, Limits, MOST_REQUESTS};
use crate::deliveries::{Deliveries, Demand};
use crate::drive::{Arrivals, Get, Job, Load, Pace};
use crate::error::LoadError;
use crate::http::{Connection, Target, get};
use crate::measurement::Measurement;
use crate::outcome::Outcome;
use crate::runs::Starts;
use crate::scenarios::api;
use crate::site::{Site, seconds, watched};

/// The doors, by the names of their measurements.
pub const DOORS: [&str; 3] = ["runs", "commands", "deliveries"];
/// How long the light load goes on alone.
const ALONE: Duration = Duration::from_secs(10);
/// How often the server is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// See the file's head.
pub struct Phases<'a> {
    site: &'a Site,
    options: &'a Options,
    seed: u64,
    epic: String,
    /// A card that is done, `BUILD/CARD`.
    card: String,
}

/// What each door took, a second, in the order of [`DOORS`].
#[derive(Debug, Clone, Copy)]
pub struct Taken(pub [f64; 3]);

/// What the overload came to.
pub struct Over {
    /// Each door, in the order of [`DOORS`].
    pub doors: [(Measurement, Rc<Watched>); 3],
    /// The light load from the end of the overload on.
    pub light: Measurement,
    /// The windows of it.
    pub windows: Vec<(Duration, Duration)>,
    /// The runs.
    pub starts: Rc<Starts>,
    /// The deliveries.
    pub deliveries: Rc<Deliveries>,
    /// The server's resident memory, in MiB, over the overload.
    pub rss_mib: Vec<f64>,
}

impl<'a> Phases<'a> {
    /// Runs one epic, of which a card is what commands are about.
    ///
    /// # Errors
    ///
    /// When no run can be started.
    pub async fn new(
        context: &Context,
        site: &'a Site,
        options: &'a Options,
    ) -> Result<Self, LoadError> {
        let epic = site.epic.clone().ok_or_else(|| {
            LoadError::usage("no epic to start").hinting("name one of the server with --epic")
        })?;
        let mut phases = Self {
            site,
            options,
            seed: context.seed,
            epic,
            card: String::new(),
        };
        let starts = Rc::new(Starts::new(site, &phases.epic)?);
        let mut one = phases.closed(site.api()?, Duration::from_secs(60))?;
        one.limits.requests = 1;
        one.pace = Pace::Closed { concurrency: 1 };
        one.carry(starts.clone()).await?;
        let mut scratch = Outcome::new("warm-up");
        starts.check(SETTLING, &mut scratch).await?;
        if starts.started() == 0 || !scratch.passed() {
            return Err(LoadError::scenario(format!(
                "one run of {} alone does not end done",
                phases.epic
            )));
        }
        phases.card = phases.done_card().await?;
        Ok(phases)
    }

    async fn done_card(&self) -> Result<String, LoadError> {
        #[derive(Deserialize)]
        struct Page {
            items: Vec<Item>,
        }
        #[derive(Deserialize)]
        struct Item {
            id: String,
            build_id: String,
        }
        let api = self.site.api()?;
        let mut connection = Connection::new(api.clone(), Duration::from_secs(30));
        let request = get(api, "/v1/cards?status=done&limit=1", &self.site.headers());
        let page: Option<Page> = match connection.ask(&request).await {
            Ok(answer) => serde_json::from_slice(answer.body).ok(),
            Err(_) => None,
        };
        page.and_then(|page| page.items.into_iter().next())
            .map(|item| format!("{}/{}", item.build_id, item.id))
            .ok_or_else(|| LoadError::scenario("the server lists no card that is done"))
    }

    /// The light load, with nothing beside it.
    ///
    /// # Errors
    ///
    /// When it cannot be carried.
    pub async fn light_alone(&self) -> Result<Measurement, LoadError> {
        let windows = windows(ALONE - WINDOW);
        self.light(Duration::from_secs(1), ALONE, windows)?
            .carry(self.light_job()?)
            .await
    }

    /// What each door takes while all are asked, by closed loops.
    ///
    /// # Errors
    ///
    /// When the loads cannot be carried, or the server does not say what became of its runs.
    pub async fn capacity(&self, outcome: &mut Outcome) -> Result<Taken, LoadError> {
        let time = seconds("--capacity-seconds", self.options.capacity_seconds)?;
        let (starts, deliveries) = self.fresh()?;
        let (api, (webhook, _)) = (self.site.api()?, self.site.webhook()?);
        let commands = Rc::new(Commands::new(self.site, &self.card)?);
        let (at_api, at_webhook) = (self.closed(api, time)?, self.closed(webhook, time)?);
        let all = futures_util::future::try_join3(
            at_api.carry(starts.clone()),
            at_api.carry(commands),
            at_webhook.carry(deliveries),
        );
        let (runs, commands, deliveries) = watched(self.site, LOOK, outcome, all).await?;
        // The next phase begins with nothing under way. What it says of itself is said of the overload.
        let mut scratch = Outcome::new("capacity");
        starts.check(SETTLING, &mut scratch).await?;
        // By the time that was meant, not by when the last answer came.
        let rate = |found: &Measurement| found.succeeded() as f64 / time.as_secs_f64();
        Ok(Taken([rate(&runs), rate(&commands), rate(&deliveries)]))
    }

    /// Many times what was taken. The light load goes on meanwhile, and is measured from the end on.
    ///
    /// # Errors
    ///
    /// When the loads cannot be carried.
    pub async fn overload(&self, taken: &Taken, outcome: &mut Outcome) -> Result<Over, LoadError> {
        let time = seconds("--seconds", self.options.seconds)?;
        let within = seconds("--recover-seconds", self.options.recover_seconds)?;
        // Beyond what is allowed, so that it can be said how much longer it takes.
        let windows = windows(within * 2);
        let light = self.light(time, within * 2 + WINDOW, windows.clone())?;
        let (starts, deliveries) = self.fresh()?;
        let commands = Rc::new(Commands::new(self.site, &self.card)?);
        let (api, (webhook, _)) = (self.site.api()?, self.site.webhook()?);
        let doors: [(Load, Rc<Watched>); 3] = [
            (
                self.open(api, time, taken.0[0], 1)?,
                Watched::new(starts.clone()),
            ),
            (self.open(api, time, taken.0[1], 2)?, Watched::new(commands)),
            (
                self.open(webhook, time, taken.0[2], 3)?,
                Watched::new(deliveries.clone()),
            ),
        ];
        let [runs, commands, told] = &doors;
        let asking = futures_util::future::try_join3(
            runs.0.carry(runs.1.clone()),
            commands.0.carry(commands.1.clone()),
            told.0.carry(told.1.clone()),
        );
        let seen_before = server_rss(outcome).len();
        let all = async {
            let asking = async {
                let found = watched(self.site, LOOK, outcome, asking).await;
                found.map(|found| (found, server_rss(outcome)))
            };
            futures_util::future::try_join(asking, light.carry(self.light_job()?)).await
        };
        let (((first, second, third), rss), light) = all.await?;
        let [runs, commands, told] = doors;
        Ok(Over {
            doors: [(first, runs.1), (second, commands.1), (third, told.1)],
            light,
            windows,
            starts,
            deliveries,
            rss_mib: rss.into_iter().skip(seen_before).collect(),
        })
    }

    fn fresh(&self) -> Result<(Rc<Starts>, Rc<Deliveries>), LoadError> {
        let (webhook, secret) = self.site.webhook()?;
        let deliveries = Deliveries::new(webhook, secret, Demand::Numbered);
        let starts = Starts::new(self.site, &self.epic)?;
        Ok((Rc::new(starts), Rc::new(deliveries)))
    }

    fn light_job(&self) -> Result<Rc<dyn Job>, LoadError> {
        let api = self.site.api()?;
        Ok(Rc::new(Get::new(get(
            api,
            api::HEARTBEAT,
            &self.site.headers(),
        ))))
    }

    fn light(
        &self,
        warm_up: Duration,
        time: Duration,
        windows: Vec<(Duration, Duration)>,
    ) -> Result<Load, LoadError> {
        let pace = Pace::Open {
            per_second: self.options.light_rate,
            arrivals: Arrivals::Fixed,
            connections: 64,
        };
        self.load(self.site.api()?, pace, (warm_up, time), 0, windows)
    }

    fn closed(&self, target: &Target, time: Duration) -> Result<Load, LoadError> {
        let pace = Pace::Closed {
            concurrency: self.options.concurrency,
        };
        self.load(target, pace, (Duration::ZERO, time), 0, Vec::new())
    }

    fn open(
        &self,
        target: &Target,
        time: Duration,
        taken: f64,
        number: u64,
    ) -> Result<Load, LoadError> {
        let pace = Pace::Open {
            // A door that took nothing is asked all the same.
            per_second: (taken * self.options.factor).max(1.0),
            arrivals: Arrivals::Poisson,
            connections: self.options.connections,
        };
        self.load(target, pace, (Duration::ZERO, time), number, Vec::new())
    }

    fn load(
        &self,
        target: &Target,
        pace: Pace,
        (warm_up, time): (Duration, Duration),
        number: u64,
        windows: Vec<(Duration, Duration)>,
    ) -> Result<Load, LoadError> {
        let load = Load {
            target: target.clone(),
            pace,
            limits: Limits {
                time,
                requests: MOST_REQUESTS,
            },
            warm_up,
            timeout: seconds("--timeout", self.options.timeout)?,
            windows,
            seed: self.seed.wrapping_add(number),
        };
        load.check()?;
        Ok(load)
    }
}

/// The server's resident memory at every look so far, in MiB.
fn server_rss(outcome: &Outcome) -> Vec<f64> {
    let track = outcome
        .tracks
        .iter()
        .find(|track| track.process == "server");
    let samples = track.map_or(&[][..], |track| &track.samples);
    samples
        .iter()
        .map(|sample| sample.used.rss_kib as f64 / 1_024.0)
        .collect()
}
