//! What must hold over a long time: nothing grows, and nothing gets slower.

use std::collections::BTreeSet;
use std::time::Duration;

use super::growth::{Allowance, Growth};
use crate::latencies::Latencies;
use crate::outcome::Outcome;
use crate::sampler::Sample;

/// Where minute 3 of 20 is.
const SETTLED: f64 = 0.15;
/// How long a window is, as a part of the whole: two minutes of 20.
const WINDOW: f64 = 0.1;

/// How much resident memory may rise, in MiB. The page caches of a server's databases (16 MiB each) fill by
/// what is written, not by the clock: a short soak sees them fill.
const RSS_MIB: (f64, f64) = (16.0, 64.0);
/// What counts as short.
const SHORT: Duration = Duration::from_secs(600);

/// See the file's head.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Soak {
    time: Duration,
    /// How often to look.
    pub every: Duration,
    p99_ratio: f64,
    p99_allowance_ms: f64,
    /// How much a write-ahead log may hold without growing, in MiB.
    wal_mib: f64,
}

impl Soak {
    /// Over so long a time: a look every 10 s, more often where there would be fewer than 60 looks.
    #[must_use]
    pub fn over(time: Duration, p99_ratio: f64, p99_allowance_ms: f64, wal_mib: f64) -> Self {
        Self {
            time,
            every: (time / 60).clamp(Duration::from_millis(100), Duration::from_secs(10)),
            p99_ratio,
            p99_allowance_ms,
            wal_mib,
        }
    }

    /// The window that begins when the system has settled, and the last one.
    #[must_use]
    pub fn windows(&self) -> Vec<(Duration, Duration)> {
        let (settled, width) = (self.settled(), self.time.mul_f64(WINDOW));
        vec![
            (settled, settled + width),
            (self.time.saturating_sub(width), self.time),
        ]
    }

    fn settled(&self) -> Duration {
        self.time.mul_f64(SETTLED)
    }

    /// Adds its checks to what was found.
    pub fn check(&self, outcome: &mut Outcome) {
        self.check_growth(outcome);
        self.check_times(outcome);
    }

    fn check_growth(&self, outcome: &mut Outcome) {
        let server = outcome.tracks.iter().find(|it| it.process == "server");
        let samples: Vec<Sample> = server
            .into_iter()
            .flat_map(|track| track.samples.clone())
            .filter(|sample| sample.at >= self.settled())
            .collect();
        let growth = |value: &dyn Fn(&Sample) -> f64, allowance: f64| {
            let pairs: Vec<(f64, f64)> = samples
                .iter()
                .map(|sample| (sample.at.as_secs_f64(), value(sample)))
                .collect();
            Growth::of(&pairs, Allowance(allowance))
        };
        let rss = if self.time < SHORT {
            RSS_MIB.1
        } else {
            RSS_MIB.0
        };
        let mut found = vec![
            ("rss_mib".to_owned(), growth(&Sample::rss_mib, rss)),
            (
                "descriptors".to_owned(),
                growth(&|it| it.used.descriptors as f64, 16.0),
            ),
            (
                "threads".to_owned(),
                growth(&|it| it.used.threads as f64, 8.0),
            ),
            ("queues".to_owned(), growth(&Sample::queued, 16.0)),
        ];
        // The file of a write-ahead log is as long as the log ever was: it fills until it is moved into its
        // database, and then begins anew. One that goes on beyond what it may hold is not moved.
        let databases: BTreeSet<&String> = samples.iter().flat_map(|it| it.wals.keys()).collect();
        for database in databases {
            let size = |sample: &Sample| {
                let bytes = sample.wals.get(database).copied().unwrap_or_default();
                bytes as f64 / f64::from(1 << 20)
            };
            let mut growth = growth(&size, 4.0);
            if let Some(growth) = &mut growth {
                growth.grows &= growth.last > self.wal_mib;
            }
            let name = database.strip_suffix(".db").unwrap_or(database);
            found.push((format!("wal_of_{name}"), growth));
        }
        for (name, growth) in found {
            let check = format!("no_growth_of_{name}");
            match growth {
                Some(growth) => {
                    outcome.cost(format!("{name}_rise"), growth.rise, "over the soak");
                    outcome.bar(check, !growth.grows, growth.to_string());
                }
                None => outcome.bar(
                    check,
                    false,
                    "too few looks at the server's process to say; name it with --pid",
                ),
            }
        }
    }

    fn check_times(&self, outcome: &mut Outcome) {
        let windows: Vec<(String, Vec<Latencies>)> = outcome
            .measurements
            .iter()
            .filter(|(_, measured)| !measured.windows.is_empty())
            .map(|(name, measured)| (name.clone(), measured.windows.clone()))
            .collect();
        for (name, windows) in windows {
            let p99 = |place: usize| windows.get(place)?.percentile_ms(0.99);
            let check = format!("p99_holds_{name}");
            match (p99(0), p99(1)) {
                (Some(settled), Some(end)) => {
                    let most = settled * self.p99_ratio + self.p99_allowance_ms;
                    outcome.cost(format!("p99_end_to_settled_{name}"), end / settled, "ratio");
                    outcome.bar(
                        check,
                        end <= most,
                        format!("{settled:.2} ms when settled, {end:.2} ms at the end, at most {most:.2}"),
                    );
                }
                // A slow rate has no p99 in so short a window: that is said, and no failure of the server.
                _ => outcome.figure(format!("p99_end_to_settled_{name}"), None, "ratio"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minute_three_of_twenty_and_nine_seconds_of_sixty() {
        let minutes = |count: u64| Duration::from_secs(count * 60);
        let whole = Soak::over(minutes(20), 1.2, 0.0, 64.0);
        let first_and_last = [(minutes(3), minutes(5)), (minutes(18), minutes(20))];
        assert_eq!(whole.windows(), first_and_last);
        assert_eq!(whole.every, Duration::from_secs(10));
        let short = Soak::over(minutes(1), 1.2, 0.0, 64.0);
        assert_eq!(short.settled(), Duration::from_secs(9));
        assert_eq!(short.every, Duration::from_secs(1));
    }
}
