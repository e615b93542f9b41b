//! One thing that was done many times: how long it took, how often it failed and how.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::kind::ErrorKind;
use crate::latencies::Latencies;

/// What one request came to.
pub type Attempt = Result<(), ErrorKind>;

/// A second of a measurement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Second {
    /// How many succeeded in it.
    pub succeeded: u64,
    /// How many failed in it.
    pub failed: u64,
}

/// See the file's head. Times of failures are apart from those of successes: a server that refuses at once
/// is not a fast one.
#[derive(Debug, Clone, Default)]
pub struct Measurement {
    /// Times of what succeeded.
    pub successes: Latencies,
    /// Times of what failed.
    pub failures: Latencies,
    /// How often each kind of failure came; each failure has one.
    pub errors: BTreeMap<ErrorKind, u64>,
    /// Requests that were due and could not be sent before time was up, or because too many were out:
    /// neither successes nor failures, and not left unsaid.
    pub unsent: u64,
    /// How late requests of an open loop were sent, for want of a connection or of a processor for the
    /// generator. It is in their times too, which count from when they were due.
    pub lateness: Latencies,
    /// Times of what succeeded and began in parts of the time, where parts were asked for.
    pub windows: Vec<Latencies>,
    /// How long it was measured.
    pub elapsed: Duration,
    /// The same counts second by second, from when measuring began.
    pub timeline: Vec<Second>,
}

impl Measurement {
    /// Takes an attempt in that ended `at` after measuring began.
    pub fn record(&mut self, at: Duration, took: Duration, attempt: Attempt) {
        let place = usize::try_from(at.as_secs()).unwrap_or(usize::MAX);
        // An hour and a bit; what is later is counted, but in no second.
        if place < 4_000 && self.timeline.len() <= place {
            self.timeline.resize(place + 1, Second::default());
        }
        let second = self.timeline.get_mut(place);
        match attempt {
            Ok(()) => {
                self.successes.record(took);
                if let Some(second) = second {
                    second.succeeded += 1;
                }
            }
            Err(kind) => {
                self.failures.record(took);
                *self.errors.entry(kind).or_default() += 1;
                if let Some(second) = second {
                    second.failed += 1;
                }
            }
        }
        self.elapsed = self.elapsed.max(at);
    }

    /// Takes all of another in that was measured at the same time.
    pub fn add(&mut self, other: &Self) {
        self.successes.add(&other.successes);
        self.failures.add(&other.failures);
        for (kind, count) in &other.errors {
            *self.errors.entry(*kind).or_default() += count;
        }
        self.unsent += other.unsent;
        self.lateness.add(&other.lateness);
        self.elapsed = self.elapsed.max(other.elapsed);
        if self.timeline.len() < other.timeline.len() {
            self.timeline
                .resize(other.timeline.len(), Second::default());
        }
        for (mine, theirs) in self.timeline.iter_mut().zip(&other.timeline) {
            mine.succeeded += theirs.succeeded;
            mine.failed += theirs.failed;
        }
    }

    /// Takes all of another in that was measured after it.
    pub fn follow(&mut self, next: &Self) {
        let elapsed = self.elapsed + next.elapsed;
        let mut timeline = std::mem::take(&mut self.timeline);
        timeline.extend_from_slice(&next.timeline);
        self.add(next);
        self.timeline = timeline;
        self.elapsed = elapsed;
    }

    /// How many were sent and came to an end.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.succeeded() + self.failed()
    }

    /// How many succeeded.
    #[must_use]
    pub fn succeeded(&self) -> u64 {
        self.successes.count()
    }

    /// How many failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failures.count()
    }

    /// Failures in a hundred requests; none without requests.
    #[must_use]
    pub fn error_rate_percent(&self) -> Option<f64> {
        let samples = self.samples();
        (samples > 0).then(|| self.failed() as f64 * 100.0 / samples as f64)
    }

    /// Successes a second; none when no time passed.
    #[must_use]
    pub fn per_second(&self) -> Option<f64> {
        let seconds = self.elapsed.as_secs_f64();
        (seconds > 0.0).then(|| self.succeeded() as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_counts_once_and_leaves_the_percentiles_alone() {
        let mut some = Measurement::default();
        let ms = Duration::from_millis;
        some.record(ms(10), ms(10), Ok(()));
        some.record(ms(1_010), ms(5_000), Err(ErrorKind::Timeout));
        assert_eq!((some.samples(), some.failed()), (2, 1));
        assert_eq!(some.error_rate_percent(), Some(50.0));
        assert!(
            some.successes
                .max_ms()
                .is_some_and(|longest| longest < 11.0)
        );
        assert_eq!(some.errors.values().sum::<u64>(), some.failed());
        let one = |succeeded, failed| Second { succeeded, failed };
        assert_eq!(some.timeline, [one(1, 0), one(0, 1)]);
    }
}
