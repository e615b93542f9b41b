//! `orket-load webhook`: signed deliveries, each another one, on disk before each is answered.

use std::rc::Rc;
use std::time::Duration;

use clap::Args;

use super::beside::beside;
use crate::bare::{Bare, Kind};
use crate::context::Context;
use crate::deliveries::{Deliveries, Demand};
use crate::error::LoadError;
use crate::http::Target;
use crate::outcome::Outcome;
use crate::site::{Need, PaceArgs, Place, Site, watched};

/// What `orket-load webhook` is asked to do.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Measure in turn with a bare receiver that checks and stores too, half of the time each
    #[arg(long)]
    pub beside_bare: bool,
    /// How much.
    #[command(flatten)]
    pub pace: PaceArgs,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// See the file's head.
///
/// # Errors
///
/// When it cannot be meant, there is no receiver, or it does not say what it keeps.
pub fn run(context: &Context, options: &Options) -> Result<Outcome, LoadError> {
    context.block_on(async {
        let mut outcome = Outcome::new("webhook");
        options.pace.describe(&mut outcome);
        let site = Site::open(context, &options.place, Need::Webhook).await?;
        site.describe(&mut outcome);
        let (target, secret) = site.webhook()?;
        let load = options.pace.load(target, context.seed)?;
        let job = Rc::new(Deliveries::new(target, secret, Demand::Numbered));
        let every = Duration::from_millis(500);
        if options.beside_bare {
            let bare = Bare::start(context, Kind::Receiver, options.place.workers, secret)?;
            let bare_target = bare.server.webhook.map(Target::at);
            let bare_target = bare_target.ok_or_else(|| LoadError::scenario("no bare server"))?;
            let bare_load = options.pace.load(&bare_target, context.seed)?;
            let bare_job = Rc::new(Deliveries::new(&bare_target, secret, Demand::AnySuccess));
            let work = beside(context, (&load, job.clone()), (&bare_load, bare_job));
            let found = watched(&site, every, &mut outcome, work).await?;
            outcome.ratio("webhook_to_bare", found.ratio);
            outcome
                .measurements
                .insert("webhook".to_owned(), found.ours);
            outcome
                .measurements
                .insert("bare_webhook".to_owned(), found.bare);
        } else {
            let found = watched(&site, every, &mut outcome, load.carry(job.clone())).await?;
            outcome.measurements.insert("webhook".to_owned(), found);
        }
        job.check(&site, &mut outcome).await?;
        Ok(outcome)
    })
}
