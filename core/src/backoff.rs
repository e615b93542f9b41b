//! How long to wait before a retry.
//!
//! Exponential with "equal jitter" (half fixed, half spread; M. Brooker, *Exponential Backoff And
//! Jitter*, 2015). The spread comes from a digest of the caller's seed, so the same attempt waits
//! the same time on every machine and a run can be replayed.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The parameters of a backoff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// The wait before the first retry, in milliseconds, before jitter.
    pub base_ms: u64,
    /// The longest wait, in milliseconds.
    pub max_ms: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            base_ms: 1_000,
            max_ms: 60_000,
        }
    }
}

impl Backoff {
    /// The wait before retry number `retry` (1 is the first), spread by `seed`.
    ///
    /// The result lies between half of `min(max_ms, base_ms * 2^(retry-1))` and all of it.
    #[must_use]
    pub fn delay(&self, retry: u32, seed: &str) -> Duration {
        let doublings = retry.saturating_sub(1).min(32);
        let full = self
            .base_ms
            .saturating_mul(1_u64 << doublings)
            .min(self.max_ms);
        let half = full / 2;
        let digest = Sha256::digest(format!("{seed}#{retry}").as_bytes());
        let spread = digest
            .iter()
            .take(8)
            .fold(0_u64, |acc, byte| (acc << 8) | u64::from(*byte));
        let jitter = if half == 0 {
            0
        } else {
            spread % (full - half + 1)
        };
        Duration::from_millis(half + jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_delay_is_within_half_and_all_of_the_exponential(retry in 1_u32..100, base in 0_u64..10_000, max in 0_u64..100_000, seed in ".{0,12}") {
            let backoff = Backoff { base_ms: base, max_ms: max };
            let full = base.saturating_mul(1 << (retry - 1).min(32)).min(max);
            let delay = u64::try_from(backoff.delay(retry, &seed).as_millis()).expect("small");
            prop_assert!(delay >= full / 2 && delay <= full, "{delay} not in {}..={full}", full / 2);
            prop_assert_eq!(backoff.delay(retry, &seed), backoff.delay(retry, &seed));
        }
    }
}
