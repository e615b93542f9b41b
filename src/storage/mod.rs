//! The journal on SQLite: one thread that writes, a pool that reads.
//!
//! # Layout
//!
//! - [`options`]: what can be chosen, and why opening failed.
//! - [`connection`]: pragmas and migrations: how every connection is made ready.
//! - [`journal`]: the handle: open, submit, close; the [`Store`](orket_actors::port::store::Store) port.
//! - `writer`: the thread with the only writing connection: batches, commits, panics.
//! - `flush`: files on disk before the write that speaks of them.
//! - `apply`: each change as SQL.
//! - [`step_text`]: how a step is written down.
//! - [`reader`]: what the command line and the API read.
//!
//! # What an answer means
//!
//! `Ok`: the write is in the WAL and, with [`SyncMode::Full`], the disk was told to keep it (fsync).
//! `Fenced`, `Conflict`, `Panicked`, `Closed`: nothing of it was applied. `Unavailable`: the
//! transaction was rolled back and nothing of it is visible; only after a disk that failed in the
//! very fsync of the commit may a later start find it applied after all.
//!
//! # Order
//!
//! Whoever waits for each answer has his writes in his order. Writes sent without waiting keep
//! their order where they touch the same card or attempt; a write that has to wait for files lets
//! others pass.

pub mod connection;
pub mod journal;
pub mod options;
pub mod reader;
pub mod step_text;

mod apply;
mod flush;
mod schema;
mod writer;

pub use journal::Journal;
pub use options::{JournalOptions, OpenError, SyncMode};
pub use reader::Reader;
pub use writer::stats::{WriterCounts, WriterStats};
