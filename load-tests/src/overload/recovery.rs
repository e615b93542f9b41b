//! When a server that was asked for too much answers again as it did before.
//!
//! A light load goes on before and after the overload. Its 99th percentile is looked at in windows that
//! overlap, before and after alike, so that like is compared with like: the worst window of before is what is
//! normal.

use std::time::Duration;

use crate::latencies::Latencies;

/// How far apart windows begin.
const STEP: Duration = Duration::from_millis(250);
/// How long one is.
pub const WINDOW: Duration = Duration::from_secs(5);

/// The windows that begin within so long.
#[must_use]
pub fn windows(within: Duration) -> Vec<(Duration, Duration)> {
    let count = within.as_millis() / STEP.as_millis();
    (0..=u32::try_from(count).unwrap_or(0))
        .map(|number| (STEP * number, STEP * number + WINDOW))
        .collect()
}

/// The worst 99th percentile of these windows, in milliseconds; none where no window supports one.
#[must_use]
pub fn worst_p99_ms(windows: &[Latencies]) -> Option<f64> {
    let all = windows
        .iter()
        .filter_map(|window| window.percentile_ms(0.99));
    all.reduce(f64::max)
}

/// The beginning of the first window whose 99th percentile is at most `bar_ms`, with that percentile.
#[must_use]
pub fn recovered(
    windows: &[(Duration, Duration)],
    found: &[Latencies],
    bar_ms: f64,
) -> Option<(Duration, f64)> {
    windows
        .iter()
        .zip(found)
        .find_map(|((from, _), latencies)| {
            let p99 = latencies.percentile_ms(0.99)?;
            (p99 <= bar_ms).then_some((*from, p99))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(slow_until_ms: u64, windows: &[(Duration, Duration)]) -> Vec<Latencies> {
        // A hundred a second.
        let dues = (0..1_200).map(|number| Duration::from_millis(number * 10));
        let took = |due: Duration| {
            let is_slow = due < Duration::from_millis(slow_until_ms);
            Duration::from_millis(if is_slow { 80 } else { 2 })
        };
        let mut found = vec![Latencies::default(); windows.len()];
        for due in dues {
            for ((from, to), window) in windows.iter().zip(&mut found) {
                if due >= *from && due < *to {
                    window.record(took(due));
                }
            }
        }
        found
    }

    #[test]
    fn recovery_is_where_a_window_is_quiet_again() {
        let windows = windows(Duration::from_secs(6));
        assert_eq!(windows.len(), 25);
        let at = |slow_until_ms| {
            recovered(&windows, &filled(slow_until_ms, &windows), 3.0).map(|(at, _)| at)
        };
        assert_eq!(at(0), Some(Duration::ZERO));
        assert_eq!(at(1_600), Some(Duration::from_millis(1_750)));
        assert_eq!(at(30_000), None);
        let found = filled(1_600, &windows);
        assert!(worst_p99_ms(&found).is_some_and(|ms| ms > 79.0));
    }
}
