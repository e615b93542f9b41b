//! Rounds in turn with a bare server.

use std::rc::Rc;
use std::time::Duration;

use crate::context::Context;
use crate::drive::{Job, Load};
use crate::error::LoadError;
use crate::measurement::Measurement;

/// How many rounds; of each the ratio is taken, so that what slows the machine down for a while slows down
/// both, and of these the median.
const ROUNDS: u32 = 5;

/// What was found.
pub struct Beside {
    /// Ours, all rounds one after another.
    pub ours: Measurement,
    /// The bare one.
    pub bare: Measurement,
    /// Ours to the bare one, successes a second.
    pub ratio: Option<f64>,
}

/// Spends the time of a load on both in turn. Jobs go on with their numbers from round to round.
pub async fn beside(
    context: &Context,
    ours: (&Load, Rc<dyn Job>),
    bare: (&Load, Rc<dyn Job>),
) -> Result<Beside, LoadError> {
    let mut all = (Measurement::default(), Measurement::default());
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        let [our, their] = [ours.0, bare.0].map(|load| one_round(load, round));
        let our = our.carry(Rc::new(From(ours.1.clone(), round))).await?;
        let their = their.carry(Rc::new(From(bare.1.clone(), round))).await?;
        if let (Some(our), Some(their)) = (our.per_second(), their.per_second()) {
            context.tell(&format!(
                "round {} of {ROUNDS}: {our:.0}/s, bare {their:.0}/s",
                round + 1
            ));
            if their > 0.0 {
                ratios.push(our / their);
            }
        }
        all.0.follow(&our);
        all.1.follow(&their);
    }
    ratios.sort_by(f64::total_cmp);
    Ok(Beside {
        ours: all.0,
        bare: all.1,
        ratio: ratios.get(ratios.len() / 2).copied(),
    })
}

fn one_round(load: &Load, round: u32) -> Load {
    let mut load = load.clone();
    load.limits.time = (load.limits.time / (2 * ROUNDS)).max(Duration::from_millis(50));
    load.limits.requests = (load.limits.requests / u64::from(ROUNDS)).max(1);
    if round > 0 {
        load.warm_up = load.warm_up.min(Duration::from_millis(100));
    }
    load
}

/// Numbers of a round are no numbers of another one.
struct From(Rc<dyn Job>, u32);

impl From {
    fn number(&self, number: u64) -> u64 {
        number + (u64::from(self.1) << 40)
    }
}

impl Job for From {
    fn request(&self, number: u64) -> std::borrow::Cow<'_, [u8]> {
        self.0.request(self.number(number))
    }

    fn judge(&self, number: u64, answer: &crate::http::Answer<'_>) -> crate::measurement::Attempt {
        self.0.judge(self.number(number), answer)
    }

    fn unanswered(&self, number: u64, kind: crate::kind::ErrorKind) {
        self.0.unanswered(self.number(number), kind);
    }
}
