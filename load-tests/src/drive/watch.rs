//! What is measured when: nothing of the warm-up, everything behind it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::latencies::Latencies;
use crate::measurement::{Attempt, Measurement};

/// Takes attempts in from all connections of a load; whoever watches a long one may look at it meanwhile.
#[derive(Debug, Clone)]
pub struct Recorder {
    measured_from: Instant,
    windows: Rc<[(Duration, Duration)]>,
    found: Rc<RefCell<Measurement>>,
}

impl Recorder {
    /// That counts what begins from then on, and what begins in these windows of it apart too.
    #[must_use]
    pub fn new(measured_from: Instant, windows: &[(Duration, Duration)]) -> Self {
        let found = Measurement {
            windows: vec![Latencies::default(); windows.len()],
            ..Measurement::default()
        };
        Self {
            measured_from,
            windows: windows.into(),
            found: Rc::new(RefCell::new(found)),
        }
    }

    /// Takes an attempt in that began, or was due, then, and ended now.
    pub fn record(&self, began: Instant, attempt: Attempt) {
        if began < self.measured_from {
            return;
        }
        let now = Instant::now();
        let (at, took) = (began - self.measured_from, now - began);
        let mut found = self.found.borrow_mut();
        found.record(now - self.measured_from, took, attempt);
        if attempt.is_ok() {
            for ((from, to), window) in self.windows.iter().zip(&mut found.windows) {
                if at >= *from && at < *to {
                    window.record(took);
                }
            }
        }
    }

    /// How late a request was sent.
    pub fn late(&self, due: Instant, late: Duration) {
        if due >= self.measured_from {
            self.found.borrow_mut().lateness.record(late);
        }
    }

    /// Counts requests that were due and not sent.
    pub fn unsent(&self, count: u64) {
        self.found.borrow_mut().unsent += count;
    }

    /// What was found so far.
    #[must_use]
    pub fn found(&self) -> Measurement {
        self.found.borrow().clone()
    }
}
