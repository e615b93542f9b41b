//! The loads that go on together.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use super::{Rates, Soak};
use crate::context::{Context, Limits, MOST_REQUESTS};
use crate::deliveries::{Deliveries, Demand};
use crate::drive::{Arrivals, Get, Job, Load, Pace};
use crate::error::LoadError;
use crate::http::{Target, get};
use crate::measurement::Measurement;
use crate::runs::Starts;
use crate::scenarios::{api, triggers};
use crate::site::{Site, seconds};

/// See the file's head.
pub struct Parts {
    loads: Vec<(&'static str, Load, Rc<dyn Job>)>,
    /// The runs, if there is an epic to run.
    pub starts: Option<Rc<Starts>>,
    /// The deliveries.
    pub deliveries: Rc<Deliveries>,
}

impl Parts {
    /// Each with arrivals of its own.
    pub fn new(
        context: &Context,
        site: &Site,
        rates: &Rates,
        time: Duration,
        soak: Option<&Soak>,
    ) -> Result<Self, LoadError> {
        let (api, (webhook, secret)) = (site.api()?, site.webhook()?);
        let deliveries = Rc::new(Deliveries::new(webhook, secret, Demand::Numbered));
        let starts = match &site.epic {
            Some(epic) => Some(Rc::new(Starts::new(site, epic)?)),
            None => None,
        };
        let ask = |path: &str| Rc::new(Get::new(get(api, path, &site.headers())));
        let mut wanted: Vec<(&'static str, &Target, f64, Rc<dyn Job>)> = vec![
            ("api_heartbeat", api, rates.api_rate, ask(api::HEARTBEAT)),
            (
                "api_cards",
                api,
                rates.api_rate / 2.0,
                ask("/v1/cards?limit=50"),
            ),
            ("webhook", webhook, rates.webhook_rate, deliveries.clone()),
        ];
        if let Some(starts) = &starts {
            wanted.push((triggers::NAME, api, rates.epic_rate, starts.clone()));
        }
        let mut loads = Vec::new();
        for (place, (name, target, per_second, job)) in (0..).zip(wanted) {
            // A rate of 0 leaves that part out.
            if per_second == 0.0 {
                continue;
            }
            let load = Load {
                target: target.clone(),
                pace: Pace::Open {
                    per_second,
                    arrivals: Arrivals::Poisson,
                    connections: rates.connections,
                },
                limits: Limits {
                    time,
                    requests: MOST_REQUESTS,
                },
                warm_up: seconds("--warm-up", rates.warm_up)?,
                timeout: seconds("--timeout", rates.timeout)?,
                windows: soak.map(Soak::windows).unwrap_or_default(),
                seed: context.seed.wrapping_add(place),
            };
            load.check()?;
            loads.push((name, load, job));
        }
        Ok(Self {
            loads,
            starts,
            deliveries,
        })
    }

    /// Carries all of them; says every ten seconds how far it is.
    pub async fn carry(
        &self,
        context: &Context,
        time: Duration,
    ) -> Result<BTreeMap<String, Measurement>, LoadError> {
        let all = try_join_all(self.loads.iter().map(async |(name, load, job)| {
            let found = load.carry(Rc::clone(job)).await?;
            Ok::<_, LoadError>(((*name).to_owned(), found))
        }));
        let begin = Instant::now();
        let telling = async {
            let mut ticks = tokio::time::interval(Duration::from_secs(10));
            loop {
                ticks.tick().await;
                context.tell(&format!(
                    "{:.0} of {:.0} s: {} runs, {} deliveries accepted",
                    begin.elapsed().as_secs_f64(),
                    time.as_secs_f64(),
                    self.starts.as_ref().map_or(0, |it| it.started()),
                    self.deliveries.accepted(),
                ));
            }
        };
        let found = tokio::select! {
            found = all => found?,
            // It has no end.
            never = telling => never,
        };
        Ok(found.into_iter().collect())
    }
}
