//! A circuit breaker: a server that fails again and again is left alone for a while, then asked
//! once, and only when that went well by everybody.
//!
//! Time is an argument, in milliseconds of any monotonic clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So many failures in a row open it.
pub const FAILURES: u32 = 5;
/// For so long it stays open.
pub const OPEN_FOR: Duration = Duration::from_secs(30);
/// What is said to who comes while the probe is under way.
const PROBE_WAIT: Duration = Duration::from_secs(1);

/// The breaker of one server.
#[derive(Debug, Default)]
pub struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed { failures: u32 },
    Open { until_ms: u64 },
    Probing,
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

/// The right to ask the server once. Dropped without a word about the outcome it counts as not
/// asked.
#[derive(Debug)]
pub struct Permit {
    breaker: Arc<Breaker>,
    is_probe: bool,
    told: bool,
}

impl Breaker {
    /// Lets a request through.
    ///
    /// # Errors
    /// How long to wait, when the breaker is open.
    pub fn admit(self: &Arc<Self>, now_ms: u64) -> Result<Permit, Duration> {
        let mut state = self.lock();
        let is_probe = match *state {
            State::Closed { .. } => false,
            State::Open { until_ms } if until_ms > now_ms => {
                return Err(Duration::from_millis(until_ms - now_ms));
            }
            State::Open { .. } => {
                *state = State::Probing;
                true
            }
            State::Probing => return Err(PROBE_WAIT),
        };
        Ok(Permit {
            breaker: Arc::clone(self),
            is_probe,
            told: false,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// The server answered, be it with a refusal.
    pub fn alive(mut self) {
        self.told = true;
        let mut state = self.breaker.lock();
        // Who was let through before it opened says nothing about the server of now.
        if self.is_probe || matches!(*state, State::Closed { .. }) {
            *state = State::default();
        }
    }

    /// The server did not answer, or not as a server in good health.
    pub fn failed(mut self, now_ms: u64) {
        self.told = true;
        let open = State::Open {
            until_ms: now_ms
                .saturating_add(u64::try_from(OPEN_FOR.as_millis()).unwrap_or(u64::MAX)),
        };
        let mut state = self.breaker.lock();
        match &mut *state {
            _ if self.is_probe => *state = open,
            State::Closed { failures } => {
                *failures += 1;
                if *failures >= FAILURES {
                    *state = open;
                }
            }
            State::Open { .. } | State::Probing => {}
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_probe && !self.told {
            *self.breaker.lock() = State::Open { until_ms: 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> Arc<Breaker> {
        let breaker = Arc::new(Breaker::default());
        for _ in 0..FAILURES {
            breaker.admit(0).unwrap().failed(0);
        }
        breaker
    }

    #[test]
    fn only_failures_in_a_row_open_it() {
        let breaker = Arc::new(Breaker::default());
        for _ in 0..FAILURES - 1 {
            breaker.admit(0).unwrap().failed(0);
        }
        breaker.admit(0).unwrap().alive();
        for _ in 0..FAILURES - 1 {
            breaker.admit(0).unwrap().failed(0);
        }
        breaker.admit(0).unwrap().failed(7_000);
        assert_eq!(breaker.admit(7_000).unwrap_err(), OPEN_FOR);
        assert_eq!(breaker.admit(36_999).unwrap_err(), Duration::from_millis(1));
    }

    #[test]
    fn one_probe_decides() {
        let breaker = opened();
        let probe = breaker.admit(30_000).unwrap();
        assert_eq!(breaker.admit(30_000).unwrap_err(), PROBE_WAIT);
        probe.failed(31_000);
        assert_eq!(breaker.admit(31_000).unwrap_err(), OPEN_FOR);
        breaker.admit(61_000).unwrap().alive();
        let both = (breaker.admit(61_000), breaker.admit(61_000));
        assert!(both.0.is_ok() && both.1.is_ok());
    }

    #[test]
    fn a_probe_that_is_dropped_lets_the_next_one_through() {
        let breaker = opened();
        drop(breaker.admit(30_000).unwrap());
        breaker.admit(30_000).unwrap().alive();
        assert!(breaker.admit(30_000).is_ok());
    }

    #[test]
    fn late_outcomes_of_before_change_nothing() {
        let breaker = Arc::new(Breaker::default());
        let (slow, slower) = (breaker.admit(0).unwrap(), breaker.admit(0).unwrap());
        for _ in 0..FAILURES {
            breaker.admit(0).unwrap().failed(0);
        }
        slow.alive();
        slower.failed(20_000);
        assert_eq!(breaker.admit(0).unwrap_err(), OPEN_FOR);
    }
}
