//! How busy the machine is: processors, memory, graphics memory.
//!
//! # Layout
//!
//! - this file: what is asked for, and what is remembered between two requests.
//! - `proc`: what the kernel says.
//! - `graphics`: what `nvidia-smi` says.

mod graphics;
mod proc;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use graphics::Graphics;
use proc::Ticks;

/// A share of processor time is taken over this time at least.
const SHORTEST: Duration = Duration::from_millis(100);
/// What was read longer ago says nothing of now.
const LONGEST: Duration = Duration::from_secs(10);

/// See the file's head.
#[derive(Debug)]
pub struct Machine {
    processors: Mutex<Reading>,
    graphics: graphics::Cache,
}

/// The last reading of the processors.
#[derive(Debug, Clone, Copy)]
struct Reading {
    ticks: Option<Ticks>,
    at: Instant,
    /// What came out of it and the one before.
    percent: Option<f64>,
}

impl Reading {
    fn now() -> Self {
        Self {
            ticks: proc::ticks(),
            at: Instant::now(),
            percent: None,
        }
    }

    /// Where blocking is allowed: on a large machine the kernel takes its time.
    async fn off_the_arbiter() -> Option<Self> {
        crate::blocking::blocking(Self::now).await.ok()
    }
}

impl Machine {
    /// Reads the processors for the first time. What `nvidia-smi` says is kept for `keep`.
    #[must_use]
    pub fn new(keep: Duration) -> Self {
        Self {
            processors: Mutex::new(Reading::now()),
            graphics: graphics::Cache::new(keep),
        }
    }

    /// The share of processor time in use, in percent, since the last time somebody asked; over a
    /// tenth of a second when that is very short or long ago. 0 when the kernel does not say.
    pub async fn processors(&self) -> f64 {
        self.measure().await.unwrap_or(0.0)
    }

    async fn measure(&self) -> Option<f64> {
        let mut last = self.last();
        let age = last.at.elapsed();
        if age < SHORTEST
            && let Some(percent) = last.percent
        {
            return Some(percent);
        }
        if age > LONGEST {
            last = Reading::off_the_arbiter().await?;
        }
        if let Some(wait) = SHORTEST.checked_sub(last.at.elapsed()) {
            tokio::time::sleep(wait).await;
        }
        let mut now = Reading::off_the_arbiter().await?;
        now.percent = Some(now.ticks?.busy_since(last.ticks?));
        *self
            .processors
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = now;
        now.percent
    }

    fn last(&self) -> Reading {
        *self
            .processors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The share of memory in use, in percent. 0 when the kernel does not say.
    pub async fn memory(&self) -> f64 {
        let read = crate::blocking::blocking(proc::memory).await;
        read.ok().flatten().unwrap_or(0.0)
    }

    /// Graphics memory; nothing when there is no `nvidia-smi` or it does not answer within two
    /// seconds.
    pub async fn graphics(&self) -> Graphics {
        self.graphics.look().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_busy_machine_says_so_and_is_quick_about_it() {
        let machine = Machine::new(Duration::ZERO);
        let began = Instant::now();
        let spin = std::thread::spawn(move || while began.elapsed() < SHORTEST * 2 {});
        let busy = machine.processors().await;
        assert!(began.elapsed() >= SHORTEST, "the first one takes its time");
        spin.join().expect("it spun");
        assert!(busy > 0.0 && busy <= 100.0, "{busy}");
        let memory = machine.memory().await;
        assert!(memory > 0.0 && memory < 100.0, "{memory}");
        // Nothing new is read while what was read is fresh.
        let known = machine.processors().await;
        let again = machine.processors().await;
        assert!((0.0..=100.0).contains(&known));
        assert!((known - again).abs() < f64::EPSILON, "{known} {again}");
    }
}
