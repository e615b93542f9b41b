//! `orket-load api`: requests that read.

use std::rc::Rc;
use std::time::Duration;

use clap::Args;

use super::beside::beside;
use crate::bare::{Bare, Kind};
use crate::context::Context;
use crate::drive::Get;
use crate::error::LoadError;
use crate::http::{Target, get};
use crate::outcome::Outcome;
use crate::site::{Need, PaceArgs, Place, Site, watched};

/// The path of the heartbeat.
pub const HEARTBEAT: &str = "/v1/system/heartbeat";

/// What `orket-load api` is asked to do.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// What to ask for; several are measured one after another
    #[arg(long, default_value = HEARTBEAT, value_name = "PATH")]
    pub path: Vec<String>,
    /// Measure the heartbeat in turn with a bare actix-web server, half of the time each
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
/// When it cannot be meant or there is no server.
pub fn run(context: &Context, options: &Options) -> Result<Outcome, LoadError> {
    context.block_on(async {
        let mut outcome = Outcome::new("api");
        options.pace.describe(&mut outcome);
        let site = Site::open(context, &options.place, Need::Api).await?;
        site.describe(&mut outcome);
        for path in &options.path {
            one(context, options, &site, path, &mut outcome).await?;
        }
        Ok(outcome)
    })
}

async fn one(
    context: &Context,
    options: &Options,
    site: &Site,
    path: &str,
    outcome: &mut Outcome,
) -> Result<(), LoadError> {
    if !path.starts_with('/') {
        return Err(LoadError::usage(format!(
            "--path {path:?} does not begin with /"
        )));
    }
    let target = site.api()?;
    let name = name_of(path);
    let load = options.pace.load(target, context.seed)?;
    let job = Rc::new(Get::new(get(target, path, &site.headers())));
    context.tell(&format!("{name}: GET {path}"));
    let every = Duration::from_millis(500);
    if options.beside_bare && path == HEARTBEAT {
        let bare = Bare::start(context, Kind::Api, options.place.workers, "")?;
        let bare_target = bare.server.api.map(Target::at);
        let bare_target = bare_target.ok_or_else(|| LoadError::scenario("no bare server"))?;
        let bare_load = options.pace.load(&bare_target, context.seed)?;
        let bare_job = Rc::new(Get::new(get(&bare_target, path, &[])));
        let work = beside(context, (&load, job), (&bare_load, bare_job));
        let found = watched(site, every, outcome, work).await?;
        outcome.ratio("heartbeat_to_bare", found.ratio);
        outcome.measurements.insert(name, found.ours);
        outcome
            .measurements
            .insert("bare_heartbeat".to_owned(), found.bare);
    } else {
        let found = watched(site, every, outcome, load.carry(job)).await?;
        outcome.measurements.insert(name, found);
    }
    Ok(())
}

/// `api_heartbeat` for the heartbeat, `api_` and the path for others.
fn name_of(path: &str) -> String {
    if path == HEARTBEAT {
        return "api_heartbeat".to_owned();
    }
    let path = path.strip_prefix("/v1/").unwrap_or(path);
    let words = path.split(|it: char| !it.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    format!("api_{}", words.join("_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_is_named_for_its_path() {
        assert_eq!(name_of(HEARTBEAT), "api_heartbeat");
        assert_eq!(name_of("/v1/cards?limit=50"), "api_cards_limit_50");
        assert_eq!(name_of("/health"), "api_health");
    }
}
