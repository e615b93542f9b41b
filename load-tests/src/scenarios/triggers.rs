//! Runs that are started at once: how long the start takes until it is durable, and whether each is done
//! afterwards. Part of `all`; the reference calls it the parallel epic trigger.

use std::rc::Rc;
use std::time::Duration;

use crate::context::Context;
use crate::drive::Load;
use crate::error::LoadError;
use crate::outcome::Outcome;
use crate::runs::Starts;
use crate::site::{Site, watched};

/// Its name in results.
pub const NAME: &str = "parallel_epic_trigger";
/// How long nothing may end while runs are under way.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// See the file's head.
pub async fn carry(
    context: &Context,
    site: &Site,
    load: &Load,
    outcome: &mut Outcome,
) -> Result<(), LoadError> {
    let Some(epic) = &site.epic else {
        context.tell("no runs are started: name an epic of the server with --epic");
        outcome.measurements.entry(NAME.to_owned()).or_default();
        return Ok(());
    };
    let job = Rc::new(Starts::new(site, epic)?);
    let every = Duration::from_millis(500);
    let found = watched(site, every, outcome, load.carry(job.clone())).await?;
    outcome.measurements.insert(NAME.to_owned(), found);
    job.check(PATIENCE, outcome).await
}
