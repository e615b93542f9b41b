//! What a process uses, over time: processor time, memory, descriptors, threads, the size of its write-ahead
//! logs, and whatever it says of its queues.

mod gauges;
mod process;

pub use gauges::gauges;
pub use process::{Use, look};

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How a process stood at a moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample {
    /// Since sampling began.
    pub at: Duration,
    /// What it used.
    pub used: Use,
    /// Bytes of all write-ahead logs.
    pub wal_bytes: u64,
    /// Bytes of each, by the file of its database.
    pub wals: BTreeMap<String, u64>,
    /// What it said of itself, by name with labels, as `/metrics` has it.
    pub gauges: BTreeMap<String, f64>,
}

impl Sample {
    /// Resident memory, in MiB.
    #[must_use]
    pub fn rss_mib(&self) -> f64 {
        self.used.rss_kib as f64 / 1_024.0
    }

    /// Write-ahead logs, in MiB.
    #[must_use]
    pub fn wal_mib(&self) -> f64 {
        self.wal_bytes as f64 / f64::from(1 << 20)
    }

    /// What waits in all queues together.
    #[must_use]
    pub fn queued(&self) -> f64 {
        let depths = self
            .gauges
            .iter()
            .filter(|(name, _)| name.contains("queue"));
        depths.map(|(_, depth)| depth).sum()
    }
}

/// How one process stood, over time.
#[derive(Debug, Clone, Default)]
pub struct Track {
    /// Which process: `server`, `webhook`, `generator`.
    pub process: String,
    /// In the order of time.
    pub samples: Vec<Sample>,
}

/// Looks at one process whenever it is told to.
#[derive(Debug)]
pub struct Sampler {
    pid: u32,
    databases: Option<PathBuf>,
    began: Instant,
    track: Track,
}

impl Sampler {
    /// Of a process, with the folder of its databases if it has one.
    pub fn new(process: impl Into<String>, pid: u32, databases: Option<PathBuf>) -> Self {
        Self {
            pid,
            databases,
            began: Instant::now(),
            track: Track {
                process: process.into(),
                samples: Vec::new(),
            },
        }
    }

    /// Of this program itself: a generator that has no processor left measures itself.
    pub fn of_generator() -> Self {
        Self::new("generator", std::process::id(), None)
    }

    /// With times since then instead of since now, so that several that follow each other are one.
    #[must_use]
    pub const fn since(mut self, began: Instant) -> Self {
        self.began = began;
        self
    }

    /// Looks now. A process that is gone is not looked at.
    pub fn look(&mut self, gauges: BTreeMap<String, f64>) {
        let Some(used) = look(self.pid) else { return };
        let wals = self.databases.as_deref().map(process::wals);
        let wals = wals.unwrap_or_default();
        self.track.samples.push(Sample {
            at: self.began.elapsed(),
            used,
            wal_bytes: wals.values().sum(),
            wals,
            gauges,
        });
    }

    /// How it stood so far.
    #[must_use]
    pub const fn track(&self) -> &Track {
        &self.track
    }

    /// How it stood.
    #[must_use]
    pub fn finish(self) -> Track {
        self.track
    }
}

impl Track {
    /// Processor seconds from the first look to the last.
    #[must_use]
    pub fn cpu_seconds(&self) -> Option<f64> {
        let (first, last) = (self.samples.first()?, self.samples.last()?);
        Some(last.used.cpu_seconds - first.used.cpu_seconds)
    }

    /// Processors that it used on average.
    #[must_use]
    pub fn cores(&self) -> Option<f64> {
        let (first, last) = (self.samples.first()?, self.samples.last()?);
        let seconds = (last.at - first.at).as_secs_f64();
        (seconds > 0.0).then(|| (last.used.cpu_seconds - first.used.cpu_seconds) / seconds)
    }

    /// The most of something that was seen.
    pub fn most(&self, of: impl Fn(&Sample) -> f64) -> Option<f64> {
        self.samples.iter().map(of).reduce(f64::max)
    }
}
