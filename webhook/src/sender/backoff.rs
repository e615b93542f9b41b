//! When a call is tried again: exponential backoff with jitter.

use std::time::Duration;

const FIRST_MS: u64 = 1_000;
/// The longest wait, but for jitter.
pub(super) const LONGEST: Duration = Duration::from_millis(LONGEST_MS);
const LONGEST_MS: u64 = 300_000;

/// How long to wait after the `attempts`-th try: 1 s, 2 s, 4 s, …, 5 min, and up to a quarter more, which
/// differs from row to row so that they do not all come at once when the host is back.
#[must_use]
pub(super) fn wait(attempts: i32, row: i64) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1))
        .unwrap_or(0)
        .min(20);
    let base = (FIRST_MS << doublings).min(LONGEST_MS);
    // Knuth's multiplicative hash.
    let mixed = row
        .unsigned_abs()
        .wrapping_add(u64::from(doublings))
        .wrapping_mul(2_654_435_761);
    let jitter = base / 4 * (mixed >> 8 & 0xff) / 255;
    Duration::from_millis(base + jitter)
}

#[cfg(test)]
mod tests {
    use super::wait;

    #[test]
    fn waits_double_up_to_five_minutes_and_differ() {
        for row in 0..100 {
            for (attempts, base) in [(1, 1_000), (2, 2_000), (5, 16_000), (9, 256_000)] {
                let ms = u64::try_from(wait(attempts, row).as_millis()).unwrap();
                assert!(
                    (base..=base + base / 4).contains(&ms),
                    "{attempts} {row} {ms}"
                );
            }
            let last = u64::try_from(wait(i32::MAX, row).as_millis()).unwrap();
            assert!((300_000..=375_000).contains(&last));
        }
        assert_ne!(wait(3, 1), wait(3, 2));
        assert_eq!(wait(0, 7).as_millis() / 1_000, 1);
    }
}
