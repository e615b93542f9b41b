//! Whether something grows.
//!
//! Two signs, each of which is enough, over what was seen after the system had settled:
//!
//! - the median of the last quarter is more than a tenth above that of the first, and more than the allowance
//!   on top: a step that stays;
//! - the line through it (Theil-Sen: the median of the slopes of all pairs, which single outliers do not
//!   move; Sen 1968) rises over the whole span by more than a tenth of the first median and the allowance: a
//!   slow leak.
//!
//! The allowance is what comes and goes without meaning: pages that an allocator keeps, a write-ahead log
//! between two checkpoints.

use std::fmt;

/// How much something may rise without growing, beside a tenth of what it was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allowance(pub f64);

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Growth {
    /// The median of the first quarter.
    pub first: f64,
    /// The median of the last quarter.
    pub last: f64,
    /// How much the line rises from the first sample to the last.
    pub rise: f64,
    /// Whether it grows.
    pub grows: bool,
}

impl Growth {
    /// Of pairs of a time and a value, in the order of time; none of fewer than eight, in which no quarter
    /// has a median.
    #[must_use]
    pub fn of(samples: &[(f64, f64)], allowance: Allowance) -> Option<Self> {
        let count = samples.len();
        if count < 8 {
            return None;
        }
        let quarter = count / 4;
        let values = |part: Option<&[(f64, f64)]>| -> Option<f64> {
            median(part?.iter().map(|(_, value)| *value).collect())
        };
        let first = values(samples.get(..quarter))?;
        let last = values(samples.get(count - quarter..))?;
        let span = samples.last()?.0 - samples.first()?.0;
        let rise = slope(samples)? * span;
        let most = 0.1 * first + allowance.0;
        Some(Self {
            first,
            last,
            rise,
            grows: last - first > most || rise > most,
        })
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            first, last, rise, ..
        } = self;
        write!(
            f,
            "{first:.1} in the first quarter, {last:.1} in the last; the line rises by {rise:.1}"
        )
    }
}

/// The median of the slopes of all pairs. At most some hundred samples: the pairs are counted out.
fn slope(samples: &[(f64, f64)]) -> Option<f64> {
    let mut slopes = Vec::new();
    for (place, (at, value)) in samples.iter().enumerate() {
        for (later, other) in samples.iter().skip(place + 1) {
            if later > at {
                slopes.push((other - value) / (later - at));
            }
        }
    }
    median(slopes)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied()?;
    match values.len() % 2 {
        0 => Some((upper + values.get(middle - 1)?) / 2.0),
        _ => Some(upper),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growth(of: impl Fn(f64) -> f64) -> Growth {
        let samples: Vec<(f64, f64)> = (0..100).map(|n| (f64::from(n), of(f64::from(n)))).collect();
        Growth::of(&samples, Allowance(4.0)).unwrap()
    }

    /// The same noise each time, between -1 and 1.
    fn noise(at: f64) -> f64 {
        (at * 12.9898).sin()
    }

    #[test]
    fn noise_and_a_saw_are_no_growth() {
        assert!(!growth(|at| 100.0 + 8.0 * noise(at)).grows);
        // A write-ahead log: up to 4, then 0 again.
        assert!(!growth(|at| at % 7.0).grows);
        assert!(!growth(|_| 0.0).grows);
        assert!(!growth(|at| 200.0 - at).grows);
    }

    #[test]
    fn one_outlier_is_no_growth() {
        assert!(!growth(|at| if at == 97.0 { 900.0 } else { 100.0 }).grows);
    }

    #[test]
    fn a_step_that_stays_and_a_slow_leak_are() {
        assert!(growth(|at| if at < 50.0 { 100.0 } else { 120.0 }).grows);
        let leak = growth(|at| 100.0 + at * 0.16 + noise(at));
        assert!(leak.grows && (leak.rise - 16.0).abs() < 1.0, "{leak}");
        // Less than a tenth and the allowance.
        assert!(!growth(|at| 100.0 + at * 0.1).grows);
    }

    #[test]
    fn a_few_samples_say_nothing() {
        assert_eq!(Growth::of(&[(0.0, 1.0); 7], Allowance(0.0)), None);
    }
}
