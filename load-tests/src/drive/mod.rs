//! Drives load at a server: requests, each with its time and its outcome.
//!
//! A closed loop keeps so many requests out at once: the next one is sent when one came back, so a server
//! that stalls is asked less, and its stall is in few samples. An open loop sends when a request is due,
//! whatever became of those before it, and counts its time from when it was due: a stall is in the time of
//! every request that it held up. Everything runs on one thread.

mod arrivals;
mod closed;
mod job;
mod open;
mod pacer;
mod watch;

pub use arrivals::Arrivals;
pub use job::{Get, Job, is_success};
pub use watch::Recorder;

use std::rc::Rc;
use std::time::Duration;

use crate::context::Limits;
use crate::error::LoadError;
use crate::http::Target;
use crate::measurement::Measurement;

/// The most connections at once.
pub const MOST_CONNECTIONS: u32 = 20_000;
/// The most requests a second.
pub const MOST_RATE: f64 = 1_000_000.0;

/// How requests follow each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// So many are out at once.
    Closed {
        /// How many.
        concurrency: u32,
    },
    /// So many a second are due.
    Open {
        /// How many.
        per_second: f64,
        /// When.
        arrivals: Arrivals,
        /// How many may be out at once; those that are due beyond it wait, which counts.
        connections: u32,
    },
}

/// Load at one server.
#[derive(Debug, Clone)]
pub struct Load {
    /// Where it goes.
    pub target: Target,
    /// How requests follow each other.
    pub pace: Pace,
    /// When it ends, warm-up not counted.
    pub limits: Limits,
    /// How long it goes on before anything counts.
    pub warm_up: Duration,
    /// How long a request may take.
    pub timeout: Duration,
    /// Parts of the measured time whose successes are wanted apart too, in the order of
    /// [`Measurement::windows`].
    pub windows: Vec<(Duration, Duration)>,
    /// From which arrivals are drawn.
    pub seed: u64,
}

impl Load {
    /// Whether it can be meant.
    ///
    /// # Errors
    ///
    /// When it has no end, or asks for more than the bounds above.
    pub fn check(&self) -> Result<(), LoadError> {
        let connections = match self.pace {
            Pace::Closed { concurrency } => concurrency,
            Pace::Open {
                per_second,
                connections,
                ..
            } => {
                if !(per_second > 0.0 && per_second <= MOST_RATE) {
                    return Err(LoadError::usage(format!(
                        "{per_second} requests a second cannot be sent; more than 0, at most {MOST_RATE}"
                    )));
                }
                connections
            }
        };
        if connections == 0 || connections > MOST_CONNECTIONS {
            return Err(LoadError::usage(format!(
                "{connections} connections cannot be used; 1 to {MOST_CONNECTIONS}"
            )));
        }
        self.limits.check()
    }

    /// Carries it, on a `LocalSet`.
    ///
    /// # Errors
    ///
    /// When the system has no thread left for the pacer of an open loop.
    pub async fn carry(&self, job: Rc<dyn Job>) -> Result<Measurement, LoadError> {
        match self.pace {
            Pace::Closed { concurrency } => Ok(closed::carry(self, concurrency, job).await),
            Pace::Open {
                per_second,
                arrivals,
                connections,
            } => open::carry(self, per_second, arrivals, connections, job)
                .await
                .map_err(|error| LoadError::scenario(format!("no thread for a pacer: {error}"))),
        }
    }
}
