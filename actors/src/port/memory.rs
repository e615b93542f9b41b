//! What a project remembers from run to run.

use futures_util::future::{BoxFuture, ready};
use orket_core::memory::buffer::RecordWrite;
use orket_core::memory::recall::Recalled;

/// Why the memory could not be used. A run goes on without it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MemoryFault(pub String);

/// What is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    /// Whose memory.
    pub project: String,
    /// As this snapshot has it; `None` for the current one.
    pub at: Option<u64>,
    /// The words.
    pub query: String,
    /// The most records wanted.
    pub limit: u32,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The snapshot that was looked into.
    pub snapshot: u64,
    /// How many records hold any of the words.
    pub candidates: u64,
    /// The best of them, best first.
    pub records: Vec<Recalled>,
}

/// What a run adds, as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// Whose memory.
    pub project: String,
    /// The run.
    pub run_id: String,
    /// Under which policy; a part of the commit's name.
    pub policy_set_id: String,
    /// Its records. Those that the memory has like that already change nothing.
    pub writes: Vec<RecordWrite>,
    /// When, milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
}

/// The memory of projects.
pub trait Memory: Send + Sync + 'static {
    /// Opens a run's buffer and gives the snapshot that the run sees: the same again for a run that
    /// is taken up. A commit that a dead process left half made is completed first.
    fn open(
        &self,
        project: String,
        run_id: String,
        at_ms: i64,
    ) -> BoxFuture<'static, Result<u64, MemoryFault>>;

    /// Looks for records.
    fn recall(&self, recall: Recall) -> BoxFuture<'static, Result<Found, MemoryFault>>;

    /// Adds what a run leaves behind and closes its buffer; gives how many records are new or
    /// changed. The same commit twice is applied once.
    fn commit(&self, commit: Commit) -> BoxFuture<'static, Result<usize, MemoryFault>>;

    /// Adds one card's record at once, for runs that hold nothing back.
    fn add(&self, commit: Commit) -> BoxFuture<'static, Result<usize, MemoryFault>>;
}

/// No memory: nothing is found and nothing is kept.
#[derive(Debug, Clone, Copy, Default)]
pub struct Forgetful;

impl Memory for Forgetful {
    fn open(&self, _: String, _: String, _: i64) -> BoxFuture<'static, Result<u64, MemoryFault>> {
        Box::pin(ready(Ok(0)))
    }

    fn recall(&self, _: Recall) -> BoxFuture<'static, Result<Found, MemoryFault>> {
        Box::pin(ready(Ok(Found::default())))
    }

    fn commit(&self, _: Commit) -> BoxFuture<'static, Result<usize, MemoryFault>> {
        Box::pin(ready(Ok(0)))
    }

    fn add(&self, _: Commit) -> BoxFuture<'static, Result<usize, MemoryFault>> {
        Box::pin(ready(Ok(0)))
    }
}
