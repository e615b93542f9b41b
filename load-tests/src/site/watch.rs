//! Looks at the server, and at the generator itself, while something else is done.

use std::cell::RefCell;
use std::time::Duration;

use super::Site;
use crate::outcome::Outcome;
use crate::sampler::{Sampler, Track};

/// Carries something out and looks meanwhile, `every` so often, at once and at the end; what was seen is in
/// the outcome.
pub async fn watched<T>(
    site: &Site,
    every: Duration,
    outcome: &mut Outcome,
    work: impl Future<Output = T>,
) -> T {
    let generator = Sampler::of_generator().since(site.began);
    let seen = RefCell::new((site.sampler(), generator));
    let look = async || {
        let gauges = site.gauges().await;
        let mut seen = seen.borrow_mut();
        if let Some(server) = &mut seen.0 {
            server.look(gauges);
        }
        seen.1.look(std::collections::BTreeMap::new());
    };
    let looking = async {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            look().await;
        }
    };
    let done = tokio::select! {
        done = work => done,
        // It has no end.
        never = looking => never,
    };
    look().await;
    let (server, generator) = seen.into_inner();
    let tracks = server.into_iter().chain([generator]).map(Sampler::finish);
    for track in tracks {
        put(outcome, track);
    }
    done
}

/// Puts a track behind one of the same process that is there already.
fn put(outcome: &mut Outcome, track: Track) {
    let known = outcome
        .tracks
        .iter_mut()
        .find(|it| it.process == track.process);
    let Some(known) = known else {
        outcome.tracks.push(track);
        return;
    };
    known.samples.extend(track.samples);
}
