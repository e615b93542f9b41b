//! A histogram of durations.
//!
//! A percentile that too few samples support is `None` rather than the largest sample under another name:
//! the p-th needs at least one sample beyond it, that is `1 / (1 - p)` of them: 100 for p99, 1,000 for p99.9.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Three significant digits; from a tenth of a microsecond to an hour, longer ones count as an hour.
const DIGITS: u8 = 3;
const LOWEST_NS: u64 = 100;
const HIGHEST_NS: u64 = 3_600_000_000_000;

/// See the file's head.
#[derive(Debug, Clone)]
pub struct Latencies {
    // None only if the constants above were no bounds at all.
    histogram: Option<Histogram<u64>>,
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            histogram: Histogram::new_with_bounds(LOWEST_NS, HIGHEST_NS, DIGITS).ok(),
        }
    }
}

impl Latencies {
    /// Takes one in.
    pub fn record(&mut self, took: Duration) {
        if let Some(histogram) = &mut self.histogram {
            histogram.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    /// Takes all of another in.
    pub fn add(&mut self, other: &Self) {
        if let (Some(mine), Some(theirs)) = (&mut self.histogram, &other.histogram) {
            // Both have the same bounds, so nothing is left out.
            let _ = mine.add(theirs);
        }
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.as_ref().map_or(0, Histogram::len)
    }

    /// In milliseconds, `part` from 0 to 1; none where too few samples support it.
    #[must_use]
    pub fn percentile_ms(&self, part: f64) -> Option<f64> {
        let count = self.count() as f64;
        // A hair of room, since 1 - 0.999 is not exactly a thousandth.
        if count == 0.0 || count * (1.0 - part) < 1.0 - 1e-9 {
            return None;
        }
        let histogram = self.histogram.as_ref()?;
        Some(ms(histogram.value_at_quantile(part)))
    }

    /// The longest, in milliseconds.
    #[must_use]
    pub fn max_ms(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.histogram.as_ref().map(|it| ms(it.max())))?
    }

    /// The shortest, in milliseconds.
    #[must_use]
    pub fn min_ms(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.histogram.as_ref().map(|it| ms(it.min())))?
    }

    /// The mean, in milliseconds.
    #[must_use]
    pub fn mean_ms(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.histogram.as_ref().map(|it| it.mean() / 1e6))?
    }

    /// Points of the curve of percentiles: the part from 0 to 1 and milliseconds, as far as samples support it.
    #[must_use]
    pub fn curve(&self) -> Vec<(f64, f64)> {
        const PARTS: [f64; 14] = [
            0.0, 0.1, 0.25, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999,
        ];
        PARTS
            .iter()
            .filter_map(|part| Some((*part, self.percentile_ms(*part)?)))
            .collect()
    }
}

fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_needs_a_sample_beyond_it() {
        let mut some = Latencies::default();
        assert_eq!(some.percentile_ms(0.5), None);
        assert_eq!(some.max_ms(), None);
        for number in 1..=999 {
            some.record(Duration::from_millis(number));
        }
        assert_eq!(some.percentile_ms(0.999), None);
        some.record(Duration::from_millis(1_000));
        let near = |part: f64, expected: f64| {
            let found = some.percentile_ms(part).unwrap();
            assert!((found / expected - 1.0).abs() < 0.002, "{part}: {found}");
        };
        near(0.5, 500.0);
        near(0.99, 990.0);
        near(0.999, 999.0);
        assert_eq!(some.percentile_ms(0.9999), None);
    }

    #[test]
    fn ten_samples_have_no_p95() {
        let mut some = Latencies::default();
        for number in 1..=10 {
            some.record(Duration::from_millis(number));
        }
        assert!(some.percentile_ms(0.9).is_some());
        assert_eq!(some.percentile_ms(0.95), None);
    }
}
