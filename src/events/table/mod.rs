//! The database of events: `<durable>/db/events.db`.
//!
//! # Layout
//!
//! - [`Store`]: the file, opened for writing.
//! - [`writer`]: the thread with the only writing connection.
//! - `insert`: rows as SQL.
//! - `prune`: removes the oldest rows when there are too many.
//! - [`Table`], `read`: the pool of reading connections, and what they look up.
//! - `past`: the same for whoever follows one run.

mod insert;
mod past;
mod prune;
mod read;
mod store;
pub mod writer;

pub use past::Past;
pub use read::{Page, Replay, Stored, Table, Wish};
pub use store::Store;

/// The database's file within its folder.
pub const FILE_NAME: &str = "events.db";

/// Why the table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It cannot be opened.
    #[error("the events at {path} cannot be opened: {reason}")]
    Unusable {
        /// Where.
        path: std::path::PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A statement failed.
    #[error("the events could not be read or written: {0}")]
    Statement(#[from] diesel::result::Error),
    /// No connection was free in time.
    #[error("no connection to the events was free: {0}")]
    Busy(String),
}
