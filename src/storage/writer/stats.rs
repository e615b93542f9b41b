//! How the writer is doing: counted as it commits, read by whoever asks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// See the file's head.
#[derive(Debug, Default)]
pub struct WriterStats {
    commits: AtomicU64,
    writes: AtomicU64,
    micros: AtomicU64,
    largest: AtomicU64,
}

/// What the writer has done since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterCounts {
    /// Transactions.
    pub commits: u64,
    /// Writes in them.
    pub writes: u64,
    /// Time they took, from the first statement to the disk.
    pub busy: Duration,
    /// The most writes that were in one.
    pub largest_batch: u64,
}

impl WriterStats {
    pub(super) fn count(&self, writes: usize, took: Duration) {
        let writes = u64::try_from(writes).unwrap_or(u64::MAX);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.writes.fetch_add(writes, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        self.largest.fetch_max(writes, Ordering::Relaxed);
    }

    /// What has been done so far.
    #[must_use]
    pub fn counts(&self) -> WriterCounts {
        WriterCounts {
            commits: self.commits.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
            busy: Duration::from_micros(self.micros.load(Ordering::Relaxed)),
            largest_batch: self.largest.load(Ordering::Relaxed),
        }
    }
}
