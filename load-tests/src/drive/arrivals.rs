//! When requests of an open loop are due.

use std::time::Duration;

use clap::ValueEnum;

/// See the file's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Arrivals {
    /// At equal distances.
    Fixed,
    /// Independently of each other, as those of many users are: distances are exponential.
    Poisson,
}

/// The instants at which requests are due, as times since the beginning.
#[derive(Debug)]
pub struct Due {
    arrivals: Arrivals,
    per_second: f64,
    number: u64,
    at: f64,
    chance: fastrand::Rng,
}

impl Due {
    /// `per_second` of them on average.
    pub fn new(arrivals: Arrivals, per_second: f64, seed: u64) -> Self {
        Self {
            arrivals,
            per_second,
            number: 0,
            at: 0.0,
            chance: fastrand::Rng::with_seed(seed),
        }
    }
}

impl Iterator for Due {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let due = match self.arrivals {
            // Multiplied, so that nothing adds up.
            Arrivals::Fixed => self.number as f64 / self.per_second,
            Arrivals::Poisson => {
                // The inverse of the exponential distribution's cumulative function; 1 - x is never 0.
                self.at -= (1.0 - self.chance.f64()).ln() / self.per_second;
                self.at
            }
        };
        self.number += 1;
        Duration::try_from_secs_f64(due).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_have_the_rate_that_was_asked_for_and_poisson_its_spread() {
        let last = Due::new(Arrivals::Fixed, 1_000.0, 1).nth(10_000).unwrap();
        assert_eq!(last, Duration::from_secs(10));
        let dues: Vec<f64> = Due::new(Arrivals::Poisson, 1_000.0, 1)
            .take(100_000)
            .map(|due| due.as_secs_f64())
            .collect();
        let gaps: Vec<f64> = dues.windows(2).map(|two| two[1] - two[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean / 0.001 - 1.0).abs() < 0.02, "{mean}");
        // The standard deviation of an exponential is its mean.
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.03);
        let again: Vec<Duration> = Due::new(Arrivals::Poisson, 5.0, 9).take(9).collect();
        assert_eq!(
            again,
            Due::new(Arrivals::Poisson, 5.0, 9)
                .take(9)
                .collect::<Vec<_>>()
        );
    }
}
